"""Loop of `text_keys`: code points without case, compatibility forms and differences of white space."""

from __future__ import annotations

import numpy as np
from numba import njit

from lexmill.corpus.utf8_kernel import decode

SPACE = np.uint32(0x20)
SEVERAL = np.uint32(0x80000000)  # flag of a fold: the rest is where several code points stand in the pool


@njit(cache=True, nogil=True)
def fold_kernel(data, texts, folds, pool, out, offsets):  # type: ignore[no-untyped-def]  # numba infers types
    """Fill `out` (uint32) with the folded code points of all texts, and `offsets` (int64 (rows + 1,)).

    data, texts: as in `Words`.  Code point c becomes folds[c] (uint32), or where that has the flag `SEVERAL` the points
    in `pool` (uint32) up to the next 0; beyond the table it stays.  Runs of spaces become one, and the ends lose
    theirs.  `out` must have room for all.
    """
    at = 0
    for row in range(len(texts) - 1):
        first = at
        place, stop = texts[row], texts[row + 1]
        while place < stop:
            point, place = decode(data, place, stop)
            folded = folds[point] if point < len(folds) else np.uint32(point)
            if folded < SEVERAL:
                at = _put(out, first, at, folded)
                continue
            index = np.int64(folded - SEVERAL)
            while pool[index] != 0:
                at = _put(out, first, at, pool[index])
                index += 1
        if at > first and out[at - 1] == SPACE:
            at -= 1
        offsets[row + 1] = at


@njit(cache=True, nogil=True, inline="always")
def _put(out, first, at, point):  # type: ignore[no-untyped-def]
    """Append a code point, but no space at the start or after another."""
    if point == SPACE and (at == first or out[at - 1] == SPACE):
        return at
    out[at] = point
    return at + 1
