"""Shortest paths through words, and what each token on them saves (compiled by numba)."""

from __future__ import annotations

import numpy as np
from numba import njit

from lexmill.tokenizer.trie_kernel import child

LONGEST = 1 << 16  # bytes; longer words do not take part, which bounds the memory


@njit(cache=True, nogil=True)
def path_scores(data, offsets, counts, trie, tokens):  # type: ignore[no-untyped-def]  # numba infers types
    """How much longer the shortest paths of all words would be without each token, one occurrence at a time.

    data: uint8; offsets: int64[n + 1]; counts: int64[n]; trie: int32 (base, check, value), which holds all bytes;
    tokens: number of token ids.  Of equally short paths the one whose last tokens are longest is taken.  A path that
    avoids the token from i to j either stops in between, or has a longer token over all of it:
    `min(forward[k] + backward[k], forward[s] + 1 + backward[e]) - shortest`, with i < k < j, s <= i, j <= e.
    Returns int64 scores and uses by token, both weighted by the counts; single bytes score 0.
    """
    base, check, value = trie
    scores, uses = np.zeros(tokens, np.int64), np.zeros(tokens, np.int64)
    longest = 1
    for word in range(len(offsets) - 1):
        longest = max(longest, min(LONGEST, offsets[word + 1] - offsets[word]))
    forward = np.empty(longest + 1, np.int32)  # tokens of the shortest path up to a place, and from it on
    backward = np.empty(longest + 1, np.int32)
    source = np.empty(
        longest + 1, np.int32
    )  # where the last token of the path to a place starts, and which it is
    token = np.empty(longest + 1, np.int32)
    first = np.empty(longest + 1, np.int64)  # the matches that start at a place, in `end` and `id`
    end = np.empty(8 * longest + 1024, np.int32)
    for word in range(len(offsets) - 1):
        begin, size = offsets[word], offsets[word + 1] - offsets[word]
        if size < 2 or size > LONGEST or counts[word] == 0:
            if size == 1:
                uses[value[child(base, check, 0, data[begin])]] += counts[word]
            continue
        forward[0] = 0
        for place in range(1, size + 1):
            forward[place] = 2147483647
        found, reach = 0, 1  # reach: bytes of the longest match
        for place in range(size):
            first[place] = found
            node = 0
            for stop in range(place, size):
                node = child(base, check, node, data[begin + stop])
                if node < 0:
                    break
                if value[node] >= 0:
                    if found == len(end):
                        bigger = np.empty(2 * found, np.int32)
                        bigger[:found] = end
                        end = bigger
                    end[found] = stop + 1
                    found += 1
                    reach = max(reach, stop + 1 - place)
                    if (
                        forward[place] + 1 < forward[stop + 1]
                    ):  # the first comes from furthest: longest on ties
                        forward[stop + 1] = forward[place] + 1
                        source[stop + 1], token[stop + 1] = place, value[node]
        first[size] = found
        backward[size] = 0
        for place in range(size - 1, -1, -1):
            shortest = backward[end[first[place]]]
            for match in range(first[place] + 1, first[place + 1]):
                shortest = min(shortest, backward[end[match]])
            backward[place] = shortest + 1
        stop = size
        while stop > 0:
            start = source[stop]
            uses[token[stop]] += counts[word]
            if stop - start > 1:
                without = _shortest_without(start, stop, reach, forward, backward, first, end)
                scores[token[stop]] += (without - forward[size]) * counts[word]
            stop = start
    return scores, uses


@njit(cache=True, inline="always")
def _shortest_without(start, stop, reach, forward, backward, first, end):  # type: ignore[no-untyped-def]
    """Tokens of the shortest path that does not hold the token from `start` to `stop`; no match exceeds `reach`."""
    shortest = forward[start + 1] + backward[start + 1]
    for place in range(start + 2, stop):
        shortest = min(shortest, forward[place] + backward[place])
    for place in range(start, max(stop - reach, 0) - 1, -1):
        if forward[place] + 1 >= shortest:
            continue
        match = first[place + 1] - 1
        while match >= first[place] and end[match] >= stop:
            if place < start or end[match] > stop:
                shortest = min(shortest, forward[place] + 1 + backward[end[match]])
            match -= 1
    return shortest
