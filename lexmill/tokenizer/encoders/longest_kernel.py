"""The longest token first, wherever it is in the word."""

from __future__ import annotations

import numpy as np
from numba import njit

from lexmill.tokenizer.trie_kernel import child


@njit(cache=True, nogil=True)
def _longest_at(data, start, limit, base, check, value, taken, origin):  # type: ignore[no-untyped-def]
    """(length, id) of the longest free token of at most `limit` bytes at `start`; (0, -1) when there is none."""
    node, length, found = np.int64(0), np.int64(0), np.int32(-1)
    for step in range(limit):
        if taken[start + step - origin] >= 0:
            break
        node = child(base, check, node, data[start + step])
        if node < 0:
            break
        if value[node] >= 0:
            length, found = step + 1, value[node]
    return length, found


@njit(cache=True, nogil=True)
def longest_anywhere(data, offsets, base, check, value):  # type: ignore[no-untyped-def]
    """Take the longest token of the word, the leftmost of equals, then go on left and right of it.

    Lengths are gone through from the longest; a place keeps the longest token that still fits, and looks for a shorter
    one when a neighbour has taken its bytes.  Returns ids int32 and int64 offsets[n + 1].
    """
    out = np.empty(offsets[-1] - offsets[0], np.int32)
    bounds = np.zeros(len(offsets), np.int64)
    longest = 0
    for word in range(len(offsets) - 1):
        longest = max(longest, offsets[word + 1] - offsets[word])
    taken = np.empty(longest, np.int64)  # length of the token that starts here, 0 inside one, -1 free
    length_at, id_at = np.empty(longest, np.int64), np.empty(longest, np.int32)
    waiting = np.zeros(longest + 1, np.int64)  # how many places wait with a token of each length
    used = 0
    for word in range(len(offsets) - 1):
        start, size = offsets[word], offsets[word + 1] - offsets[word]
        taken[:size] = -1
        widest = np.int64(0)
        for place in range(size):
            at = start + place
            length, found = _longest_at(data, at, size - place, base, check, value, taken, start)
            length_at[place], id_at[place] = length, found
            waiting[length] += 1
            widest = max(widest, length)
        for length in range(widest, 0, -1):
            place = 0
            while waiting[length] > 0:
                if length_at[place] == length:
                    waiting[length] -= 1
                    length_at[place] = 0
                    if taken[place] < 0 and taken[place + length - 1] < 0:
                        taken[place] = length
                        taken[place + 1 : place + length] = 0
                    elif taken[place] < 0:
                        at = start + place
                        shorter, found = _longest_at(data, at, length - 1, base, check, value, taken, start)
                        length_at[place], id_at[place] = shorter, found
                        waiting[shorter] += 1
                place += 1
        waiting[0] = 0
        place = np.int64(0)
        while place < size:
            out[used] = id_at[place]
            used += 1
            place += taken[place]
        bounds[word + 1] = used
    return out[:used], bounds
