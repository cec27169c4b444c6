"""Tables over all of Unicode: classes of code points for splitting words, and flags for counting characters."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import regex  # type: ignore[import-untyped]

from lexmill.corpus.scripts import SCRIPTS, script_indices
from lexmill.corpus.scripts import WIDE as WIDE_SCRIPTS

# Classes of `word_classes`.
NOTHING, SYMBOL, LETTER, MARK, DIGIT, SINGLE, INNER, FORMAT = range(8)
# Scripts written without spaces between words (UAX 14, class SA, and the ideographic ones).
_SINGLE_SCRIPTS = [
    "Hani",
    "Hira",
    "Kana",
    "Bopo",
    "Thai",
    "Laoo",
    "Khmr",
    "Mymr",
    "Tibt",
    "Tale",
    "Talu",
    "Lana",
    "Tavt",
]
# Apostrophes, the middle dot of Catalan, geresh and gershayim of Hebrew: part of a word when between its letters
# (UAX 29, MidLetter and MidNumLet).
_INNER = "'\u2019\u00b7\u2027\u05f3\u05f4"
# Flags of `character_flags`.
ALPHABETIC, NUMBER, SPACE, SCRIPT_LETTER, WIDE, TERMINAL = 1, 2, 4, 8, 16, 32
TABLE_SIZE = 0x110000
_ASSIGNED = 0x40000  # letters and symbols lie below; above are tags, variation selectors and private use
_FOLDED_SIZE = 0x20000


def _below_assigned() -> str:
    return "".join(chr(c) if not 0xD800 <= c < 0xE000 else "\ue000" for c in range(_ASSIGNED))


def _set(table: np.ndarray, text: str, pattern: str, value: int) -> None:
    """Give the value to all code points of `text` that match a class; the place in `text` is the code point."""
    for run in regex.finditer(f"{pattern}+", text, regex.VERSION1):
        table[run.start() : run.end()] = value


@lru_cache(maxsize=1)
def word_classes() -> np.ndarray:
    """uint8 (0x110000,): code point -> NOTHING (white space, controls), SYMBOL, LETTER, MARK, DIGIT, SINGLE (letter of
    a script without spaces), INNER (apostrophes) or FORMAT (joiners, soft hyphen)."""
    text = _below_assigned()
    table = np.full(TABLE_SIZE, SYMBOL, np.uint8)
    _set(table, text, r"\p{L}", LETTER)
    _set(table, text, r"\p{M}", MARK)
    _set(table, text, r"\p{N}", DIGIT)
    single = "".join(rf"\p{{scx={script}}}" for script in _SINGLE_SCRIPTS)
    _set(table, text, rf"[[\p{{L}}\p{{Nl}}]&&[{single}]]", SINGLE)
    _set(table, text, r"\p{Cf}", FORMAT)
    _set(table, text, r"[\p{Cc}\p{Z}]", NOTHING)
    table[0x200B] = NOTHING  # zero-width space parts words
    table[0xD800:0xE000] = SYMBOL
    table[0xE0001:0xE0080] = FORMAT
    table[0xE0100:0xE01F0] = MARK
    table[[ord(c) for c in _INNER]] = INNER
    return table


@lru_cache(maxsize=1)
def character_flags() -> np.ndarray:
    """uint8 (0x110000,): code point -> the sum of ALPHABETIC (general category L), NUMBER (N), SPACE (as
    `str.isspace`), SCRIPT_LETTER (letter or mark of a script of `lexmill.corpus.scripts`), WIDE (Han, kana, Hangul)
    and TERMINAL (Sentence_Terminal: ends a sentence)."""
    text = _below_assigned()
    flags = np.zeros(TABLE_SIZE, np.uint8)
    for flag, pattern in ((ALPHABETIC, r"\p{L}"), (NUMBER, r"\p{N}"), (TERMINAL, r"\p{STerm}")):
        found = np.zeros(TABLE_SIZE, np.uint8)
        _set(found, text, pattern, flag)
        flags |= found
    scripts = script_indices()
    flags[: len(scripts)][scripts > 0] |= SCRIPT_LETTER
    flags[: len(scripts)][np.isin(scripts, [SCRIPTS.index(script) for script in WIDE_SCRIPTS])] |= WIDE
    flags[[point for point in range(0x3001) if chr(point).isspace()]] |= SPACE
    return flags


@lru_cache(maxsize=1)
def folded_points() -> np.ndarray:
    """uint32 (0x20000,): code point -> its simple case folding, "0" for digits; those above fold to themselves."""
    table = np.arange(_FOLDED_SIZE, dtype=np.uint32)
    for point in range(_FOLDED_SIZE):
        character = chr(point)
        if (
            not character.isalpha() and not 0x2160 <= point < 0x2500
        ):  # circled and Roman letters have cases too
            continue
        for folded in (character.casefold(), character.lower()):
            if len(folded) == 1:
                table[point] = ord(folded)
                break
    table[word_classes()[:_FOLDED_SIZE] == DIGIT] = ord("0")
    return table
