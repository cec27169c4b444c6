"""Loops over bytes: frequent English words, and the visible text of HTML."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

# Frequent English words that are rare as words of other languages in Latin script; at most eight letters each.
ENGLISH = (
    *(
        "the",
        "and",
        "with",
        "this",
        "that",
        "from",
        "which",
        "you",
        "are",
        "not",
        "have",
        "will",
        "your",
        "when",
    ),
    *(
        "into",
        "using",
        "these",
        "does",
        "should",
        "they",
        "their",
        "there",
        "than",
        "then",
        "what",
        "where",
        "who",
    ),
    *("would", "could", "been"),
)
BYTE_COUNTS = ("latin_words", "english_words", "english_kinds", "visible_characters")
_TEXT, _TAG, _COMMENT, _HIDDEN = range(4)


def english_table() -> np.ndarray:
    """uint64 (128,): the words as little-endian bytes, by `_slot` and linear probing; 0 is free."""
    table = np.zeros(128, np.uint64)
    for word in ENGLISH:
        packed = np.uint64(int.from_bytes(word.encode(), "little"))
        slot = _slot(packed)
        while table[slot]:
            slot = (slot + 1) & 127
        table[slot] = packed
    return table


@njit(cache=True, inline="always")
def _slot(packed: np.uint64) -> Any:
    return np.int64((packed * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(57))


@njit(cache=True, nogil=True)
def count_bytes(data: np.ndarray, texts: np.ndarray, table: np.ndarray, counts: np.ndarray) -> None:
    """Add to int64 `counts` (rows, 4): runs of a-z and apostrophes in any case, those that are frequent English words,
    how many different ones, and the characters outside tags (see `_visible`)."""
    seen = np.zeros(len(table), np.int64)
    for row in range(len(texts) - 1):
        length, packed = 0, np.uint64(0)
        for place in range(texts[row], texts[row + 1] + 1):
            byte = data[place] | 0x20 if place < texts[row + 1] else 0
            letter = 97 <= byte <= 122 and data[place] >= 65
            if letter or (place < texts[row + 1] and data[place] == 39):
                if length < 8:
                    packed |= np.uint64(byte if letter else 39) << np.uint64(8 * length)
                length += 1
            elif length:
                counts[row, 0] += 1
                if length <= 8:
                    slot = _slot(packed)
                    while table[slot] != 0 and table[slot] != packed:
                        slot = (slot + 1) & 127
                    if table[slot] == packed:
                        counts[row, 1] += 1
                        counts[row, 2] += seen[slot] != row + 1
                        seen[slot] = row + 1
                length, packed = 0, np.uint64(0)
        counts[row, 3] = _visible(data, texts[row], texts[row + 1])


@njit(cache=True, inline="always")
def _starts(data: np.ndarray, place: int, stop: int, word: bytes) -> bool:
    """Whether the lower-case ASCII `word` stands at `place`, in any case."""
    if place + len(word) > stop:
        return False
    for k in range(len(word)):
        byte = data[place + k]
        if (byte | 0x20 if 65 <= byte <= 90 else byte) != word[k]:
            return False
    return True


@njit(cache=True)
def _visible(data: np.ndarray, start: int, stop: int) -> int:
    """Characters outside tags, comments and script and style elements; a run of white space is one, none at the start.

    A "<" that no letter, "/", "!" or "?" follows is text.
    """
    total, state, spaced = 0, _TEXT, True
    script = hidden = False
    place = start
    while place < stop:
        byte = data[place]
        if state == _TEXT:
            if byte == 60 and place + 1 < stop and _opens(data[place + 1]):
                state = _COMMENT if _starts(data, place, stop, b"<!--") else _TAG
                script = _starts(data, place, stop, b"<script")
                hidden = script or _starts(data, place, stop, b"<style")
                place += 4 if state == _COMMENT else 1
                continue
            space = byte == 32 or 9 <= byte <= 13
            total += not (space and spaced) and byte & 0xC0 != 0x80
            spaced = space
        elif state == _TAG and byte == 62:
            state = _HIDDEN if hidden else _TEXT
        elif state == _COMMENT and _starts(data, place, stop, b"-->"):
            state = _TEXT
            place += 2
        elif (
            state == _HIDDEN
            and byte == 60
            and _starts(data, place, stop, b"</script" if script else b"</style")
        ):
            state, hidden = _TAG, False
        place += 1
    return total


@njit(cache=True, inline="always")
def _opens(byte: int) -> bool:
    return 97 <= (byte | 0x20) <= 122 or byte == 47 or byte == 33 or byte == 63
