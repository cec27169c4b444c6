"""Numba kernels of the pair counter: flat arrays in, flat arrays out.  Oracles are in the tests."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def find_pair(keys, values, key):  # type: ignore[no-untyped-def]
    """Slot of `key` in an open-addressing table of a power-of-two size: its place, or the free place for it."""
    mask = len(keys) - 1
    mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    slot = np.int64((mixed >> np.uint64(29)) & np.uint64(mask))
    while values[slot] >= 0 and keys[slot] != key:
        slot = (slot + 1) & mask
    return slot


@njit(cache=True)
def fill_table(keys, values, left, right, first, last):  # type: ignore[no-untyped-def]
    """Enter pairs first..last-1 into the table."""
    for pair in range(first, last):
        key = (np.int64(left[pair]) << 32) | np.int64(right[pair])
        slot = find_pair(keys, values, key)
        keys[slot] = key
        values[slot] = pair


@njit(cache=True)
def _push(heap, size, key):  # type: ignore[no-untyped-def]
    child = size
    while child > 0:
        parent = (child - 1) >> 1
        if heap[parent] <= key:
            break
        heap[child] = heap[parent]
        child = parent
    heap[child] = key


@njit(cache=True)
def _pop(heap, size):  # type: ignore[no-untyped-def]
    """Smallest key; the heap has size - 1 entries afterwards."""
    top = heap[0]
    last = heap[size - 1]
    place = 0
    while True:
        child = 2 * place + 1
        if child >= size - 1:
            break
        if child + 1 < size - 1 and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= last:
            break
        heap[place] = heap[child]
        place = child
    heap[place] = last
    return top


@njit(cache=True)
def merge_words(  # type: ignore[no-untyped-def]
    symbols,
    offsets,
    base,
    piece,
    first,
    merges,
    keys,
    values,
    left,
    right,
    pairs,
    keep,
    event_pair,
    event_step,
    event_piece,
    event_sign,
):
    """Apply all merges in order to pieces piece.. and record every change of a pair's count from step `first` on.

    Piece w is symbols[offsets[w]:offsets[w+1]], base symbols with ids below `base`; merge t makes token base + t.
    Pair p has token ids left[p], right[p]; pairs below `merges` are the merges themselves; new pairs are appended
    (`pairs` are known so far) and entered in the table.  An event says that after `step` merges pair `event_pair`
    occurs `event_sign` (+1 or -1) more often in one occurrence of `event_piece`; at step `first` all pairs then
    there are recorded.  Pairs with keep[p] == 0 are not recorded.  Stops before a piece that might overflow the
    event arrays, the pair arrays or half of the table.

    Returns (next piece, events, pairs).
    """
    longest = 0
    for w in range(piece, len(offsets) - 1):
        longest = max(longest, offsets[w + 1] - offsets[w])
    token = np.empty(longest, np.int32)
    following = np.empty(longest, np.int64)
    previous = np.empty(longest, np.int64)
    pair_at = np.empty(longest, np.int64)
    heap = np.empty(3 * longest + 1, np.int64)
    events = 0
    for w in range(piece, len(offsets) - 1):
        begin = offsets[w]
        length = offsets[w + 1] - begin
        if (
            events + 6 * length > len(event_pair)
            or pairs + 3 * length > len(left)
            or 2 * (pairs + 3 * length) > len(keys)
        ):
            return w, events, pairs
        size = 0
        for i in range(length):
            token[i] = symbols[begin + i]
            following[i] = i + 1
            previous[i] = i - 1
            pair_at[i] = -1
        for i in range(length - 1):
            key = (np.int64(token[i]) << 32) | np.int64(token[i + 1])
            slot = find_pair(keys, values, key)
            if values[slot] < 0:
                keys[slot] = key
                values[slot] = pairs
                left[pairs] = token[i]
                right[pairs] = token[i + 1]
                pairs += 1
            pair = values[slot]
            pair_at[i] = pair
            if pair < merges:
                _push(heap, size, (np.int64(pair) << 32) | i)
                size += 1
        recording = False
        while True:
            merge = heap[0] >> 32 if size > 0 else merges
            if merge >= first and not recording:
                recording = True
                for i in range(length):
                    if pair_at[i] >= 0 and keep[pair_at[i]]:
                        event_pair[events] = pair_at[i]
                        event_step[events] = first
                        event_piece[events] = w
                        event_sign[events] = 1
                        events += 1
            if size == 0:
                break
            i = _pop(heap, size) & 0xFFFFFFFF
            size -= 1
            if pair_at[i] != merge:
                continue  # one of its tokens was merged away (the overlap of `aaa`, or an earlier merge)
            j = following[i]
            after = following[j]
            before = previous[i]
            record = recording and merge + 1 < merges  # nobody asks for the counts after the last merge
            product = np.int32(base + merge)
            if record and keep[merge]:
                event_pair[events] = merge
                event_step[events] = merge + 1
                event_piece[events] = w
                event_sign[events] = -1
                events += 1
            pair_at[i] = -1
            for side in range(2):
                if side == 0:
                    if before < 0:
                        continue
                    place, old = before, pair_at[before]
                    a, b = token[before], product
                else:
                    if after >= length:
                        continue
                    place, old = i, pair_at[j]
                    a, b = product, token[after]
                key = (np.int64(a) << 32) | np.int64(b)
                slot = find_pair(keys, values, key)
                if values[slot] < 0:
                    keys[slot] = key
                    values[slot] = pairs
                    left[pairs] = a
                    right[pairs] = b
                    pairs += 1
                new = values[slot]
                pair_at[place] = new
                if merge < new < merges:
                    _push(heap, size, (np.int64(new) << 32) | place)
                    size += 1
                if record and keep[old]:
                    event_pair[events] = old
                    event_step[events] = merge + 1
                    event_piece[events] = w
                    event_sign[events] = -1
                    events += 1
                if record and keep[new]:
                    event_pair[events] = new
                    event_step[events] = merge + 1
                    event_piece[events] = w
                    event_sign[events] = 1
                    events += 1
            token[i] = product
            following[i] = after
            pair_at[j] = -1
            if after < length:
                previous[after] = i
    return len(offsets) - 1, events, pairs


@njit(cache=True)
def sum_events(order, key, word, sign, row_start, row_category, row_count, categories):  # type: ignore[no-untyped-def]
    """Sum events of one (pair, step) key over words: rows (key, category, change of the count in each column).

    `row_*` are the words' counts: word w has entries row_start[w]..row_start[w+1]-1 with a category each and
    counts (entries, columns).  Rows whose changes are all 0 are left out.
    Returns key int64 (rows,), category int32 (rows,), change int64 (rows, columns), sorted by key, category.
    """
    columns = row_count.shape[1]
    bound = 0
    group_entries = 0
    for e in range(len(order)):
        event = order[e]
        group_entries += row_start[word[event] + 1] - row_start[word[event]]
        if e + 1 == len(order) or key[order[e + 1]] != key[event]:
            bound += min(group_entries, categories)
            group_entries = 0
    out_key = np.empty(bound, np.int64)
    out_category = np.empty(bound, np.int32)
    out_change = np.empty((bound, columns), np.int64)
    total = np.zeros((categories, columns), np.int64)
    rows = 0
    e = 0
    while e < len(order):
        group = key[order[e]]
        while e < len(order) and key[order[e]] == group:
            event = order[e]
            for entry in range(row_start[word[event]], row_start[word[event] + 1]):
                c = row_category[entry]
                for r in range(columns):
                    total[c, r] += sign[event] * row_count[entry, r]
            e += 1
        for c in range(categories):
            changed = False
            for r in range(columns):
                changed = changed or total[c, r] != 0
            if changed:
                out_key[rows] = group
                out_category[rows] = c
                for r in range(columns):
                    out_change[rows, r] = total[c, r]
                    total[c, r] = 0
                rows += 1
    return out_key[:rows].copy(), out_category[:rows].copy(), out_change[:rows].copy()


@njit(cache=True)
def build_segments(key, category, change, steps, categories):  # type: ignore[no-untyped-def]
    """Turn sorted changes into segments of constant count.

    Rows are sorted by key = pair * steps + step, then category.  Segment s says: pair `pair[s]` has the counts
    `count[start[s]:start[s+1]]` (entries, columns) in the categories `member` from step `begin[s]` up to, not
    including, `end[s]`.  Stretches where a pair does not occur have no segment.
    """
    columns = change.shape[1]
    segments = 0
    entries = 0
    for fill in range(2):
        if fill == 1:
            pair = np.empty(segments, np.int32)
            begin = np.empty(segments, np.int32)
            end = np.empty(segments, np.int32)
            start = np.zeros(segments + 1, np.int64)
            member = np.empty(entries, np.int32)
            count = np.empty((entries, columns), np.int64)
            segments = 0
            entries = 0
        current = np.zeros((categories, columns), np.int64)
        row = 0
        while row < len(key):
            p = key[row] // steps
            step = key[row] % steps
            group = key[row]
            while row < len(key) and key[row] == group:
                for r in range(columns):
                    current[category[row], r] += change[row, r]
                row += 1
            same = row < len(key) and key[row] // steps == p
            until = key[row] % steps if same else steps
            alive = False
            for c in range(categories):
                present = False
                for r in range(columns):
                    present = present or current[c, r] != 0
                if present:
                    alive = True
                    if fill == 1:
                        member[entries] = c
                        count[entries] = current[c]
                    entries += 1
            if alive:
                if fill == 1:
                    pair[segments] = p
                    begin[segments] = step
                    end[segments] = until
                    start[segments + 1] = entries
                segments += 1
            if not same:
                current[:] = 0
    return pair, begin, end, start, member, count
