"""Rows of a dataset in the making: ids, order of preference, sampling and accounting."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexmill.corpus.attributes import ATTRIBUTES, EDITED, PII
from lexmill.corpus.candidates import KEPT, Codes, Rows, count_stages, read_rows, sample_rows
from lexmill.corpus.params import CleaningParams
from lexmill.corpus.parts import Part, id_hashes
from lexmill.corpus.schema import DOCUMENTS, REJECTIONS, Document, document_batch
from lexmill.corpus.tables import DamagedTableError, parquet_writer, read_shards
from lexmill.corpus.tally import Tally

hashes = st.lists(st.integers(0, 2**64 - 1), max_size=20)


@given(hashes, st.text("abc-", min_size=1, max_size=5))
def test_hashes_of_ids_go_there_and_back(numbers: list[int], corpus: str) -> None:
    ids = pa.array([f"{corpus}:{number:016x}" for number in numbers], pa.string())
    found = id_hashes(ids)
    assert found.dtype == np.uint64
    assert found.tolist() == numbers
    assert id_hashes(ids.slice(1)).tolist() == numbers[1:]


def test_codes_number_labels_as_they_come() -> None:
    codes = Codes()
    assert [codes(label) for label in ("b", "a", "b", "c", "a")] == [0, 1, 0, 2, 1]
    assert codes.labels == ["b", "a", "c"]


def rows_of(corpus: list[int], sizes: list[int], ids: list[int]) -> Rows:
    count = len(ids)
    zeros = np.zeros(count, np.int32)
    return Rows(
        ["one", "two"],
        corpus=np.array(corpus, np.int16),
        read_bytes=np.array(sizes, np.int64) + 1,
        bytes=np.array(sizes, np.int64),
        ids=np.array(ids, np.uint64),
        language=zeros,
        domain=zeros.copy(),
        order=np.array(ids, np.uint64),
        drop=np.full(count, KEPT, np.int16),
    )


drawn_rows = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 5), st.integers(0, 2**64 - 1)),
    min_size=1,
    max_size=20,
    unique_by=lambda row: row[2],
)


@given(drawn_rows, st.randoms())
def test_preference_is_corpus_then_length_then_id_in_any_order(rows: list[tuple], chance: object) -> None:
    def ranked(given_rows: list[tuple]) -> list[tuple]:
        rank = rows_of(*(list(column) for column in zip(*given_rows, strict=True))).rank()
        assert sorted(rank.tolist()) == list(range(len(given_rows)))
        return [row for _, row in sorted(zip(rank.tolist(), given_rows, strict=True))]

    expected = sorted(rows, key=lambda row: (row[0], -row[1], row[2]))
    assert ranked(rows) == expected
    chance.shuffle(rows)  # type: ignore[attr-defined]
    assert ranked(rows) == expected


def test_stages_are_counted_in_their_order() -> None:
    rows = rows_of([0, 0, 0, 1, 1], [10, 20, 30, 40, 50], [1, 2, 3, 4, 5])
    rows.drop[1] = rows.drops("quality/too_short")
    rows.drop[3] = rows.drops("normalize/empty")
    rows.drop[4] = rows.drops("quality/few_letters")
    tally = Tally()
    count_stages(rows, ["normalize", "language", "quality"], tally)
    found = {tuple(row[k] for k in ("stage", "corpus", "reason")): row for row in tally.table().to_pylist()}
    counted = {key: (row["documents"], row["bytes"]) for key, row in found.items()}
    assert counted == {
        ("normalize", "one", "in"): (3, 63),
        ("normalize", "one", "edited"): (0, 3),  # reading took a byte of each
        ("normalize", "one", "out"): (3, 60),
        ("normalize", "two", "in"): (2, 92),
        ("normalize", "two", "empty"): (1, 40),
        ("normalize", "two", "edited"): (0, 2),
        ("normalize", "two", "out"): (1, 50),
        ("language", "one", "in"): (3, 60),
        ("language", "one", "out"): (3, 60),
        ("language", "two", "in"): (1, 50),
        ("language", "two", "out"): (1, 50),
        ("quality", "one", "in"): (3, 60),
        ("quality", "one", "too_short"): (1, 20),
        ("quality", "one", "out"): (2, 40),
        ("quality", "two", "in"): (1, 50),
        ("quality", "two", "few_letters"): (1, 50),
    }
    assert rows.alive.tolist() == [0, 2]
    assert rows.name(4) == "two:0000000000000005"


def write(path: Path, batch: pa.RecordBatch) -> Path:
    with parquet_writer(path, batch.schema) as writer:
        writer.write_batch(batch)
    return path


@pytest.fixture
def part(tmp_path: Path) -> Part:
    """Twelve documents in six groups of two languages."""
    documents = document_batch(
        [
            Document(
                "ab " * 20, ("eng_Latn", "deu_Latn")[n % 2], ("news", "mail")[n % 2], f"g{n // 2}", f"f:{n}"
            )
            for n in range(12)
        ],
        "mine",
        "MIT",
    )
    row = dict.fromkeys(ATTRIBUTES.names, 0) | {
        "bytes": 60, "detected_language": None, "detection_score": None, "script_share": 1.0, "characters": 60,
        "script_letters": 40, "alphabetic": 40, "space": 20, "space_words": 20, "words": 20,
    }  # fmt: skip
    attributes = [row | {"id": identifier} for identifier in documents["id"].to_pylist()]
    empty = {name: pa.RecordBatch.from_pylist([], schema=s) for name, s in (("r", REJECTIONS), ("p", PII))}
    signatures = pa.RecordBatch.from_arrays([documents["id"]], names=["id"])
    edited = pa.RecordBatch.from_arrays([pa.nulls(12, pa.string())], schema=EDITED)
    return Part(
        "mine",
        write(tmp_path / "documents.parquet", documents),
        write(tmp_path / "rejections.parquet", empty["r"]),
        write(tmp_path / "attributes.parquet", pa.RecordBatch.from_pylist(attributes, schema=ATTRIBUTES)),
        write(tmp_path / "signatures.parquet", signatures),
        write(tmp_path / "edited.parquet", edited),
        write(tmp_path / "pii.parquet", empty["p"]),
    )


OFF = {"quality": {"max_repeated_lines": None, "min_word_length": None}}


def test_rows_are_read_from_files(part: Part) -> None:
    rows = read_rows([part], CleaningParams.model_validate(OFF))
    assert rows.corpora == ["mine"]
    assert rows.alive.tolist() == list(range(12))
    assert [rows.languages.labels[code] for code in rows.language[:2]] == ["eng_Latn", "deu_Latn"]
    (batch,) = read_shards(part.documents)
    assert [rows.name(n) for n in range(12)] == batch["id"].to_pylist()
    assert batch.schema.equals(DOCUMENTS)


@pytest.mark.parametrize(
    ("by", "categories"),
    [
        ("language", ["deu_Latn", "eng_Latn"]),
        ("domain", ["mail", "news"]),
        ("language_domain", ["deu_Latn/mail", "eng_Latn/news"]),
    ],
)
def test_sampling_keeps_groups_and_says_what_it_did(part: Part, by: str, categories: list[str]) -> None:
    sampling = {"by": by, "max_bytes": 400}
    params = CleaningParams.model_validate(OFF | {"sampling": sampling})
    rows = read_rows([part], params)
    table = sample_rows(rows, params)
    assert table is not None
    assert table["category"].to_pylist() == categories
    assert table["bytes_in"].to_pylist() == [360, 360]
    assert table["budget"].to_pylist() == [200, 200]
    assert table["bytes_out"].to_pylist() == [180, 180]
    groups = rows.alive // 2
    assert np.bincount(groups, minlength=6).tolist().count(2) == 3
    assert {rows.drops.labels[code] for code in rows.drop if code != KEPT} == {"sampling/not_sampled"}
    chosen = {tuple(rows.alive.tolist())}
    for seed in range(1, 6):
        other = CleaningParams.model_validate(OFF | {"sampling": sampling | {"seed": seed}})
        again = read_rows([part], other)
        sample_rows(again, other)
        chosen.add(tuple(again.alive.tolist()))
    assert len(chosen) > 2


def test_no_sampling_is_no_table(part: Part) -> None:
    params = CleaningParams.model_validate(OFF)
    rows = read_rows([part], params)
    assert sample_rows(rows, params) is None
    assert len(rows.alive) == 12


def test_attributes_of_other_documents_are_refused(part: Part) -> None:
    (batch,) = read_shards(part.attributes)
    write(part.attributes, batch.take(pa.array([1, 0, *range(2, 12)])))
    with pytest.raises(ValueError, match="'mine' do not describe its documents"):
        read_rows([part], CleaningParams())


def test_damaged_files_are_told_by_their_path(part: Part) -> None:
    content = bytearray(part.attributes.read_bytes())
    content[200:220] = bytes(byte ^ 0xFF for byte in content[200:220])
    part.attributes.write_bytes(content)
    with pytest.raises(DamagedTableError, match=r"attributes\.parquet is damaged"):
        read_rows([part], CleaningParams())
    part.documents.write_bytes(part.documents.read_bytes()[:100])
    with pytest.raises(DamagedTableError, match=r"documents\.parquet is damaged"):
        read_rows([part], CleaningParams())
