"""The benchmark of language identification: windows, and what counts as right."""

from __future__ import annotations

from language_id import by_language, is_right
from language_id_data import SIZES, Window, _translations, windows_of


def test_windows_are_whole_words_of_the_size_asked_for() -> None:
    text = " ".join(f"word{i}" for i in range(400))
    windows = list(windows_of("s", {"eng": text, "short": "one two"}))
    assert {w.language for w in windows} == {"eng"}
    assert {w.characters for w in windows} == set(SIZES)
    for window in windows:
        assert window.characters // 2 <= len(window.text) <= window.characters
        assert window.text.split()[0] in text.split()


def test_what_counts_as_right() -> None:
    assert is_right("nob", "no")
    assert not is_right("nno", "no")
    assert is_right("hrv", "sh")
    assert not is_right("hrv", "sr")
    assert is_right("msa", "zsm")
    assert not is_right("ind", "ms")
    assert is_right("zho", "zh-Hant")
    assert is_right("heb", "heb_Hebr")
    assert not is_right("eng", "un")


def test_shares_by_language() -> None:
    windows = [Window("s", "eng", 50, "a"), Window("s", "eng", 50, "b"), Window("s", "deu", 50, "c")]
    assert by_language(windows, ["en", "de", "de"]) == {("s", 50, "eng"): 0.5, ("s", 50, "deu"): 1.0}


def test_only_real_translations_are_text() -> None:
    catalog = (
        'msgid ""\nmsgstr "Language: de\\n"\n\n'
        'msgid "The same in both languages"\nmsgstr "The same in both languages"\n\n'
        '#, fuzzy\nmsgid "An uncertain translation"\nmsgstr "Eine unsichere Übersetzung"\n\n'
        'msgid "Short"\nmsgstr "Kurz"\n\n'
        'msgid ""\n"A text of "\n"two lines"\nmsgstr ""\n"Ein Text aus \\"zwei\\" "\n"Zeilen\\nhier"\n'
    )
    assert list(_translations(catalog)) == ['Ein Text aus "zwei" Zeilen hier']
