"""Encodings: detection, wide encodings, binary files, and lines without end."""

from __future__ import annotations

import io
import json
import os
import tracemalloc
from pathlib import Path

import pytest

from lexmill.corpus import plain
from lexmill.corpus.encoding import detected_encoding
from lexmill.corpus.members import Member, ReadError
from lexmill.corpus.params import CorpusParams
from lexmill.corpus.plain import lines_of, read_text
from lexmill.corpus.records import read_jsonl
from lexmill.corpus.schema import Document, Refusal
from tests.lexmill.corpus.reading import read_bytes

TEXTS = {
    "cp1251": "Москва расположена на реке Москве, и в ней живёт больше двенадцати миллионов человек.\n",
    "koi8-r": "Москва расположена на реке Москве, и в ней живёт больше двенадцати миллионов человек.\n",
    "shift_jis": "東京は日本の首都であり、世界でもっとも大きな都市の一つである。\n",
    "euc_jp": "東京は日本の首都であり、世界でもっとも大きな都市の一つである。\n",
    "iso2022_jp": "東京は日本の首都であり、世界でもっとも大きな都市の一つである。\n",
    "euc_kr": "서울은 대한민국의 수도이자 최대 도시이며 한강이 흐른다.\n",
    "cp1252": "Où est-ce que les élèves étaient allés l'été dernier ? À la plage, très près d'ici.\n",
    "iso8859-7": "Η Αθήνα είναι η πρωτεύουσα της Ελλάδας και η μεγαλύτερη πόλη της χώρας.\n",
}
WIDE = ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")


@pytest.mark.parametrize("encoding", TEXTS)
def test_legacy_encodings_are_detected(tmp_path: Path, encoding: str) -> None:
    text = TEXTS[encoding] * 8
    documents, refusals = read_bytes(tmp_path, "a.txt", text.encode(encoding), encoding="detect")
    assert ([d.text for d in documents], refusals) == ([text], [])


@pytest.mark.parametrize("encoding", WIDE)
@pytest.mark.parametrize(
    "text", ["Grüße aus Zürich\nzweite Zeile\n", "東京は首都である。\n京都は古都である。\n"]
)
def test_wide_encodings_declared_and_detected(tmp_path: Path, encoding: str, text: str) -> None:
    for setting in (encoding, "detect"):
        documents, refusals = read_bytes(
            tmp_path, "a.txt", text.encode(encoding), encoding=setting, document="line"
        )
        assert [(d.origin, d.text) for d in documents] == [
            (f"a.txt:{i}", line) for i, line in enumerate(text.splitlines(), 1)
        ]
        assert refusals == []


def test_wide_records(tmp_path: Path) -> None:
    lines = "\n".join(json.dumps({"text": text}, ensure_ascii=False) for text in ("één", "twee"))
    for name, content in (("a.jsonl", lines), ("a.csv", "text\néén\ntwee\n"), ("a.tsv", "text\néén\ntwee\n")):
        documents, _ = read_bytes(tmp_path, name, content.encode("utf-16"), encoding="detect")
        assert [d.text for d in documents] == ["één", "twee"]
    assert read_bytes(tmp_path, "a.json", f"[{lines.splitlines()[0]}]".encode("utf-16"), encoding="detect")[0]


@pytest.mark.parametrize("name", ["a.txt", "a.jsonl", "a.py", "a.1"])
def test_utf16_read_as_utf8_is_one_refusal_that_says_what_to_do(tmp_path: Path, name: str) -> None:
    content = '{"text": "x"}\n'.encode("utf-16-le") * 10
    kind = {"format": "man"} if name == "a.1" else {}
    for mark in (b"", b"\xff\xfe"):
        documents, (refusal,) = read_bytes(tmp_path, name, mark + content, **kind)
        assert documents == []
        assert (refusal.reason, refusal.origin) == ("wrong_encoding", name)
        assert refusal.detail == "it is in utf-16-le, not in utf-8; set `encoding: detect`"


def test_binary_files_are_refused_and_stray_nuls_are_not(tmp_path: Path) -> None:
    for content in (b"\x7fELF\0\0\1" * 500, bytes(range(256)) * 50):
        for encoding in ("utf-8", "detect", "cp1252"):
            documents, (refusal,) = read_bytes(tmp_path, "a.txt", content, encoding=encoding)
            assert (documents, refusal.reason) == ([], "binary")
    documents, _ = read_bytes(
        tmp_path, "a.txt", b"one \0 stray NUL in a text of some length\n", encoding="detect"
    )
    assert documents[0].text.startswith("one \0 stray")


def test_random_bytes_are_no_text() -> None:
    assert {detected_encoding(os.urandom(20_000)) for _ in range(5)} == {None}


def test_damage_in_utf16_costs_one_line(tmp_path: Path) -> None:
    content = "eins\nzw".encode("utf-16-le") + b"\x00\xd8" + "ei\ndrei\n".encode("utf-16-le") + b"x"
    documents, refusals = read_bytes(tmp_path, "a.txt", content, encoding="utf-16-le", document="line")
    assert [d.text for d in documents] == ["eins", "drei"]
    assert [(r.reason, r.origin) for r in refusals] == [
        ("invalid_bytes", "a.txt:2"),
        ("invalid_bytes", "a.txt:4"),
    ]
    replaced, none = read_bytes(
        tmp_path, "a.txt", content, encoding="utf-16-le", document="line", invalid_bytes="replace"
    )
    assert [d.text for d in replaced] == ["eins", "zw\ufffdei", "drei", "\ufffd"]
    assert none == []


def test_binary_catalog_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"de\.po is not a readable .*no text"):
        read_bytes(tmp_path, "de.po", bytes(range(256)) * 50, language="de")


_LETTERS = memoryview(b"x" * 2**20)


class _Endless(io.RawIOBase):
    """`size` bytes of one line, then a short line."""

    def __init__(self, size: int) -> None:
        self.left, self.tail = size, b"\nnext\n"

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        count = min(len(buffer), self.left, len(_LETTERS))
        if count:
            self.left -= count
            buffer[:count] = _LETTERS[:count]
            return count
        piece, self.tail = self.tail[: len(buffer)], self.tail[len(buffer) :]
        buffer[: len(piece)] = piece
        return len(piece)


@pytest.mark.parametrize(("reader", "kept"), [(read_text, ["next"]), (read_jsonl, [])])
def test_a_line_of_a_gigabyte_needs_bounded_memory(reader, kept: list[str]) -> None:
    corpus = CorpusParams(name="demo", path="a.txt", document="line")
    member = Member("a.txt", "text", None, "general", None, lambda: io.BufferedReader(_Endless(2**30)))
    tracemalloc.start()
    items = list(reader(member, corpus))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [i.text for i in items if isinstance(i, Document)] == kept
    assert [i.reason for i in items if isinstance(i, Refusal)] == ["too_large"] + ["bad_json"] * (not kept)
    assert peak < 5 * plain.MAX_DOCUMENT_BYTES


@pytest.mark.parametrize(
    "text", ["", "a", "a\n", "\n", "a\r\nb", "a\n\nb\n", "x" * 40 + "\ny", "a\r\r\n" * 3, "é\n" * 9]
)
@pytest.mark.parametrize("chunk", [1, 3, 1000])
def test_lines_are_those_of_readline(text: str, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain, "_CHUNK_BYTES", chunk)
    expected = [line.rstrip(b"\r\n") for line in io.BytesIO(text.encode())]
    assert list(lines_of(io.BytesIO(text.encode()))) == list(enumerate(expected, 1))


@pytest.mark.parametrize("name", ["a.txt", "a.jsonl", "a.html", "a.warc", "a.wet", "a.py"])
def test_empty_files_give_no_document(tmp_path: Path, name: str) -> None:
    documents, refusals = read_bytes(tmp_path, name, b"")
    assert documents == []
    assert [r.reason for r in refusals] in ([], ["empty"])
