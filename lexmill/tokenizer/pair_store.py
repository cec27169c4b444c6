"""Pairs of adjacent tokens whose weights rise and fall, the largest first (compiled by numba).

A pair owns a *slot*: its key (left << 32 | right), its weight (how often it occurs), and a chain of *stretches* of
`pool`, the cells where it was seen.  The queue is a binary heap which holds, for every pair with a weight, an entry
that is not smaller: whoever raises a weight pushes one, and an entry that is too large is corrected when it comes out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

SLOTS, STRETCHES, POOL, QUEUED = 0, 1, 2, 3  # what is used of a store's arrays: int64[4]
_ODD = np.uint64(0x9E3779B97F4A7C15)


class Store(NamedTuple):
    """Arrays by slot (key, weight: int64; head, tail: int32), by stretch (start, stop: int64; following: int32), the
    pool (int32), the hash table of slots (int32) and the queue (weight, key: int64; slot: int32)."""

    key: np.ndarray
    weight: np.ndarray
    head: np.ndarray
    tail: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    following: np.ndarray
    pool: np.ndarray
    table: np.ndarray
    queue_weight: np.ndarray
    queue_key: np.ndarray
    queue_slot: np.ndarray


@njit(cache=True, nogil=True)
def grown(array, size):  # type: ignore[no-untyped-def]  # numba infers types
    """The array, with room for at least `size` items; what is new is undefined."""
    if size <= len(array):
        return array
    bigger = np.empty(size + size // 2, array.dtype)
    bigger[: len(array)] = array
    return bigger


@njit(cache=True, nogil=True, inline="always")
def pair_key(left, right):  # type: ignore[no-untyped-def]
    """The key of a pair of token ids."""
    return (np.int64(left) << 32) | np.int64(right)


@njit(cache=True, nogil=True, inline="always")
def _bucket(key, mask):  # type: ignore[no-untyped-def]
    mixed = np.uint64(key) * _ODD
    return np.int64((mixed ^ (mixed >> np.uint64(32))) & np.uint64(mask))


@njit(cache=True, nogil=True)
def find(table, slot_key, key):  # type: ignore[no-untyped-def]
    """Slot of a key, -1 when there is none."""
    mask = len(table) - 1
    at = _bucket(key, mask)
    while table[at] >= 0:
        if slot_key[table[at]] == key:
            return np.int64(table[at])
        at = (at + 1) & mask
    return np.int64(-1)


@njit(cache=True, nogil=True)
def _insert(table, slot_key, slot):  # type: ignore[no-untyped-def]
    mask = len(table) - 1
    at = _bucket(slot_key[slot], mask)
    while table[at] >= 0:
        at = (at + 1) & mask
    table[at] = slot


@njit(cache=True, nogil=True)
def _table_for(table, slot_key, slots, wanted):  # type: ignore[no-untyped-def]
    """The table of `slots` slots, or a larger one where `wanted` would fill more than half of it."""
    size = len(table)
    if 2 * wanted <= size:
        return table
    while size < 4 * wanted:
        size *= 2
    table = np.full(size, -1, np.int32)
    for slot in range(slots):
        _insert(table, slot_key, slot)
    return table


@njit(cache=True, nogil=True, inline="always")
def _before(count_a, key_a, count_b, key_b):  # type: ignore[no-untyped-def]
    """Larger weight first, then smaller (left, right) ids."""
    return count_a > count_b or (count_a == count_b and key_a < key_b)


@njit(cache=True, nogil=True)
def _sift_down(counts, keys, slots, size, at):  # type: ignore[no-untyped-def]
    count, key, slot = counts[at], keys[at], slots[at]
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        right = child + 1
        if right < size and _before(counts[right], keys[right], counts[child], keys[child]):
            child = right
        if not _before(counts[child], keys[child], count, key):
            break
        counts[at], keys[at], slots[at] = counts[child], keys[child], slots[child]
        at = child
    counts[at], keys[at], slots[at] = count, key, slot


@njit(cache=True, nogil=True)
def new_store(key, count, start, stop, pool):  # type: ignore[no-untyped-def]
    """(store, used) of first pairs with one stretch each."""
    slots = len(key)
    node = np.arange(slots).astype(np.int32)
    table = _table_for(np.full(1024, -1, np.int32), key, 0, slots)
    for slot in range(slots):
        _insert(table, key, slot)
    queue_weight, queue_key, queue_slot = count.copy(), key.copy(), node.copy()
    for at in range(slots // 2 - 1, -1, -1):
        _sift_down(queue_weight, queue_key, queue_slot, slots, at)
    following = np.full(slots, -1, np.int32)
    used = np.array([slots, slots, len(pool), slots])
    queue = (queue_weight, queue_key, queue_slot)
    return Store(key, count, node, node.copy(), start, stop, following, pool, table, *queue), used


@njit(cache=True, nogil=True)
def reserved(store, used, pairs, stretches, places):  # type: ignore[no-untyped-def]
    """The store with room for so many more pairs, each pushed once, stretches and places."""
    slots, nodes, queued = used[SLOTS] + pairs, used[STRETCHES] + stretches, used[QUEUED] + pairs
    key = grown(store.key, slots)
    return Store(
        key,
        grown(store.weight, slots),
        grown(store.head, slots),
        grown(store.tail, slots),
        grown(store.start, nodes),
        grown(store.stop, nodes),
        grown(store.following, nodes),
        grown(store.pool, used[POOL] + places),
        _table_for(store.table, key, used[SLOTS], slots),
        grown(store.queue_weight, queued),
        grown(store.queue_key, queued),
        grown(store.queue_slot, queued),
    )


@njit(cache=True, nogil=True)
def slot_of(store, used, key):  # type: ignore[no-untyped-def]
    """Slot of a pair, made when it is new; needs room for it."""
    slot = find(store.table, store.key, key)
    if slot < 0:
        slot = used[SLOTS]
        used[SLOTS] += 1
        store.key[slot], store.weight[slot], store.head[slot] = key, 0, -1
        _insert(store.table, store.key, slot)
    return slot


@njit(cache=True, nogil=True)
def append_stretch(store, used, head, tail, owner, start, stop):  # type: ignore[no-untyped-def]
    """Put a stretch of the pool at the end of the chain of `owner`."""
    node = used[STRETCHES]
    used[STRETCHES] += 1
    store.start[node], store.stop[node], store.following[node] = start, stop, -1
    if head[owner] < 0:
        head[owner] = node
    else:
        store.following[tail[owner]] = node
    tail[owner] = node


@njit(cache=True, nogil=True)
def gathered(store, node, ordered):  # type: ignore[no-untyped-def]
    """A copy of the places of the chain that begins at `node`, ascending when `ordered`."""
    total, at = 0, node
    while at >= 0:
        total += store.stop[at] - store.start[at]
        at = store.following[at]
    places = np.empty(total, np.int32)
    done = 0
    while node >= 0:
        size = store.stop[node] - store.start[node]
        places[done : done + size] = store.pool[store.start[node] : store.stop[node]]
        done += size
        node = store.following[node]
    if ordered:
        places.sort()
    return places


@njit(cache=True, nogil=True)
def push(store, used, slot):  # type: ignore[no-untyped-def]
    """Tell the queue that the weight of a slot rose; needs room for it."""
    counts, keys, slots = store.queue_weight, store.queue_key, store.queue_slot
    count, key, at = store.weight[slot], store.key[slot], used[QUEUED]
    used[QUEUED] += 1
    while at > 0:
        parent = (at - 1) >> 1
        if not _before(count, key, counts[parent], keys[parent]):
            break
        counts[at], keys[at], slots[at] = counts[parent], keys[parent], slots[parent]
        at = parent
    counts[at], keys[at], slots[at] = count, key, slot


@njit(cache=True, nogil=True)
def pop_best(store, used):  # type: ignore[no-untyped-def]
    """Take the pair of the largest weight out of the queue: its slot, -1 when no pair has any."""
    counts, keys, slots = store.queue_weight, store.queue_key, store.queue_slot
    while used[QUEUED] > 0:
        size, slot, count = used[QUEUED], np.int64(slots[0]), counts[0]
        current = store.weight[slot]
        if 0 < current < count:  # fell since it was pushed: put it where it belongs now
            counts[0] = current
            _sift_down(counts, keys, slots, size, 0)
            continue
        size -= 1
        used[QUEUED] = size
        counts[0], keys[0], slots[0] = counts[size], keys[size], slots[size]
        if size:
            _sift_down(counts, keys, slots, size, 0)
        if current == count:  # otherwise it is 0, or rose and was pushed again
            return slot
    return np.int64(-1)
