"""Which documents stay, given which pairs are duplicates (compiled by numba)."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def first_leaders(lower, higher, count):  # type: ignore[no-untyped-def]  # numba infers types
    """int64 (count,): index of the pair that drops each position, or -1 for positions that stay.

    lower, higher: int64 (pairs,), positions with lower < higher, sorted by (higher, lower).  A position is dropped
    when a lower one that stays is its duplicate; of several the lowest counts.  So positions that stay are never
    duplicates of one another (the lexicographically first maximal independent set of the graph).
    """
    leader = np.full(count, -1, np.int64)
    for pair in range(len(lower)):
        if leader[higher[pair]] < 0 and leader[lower[pair]] < 0:
            leader[higher[pair]] = pair
    return leader
