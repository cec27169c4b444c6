"""The words that fertility and single-token retention are counted against."""

from __future__ import annotations

import regex  # type: ignore[import-untyped]

SEGMENTER = "runs"
SEGMENTER_DESCRIPTION = (
    "words are maximal runs of letters, marks and digits, with single inner apostrophes or hyphens; "
    "languages of scripts written without spaces between words are left out"
)
_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+(?:['\u2019\-][\p{L}\p{M}\p{N}]+)*")
# ISO 15924 codes of scripts that do not put spaces (or marks) between words.
_UNSEGMENTED = frozenset(
    {"Hans", "Hant", "Hani", "Jpan", "Hira", "Kana", "Thai", "Laoo", "Khmr", "Mymr", "Tibt"}
)


def words_of(text: str) -> list[str]:
    """The words of a text, in order (see SEGMENTER_DESCRIPTION)."""
    return _WORD.findall(text)


def has_words(language: str) -> bool:
    """Whether the script of `iso639-3_Script` marks word boundaries, so that these words mean something."""
    return language.rpartition("_")[2] not in _UNSEGMENTED
