from __future__ import annotations

import pytest

from lexmill.report.formatting import (
    clip,
    count,
    interval,
    number,
    percent,
    significant,
    size,
    tick_size,
    visible,
)
from lexmill.report.languages import direction, language_name


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (8_312_345, "8.31 MB"),
        (999_999, "1.00 MB"),
        (None, "–"),
        (5e9, "5.00 GB"),
    ],
)
def test_size(value, text):
    assert size(value) == text


def test_numbers():
    assert count(12345) == "12,345"
    assert percent(0.1234) == "12.3 %"
    assert percent(0.0001) == "<0.1 %"
    assert percent(0.0) == "0.0 %"
    assert number(-0.0001, 2) == "0.00"
    assert number(-1.5, 1) == "-1.5"
    assert number(1234.5, 1) == "1,234.5"
    assert significant(0.0023149) == "0.00231"
    assert significant(123456) == "123,000"
    assert significant(1.5e-7) == "1.50e-7"
    assert interval(0.1, 0.2, 1, 100) == "[10.0, 20.0]"
    assert interval(None, 0.2) == "–"
    assert tick_size(2_000_000) == "2 MB"
    assert tick_size(250) == "250 B"


def test_nothing_invisible_passes():
    assert visible("a\x00b\nc\x7f") == "a␀b␊c␡"
    assert visible("\u202eevil\u2066") == "‹202E›evil‹2066›"
    assert visible("\ud800\ufffe") == "‹D800›‹FFFE›"
    assert visible("नमस्ते سلام 你好 👩‍👩‍👧") == "नमस्ते سلام 你好 👩‍👩‍👧"


def test_clip():
    assert clip("abcdef", 4) == "abc…"
    assert clip("abcd", 4) == "abcd"


def test_languages():
    assert language_name("fra_Latn") == "French"
    assert language_name("zho_Hant") == "Chinese, traditional"
    assert language_name("srp_Cyrl") == "Serbian, Cyrillic"
    assert language_name("python") == "Python"
    assert language_name("xyz_Latn") == "xyz_Latn"
    assert (direction("arb_Arab"), direction("heb_Hebr"), direction("eng_Latn"), direction("python")) == (
        "rtl",
        "rtl",
        "ltr",
        "ltr",
    )
