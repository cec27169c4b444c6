"""Which texts are normal already: most are, and leaving them alone is ten times cheaper than normalising them.

The quick check of Unicode Standard Annex 15, section 9, with the white space rules of `lexmill.corpus.normalize`.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Literal

import numpy as np
from numba import njit

from lexmill.corpus.utf8_kernel import decode

SIZE = 0x110000
# Flags above the canonical combining class in the low byte.
COMPOSES, LEADS, NEVER, SPACE, NEWLINE = 0x100, 0x200, 0x400, 0x800, 0x1000
_ASSIGNED = 0x32000  # no decomposition or combining mark lies above, but for the ranges below
_OTHERS = (range(0xE0100, 0xE01F0),)
_FORBIDDEN = (
    *(range(0x09), range(0x0B, 0x20), range(0x7F, 0xA1), [0x09, 0x1680], range(0x2000, 0x200B)),
    *([0x2028, 0x2029, 0x202F, 0x205F, 0x3000, 0xFEFF], range(0xFFF9, 0xFFFC), range(0xFDD0, 0xFDF0)),
    [0xFFFE, 0xFFFF],
)


@lru_cache(maxsize=3)
def normal_table(form: Literal["NFC", "NFKC", "none"]) -> np.ndarray:
    """uint16 (0x110000,): code point -> canonical combining class and flags: NEVER (in no normal text), COMPOSES (may
    join an earlier character that LEADS), SPACE, NEWLINE."""
    table = np.zeros(SIZE, np.uint16)
    if form != "none":
        for point in [*range(0x80, _ASSIGNED), *(p for places in _OTHERS for p in places)]:
            character = chr(point)
            if 0xD800 <= point < 0xE000:
                continue
            if unicodedata.category(character) == "Cn":  # Arrow may know a newer Unicode than Python does
                table[point] |= NEVER
                continue
            table[point] |= unicodedata.combining(character)
            decomposed = unicodedata.decomposition(character)
            if not decomposed:  # nothing changes it; most characters, so this is quick
                continue
            if not unicodedata.is_normalized(form, character):
                table[point] |= NEVER
            parts = decomposed.split() if not decomposed.startswith("<") else []
            if len(parts) == 2 and unicodedata.is_normalized("NFC", character):
                table[int(parts[0], 16)] |= LEADS
                table[int(parts[1], 16)] |= COMPOSES
        table[0x1100:0x1113] |= LEADS  # Hangul syllables are composed by rule
        table[0xAC00:0xD7A4] |= LEADS
        table[0x1161:0x1176] |= COMPOSES
        table[0x11A8:0x11C3] |= COMPOSES
    for points in _FORBIDDEN:
        table[list(points)] |= NEVER
    table[0x20], table[0x0A] = SPACE, NEWLINE
    return table


@njit(cache=True, nogil=True)
def abnormal_kernel(data, offsets, table, found):  # type: ignore[no-untyped-def]  # numba infers types
    """Set found (bool, rows) where the text data[offsets[r]:offsets[r + 1]] (uint8, UTF-8) may change."""
    for row in range(len(offsets) - 1):
        place, end = offsets[row], offsets[row + 1]
        newlines = 1  # as if a line had ended before the text, so that white space at its start shows
        space = leads = False
        combining = np.uint16(0)
        changes = end > place and (data[place] == 0x0A)
        while place < end and not changes:
            point, place = decode(data, place, end)
            entry = table[point]
            if entry == 0:
                newlines, space, leads, combining = 0, False, False, np.uint16(0)
                continue
            if entry & SPACE:
                changes = space or newlines > 0
                newlines, space, leads, combining = 0, True, False, np.uint16(0)
            elif entry & NEWLINE:
                newlines += 1
                changes = space or newlines > 2
                space, leads, combining = False, False, np.uint16(0)
            else:
                mark = entry & np.uint16(0xFF)
                changes = bool(
                    entry & NEVER or (mark != 0 and combining > mark) or (entry & COMPOSES and leads)
                )
                combining = mark
                if mark == 0:
                    leads = (entry & LEADS) != 0
                newlines, space = 0, False
        found[row] = changes or space or (newlines > 0 and end > offsets[row])
