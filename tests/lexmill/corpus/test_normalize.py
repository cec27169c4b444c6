"""Normalisation of human text and of source code."""

from __future__ import annotations

import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexmill.corpus.normalize import normalized, normalized_code

# Text with every kind of character the stages treat specially.
odd_text = st.text(
    st.one_of(
        st.characters(exclude_categories=("Cs", "Cn")),
        st.sampled_from(list("\r\n\t \u00a0\u2028\ufeff\x00\x0b\u0301\u0300\u200d\u3000\uff21\ufffd가각")),
    ),
    max_size=60,
)


def one(function: object, text: str, *arguments: object) -> str:
    return function(pa.array([text], pa.string()), *arguments)[0].as_py()


@settings(max_examples=300, deadline=None)
@given(odd_text, st.sampled_from(["NFC", "NFKC", "none"]))
def test_normalisation_is_idempotent(text: str, form: str) -> None:
    once = one(normalized, text, form)
    assert one(normalized, once, form) == once
    if form != "none":
        assert unicodedata.is_normalized(form, once)
    assert not set(once) & set("\r\x00\ufeff\u2028\t\u00a0")
    code = one(normalized_code, text)
    assert one(normalized_code, code) == code


@pytest.mark.parametrize(
    ("text", "clean_text"),
    [
        ("e\u0301te\u0301", "été"),
        (" a \u00a0 b \r\n\r\n\r\n\n c\x00\x07 ", "a b\n\nc"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("e\x00\u0301", "é"),
    ],
)
def test_normalisation(text: str, clean_text: str) -> None:
    assert one(normalized, text, "NFC") == clean_text


def test_code_keeps_its_white_space_and_letters() -> None:
    assert one(normalized_code, "def f():\r\n\treturn 'ﬁ'  # x\x00\n\n") == "def f():\n\treturn 'ﬁ'  # x"
