"""The counting task: files, determinism, selection, errors."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest

from tasks.count import build_word_counts
from tasks.recipes.count import Cut, word_counts_step
from tasks.step import InputError, build_function
from tests.helpers import run_build
from tests.tasks.token_payloads import build_documents, documents_table


@pytest.fixture(scope="module")
def documents(tmp_path_factory):
    return run_build(build_documents, tmp_path_factory.mktemp("d") / "out", {"groups": 60})[0]


def test_step_names_its_input_and_its_pattern():
    step = word_counts_step("demo", Cut("gpt4o"))
    assert (step.kind, step.name, step.stage) == ("word_counts", "demo-gpt4o", "count")
    assert step.inputs == {"documents": (("documents", "demo"),)}
    assert build_function(step) is build_word_counts
    assert word_counts_step("demo", Cut("gpt4o", "NFKC")).name == "demo-gpt4o-nfkc"
    assert word_counts_step("demo", Cut(r"\S+")).name != word_counts_step("demo", Cut(r"\s+")).name


def test_every_byte_is_counted_and_workers_change_no_file(documents, tmp_path):
    step = word_counts_step("demo", Cut("gpt4o"))
    one, context = run_build(build_word_counts, tmp_path / "one", step.params, {"documents": [documents]})
    two, _ = run_build(
        build_word_counts, tmp_path / "two", step.params, {"documents": [documents]}, runtime={"workers": 2}
    )
    assert one.record.files == two.record.files
    rows = pq.read_table(one.file("counts.parquet")).to_pylist()
    size = sum(len(text.encode()) for text in documents_table()["text"].to_pylist())
    assert sum(len(row["word"]) * row["count"] for row in rows) == size
    assert {row["split"] for row in rows} == {"train", "valid", "test"}
    assert sum(pq.read_table(one.file("totals.parquet"))["bytes"].to_pylist()) == size
    assert json.loads(one.file("settings.json").read_text())["pretokenizer"] == "gpt4o"
    assert context.stats["selection"]["splits"] == ["train", "valid", "test"]
    assert {m.labels["split"]: m.value for m in context.metrics if m.name == "documents"} == {
        "train": 144.0,
        "valid": 18.0,
        "test": 18.0,
    }


def test_no_documents_are_an_input_error(tmp_path):
    empty, _ = run_build(
        lambda context: pq.write_table(documents_table()[:0], context.out / "documents.parquet"),
        tmp_path / "d",
        {},
    )
    with pytest.raises(InputError, match="nothing to count"):
        run_build(
            build_word_counts,
            tmp_path / "c",
            word_counts_step("demo", Cut("gpt4o")).params,
            {"documents": [empty]},
        )
