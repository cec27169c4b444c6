"""The inner loop of BPE training: incremental pair counts on flat arrays (compiled by numba).

Layout.  `tokens` (int32) holds all words one after another with `GAP` before, between and after them.  A token
that covers several cells stands in its first *and* its last cell; the cells inside hold `INSIDE`.  So the cell
before a token names its left neighbour, the cell behind it names its right neighbour, and no links are needed.

A pair owns a *slot*: its two ids, its count, and a stretch of `pool` with the cells where it was seen.  A count
can only fall after the step that made it (every new pair contains the step's new id), so one heap entry per pair,
corrected when it is popped, is enough.  Places are never removed from the pool: a place is valid when the two
tokens still stand there.  Places of a pair ascend, so overlapping runs ("aaa") are merged from the left.
"""

from __future__ import annotations

import numpy as np
from numba import njit

GAP = -1
INSIDE = -2


@njit(cache=True, inline="always")
def _before(count_a, key_a, count_b, key_b):  # type: ignore[no-untyped-def]  # numba infers types
    """Heap order: larger count first, then smaller (left, right) ids."""
    return count_a > count_b or (count_a == count_b and key_a < key_b)


@njit(cache=True)
def _sift_up(counts, keys, slots, at):  # type: ignore[no-untyped-def]
    count, key, slot = counts[at], keys[at], slots[at]
    while at > 0:
        parent = (at - 1) >> 1
        if not _before(count, key, counts[parent], keys[parent]):
            break
        counts[at], keys[at], slots[at] = counts[parent], keys[parent], slots[parent]
        at = parent
    counts[at], keys[at], slots[at] = count, key, slot


@njit(cache=True)
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


@njit(cache=True, inline="always")
def bucket(key, mask):  # type: ignore[no-untyped-def]
    """Fibonacci hashing of a pair key into a power-of-two table."""
    mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    return np.int64((mixed ^ (mixed >> np.uint64(29))) >> np.uint64(16)) & mask


@njit(cache=True)
def _insert(table, slot_key, slot):  # type: ignore[no-untyped-def]
    mask = len(table) - 1
    at = bucket(slot_key[slot], mask)
    while table[at] >= 0:
        at = (at + 1) & mask
    table[at] = slot


@njit(cache=True)
def _find(table, slot_key, key):  # type: ignore[no-untyped-def]
    mask = len(table) - 1
    at = bucket(key, mask)
    while table[at] >= 0:
        if slot_key[table[at]] == key:
            return table[at]
        at = (at + 1) & mask
    return -1


@njit(cache=True)
def _rebuilt(slot_key, used, size):  # type: ignore[no-untyped-def]
    table = np.full(size, -1, np.int32)
    for slot in range(used):
        _insert(table, slot_key, slot)
    return table


@njit(cache=True)
def _grown(array, size):  # type: ignore[no-untyped-def]
    bigger = np.empty(size, array.dtype)
    bigger[: len(array)] = array
    return bigger


@njit(cache=True, nogil=True)
def lay_out(data, offsets, id_of_byte):  # type: ignore[no-untyped-def]
    """Words (uint8 data, int64 offsets[n + 1]) as `tokens` and the word number of every cell (both int32)."""
    cells = offsets[-1] - offsets[0] + len(offsets)
    tokens = np.full(cells, GAP, np.int32)
    words = np.zeros(cells, np.int32)
    at = 1
    for word in range(len(offsets) - 1):
        for place in range(offsets[word], offsets[word + 1]):
            tokens[at] = id_of_byte[data[place]]
            words[at] = word
            at += 1
        at += 1
    return tokens, words


@njit(cache=True)
def _first_pairs(tokens, words, weights, base, floor):  # type: ignore[no-untyped-def]
    """Slots of all adjacent base pairs with a count of at least `floor`, in (left, right) order."""
    places = np.zeros(base * base, np.int64)
    counts = np.zeros(base * base, np.int64)
    for at in range(len(tokens) - 1):
        if tokens[at] >= 0 and tokens[at + 1] >= 0:
            pair = tokens[at] * base + tokens[at + 1]
            places[pair] += 1
            counts[pair] += weights[words[at]]
    kept = np.flatnonzero((places > 0) & (counts >= floor))
    slot_key = np.empty(len(kept), np.int64)
    slot_count = np.empty(len(kept), np.int64)
    slot_start = np.empty(len(kept) + 1, np.int64)
    cursor = np.full(base * base, -1, np.int64)
    total = 0
    for slot, pair in enumerate(kept):
        slot_key[slot] = ((pair // base) << 32) | (pair % base)
        slot_count[slot] = counts[pair]
        slot_start[slot] = total
        cursor[pair] = total
        total += places[pair]
    slot_start[len(kept)] = total
    pool = np.empty(max(total, 1), np.int32)
    for at in range(len(tokens) - 1):
        if tokens[at] >= 0 and tokens[at + 1] >= 0:
            pair = tokens[at] * base + tokens[at + 1]
            if cursor[pair] >= 0:
                pool[cursor[pair]] = at
                cursor[pair] += 1
    return slot_key, slot_count, slot_start, pool


@njit(cache=True)
def _apply(tokens, words, weights, lengths, places, left, right, new, seen, buffers):  # type: ignore[no-untyped-def]
    """Merge one pair at all its valid places; sum the weights by left and by right neighbour.

    Every event takes `weight` from (x, left) and gives it to (x, new), or the same on the right.  `seen` holds
    the distinct neighbours (two rows), `buffers` what is summed by neighbour and the event list.  Returns the
    number of distinct left and right neighbours and of events.
    """
    weight_of, number_of, event_side, event_id, event_at = buffers
    size_left, size_right = lengths[left], lengths[right]
    seen_left = seen_right = events = 0
    for place in places:
        middle = place + size_left
        if tokens[place] != left or tokens[middle] != right:
            continue
        last = middle + size_right - 1
        weight = weights[words[place]]
        x, y = tokens[place - 1], tokens[last + 1]
        if x >= 0:
            if number_of[0, x] == 0:
                seen[0, seen_left] = x
                seen_left += 1
            number_of[0, x] += 1
            weight_of[0, x] += weight
            event_side[events], event_id[events], event_at[events] = 0, x, place - lengths[x]
            events += 1
        if y >= 0:
            if number_of[1, y] == 0:
                seen[1, seen_right] = y
                seen_right += 1
            number_of[1, y] += 1
            weight_of[1, y] += weight
            event_side[events], event_id[events], event_at[events] = 1, y, place
            events += 1
        tokens[middle - 1] = INSIDE
        tokens[middle] = INSIDE
        tokens[place] = new
        tokens[last] = new
    return seen_left, seen_right, events


@njit(cache=True)
def _pop(counts, keys, slots, heap, slot_count, floor):  # type: ignore[no-untyped-def]
    """Take the best pair off the heap: (slot, heap size); slot -1 when no pair reaches `floor`."""
    while heap > 0:
        slot = slots[0]
        current = slot_count[slot]
        fresh = current == counts[0]
        if fresh or current < floor:  # take it, or drop it
            heap -= 1
            counts[0], keys[0], slots[0] = counts[heap], keys[heap], slots[heap]
        else:  # fell since it was pushed: put it where it belongs now
            counts[0] = current
        if heap:
            _sift_down(counts, keys, slots, heap, 0)
        if fresh:
            return slot, heap
    return -1, 0


@njit(cache=True, inline="always")
def _pair(side, neighbour, token):  # type: ignore[no-untyped-def]
    """Key of (neighbour, token) on side 0 (left), of (token, neighbour) on side 1 (right)."""
    if side == 0:
        return (np.int64(neighbour) << 32) | np.int64(token)
    return (np.int64(token) << 32) | np.int64(neighbour)


@njit(cache=True)
def _take_back(table, slot_key, slot_count, seen, found, left, right, buffers):  # type: ignore[no-untyped-def]
    """Subtract what the merged places gave to (x, left) and (right, y), and clear the sums.

    Runs after the new pairs exist: "abab" gives to (ab, a) and takes it back in the same step.
    """
    weight_of, number_of = buffers[0], buffers[1]
    for side in range(2):
        token = left if side == 0 else right
        for index in range(found[side]):
            neighbour = seen[side, index]
            slot = _find(table, slot_key, _pair(side, neighbour, token))
            if slot >= 0:
                slot_count[slot] -= weight_of[side, neighbour]
            weight_of[side, neighbour] = 0
            number_of[side, neighbour] = 0


@njit(cache=True)
def _place_events(pool, offset_of, events, buffers):  # type: ignore[no-untyped-def]
    """Write the places of the new pairs into their stretches of the pool, in ascending order."""
    event_side, event_id, event_at = buffers[2], buffers[3], buffers[4]
    for event in range(events):
        side, neighbour = event_side[event], event_id[event]
        if offset_of[side, neighbour] >= 0:
            pool[offset_of[side, neighbour]] = event_at[event]
            offset_of[side, neighbour] += 1


@njit(cache=True, nogil=True)
def learn_merges(tokens, words, weights, merges, floor, longest, base=256):  # type: ignore[no-untyped-def]
    """Learn up to `merges` merges.

    tokens: int32, base ids with `GAP` around every word (changed in place); words: int32, word of each cell;
    weights: int64, count of each word; floor: smallest count that is merged (>= 1); longest: longest token in base
    symbols.  Returns (left int32[m], right int32[m], count int64[m]); m < merges when no pair is left.
    """
    vocabulary = base + merges
    lengths = np.ones(vocabulary, np.int32)
    out_left = np.empty(merges, np.int32)
    out_right = np.empty(merges, np.int32)
    out_count = np.empty(merges, np.int64)

    slot_key, slot_count, slot_start, pool = _first_pairs(tokens, words, weights, base, floor)
    slots = len(slot_key)
    slot_stop = slot_start[1:].copy()
    slot_start = slot_start[:-1].copy()
    used = slot_stop[-1] if slots else 0
    size = 1 << 16
    while size < 4 * slots:
        size *= 2
    table = _rebuilt(slot_key, slots, size)

    heap_count, heap_key = slot_count.copy(), slot_key.copy()
    heap_slot = np.arange(slots).astype(np.int32)
    heap = slots
    for at in range(heap // 2 - 1, -1, -1):
        _sift_down(heap_count, heap_key, heap_slot, heap, at)

    seen = np.empty((2, vocabulary), np.int32)
    weight_of = np.zeros((2, vocabulary), np.int64)
    number_of = np.zeros((2, vocabulary), np.int32)
    offset_of = np.empty((2, vocabulary), np.int64)
    event_side, event_id, event_at = np.empty(1, np.int8), np.empty(1, np.int32), np.empty(1, np.int32)

    step = 0
    while step < merges:
        slot, heap = _pop(heap_count, heap_key, heap_slot, heap, slot_count, floor)
        if slot < 0:
            break
        left, right = slot_key[slot] >> 32, slot_key[slot] & 0xFFFFFFFF
        new = base + step
        lengths[new] = lengths[left] + lengths[right]
        out_left[step], out_right[step], out_count[step] = left, right, slot_count[slot]
        step += 1

        places = pool[slot_start[slot] : slot_stop[slot]]
        if 2 * len(places) > len(event_id):
            room = 3 * len(places)
            event_side, event_id = np.empty(room, np.int8), np.empty(room, np.int32)
            event_at = np.empty(room, np.int32)
        buffers = (weight_of, number_of, event_side, event_id, event_at)
        found_left, found_right, events = _apply(
            tokens, words, weights, lengths, places, left, right, new, seen, buffers
        )

        room = slots + found_left + found_right
        if room > len(slot_key):
            slot_key, slot_count = _grown(slot_key, room + room // 2), _grown(slot_count, room + room // 2)
            slot_start, slot_stop = _grown(slot_start, room + room // 2), _grown(slot_stop, room + room // 2)
        if 2 * room > len(table):
            table = _rebuilt(slot_key, slots, 4 * len(table))
        if used + events > len(pool):
            pool = _grown(pool, (used + events) + (used + events) // 2)

        first = slots  # slots made by this step start here
        for side in range(2):
            for index in range(found_left if side == 0 else found_right):
                neighbour = seen[side, index]
                offset_of[side, neighbour] = -1
                if weight_of[side, neighbour] < floor or lengths[neighbour] + lengths[new] > longest:
                    continue  # can never be merged
                slot_key[slots] = _pair(side, neighbour, new)
                slot_count[slots] = weight_of[side, neighbour]
                slot_start[slots] = offset_of[side, neighbour] = used
                used += number_of[side, neighbour]
                slot_stop[slots] = used
                _insert(table, slot_key, slots)
                slots += 1
        _place_events(pool, offset_of, events, buffers)
        _take_back(table, slot_key, slot_count, seen, (found_left, found_right), left, right, buffers)

        if heap + slots - first > len(heap_count):
            room = (heap + slots - first) * 3 // 2
            heap_count, heap_key = _grown(heap_count, room), _grown(heap_key, room)
            heap_slot = _grown(heap_slot, room)
        for slot in range(first, slots):
            if slot_count[slot] >= floor:
                heap_count[heap], heap_key[heap], heap_slot[heap] = slot_count[slot], slot_key[slot], slot
                _sift_up(heap_count, heap_key, heap_slot, heap)
                heap += 1
    return out_left[:step], out_right[:step], out_count[:step]
