"""Limits of readers of records, and what their refusals count."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lexmill.corpus import plain, records
from lexmill.corpus.members import Member, ReadError, corpus_members
from lexmill.corpus.params import CorpusParams
from lexmill.corpus.readers import read_documents
from lexmill.corpus.records import parquet_rows
from lexmill.corpus.sharding import Shard
from tests.lexmill.corpus.reading import read_bytes


def parquet_bytes(*columns: object) -> bytes:
    target = io.BytesIO()
    pq.write_table(pa.table({f"c{number}": column for number, column in enumerate(columns)}), target)
    return target.getvalue()


def rows_of(content: bytes, *columns: str) -> list[tuple[object, ...]]:
    member = Member("a.parquet", "parquet", None, "general", None, lambda: io.BytesIO(content))
    return [tuple(row[name] for name in columns) for row in parquet_rows(member, columns)]


def test_csv_rows_with_too_many_cells_are_refused(tmp_path: Path) -> None:
    documents, refusals = read_bytes(tmp_path, "a.csv", "text\nhällo, world\nfine,\nlast\n")
    assert [d.text for d in documents] == ["fine", "last"]
    found = [(r.reason, r.detail, r.origin, r.bytes) for r in refusals]
    assert found == [("bad_csv", "2 cells where the header has 1", "a.csv:2", 14)]


def test_csv_errors_count_their_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "MAX_DOCUMENT_BYTES", 100)
    documents, refusals = read_bytes(tmp_path, "a.csv", "text\nfine\n" + "x" * 200 + "\nlast\n")
    assert [d.text for d in documents] == ["fine", "last"]
    assert [(r.reason, r.bytes) for r in refusals] == [("bad_csv", 201)]


def test_parquet_of_a_corpus_whose_encoding_is_detected(tmp_path: Path) -> None:
    content = parquet_bytes(["Grüße"])
    documents, _ = read_bytes(tmp_path, "a.parquet", content, fields=["c0"], encoding="detect")
    assert [d.text for d in documents] == ["Grüße"]


@pytest.mark.parametrize("limit", [2000, 20_000, 500_000])
@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_batches_of_any_size_give_the_same_rows(
    monkeypatch: pytest.MonkeyPatch, limit: int, kind: pa.DataType
) -> None:
    monkeypatch.setattr(records, "_BATCH_BYTES", limit)
    texts = ["é" * 1000, None, "b", ""] * 300
    lists = [["é" * 1000] * 3, None, [None, "b"], []] * 300
    content = parquet_bytes(pa.array(texts).cast(kind), lists)
    expected = [
        (text if text is None else text.encode(), row and [item and item.encode() for item in row])
        for text, row in zip(texts, lists, strict=True)
    ]
    assert rows_of(content, "c0", "c1") == expected


def test_strings_that_a_dictionary_repeats_stay_folded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "_BATCH_BYTES", 2**20)
    repeated = pa.DictionaryArray.from_arrays(pa.array([0] * 1000, pa.int32()), pa.array(["é" * 100_000]))
    target = io.BytesIO()
    pq.write_table(pa.table({"c0": repeated}), target, store_schema=False)  # as strings
    member = Member("a.parquet", "parquet", None, "general", None, lambda: io.BytesIO(target.getvalue()))
    before = pa.total_allocated_bytes()
    count = 0
    for row in parquet_rows(member, ["c0"]):
        count += len(row["c0"]) == 200_000
        assert pa.total_allocated_bytes() - before < 20 * 2**20
    assert count == 1000


def test_a_list_that_repeats_one_string_too_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "_BATCH_BYTES", 50_000)
    monkeypatch.setattr(records, "_MAX_LIST_BYTES", 100_000)
    assert len(rows_of(parquet_bytes([["a" * 1000] * 100] * 3), "c0")) == 3
    with pytest.raises(ReadError, match="has a row with more than 100,000 bytes in 'c0'"):
        rows_of(parquet_bytes([["a" * 1000] * 101]), "c0")


def test_a_file_that_is_refused_whole_is_refused_by_one_shard(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "fine"}\n')
    (tmp_path / "b.jsonl").write_bytes(b"\0\1\2\3" * 500)
    corpus = CorpusParams(name="demo", path=str(tmp_path))
    found = []
    for part in range(3):
        with corpus_members(corpus, tmp_path, Shard(part, 3)) as members:
            found += [item.origin for item in read_documents(members, corpus, Counter())]
    assert sorted(found) == ["a.jsonl:1", "b.jsonl"]


@pytest.mark.parametrize("document", ["file", "line", "paragraph"])
def test_refusals_of_large_texts_count_all_their_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, document: str
) -> None:
    monkeypatch.setattr(plain, "MAX_DOCUMENT_BYTES", 100)
    _, refusals = read_bytes(tmp_path, "a.txt", b"x" * 1_500_000, document=document)
    assert [(r.reason, r.bytes) for r in refusals] == [("too_large", 1_500_000)]
    _, refusals = read_bytes(tmp_path, "a.txt", (b"x" * 49 + b"\n") * 4 + b"\nend", document="paragraph")
    assert [(r.reason, r.bytes) for r in refusals] == [("too_large", 199)]
    _, refusals = read_bytes(tmp_path, "a.py", b"x" * 1_500_000)
    assert [(r.reason, r.bytes) for r in refusals] == [("too_large", 1_500_000)]
