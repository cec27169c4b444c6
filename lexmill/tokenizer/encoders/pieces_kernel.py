"""Putting what belongs to distinct words back into the order of texts."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def gather(ids, offsets, order, bounds):  # type: ignore[no-untyped-def]
    """Put the ids of distinct words into the order of texts.

    ids int32, offsets int64[k + 1]: of the words; order: int32[m], word numbers of all texts in a row; bounds:
    int64[texts + 1] into `order`.  Returns ids (int32) and int64 offsets[texts + 1].
    """
    ends = np.zeros(len(bounds), np.int64)
    total = 0
    for text in range(len(bounds) - 1):
        for piece in range(bounds[text], bounds[text + 1]):
            total += offsets[order[piece] + 1] - offsets[order[piece]]
        ends[text + 1] = total
    out = np.empty(total, np.int32)
    used = 0
    for piece in range(bounds[-1]):
        for place in range(offsets[order[piece]], offsets[order[piece] + 1]):
            out[used] = ids[place]
            used += 1
    return out, ends


@njit(cache=True, nogil=True)
def sum_pieces(lengths, order, bounds):  # type: ignore[no-untyped-def]
    """int64[texts] sums of the words' int64 lengths over the pieces of each text (see `gather`)."""
    out = np.zeros(len(bounds) - 1, np.int64)
    for text in range(len(out)):
        for piece in range(bounds[text], bounds[text + 1]):
            out[text] += lengths[order[piece]]
    return out
