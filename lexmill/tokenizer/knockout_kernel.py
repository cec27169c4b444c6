"""Which merge closed which gap between bytes (compiled by numba)."""

from __future__ import annotations

import numpy as np
from numba import njit

from lexmill.tokenizer.pair_store import grown


@njit(cache=True, nogil=True)
def count_gaps(ids, places, left, right, lengths, boundary):  # type: ignore[no-untyped-def]  # numba infers types
    """Of each merge: how many gaps it closes, and how many of these are boundaries (both int64[m]).

    ids, places: int32 tokens of encoded words, int64 where each begins in the flat bytes; left, right: int32[m];
    lengths: int32 bytes of each id; boundary: bool of each byte offset.
    """
    base = len(lengths) - len(left)
    closed, hidden = np.zeros(len(left), np.int64), np.zeros(len(left), np.int64)
    tokens, starts = np.empty(64, np.int32), np.empty(64, np.int64)
    for index in range(len(ids)):
        tokens[0], starts[0] = ids[index], places[index]
        waiting = 1
        while waiting:
            waiting -= 1
            merge, start = tokens[waiting] - base, starts[waiting]
            if merge < 0:
                continue
            gap = start + lengths[left[merge]]
            closed[merge] += 1
            hidden[merge] += boundary[gap]
            tokens, starts = grown(tokens, waiting + 2), grown(starts, waiting + 2)
            tokens[waiting], starts[waiting] = left[merge], start
            tokens[waiting + 1], starts[waiting + 1] = right[merge], gap
            waiting += 2
    return closed, hidden
