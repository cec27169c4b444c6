"""Loop of `unit_hashes`: the lines or paragraphs of texts on UTF-8 bytes."""

from __future__ import annotations

import numpy as np
from numba import njit

from lexmill.corpus.words_kernel import mix

_PRIME = np.uint64(0x00000100000001B3)  # FNV-1a
_BASIS = np.uint64(0xCBF29CE484222325)
_NEWLINE, _SPACE = 0x0A, 0x20


@njit(cache=True, nogil=True)
def unit_kernel(data, texts, paragraphs, least, hashes, rows, numbers):  # type: ignore[no-untyped-def]
    """Fill hash, row and number of the units of at least `least` characters -> how many there are.

    data, texts: as in `Words`.  A unit is a line, or with `paragraphs` a run of lines that are not blank; its hash
    is of its bytes with runs of ASCII white space as one space and without those at its ends, and so is its length.
    The output arrays have room for a unit every `least` bytes of each text, and one.
    """
    found = 0
    for row in range(len(texts) - 1):
        state, characters, number = _BASIS, 0, 0
        gap, blank = False, True  # white space since the last visible byte; nothing visible on this line yet
        for place in range(texts[row], texts[row + 1] + 1):
            end = place == texts[row + 1]
            byte = _NEWLINE if end else data[place]
            if byte == _NEWLINE and (end or not paragraphs or blank):
                if characters >= least:
                    hashes[found], rows[found], numbers[found] = mix(state), row, number
                    found += 1
                if not paragraphs or characters > 0:
                    number += 1
                state, characters, gap = _BASIS, 0, False
                blank = True
            elif byte == _SPACE or 0x09 <= byte <= 0x0D:
                gap = True
                blank = blank or byte == _NEWLINE
            else:
                if gap and characters > 0:
                    state = (state ^ np.uint64(_SPACE)) * _PRIME
                    characters += 1
                state = (state ^ np.uint64(byte)) * _PRIME
                characters += byte & 0xC0 != 0x80
                gap = blank = False
    return found
