"""The quick check leaves normal texts alone and nothing else: with it and without it the same comes out."""

from __future__ import annotations

import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lexmill.corpus.normalize import _normalized, normalized
from lexmill.corpus.normalize_kernel import abnormal_kernel, normal_table
from lexmill.corpus.textbytes import text_bytes
from tests.lexmill.corpus.odd_text import any_text

FORMS = ("NFC", "NFKC", "none")
forms = st.sampled_from(FORMS)
# Marks of many classes, Hangul jamo, composition exclusions, compatibility characters, white space of every kind.
_TRICKY = list(
    " \n\r\t\x0b\x0c\x85\u2028\u2029\u00a0\u1680\u2003\u202f\u205f\u3000\ufeff\x00\x1f\x7f\x9f\ufff9\ufdd0\ufffe"
    "aeoAZ\u00e9\u0301\u0300\u0323\u0328\u031b\u0345\u0360\u05b0\u05b1\u0653\u0654\u0627\u093c\u0915\u0958\u0e38"
    "\u1100\u1161\u11a8\uac00\uac01\u0b47\u0b3e\u0dd9\u0dcf\u1025\u102e\u2126\u212b\u2adc\u0344\u0f71\u0f72\u0f73"
    "\ufb01\uff21\u3131\uffa1\u00bd\u1e9b\U00011099\U000110ba\U0001d15e\U0002f800\U000e0100\U0001f600\u200b\u200d"
)
tricky_text = st.text(st.sampled_from(_TRICKY), max_size=12)


def flagged(texts: list[str], form: str) -> list[bool]:
    data, offsets = text_bytes(pa.array(texts, pa.string()))
    found = np.zeros(len(texts), np.bool_)
    abnormal_kernel(data, offsets, normal_table(form), found)
    return found.tolist()


@settings(max_examples=400, deadline=None)
@given(st.lists(st.one_of(tricky_text, any_text), min_size=1, max_size=6), forms)
@example(["", " ", "\n", "a\n\nb", "a\n\n\nb", "a \nb", "a\n b", "e\u0301", "\u0301", "a b"], "NFC")
def test_normalised_as_by_the_regular_expressions(texts: list[str], form: str) -> None:
    array = pa.array(texts, pa.string())
    whole = _normalized(array, form)
    assert normalized(array, form).to_pylist() == whole.to_pylist()
    for text, after, mark in zip(texts, whole.to_pylist(), flagged(texts, form), strict=True):
        assert mark or text == after  # what is not flagged changes nothing


@pytest.mark.parametrize("form", FORMS)
def test_every_character_alone_between_and_after_letters(form: str) -> None:
    points = [*range(0xD800), *range(0xE000, 0x34000), *range(0xE0000, 0xE0200), *range(0x10FFF0, 0x110000)]
    for frame in ("{}", "e{}b"):
        texts = [frame.format(chr(point)) for point in points]
        whole = _normalized(pa.array(texts, pa.string()), form).to_pylist()
        marks = flagged(texts, form)
        missed = [hex(p) for p, t, a, m in zip(points, texts, whole, marks, strict=True) if t != a and not m]
        assert missed == []


@pytest.mark.parametrize(
    "text",
    [
        "Das ist ein gewöhnlicher Satz.\n\nUnd noch einer, mit 12 % und “Zeichen”.",
        "Всі люди народжуються вільними",
        "सभी मनुष्यों को गौरव",
        "人人生而自由,在尊严",
        "모든 인간은",
        "كل إنسان",
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert unicodedata.is_normalized("NFC", text)
    assert flagged([text], "NFC") == flagged([text], "none") == [False]


def test_a_slice_of_an_array_is_read_at_its_place() -> None:
    array = pa.array(["x  y", "ok", "e\u0301", "  z "], pa.string())
    assert normalized(array.slice(1, 2), "NFC").to_pylist() == ["ok", "é"]
    assert normalized(array.slice(0, 0), "NFC").to_pylist() == []
