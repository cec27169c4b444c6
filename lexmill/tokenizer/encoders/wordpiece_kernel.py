"""Longest match from the left with other tokens at the start of a word than inside (compiled by numba)."""

from __future__ import annotations

import numpy as np
from numba import njit

from lexmill.tokenizer.trie_kernel import child


@njit(cache=True, nogil=True)
def longest_pieces(data, offsets, starts, continuations):  # type: ignore[no-untyped-def]  # numba infers types
    """Encode words (uint8 data, int64 offsets[n + 1]); the tries (int32 base, check, value) hold every byte.

    Returns int32 places in the trie's vocabulary, that of a continuation as -1 - place, and int64 bounds[n + 1].
    """
    pieces = np.empty(offsets[-1] - offsets[0], np.int32)
    bounds = np.zeros(len(offsets), np.int64)
    found = 0
    for word in range(len(offsets) - 1):
        at = offsets[word]
        while at < offsets[word + 1]:
            first = at == offsets[word]
            base, check, value = starts if first else continuations
            node, end, place = 0, at, np.int32(-1)
            for behind in range(at, offsets[word + 1]):
                node = child(base, check, node, np.int64(data[behind]))
                if node < 0:
                    break
                if value[node] >= 0:
                    end, place = behind + 1, value[node]
            pieces[found] = place if first else -1 - place
            found += 1
            at = end
        bounds[word + 1] = found
    return pieces[:found].copy(), bounds
