"""Romanisation: uroman's own output, by cached parts."""

from __future__ import annotations

import sys

import pytest
from uroman import Uroman

from lexmill.corpus import romanize
from lexmill.corpus.romanize import RomanizationError, is_romanizable, romanized
from tests.lexmill.corpus.test_identify import ARTICLE_1


def test_is_uroman_line_by_line() -> None:
    uroman = Uroman()
    texts = [f"{text}\n\n {text}  x." for text in ARTICLE_1.values()]
    expected = [
        "\n".join(uroman.romanize_string(line, lcode=label[:3]) for line in text.split("\n"))
        for label, text in zip(ARTICLE_1, texts, strict=True)
    ]
    assert romanized(texts, list(ARTICLE_1)) == expected
    assert romanized(texts, list(ARTICLE_1)) == expected  # from the cache


def test_the_language_decides() -> None:
    assert romanized(["Игорь", "Игорь", ""], ["rus_Cyrl", "ukr_Cyrl", "ell_Grek"]) == ["Igor", "Yhor", ""]


def test_a_full_cache_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    texts, labels = list(ARTICLE_1.values()), list(ARTICLE_1)
    before = romanized(texts, labels)
    monkeypatch.setattr(romanize, "_CACHED_PARTS", 3)
    assert romanized(texts, labels) == before


def test_which_languages_are_romanised() -> None:
    assert is_romanizable("rus_Cyrl")
    assert is_romanizable("jpn_Jpan")
    assert not is_romanizable("srp_Latn")
    assert not is_romanizable("python")


def test_without_uroman(monkeypatch: pytest.MonkeyPatch) -> None:
    romanize._uroman.cache_clear()
    monkeypatch.setitem(sys.modules, "uroman", None)
    with pytest.raises(RomanizationError, match=r"lexmill\[romanize\]"):
        romanized(["x"], ["rus_Cyrl"])
    romanize._uroman.cache_clear()
