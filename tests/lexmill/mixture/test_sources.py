"""Categories of an audit from local files: every kind of file, units, sources, and each mistake in its own sentence."""

from __future__ import annotations

import gzip
import json
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from lexmill.corpus.files import content_digest, local_files
from lexmill.mixture.sources import (
    Category,
    ReadTally,
    SourceError,
    category_files,
    parse_categories,
    read_category,
    valid_text,
)


def read(path, rule="paragraph", field="text", tally=None):
    category = Category("c", str(path))
    return list(read_category(category, category_files(category), rule, field, tally))


def json_lines(*records) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


@pytest.mark.parametrize(
    ("rule", "texts"),
    [
        ("line", ["one", "two", "three"]),
        ("paragraph", ["one\ntwo", "three"]),
        ("file", ["one\ntwo\n\n  \nthree\n"]),
    ],
)
def test_text_files_by_rule(tmp_path, rule, texts):
    (tmp_path / "a.txt").write_text("one\ntwo\n\n  \nthree\n")
    found = read(tmp_path / "a.txt", rule)
    assert [document.text for document in found] == texts
    assert [document.unit for document in found] == [f"c/a.txt:{i + 1}" for i in range(len(texts))]
    assert {(document.category, document.source) for document in found} == {("c", "a.txt")}


def test_packed_json_lines_are_the_same_as_plain_ones(tmp_path):
    data = json_lines({"text": "eins"}, {"text": "zwei", "id": 7}, {"text": "drei", "id": "x", "group": "g"})
    (tmp_path / "a.jsonl").write_bytes(data)
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(data))
    (tmp_path / "c.jsonl.zst").write_bytes(zstandard.compress(data))
    for name in ("a.jsonl", "b.jsonl.gz", "c.jsonl.zst"):
        found = read(tmp_path / name)
        assert [document.text for document in found] == ["eins", "zwei", "drei"]
        assert [document.unit for document in found] == [f"c/{name}:1", f"c/{name}:7", "g"]


def test_the_same_name_in_two_categories_is_no_translation(tmp_path):
    units = set()
    for name in ("en", "fr"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "train.txt").write_text("one\n\ntwo\n")
        category = Category(name, str(tmp_path / name))
        units |= {document.unit for document in read_category(category, category_files(category))}
    assert len(units) == 4


def test_names_and_fields_that_are_not_utf_8_are_shown_escaped(tmp_path):
    (tmp_path / os.fsdecode(b"x\xff.txt")).write_text("one")
    assert [document.source for document in read(tmp_path)] == ["x\\xff.txt"]
    assert content_digest(local_files(tmp_path), tmp_path / "cache")
    (tmp_path / "a.jsonl").write_bytes(b'{"\\ud800": 1}\n')
    with pytest.raises(SourceError, match=r"there is \\ud800"):
        read(tmp_path / "a.jsonl")


def test_a_folder_and_a_glob_read_their_files_in_order(tmp_path):
    (tmp_path / "texts" / "deep").mkdir(parents=True)
    (tmp_path / "texts" / "b.txt").write_text("b")
    (tmp_path / "texts" / "deep" / "a.md").write_text("a")
    (tmp_path / "texts" / "main.py").write_text("x = 1\n\ny = 2\n")
    assert [document.text for document in read(tmp_path / "texts")] == ["b", "a", "x = 1\n\ny = 2\n"]
    assert [document.text for document in read(tmp_path / "texts" / "*.txt")] == ["b"]


def test_parquet_by_field_with_groups_and_sources(tmp_path):
    table = pa.table(
        {"body": ["one", None, "two"], "group": ["g", "g", None], "source": ["web", "web", "books"]}
    )
    pq.write_table(table, tmp_path / "a.parquet")
    found = read(tmp_path / "a.parquet", field="body")
    assert [(d.unit, d.source, d.text) for d in found] == [
        ("g", "web", "one"),
        ("c/a.parquet:3", "books", "two"),
    ]
    with pytest.raises(SourceError, match=r"a.parquet has no column 'text' \(it has body, group, source\)"):
        read(tmp_path / "a.parquet")


def test_what_is_no_utf8_is_replaced_and_counted(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"caf\xe9 \xe9\n\ngut\n\n" + "\u00fc\ufffd".encode())
    tally = ReadTally()
    found = read(tmp_path / "a.txt", tally=tally)
    assert found[0].text == "caf\ufffd \ufffd"
    assert (tally.documents, tally.invalid_documents, tally.invalid_sequences) == (3, 1, 2)
    assert tally.bytes == sum(len(document.text.encode()) for document in found)
    (tmp_path / "b.jsonl").write_bytes(b'{"text": "a\xff"}\n{"text": "b\\ud800"}\n{"text": "c"}\n')
    tally = ReadTally()
    assert [document.text[0] for document in read(tmp_path / "b.jsonl", tally=tally)] == ["a", "b", "c"]
    assert tally.invalid_documents == 2
    assert valid_text("ok \ufffd") == ("ok \ufffd", 0)


def test_a_truncated_file_is_named_with_the_record_before(tmp_path):
    data = json_lines(*({"text": f"line {i} " + "x" * (i % 97)} for i in range(4000)))
    (tmp_path / "a.jsonl.zst").write_bytes(zstandard.compress(data)[:-20])
    with pytest.raises(SourceError, match=r"a.jsonl.zst cannot be read: .*ended before.*\(after line \d+\)"):
        read(tmp_path / "a.jsonl.zst")
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(data)[:-30])
    with pytest.raises(SourceError, match=r"b.jsonl.gz cannot be read: .*\(after line \d+\)"):
        read(tmp_path / "b.jsonl.gz")
    (tmp_path / "c.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(SourceError, match=r"c.parquet is not a readable Parquet file"):
        read(tmp_path / "c.parquet")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (b'{"text": "cut', r"a.jsonl, line 2: not JSON"),
        (b"[" * 100_000, r"a.jsonl, line 2: not JSON"),
        (b"[1, 2]", r"a.jsonl, line 2: expected a JSON object, found list"),
        (b'{"body": "x"}', r"a.jsonl, line 2: no field 'text' \(there is body\): set --text-field"),
        (b'{"text": 5}', r"a.jsonl, line 2: the field 'text' is int, not text"),
    ],
)
def test_a_bad_record_is_named_with_its_line(tmp_path, line, sentence):
    (tmp_path / "a.jsonl").write_bytes(json_lines({"text": "ok"}) + line + b"\n")
    with pytest.raises(SourceError, match=sentence):
        read(tmp_path / "a.jsonl")


def test_a_document_beyond_the_limit_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("lexmill.mixture.sources.MAX_DOCUMENT_BYTES", 10)
    (tmp_path / "a.txt").write_text("short\n\nmuch longer than ten\n")
    with pytest.raises(SourceError, match=r"a.txt, document 2: one document of more than .* --document line"):
        read(tmp_path / "a.txt")


def test_paths_that_name_nothing_or_the_wrong_thing(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n")
    for path, sentence in [
        (tmp_path / "no.txt", "category 'c': .*no.txt does not exist"),
        (tmp_path / "*.txt", "no file matches"),
        (tmp_path / "a.csv", "a.csv is of a kind that is not read here"),
    ]:
        with pytest.raises(SourceError, match=sentence):
            read(path)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ([], "at least two categories, but there is none"),
        (["a=x.txt"], "at least two categories, but there is 1"),
        (["a=x.txt", "a=y.txt"], "category 'a' is given twice"),
        (["a=x.txt", "y.txt"], "--category 'y.txt': write NAME=PATH"),
        (["a=x.txt", "=y.txt"], "write NAME=PATH"),
        (["a=x.txt", "b="], "write NAME=PATH"),
        (["a=x.txt", "b" * 65 + "=y.txt"], "at most 64 printable characters"),
        (["a=x.txt", "b\x00b=y.txt"], "printable characters"),
    ],
)
def test_wrong_categories(values, sentence):
    with pytest.raises(SourceError, match=sentence):
        parse_categories(values)


def test_a_path_may_hold_an_equals_sign():
    assert parse_categories(["a=x.txt", "b=c=d.txt"])[1] == Category("b", "c=d.txt")
