"""Pairs of token ids: a hash table of what is known of each, and the heap that gives the best one (compiled by numba).

A pair is one int64 key, `left << 32 | right`.  The table is an int64 array of 2^k rows with the key in front (`FREE`
where there is no pair): what is known of a pair comes with the same cache line.  The heap is two arrays, counts and
keys.
"""

from __future__ import annotations

import numpy as np
from numba import njit

FREE = -1


@njit(cache=True, inline="always")
def pair_key(left, right):  # type: ignore[no-untyped-def]  # numba infers types
    """The key of a pair of ids."""
    return (np.int64(left) << 32) | np.int64(right)


@njit(cache=True, inline="always")
def bucket(key, mask):  # type: ignore[no-untyped-def]
    """Fibonacci hashing of a pair key into a power-of-two table."""
    mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    return np.int64((mixed ^ (mixed >> np.uint64(29))) >> np.uint64(16)) & mask


@njit(cache=True, inline="always")
def place_of(keys, key):  # type: ignore[no-untyped-def]
    """Where a key stands, or would go, in a table whose keys are an array of their own."""
    mask = len(keys) - 1
    at = bucket(key, mask)
    while keys[at] != key and keys[at] != FREE:
        at = (at + 1) & mask
    return at


@njit(cache=True)
def grown_table(keys, slots, size):  # type: ignore[no-untyped-def]
    """The same table of keys and their int32 slots with `size` places (a power of two)."""
    bigger, bigger_slots = np.full(size, FREE, np.int64), np.empty(size, np.int32)
    for at in range(len(keys)):
        if keys[at] != FREE:
            to = place_of(bigger, keys[at])
            bigger[to], bigger_slots[to] = keys[at], slots[at]
    return bigger, bigger_slots


@njit(cache=True, inline="always")
def row_of(rows, key):  # type: ignore[no-untyped-def]
    """The row where a key stands, or where it would go."""
    mask = len(rows) - 1
    at = bucket(key, mask)
    while rows[at, 0] != key and rows[at, 0] != FREE:
        at = (at + 1) & mask
    return at


@njit(cache=True)
def grown_rows(rows, size):  # type: ignore[no-untyped-def]
    """The same table with `size` rows (a power of two)."""
    bigger = np.full((size, rows.shape[1]), FREE, np.int64)
    for at in range(len(rows)):
        if rows[at, 0] != FREE:
            bigger[row_of(bigger, rows[at, 0])] = rows[at]
    return bigger


@njit(cache=True)
def grown(array, size):  # type: ignore[no-untyped-def]
    """A copy with room for `size` values; those behind the old ones are undefined."""
    bigger = np.empty(size, array.dtype)
    bigger[: len(array)] = array
    return bigger


@njit(cache=True, inline="always")
def _before(count_a, key_a, count_b, key_b):  # type: ignore[no-untyped-def]
    """Heap order: larger count first, then smaller (left, right) ids."""
    return count_a > count_b or (count_a == count_b and key_a < key_b)


@njit(cache=True)
def push(counts, keys, size, count, key):  # type: ignore[no-untyped-def]
    """Add an entry to a heap of `size` entries; the arrays have room."""
    at = size
    while at > 0:
        parent = (at - 1) >> 1
        if not _before(count, key, counts[parent], keys[parent]):
            break
        counts[at], keys[at] = counts[parent], keys[parent]
        at = parent
    counts[at], keys[at] = count, key


@njit(cache=True)
def _sift_down(counts, keys, size):  # type: ignore[no-untyped-def]
    """Put the root where it belongs."""
    count, key = counts[0], keys[0]
    at = 0
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        right = child + 1
        if right < size and _before(counts[right], keys[right], counts[child], keys[child]):
            child = right
        if not _before(counts[child], keys[child], count, key):
            break
        counts[at], keys[at] = counts[child], keys[child]
        at = child
    counts[at], keys[at] = count, key


@njit(cache=True)
def pop(counts, keys, size, rows, floor):  # type: ignore[no-untyped-def]
    """Take the best pair off the heap: (its row, heap size); row -1 when no pair reaches `floor`.

    Counts (second column of `rows`) only fall, so an entry whose pair has fallen since it was pushed is moved down, or
    dropped below `floor`.
    """
    while size > 0:
        row = row_of(rows, keys[0])
        current = rows[row, 1]
        fresh = current == counts[0]
        if fresh or current < floor:
            size -= 1
            counts[0], keys[0] = counts[size], keys[size]
        else:
            counts[0] = current
        if size:
            _sift_down(counts, keys, size)
        if fresh:
            return row, size
    return np.int64(-1), size
