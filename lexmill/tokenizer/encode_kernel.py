"""Merge rules on flat arrays: the adjacent pair of lowest rank is merged, the leftmost of equals, until none is left.

A short word is scanned for its best pair; a long one keeps its pairs in a heap, so that a word of n bytes costs
O(n log n).  Dropout (Provilkov et al. 2020, arXiv 1910.13267, algorithm 1) uses the heap as well: before every merge
each possible place is left out with probability p, which is the same as taking places in their order until one is not
left out, and putting the others back.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from lexmill.tokenizer.random_kernel import mixed, unit

NONE = np.int32(2**31 - 1)
SHORT = 64  # bytes up to which a scan is faster than a heap
_ODD = np.uint64(0x9E3779B97F4A7C15)


@njit(cache=True, nogil=True, inline="always")
def slot(key, mask):  # type: ignore[no-untyped-def]
    """Where an int64 key is looked for first in a table of mask + 1 places, a power of two."""
    spread = np.uint64(key) * _ODD
    return np.int64((spread ^ (spread >> np.uint64(32))) & np.uint64(mask))


@njit(cache=True, nogil=True)
def rank_table(left, right):  # type: ignore[no-untyped-def]
    """Open-addressing table of the pairs (int32 ids): int64 keys (-1: empty) and int32 ranks; the first of equals."""
    size = 1 << 10
    while size < 3 * len(left):
        size *= 2
    keys, ranks = np.full(size, -1, np.int64), np.full(size, NONE, np.int32)
    for rank in range(len(left)):
        key = (np.int64(left[rank]) << 32) | right[rank]
        at = slot(key, size - 1)
        while keys[at] >= 0 and keys[at] != key:
            at = (at + 1) & (size - 1)
        if keys[at] < 0:
            keys[at], ranks[at] = key, rank
    return keys, ranks


@njit(cache=True, nogil=True)
def rank_of(keys, ranks, left, right):  # type: ignore[no-untyped-def]
    """Rank of a pair of ids, NONE when it is not merged."""
    key = (np.int64(left) << 32) | right
    mask = len(keys) - 1
    at = slot(key, mask)
    while keys[at] >= 0:
        if keys[at] == key:
            return ranks[at]
        at = (at + 1) & mask
    return NONE


@njit(cache=True, nogil=True)
def _merge_short(ids, size, rank_at, keys, ranks, new):  # type: ignore[no-untyped-def]
    """Merge a word in place; returns how many ids are left."""
    for place in range(size - 1):
        rank_at[place] = rank_of(keys, ranks, ids[place], ids[place + 1])
    while size > 1:
        best, at = NONE, 0
        for place in range(size - 1):
            if rank_at[place] < best:
                best, at = rank_at[place], place
        if best == NONE:
            break
        ids[at] = new[best]
        size -= 1
        for place in range(at + 1, size):
            ids[place] = ids[place + 1]
        for place in range(at + 1, size - 1):
            rank_at[place] = rank_at[place + 1]
        if at > 0:
            rank_at[at - 1] = rank_of(keys, ranks, ids[at - 1], ids[at])
        if at < size - 1:
            rank_at[at] = rank_of(keys, ranks, ids[at], ids[at + 1])
    return size


@njit(cache=True, nogil=True)
def _push(heap, used, item):  # type: ignore[no-untyped-def]
    at = used
    while at > 0:
        above = (at - 1) >> 1
        if heap[above] <= item:
            break
        heap[at] = heap[above]
        at = above
    heap[at] = item
    return used + 1


@njit(cache=True, nogil=True)
def _pop(heap, used):  # type: ignore[no-untyped-def]
    """Remove the smallest item, which is `heap[0]`."""
    used -= 1
    item, at = heap[used], 0
    while True:
        below = 2 * at + 1
        if below >= used:
            break
        if below + 1 < used and heap[below + 1] < heap[below]:
            below += 1
        if heap[below] >= item:
            break
        heap[at] = heap[below]
        at = below
    heap[at] = item
    return used


@njit(cache=True, nogil=True)
def _merge_heap(ids, size, keys, ranks, new, dropout, stream):  # type: ignore[no-untyped-def]
    """Merge a word in place with a heap of (rank, place); returns how many ids are left.

    dropout: probability of leaving a place out; stream: uint64, the random numbers of this word.
    """
    following, before = np.empty(size, np.int32), np.empty(size, np.int32)
    rank_at = np.full(size, NONE, np.int32)  # of the pair that starts at a place; NONE: no pair, or no symbol
    heap, skipped = np.empty(3 * size, np.int64), np.empty(3 * size if dropout > 0 else 0, np.int64)
    used, left_out, draw = 0, 0, np.uint64(0)
    for place in range(size):
        following[place], before[place] = place + 1, place - 1
        if place < size - 1:
            rank_at[place] = rank_of(keys, ranks, ids[place], ids[place + 1])
            if rank_at[place] != NONE:
                used = _push(heap, used, (np.int64(rank_at[place]) << 32) | place)
    while used > 0:
        item = heap[0]
        used = _pop(heap, used)
        rank, place = item >> 32, item & 0xFFFFFFFF
        if rank_at[place] != rank:
            continue
        if dropout > 0:
            draw += np.uint64(1)
            if unit(mixed(stream + draw)) < dropout:
                skipped[left_out] = item
                left_out += 1
                continue
        gone = following[place]
        after = following[gone]
        ids[place], ids[gone] = new[rank], -1
        rank_at[place] = rank_at[gone] = NONE
        following[place] = after
        if after < size:
            before[after] = place
            rank_at[place] = rank_of(keys, ranks, ids[place], ids[after])
            if rank_at[place] != NONE:
                used = _push(heap, used, (np.int64(rank_at[place]) << 32) | place)
        if before[place] >= 0:
            near = before[place]
            rank_at[near] = rank_of(keys, ranks, ids[near], ids[place])
            if rank_at[near] != NONE:
                used = _push(heap, used, (np.int64(rank_at[near]) << 32) | near)
        while left_out > 0:
            left_out -= 1
            used = _push(heap, used, skipped[left_out])
    write = 0
    for place in range(size):
        if ids[place] >= 0:
            ids[write] = ids[place]
            write += 1
    return write


@njit(cache=True, nogil=True)
def merge_words(data, offsets, id_of_byte, keys, ranks, new, dropout, streams):  # type: ignore[no-untyped-def]
    """Encode words: uint8 data, int64 offsets[n + 1]; ids int32 in a row and their int64 offsets[n + 1].

    keys, ranks: of `rank_table`; new: int32, id that merge i makes; dropout: float64, 0 for plain merging; streams:
    uint64[n], one stream of random numbers for each word (empty without dropout).
    """
    out = np.empty(offsets[-1] - offsets[0], np.int32)
    bounds = np.zeros(len(offsets), np.int64)
    rank_at = np.empty(SHORT, np.int32)
    used = 0
    for word in range(len(offsets) - 1):
        start = offsets[word]
        size = offsets[word + 1] - start
        ids = out[used : used + size]
        for place in range(size):
            ids[place] = id_of_byte[data[start + place]]
        if dropout > 0:
            size = _merge_heap(ids, size, keys, ranks, new, dropout, streams[word])
        elif size <= SHORT:
            size = _merge_short(ids, size, rank_at, keys, ranks, new)
        else:
            size = _merge_heap(ids, size, keys, ranks, new, dropout, np.uint64(0))
        used += size
        bounds[word + 1] = used
    return out[:used], bounds
