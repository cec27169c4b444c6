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
def move_changes(change_key, change, new_key, new_change):  # type: ignore[no-untyped-def]
    """Enter the changes of one table into an empty, larger one."""
    for old in range(len(change_key)):
        if change_key[old] >= 0:
            slot = _change_slot(new_key, change_key[old])
            new_key[slot] = change_key[old]
            new_change[slot] = change[old]


@njit(cache=True)
def _change_slot(change_key, key):  # type: ignore[no-untyped-def]
    """Place of `key`, or the free place (-1) for it."""
    mask = len(change_key) - 1
    slot = np.int64(((np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(29)) & np.uint64(mask))
    while change_key[slot] >= 0 and change_key[slot] != key:
        slot = (slot + 1) & mask
    return slot


@njit(cache=True)
def _change(change_key, change, changes, key, sign, word, row_start, row_category, row_count):  # type: ignore[no-untyped-def]
    """Add one occurrence (sign +1 or -1) in every category's text; returns how many changes there are now."""
    for entry in range(row_start[word], row_start[word + 1]):
        slot = _change_slot(change_key, key + row_category[entry])
        if change_key[slot] < 0:
            change_key[slot] = key + row_category[entry]
            changes += 1
        for r in range(change.shape[1]):
            change[slot, r] += sign * row_count[entry, r]
    return changes


@njit(cache=True)
def merge_words(  # type: ignore[no-untyped-def]
    symbols, offsets, word_of, base, piece, first, merges,
    keys, values, left, right, pairs, keep,
    change_key, change, changes,
    row_start, row_category, row_count, sizes,
):  # fmt: skip
    """Apply all merges in order to pieces piece.. and add up every change of a pair's count from step `first` on.

    Piece i is symbols[offsets[i]:offsets[i+1]] of word word_of[i], base symbols with ids below `base`; merge t makes
    token base + t.  Word w has the entries row_start[w]..row_start[w+1]-1 with a category each and counts (entries,
    columns).  Pair p has token ids left[p], right[p]; pairs below `merges` are the merges themselves; new pairs are
    appended (`pairs` are known so far) and entered in the table `keys`, `values`.
    Place i of the table of changes, which holds `changes` so far, says that after s merges pair p occurs change[i]
    (columns) more often in category c, with change_key[i] = (p * merges + s) * categories + c, -1 where free.  At
    step `first` all pairs then there are changes, and their numbers are added to `sizes` (categories, columns).
    Pairs with keep[p] == 0 are left out.
    Stops before a piece that might overflow the pairs or half of a table.

    Returns (next piece, pairs, changes).
    """
    categories = len(sizes)
    longest = 0
    for i in range(piece, len(word_of)):
        longest = max(longest, offsets[i + 1] - offsets[i])
    token = np.empty(longest, np.int32)
    following = np.empty(longest, np.int64)
    previous = np.empty(longest, np.int64)
    pair_at = np.empty(longest, np.int64)
    heap = np.empty(3 * longest + 1, np.int64)
    for number in range(piece, len(word_of)):
        begin, word = offsets[number], word_of[number]
        length = offsets[number + 1] - begin
        more = 6 * length * (row_start[word + 1] - row_start[word])
        if (
            pairs + 3 * length > len(left)
            or 2 * (pairs + 3 * length) > len(keys)
            or 2 * (changes + more) > len(change_key)
        ):
            return number, pairs, changes
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
                there = 0
                for i in range(length):
                    if pair_at[i] < 0:
                        continue
                    there += 1
                    if keep[pair_at[i]]:
                        changes = _change(
                            change_key, change, changes, (pair_at[i] * merges + first) * categories, 1,
                            word, row_start, row_category, row_count,
                        )  # fmt: skip
                for entry in range(row_start[word], row_start[word + 1]):
                    for r in range(sizes.shape[1]):
                        sizes[row_category[entry], r] += there * row_count[entry, r]
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
                changes = _change(
                    change_key, change, changes, (merge * merges + merge + 1) * categories, -1,
                    word, row_start, row_category, row_count,
                )  # fmt: skip
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
                new = np.int64(values[slot])
                pair_at[place] = new
                if merge < new < merges:
                    _push(heap, size, (new << 32) | place)
                    size += 1
                if record and keep[old]:
                    changes = _change(
                        change_key, change, changes, (old * merges + merge + 1) * categories, -1,
                        word, row_start, row_category, row_count,
                    )  # fmt: skip
                if record and keep[new]:
                    changes = _change(
                        change_key, change, changes, (new * merges + merge + 1) * categories, 1,
                        word, row_start, row_category, row_count,
                    )  # fmt: skip
            token[i] = product
            following[i] = after
            pair_at[j] = -1
            if after < length:
                previous[after] = i
    return len(word_of), pairs, changes


@njit(cache=True)
def build_segments(order, change_key, change, steps, categories):  # type: ignore[no-untyped-def]
    """Turn changes into segments of constant count.

    Places `order` of the table are sorted by key = (pair * steps + step) * categories + category.  Segment s says:
    pair `pair[s]` has the counts `count[start[s]:start[s+1]]` (entries, columns) in the categories `member` from step
    `begin[s]` up to, not including, `end[s]`.  Stretches where a pair does not occur have no segment.
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
        while row < len(order):
            group = change_key[order[row]] // categories
            p, step = group // steps, group % steps
            while row < len(order) and change_key[order[row]] // categories == group:
                for r in range(columns):
                    current[change_key[order[row]] % categories, r] += change[order[row], r]
                row += 1
            following = change_key[order[row]] // categories if row < len(order) else np.int64(-1)
            same = following >= 0 and following // steps == p
            until = following % steps if same else steps
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
