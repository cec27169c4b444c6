"""Words cut by the longest prefix, and what stands in place of each token when it is not there (compiled by numba)."""

from __future__ import annotations

import numpy as np
from numba import njit

from lexmill.tokenizer.trie_kernel import child

FAR = 64  # tokens; in a run of one letter the two cuts never meet again


@njit(cache=True, inline="always")
def longest_match(data, begin, stop, trie):  # type: ignore[no-untyped-def]  # numba infers types
    """(length, id) of the longest token that starts at `begin` and ends at `stop` or before."""
    base, check, value = trie
    node, length, found = 0, 0, -1
    for place in range(begin, stop):
        node = child(base, check, node, data[place])
        if node < 0:
            break
        if value[node] >= 0:
            length, found = place + 1 - begin, value[node]
    return length, found


@njit(cache=True, nogil=True)
def cut_words(data, offsets, trie):  # type: ignore[no-untyped-def]
    """Ids of the longest tokens from the left (int32, all words in a row), int64 bounds[n + 1], int32 token lengths."""
    ids, lengths = np.empty(len(data), np.int32), np.empty(len(data), np.int32)
    bounds = np.zeros(len(offsets), np.int64)
    used = 0
    for word in range(len(offsets) - 1):
        place = offsets[word]
        while place < offsets[word + 1]:
            length, found = longest_match(data, place, offsets[word + 1], trie)
            ids[used], lengths[used] = found, length
            used += 1
            place += length
        bounds[word + 1] = used
    return ids[:used].copy(), bounds, lengths[:used].copy()


@njit(cache=True, nogil=True)
def ablate_words(data, offsets, trie, bounds, lengths):  # type: ignore[no-untyped-def]
    """For every token of `cut_words` longer than a byte: how the word is cut when it may not be taken there.

    The cut takes the longest shorter token, and goes on as usual until it is back at a boundary of the first cut,
    or for FAR tokens.
    Returns int32 ids of all such cuts in a row, int64 starts[tokens + 1] into them (nothing for single bytes), and
    int32 span[tokens]: how many tokens of the first cut are replaced.
    """
    total = bounds[-1]
    starts, span = np.zeros(total + 1, np.int64), np.zeros(total, np.int32)
    out = np.empty(4 * total + 1024, np.int32)
    used = 0
    for word in range(len(offsets) - 1):
        place, stop = offsets[word], offsets[word + 1]
        for token in range(bounds[word], bounds[word + 1]):
            if lengths[token] > 1:
                if used + FAR > len(out):
                    bigger = np.empty(2 * (used + FAR), np.int32)
                    bigger[:used] = out[:used]
                    out = bigger
                at, boundary, after = place, place + lengths[token], token + 1
                room = place + lengths[token] - 1
                first = used
                while at < boundary and used < first + FAR:
                    length, found = longest_match(data, at, room, trie)
                    out[used] = found
                    used += 1
                    at += length
                    room = stop
                    while boundary < at:
                        boundary += lengths[after]
                        after += 1
                span[token] = after - token
            starts[token + 1] = used
            place += lengths[token]
    return out[:used].copy(), starts, span
