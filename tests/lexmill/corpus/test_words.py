"""Splitting into words, against a regular expression."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import regex
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lexmill.corpus.codepoints import folded_points
from lexmill.corpus.words import Words, split_words
from tests.lexmill.corpus.odd_text import any_text
from tests.lexmill.corpus.quality_oracle import tokens


def texts_of(words: Words, row: int = 0) -> list[str]:
    spans = zip(words.start.tolist(), words.end.tolist(), strict=True)
    raw = [words.data[start:end].tobytes().decode() for start, end in spans]
    return raw[words.rows[row] : words.rows[row + 1]]


def split(text: str) -> list[str]:
    return texts_of(split_words(pa.array([text], pa.string())))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \n\t\u00a0\u200b\x00", []),
        (
            "Don't stop—l’été 'quoted' rock'n'",
            ["Don't", "stop", "—", "l’été", "'", "quoted", "'", "rock'n", "'"],
        ),
        ("90's 3.5 x86_64", ["90", "'", "s", "3", ".", "5", "x86", "_", "64"]),
        ("col·lecció צה״ל", ["col·lecció", "צה״ל"]),
        ("می\u200cخواهم co\u00adop\u00ad", ["می\u200cخواهم", "co\u00adop"]),
        ("日本語、カー", ["日", "本", "語", "、", "カ", "ー"]),
        ("ที่นี่", ["ที่", "นี่"]),
        ("한국어 문장.", ["한국어", "문장", "."]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("e\u0301t ☺\ufe0f 1\ufe0f\u20e3", ["e\u0301t", "☺\ufe0f", "1\ufe0f\u20e3"]),
        ("👩\u200d🔬", ["👩", "🔬"]),
        ("...\n#tag", [".", ".", ".", "#", "tag"]),
    ],
)
def test_tokens(text: str, expected: list[str]) -> None:
    assert split(text) == expected


def test_kinds_and_lengths() -> None:
    words = split_words(pa.array(["été 2024 3D . 日 1\u0301 Ⅳ 〇"]))
    assert words.kind.tolist() == [0, 1, 0, 2, 0, 0, 1, 0]
    assert words.characters.tolist() == [3, 4, 2, 1, 1, 2, 1, 1]


def test_hashes_follow_the_code_points() -> None:
    texts = ["Straße STRASSE straße ẞ ß 12 99 123 ΣΊΣΥΦΟΣ σίσυφος Ab a b ab", "ab"]
    words = split_words(pa.array(texts))
    names = texts_of(words, 0)
    place = {name: i for i, name in enumerate(names)}
    folded, plain = words.folded.tolist(), words.hash.tolist()
    assert len(set(plain[: len(names)])) == len(names)
    assert plain[place["ab"]] == plain[-1]
    for one, other in (("Straße", "straße"), ("ẞ", "ß"), ("12", "99"), ("Ab", "ab")):
        assert folded[place[one]] == folded[place[other]]
    assert folded[place["STRASSE"]] != folded[place["straße"]]  # simple folding keeps the length
    assert folded[place["12"]] != folded[place["123"]]
    assert folded_points()[ord("Σ")] == folded_points()[ord("ς")] == ord("σ")


@settings(max_examples=400, deadline=None)
@given(st.lists(any_text, max_size=4))
@example(["\u0301a", "日\u0301'a", "1\u0301'a", "a''b", "a\u200d\u200db", "\u00ad"])
def test_same_as_a_regular_expression(texts: list[str]) -> None:
    words = split_words(pa.array(texts, pa.string()))
    assert words.data.tobytes() == "".join(texts).encode()
    hashes: dict[str, int] = {}
    for row, text in enumerate(texts):
        found = list(tokens(text))
        assert texts_of(words, row) == [token for token, _, _, _ in found]
        bounds = slice(words.rows[row], words.rows[row + 1])
        assert words.kind[bounds].tolist() == [kind for _, kind, _, _ in found]
        assert words.characters[bounds].tolist() == [len(token) for token, _, _, _ in found]
        for token, value in zip(texts_of(words, row), words.hash[bounds].tolist(), strict=True):
            assert hashes.setdefault(token, value) == value
    assert len(set(hashes.values())) == len(hashes)


def test_types_slices_and_nulls() -> None:
    texts = pa.array(["x", "ab c", None, "é!"])
    expected = split_words(pa.array(["ab c", "", "é!"]))
    for array in (texts[1:], texts.cast(pa.large_string())[1:], pa.array([*texts.to_pylist()])[1:]):
        for name, part in split_words(array)._asdict().items():
            assert np.array_equal(part, getattr(expected, name)), name
    assert len(split_words(pa.array([], pa.string())).start) == 0
    with pytest.raises(TypeError, match="string array, not int64"):
        split_words(pa.array([1]))


def test_a_broken_sequence_stays_inside_its_text() -> None:
    """UTF-8 that Arrow was told is valid but is cut off: no byte of the next text is read."""
    data = b"a\xf0\x9f" + b"bc"
    offsets = np.array([0, 3, 5], np.int32)
    texts = pa.StringArray.from_buffers(2, pa.py_buffer(offsets), pa.py_buffer(data))
    words = split_words(texts)
    assert (words.end[: words.rows[1]] <= 3).all()
    assert (words.start[words.rows[1] :] >= 3).all()
    assert words.characters[words.rows[1] :].tolist() == [2]


def test_folding_table_is_simple_case_folding() -> None:
    table = folded_points()
    for point in range(0x20000):
        character = chr(point)
        if table[point] == ord("0"):
            assert regex.fullmatch(r"\p{N}", character)
        elif table[point] != point:
            assert chr(table[point]) in (character.casefold(), character.lower())
    assert {chr(table[ord(c)]) for c in "059٣४½Ⅳ"} == {"0"}
