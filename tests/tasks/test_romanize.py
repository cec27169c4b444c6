"""The romanising task: its table, its choice of languages, errors."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lexmill.corpus.romanize_params import RomanizationParams
from tasks.recipes.romanize import romanization_step
from tasks.romanize import ROMANIZED, build_romanization
from tasks.step import InputError, build_function
from tests.helpers import run_build

ROWS = [
    ("c:1", "ell_Grek", "Αθήνα κόσμε.\nΠάτρα"),
    ("c:2", "eng_Latn", "Hello"),
    ("c:3", "python", "print('привет')"),
    ("c:4", "rus_Cyrl", "Привет мир"),
]


@pytest.fixture
def documents(tmp_path):
    columns = [pa.array(column) for column in zip(*ROWS, strict=True)]
    table = pa.table(columns, names=["id", "language", "text"])
    return run_build(
        lambda context: pq.write_table(table, context.out / "documents.parquet"), tmp_path / "d", {}
    )[0]


def test_step() -> None:
    step = romanization_step("demo", RomanizationParams(languages=("ru",)))
    assert (step.stage, step.kind, step.name) == ("ingest", "romanization", "demo")
    assert step.inputs == {"documents": (("documents", "demo"),)}
    assert step.params == {"languages": ["rus_Cyrl"]}
    assert build_function(step) is build_romanization


def test_other_scripts_are_romanised_and_documents_stay(documents, tmp_path) -> None:
    step = romanization_step("demo", RomanizationParams())
    built, context = run_build(build_romanization, tmp_path / "r", step.params, {"documents": [documents]})
    table = pq.read_table(built.file("romanized.parquet"))
    assert table.schema.equals(ROMANIZED)
    assert table.to_pylist() == [
        {"id": "c:1", "language": "ell_Grek", "text": "Athena kosme.\nPatra"},
        {"id": "c:4", "language": "rus_Cyrl", "text": "Privet mir"},
    ]
    again, _ = run_build(build_romanization, tmp_path / "again", step.params, {"documents": [documents]})
    assert again.record.files == built.record.files
    assert {m.labels["language"]: m.value for m in context.metrics} == {"ell_Grek": 18.0, "rus_Cyrl": 10.0}


def test_chosen_languages(documents, tmp_path) -> None:
    params = {"languages": ["rus_Cyrl", "eng_Latn", "hin_Deva"]}
    built, _ = run_build(build_romanization, tmp_path / "r", params, {"documents": [documents]})
    assert pq.read_table(built.file("romanized.parquet"))["id"].to_pylist() == ["c:2", "c:4"]
    with pytest.raises(InputError, match="no document is in hin_Deva"):
        run_build(build_romanization, tmp_path / "e", {"languages": ["hin_Deva"]}, {"documents": [documents]})
