"""What the English text is read from: R's data files, HTML, quotation files."""

from __future__ import annotations

import zlib

import pytest
from english_text import novels, pages, quotations, r_strings


def _chunk(strings: list[str], flags: bytes = b"\x00\x04\x00\x09") -> bytes:
    """A chunk as R writes it: size of the serialised bytes, then zlib."""
    body = b"X\n\x00\x00\x00\x03" + b"".join(
        flags + len(s.encode()).to_bytes(4, "big") + s.encode() for s in strings
    )
    return len(body).to_bytes(4, "big") + zlib.compress(body)


def test_strings_of_all_chunks_in_order() -> None:
    data = _chunk(["It was", "", "a truth"]) + _chunk(["café"], b"\x00\x00\x80\x09")
    assert r_strings(data) == ["It was", "a truth", "café"]


def test_a_chunk_that_claims_to_be_huge_is_refused() -> None:
    with pytest.raises(ValueError, match=r"not an \.rdb file"):
        r_strings(b"\x7f\xff\xff\xff" + zlib.compress(b"x"))


def test_novels_are_cut_into_blocks_of_lines() -> None:
    found = list(novels({"./usr/data/Rdata.rdb": _chunk([f"line {i}" for i in range(900)])}))
    assert [text.count("\n") + 1 for text in found] == [400, 400, 100]
    assert found[2].endswith("line 899")


def test_pages_lose_their_markup() -> None:
    page = (
        b"<html><head><title>no</title></head><body><p>A &amp; B</p>\n\n<script>x()</script><b>c</b></body>"
    )
    assert list(pages({"a.html": page, "b.css": b"no"})) == ["A & B\nc"]


def test_quotations_lose_their_separators_and_indexes_are_left_out() -> None:
    members = {
        "./usr/share/games/fortunes/wit": b"one\n%\n100%\n%\n",
        "./usr/share/games/fortunes/wit.dat": b"\0",
    }
    assert list(quotations(members)) == ["one\n\n100%\n\n"]
