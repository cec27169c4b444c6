"""Replaying events on words (compiled by numba).

Each word keeps the events that apply to it in a heap of (event, place); performing one can only make later events
possible (what it makes is longer, or shorter, than what it took), so they come out in ascending order, and a word of n
bytes with k performed events costs O((n + k) log n).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from lexmill.tokenizer.pair_store import grown, pair_key

NONE = -1
_ODD = np.uint64(0x9E3779B97F4A7C15)


@njit(cache=True, nogil=True, inline="always")
def _bucket(key, mask):  # type: ignore[no-untyped-def]  # numba infers types
    mixed = np.uint64(key) * _ODD
    return np.int64((mixed ^ (mixed >> np.uint64(32))) & np.uint64(mask))


@njit(cache=True, nogil=True)
def index_events(source, source_at, ids):  # type: ignore[no-untyped-def]
    """Find the events by their first two source tokens, or by the only one.

    Returns keys int64 (-1: empty) and first events int32 of a hash table by pair, the first split int32[ids] of each
    token, the next event int32[e] of the same key (-1: none), and int64[1]: the longest source.
    """
    events = len(source_at) - 1
    size = 1 << 10
    while size < 3 * events:
        size *= 2
    keys, first = np.full(size, -1, np.int64), np.full(size, NONE, np.int32)
    split = np.full(ids, NONE, np.int32)
    following = np.full(events, NONE, np.int32)
    longest = 1
    for event in range(events - 1, -1, -1):  # backwards: the earliest ends up in front
        start, stop = source_at[event], source_at[event + 1]
        longest = max(longest, stop - start)
        if stop - start == 1:
            following[event] = split[source[start]]
            split[source[start]] = event
            continue
        key = pair_key(source[start], source[start + 1])
        at = _bucket(key, size - 1)
        while keys[at] >= 0 and keys[at] != key:
            at = (at + 1) & (size - 1)
        following[event] = first[at]
        keys[at], first[at] = key, event
    return keys, first, split, following, np.full(1, longest, np.int64)


@njit(cache=True, nogil=True)
def _applies(event, place, ids, end, lengths, source, source_at):  # type: ignore[no-untyped-def]
    """Whether the source of an event stands at a place."""
    for index in range(source_at[event], source_at[event + 1]):
        if place >= end or ids[place] != source[index]:
            return False
        place += lengths[source[index]]
    return True


@njit(cache=True, nogil=True)
def _next_event(after, place, ids, end, lengths, source, source_at, index):  # type: ignore[no-untyped-def]
    """The earliest event later than `after` that applies at a place, NONE when there is none."""
    keys, first, split, following, _ = index
    token = ids[place]
    best = split[token]
    while best >= 0 and best <= after:
        best = following[best]
    behind = place + lengths[token]
    if behind >= end:
        return best
    key = pair_key(token, ids[behind])
    mask = len(keys) - 1
    at = _bucket(key, mask)
    while keys[at] >= 0 and keys[at] != key:
        at = (at + 1) & mask
    event = first[at]
    while event >= 0 and (best < 0 or event < best):
        if event > after and _applies(event, place, ids, end, lengths, source, source_at):
            return event
        event = following[event]
    return best


@njit(cache=True, nogil=True)
def _push(heap, size, item):  # type: ignore[no-untyped-def]
    at = size
    while at > 0 and heap[(at - 1) >> 1] > item:
        heap[at] = heap[(at - 1) >> 1]
        at = (at - 1) >> 1
    heap[at] = item


@njit(cache=True, nogil=True)
def _pop(heap, size):  # type: ignore[no-untyped-def]
    """Take out the smallest of `size` items."""
    smallest, item = heap[0], heap[size - 1]
    size -= 1
    at = 0
    while 2 * at + 1 < size:
        child = 2 * at + 1
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= item:
            break
        heap[at] = heap[child]
        at = child
    heap[at] = item
    return smallest


@njit(cache=True, nogil=True)
def _replay_word(ids, before, size, heap, events, lengths, index):  # type: ignore[no-untyped-def]
    """Replay on one word, in place; ids: token at its first byte, -1 inside; before: first byte of the token before.

    Returns the heap, which may have grown.
    """
    source, source_at, target, target_at = events
    longest = index[4][0]
    waiting = 0
    for place in range(size):
        event = _next_event(-1, place, ids, size, lengths, source, source_at, index)
        if event >= 0:
            _push(heap, waiting, (np.int64(event) << 32) | place)
            waiting += 1
    while waiting:
        item = _pop(heap, waiting)
        waiting -= 1
        event, place = item >> 32, item & 0xFFFFFFFF
        if not _applies(event, place, ids, size, lengths, source, source_at):
            continue
        start, stop = target_at[event], target_at[event + 1]
        at, last = place, place
        for part in range(source_at[event], source_at[event + 1]):
            ids[at] = -1
            at += lengths[source[part]]
        at = place
        for part in range(start, stop):
            ids[at] = target[part]
            if at > place:
                before[at] = last
            last = at
            at += lengths[target[part]]
        if at < size:
            before[at] = last
        first = place  # events that begin up to `longest` - 1 tokens before may apply now
        for _ in range(longest - 1):
            if first == 0:
                break
            first = before[first]
        heap = grown(heap, waiting + longest + stop - start)
        while first < at:
            event_there = _next_event(event, first, ids, size, lengths, source, source_at, index)
            if event_there >= 0:
                _push(heap, waiting, (np.int64(event_there) << 32) | first)
                waiting += 1
            first += lengths[ids[first]]
    return heap


@njit(cache=True, nogil=True)
def replay(data, offsets, whole, id_of_byte, events, lengths, index):  # type: ignore[no-untyped-def]
    """Encode words (uint8 data, int64 offsets[n + 1]); whole: int32[n], the id of a word that is a token, or -1.

    events: source and target ids with their offsets; lengths: int32 bytes of each id; index: of `index_events`.
    Returns ids (int32) of all words in a row and int64 offsets[n + 1].
    """
    out = np.empty(offsets[-1] - offsets[0], np.int32)
    bounds = np.zeros(len(offsets), np.int64)
    longest = 1
    for word in range(len(offsets) - 1):
        longest = max(longest, offsets[word + 1] - offsets[word])
    ids, before, heap = np.empty(longest, np.int32), np.empty(longest, np.int32), np.empty(longest, np.int64)
    used = 0
    for word in range(len(offsets) - 1):
        if whole[word] >= 0:
            out[used] = whole[word]
            used += 1
            bounds[word + 1] = used
            continue
        size = offsets[word + 1] - offsets[word]
        for place in range(size):
            ids[place] = id_of_byte[data[offsets[word] + place]]
            before[place] = place - 1
        heap = _replay_word(ids, before, size, heap, events, lengths, index)
        place = 0
        while place < size:
            out[used] = ids[place]
            used += 1
            place += lengths[ids[place]]
        bounds[word + 1] = used
    return out[:used], bounds
