"""The inner loops of Unigram training on distinct words (compiled by numba).

Every place of every word holds the pieces that start there: `edges[first[place] : first[place + 1]]` (int32 ids, short
pieces first), places are bytes of `data`.  The lattice is laid out once and only loses edges afterwards.  A path's
probability is a product over pieces that cover the word, so multiplying each piece by exp(tilt x its bytes) changes no
expectation; with a tilt near the mean cost of a byte, the products stay far from underflow.  Words for which they do
not are done with logarithms.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from lexmill.tokenizer.trie_kernel import child

_SMALLEST, _LARGEST = 1e-280, 1e280


@njit(cache=True, nogil=True)
def lattice(data, offsets, trie):  # type: ignore[no-untyped-def]  # numba infers types
    """All pieces of `trie` (int32 base, check, value) in the words (uint8 data, int64 offsets[n + 1]).

    Returns first: int64[bytes + 1], edges: int32.
    """
    base, check, value = trie
    first = np.zeros(len(data) + 1, np.int64)
    edges = np.empty(0, np.int32)
    for fill in range(2):
        if fill:
            edges = np.empty(first[len(data)], np.int32)
        found = 0
        for word in range(len(offsets) - 1):
            for place in range(offsets[word], offsets[word + 1]):
                node = 0
                for at in range(place, offsets[word + 1]):
                    node = child(base, check, node, np.int64(data[at]))
                    if node < 0:
                        break
                    if value[node] >= 0:
                        if fill:
                            edges[found] = value[node]
                        found += 1
                first[place + 1] = found
    return first, edges


@njit(cache=True, nogil=True)
def without(first, edges, renamed):  # type: ignore[no-untyped-def]
    """Drop the edges of pieces whose new number `renamed` (int32) is negative, in place; returns the edges kept."""
    kept = 0
    start = first[0]
    for place in range(len(first) - 1):
        stop = first[place + 1]
        for edge in range(start, stop):
            number = renamed[edges[edge]]
            if number >= 0:
                edges[kept] = number
                kept += 1
        start = stop
        first[place + 1] = kept
    return edges[:kept]


@njit(cache=True)
def _by_logarithms(begin, size, first, edges, scores, sizes, count, forward, backward, expected):  # type: ignore[no-untyped-def]
    """`expected_counts` of one word, however improbable."""
    forward[: size + 1] = -np.inf
    backward[: size + 1] = -np.inf
    forward[0], backward[size] = 0.0, 0.0
    for at in range(size):
        for edge in range(first[begin + at], first[begin + at + 1]):
            end, add = at + sizes[edges[edge]], forward[at] + scores[edges[edge]]
            forward[end] = _log_of_sum(forward[end], add)
    for at in range(size - 1, -1, -1):
        for edge in range(first[begin + at], first[begin + at + 1]):
            piece = edges[edge]
            add = scores[piece] + backward[at + sizes[piece]]
            expected[piece] += count * math.exp(forward[at] + add - forward[size])
            backward[at] = _log_of_sum(backward[at], add)
    return forward[size]


@njit(cache=True, inline="always")
def _log_of_sum(a, b):  # type: ignore[no-untyped-def]
    if a < b:
        a, b = b, a
    return a if b == -np.inf else a + math.log1p(math.exp(b - a))


@njit(cache=True, nogil=True)
def expected_counts(offsets, counts, first, edges, scores, sizes, tilt):  # type: ignore[no-untyped-def]
    """How often each piece is expected, over all segmentations of all words (forward-backward).

    counts: float64[n]; scores: float64 log probabilities and sizes: int32 bytes by piece; tilt: float64.
    Returns expected: float64 by piece, and the log probability of all words together.
    """
    longest = 1
    for word in range(len(offsets) - 1):
        longest = max(longest, offsets[word + 1] - offsets[word])
    forward, backward = np.empty(longest + 1), np.empty(longest + 1)
    expected = np.zeros(len(scores))
    tilted = np.exp(scores + tilt * sizes)
    total = 0.0
    for word in range(len(offsets) - 1):
        begin, size, count = offsets[word], offsets[word + 1] - offsets[word], counts[word]
        forward[: size + 1] = 0.0
        forward[0] = 1.0
        for at in range(size):
            here = forward[at]
            if here > 0.0:
                for edge in range(first[begin + at], first[begin + at + 1]):
                    forward[at + sizes[edges[edge]]] += here * tilted[edges[edge]]
        whole = forward[size]
        if not _SMALLEST < whole < _LARGEST:
            total += count * _by_logarithms(
                begin, size, first, edges, scores, sizes, count, forward, backward, expected
            )
            continue
        total += count * (math.log(whole) - tilt * size)
        backward[size] = 1.0
        for at in range(size - 1, -1, -1):
            behind, share = 0.0, count * forward[at] / whole
            for edge in range(first[begin + at], first[begin + at + 1]):
                piece = edges[edge]
                path = tilted[piece] * backward[at + sizes[piece]]
                behind += path
                expected[piece] += share * path
            backward[at] = behind
    return expected, total


@njit(cache=True, inline="always")
def _best_path(begin, size, first, edges, scores, sizes, apart, best, source):  # type: ignore[no-untyped-def]
    """Largest sum of scores over `size` bytes from place `begin`, without piece `apart`: fills `best` and `source`."""
    for at in range(1, size + 1):
        best[at] = -np.inf
    best[0] = 0.0
    for at in range(size):
        here = best[at]
        for edge in range(first[begin + at], first[begin + at + 1]):
            piece = edges[edge]
            end = at + sizes[piece]
            if end <= size and piece != apart and here + scores[piece] > best[end]:
                best[end] = here + scores[piece]
                source[end] = piece


@njit(cache=True, nogil=True)
def best_uses(offsets, counts, first, edges, scores, sizes):  # type: ignore[no-untyped-def]
    """float64 by piece: how often it is on the best path of a word."""
    longest = 1
    for word in range(len(offsets) - 1):
        longest = max(longest, offsets[word + 1] - offsets[word])
    best, source = np.empty(longest + 1), np.empty(longest + 1, np.int32)
    uses = np.zeros(len(scores))
    for word in range(len(offsets) - 1):
        size = offsets[word + 1] - offsets[word]
        _best_path(offsets[word], size, first, edges, scores, sizes, -1, best, source)
        at = size
        while at > 0:
            uses[source[at]] += counts[word]
            at -= sizes[source[at]]
    return uses


@njit(cache=True, nogil=True)
def pruning_losses(places, first, edges, scores, sizes, uses):  # type: ignore[no-untyped-def]
    """What the log probability of the text loses, for each occurrence in it, when a piece is spelled by others.

    places: int64 by piece, where in `data` it stands once, -1 for a piece that must stay; uses: see `best_uses`.
    Returns float64: inf for pieces that must stay, -1 for those that are never on a best path.
    """
    losses = np.full(len(places), np.inf)
    best, source = np.empty(sizes.max() + 1), np.empty(sizes.max() + 1, np.int32)
    total = uses.sum()
    for piece in range(len(places)):
        if places[piece] < 0:
            continue
        size = sizes[piece]
        _best_path(places[piece], size, first, edges, scores, sizes, piece, best, source)
        if uses[piece] == 0.0 or best[size] > scores[piece]:
            losses[piece] = -1.0
            continue
        others, number, at = 0.0, 0, size
        while at > 0:
            others += math.log(uses[source[at]] + uses[piece])
            number += 1
            at -= sizes[source[at]]
        with_it = math.log(uses[piece]) - math.log(total)
        without_it = others - number * math.log(total + uses[piece] * (number - 1))
        losses[piece] = uses[piece] / total * (with_it - without_it)
    return losses
