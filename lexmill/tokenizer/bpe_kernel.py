"""The inner loop of BPE training: incremental pair counts on flat arrays (compiled by numba).

Layout.  `tokens` (int32) holds all words one after another, the most frequent first, with `GAP` before, between and
after them.  A token that covers several cells stands in its first *and* its last cell; the cells inside hold
`INSIDE`.  So the cell before a token names its left neighbour, the cell behind it names its right neighbour, and no
links are needed.  Words of one count stand together: cells before `run_end[r]`, and not before `run_end[r - 1]`,
weigh `run_weight[r]`.

Floors.  A count can only fall after the step that made it (every new pair contains the step's new id), so a pair that
is made with less than the count of the last merge will never be merged, and need not be kept.  That count is not
known beforehand: `learn` runs with a guess, the *floor*, keeps no pair below it, and stops when no pair reaches it.
The caller then packs the words and calls it again with a lower floor.  The merges do not depend on the floors.

A pair that is kept has a row in a hash table: its key, its count, and a stretch of `pool` with the cells where it was
seen.  Cells are never removed from the pool: one is valid when the two tokens still stand there.  The cells of a pair
ascend, so overlapping runs ("aaa") are merged from the left.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from lexmill.tokenizer.bpe_pairs import FREE, bucket, grown, grown_rows, pair_key, pop, push, row_of

__all__ = ["GAP", "bucket", "lay_out", "learn", "pack"]

GAP = -1
INSIDE = -2
_BLOCK = 128


@njit(cache=True, nogil=True)
def lay_out(symbols, offsets, counts, order):  # type: ignore[no-untyped-def]
    """Sequences of symbols (int32 symbols, int64 offsets[n + 1]) as cells, in the order of their numbers `order`.

    Those with fewer than two symbols or a count of 0 are left out.  Returns (tokens int32, run_end int64, run_weight
    int64); equal counts must stand together in `order`.
    """
    cells = 1
    for row in order:
        if offsets[row + 1] - offsets[row] > 1 and counts[row] > 0:
            cells += offsets[row + 1] - offsets[row] + 1
    tokens = np.full(cells, GAP, np.int32)
    run_end, run_weight = np.empty(64, np.int64), np.empty(64, np.int64)
    runs, at = 0, 1
    for row in order:
        if offsets[row + 1] - offsets[row] < 2 or counts[row] == 0:
            continue
        for place in range(offsets[row], offsets[row + 1]):
            tokens[at] = symbols[place]
            at += 1
        at += 1
        if runs == 0 or run_weight[runs - 1] != counts[row]:
            if runs == len(run_end):
                run_end, run_weight = grown(run_end, 2 * runs), grown(run_weight, 2 * runs)
            run_weight[runs] = counts[row]
            runs += 1
        run_end[runs - 1] = at
    return tokens, run_end[:runs].copy(), run_weight[:runs].copy()


@njit(cache=True, nogil=True)
def pack(tokens, run_end, span):  # type: ignore[no-untyped-def]
    """Give every token one cell again, in place; words of a single token are dropped.

    span: int32, cells of each token id.  Returns the number of cells; `run_end` is adjusted.
    """
    write = start = 1
    run = 0
    while run < len(run_end) and run_end[run] == 1:  # emptied before
        run += 1
    at = 1
    while at < len(tokens):
        token = tokens[at]
        tokens[write] = token
        write += 1
        if token != GAP:
            at += span[token]
            continue
        if write - start <= 2:
            write = start
        start = write
        at += 1
        while run < len(run_end) and run_end[run] <= at:
            run_end[run] = write
            run += 1
    return write


@njit(cache=True)
def _counted_pairs(tokens, run_end, run_weight):  # type: ignore[no-untyped-def]
    """All adjacent pairs: a hash table with rows (key, count, number of cells, undefined)."""
    rows = np.full((1 << 12, 4), FREE, np.int64)
    used, start = 0, 1
    for run in range(len(run_end)):
        weight = run_weight[run]
        for cell in range(start, run_end[run] - 1):
            if tokens[cell] == GAP or tokens[cell + 1] == GAP:
                continue
            key = pair_key(tokens[cell], tokens[cell + 1])
            at = row_of(rows, key)
            if rows[at, 0] == key:
                rows[at, 1] += weight
                rows[at, 2] += 1
                continue
            rows[at, 0], rows[at, 1], rows[at, 2] = key, weight, 1
            used += 1
            if 2 * used > len(rows):
                rows = grown_rows(rows, 4 * len(rows))
        start = run_end[run]
    return rows


@njit(cache=True)
def _kept_pairs(tokens, run_end, run_weight, floor, largest, sizes, classes, joined):  # type: ignore[no-untyped-def]
    """The pairs that may be merged and reach `floor`.

    Returns (rows (key, count, start, stop), number of pairs, pool, cells in it): the cells of a pair are
    `pool[start:stop]` (int32), behind what is used there is room.
    """
    counted = _counted_pairs(tokens, run_end, run_weight)
    kept = 0
    for at in range(len(counted)):  # those that are kept move to the front
        if counted[at, 0] == FREE or counted[at, 1] < floor:
            continue
        left, right = counted[at, 0] >> 32, counted[at, 0] & 0xFFFFFFFF
        if sizes[left] + sizes[right] <= largest and joined[classes[left], classes[right]] >= 0:
            counted[kept] = counted[at]
            kept += 1
    size = 1 << 12
    while size < 4 * kept:
        size *= 2
    rows = np.full((size, 4), FREE, np.int64)
    total = 0
    for index in range(kept):
        at = row_of(rows, counted[index, 0])
        rows[at, 0], rows[at, 1] = counted[index, 0], counted[index, 1]
        rows[at, 2] = rows[at, 3] = total  # the stop moves as the stretch is filled
        total += counted[index, 2]
    pool = np.empty(total + total // 4 + 64, np.int32)
    for cell in range(1, len(tokens) - 1 if kept else 0):
        if tokens[cell] == GAP or tokens[cell + 1] == GAP:
            continue
        key = pair_key(tokens[cell], tokens[cell + 1])
        at = row_of(rows, key)
        if rows[at, 0] == key:
            pool[rows[at, 3]] = cell
            rows[at, 3] += 1
    return rows, kept, pool, total


@njit(cache=True)
def _heap_of(rows, kept):  # type: ignore[no-untyped-def]
    """A heap of all pairs of a table: (counts, keys)."""
    counts, keys = np.empty(kept + 64, np.int64), np.empty(kept + 64, np.int64)
    size = 0
    for at in range(len(rows)):
        if rows[at, 0] != FREE:
            push(counts, keys, size, rows[at, 1], rows[at, 0])
            size += 1
    return counts, keys


@njit(cache=True, inline="always")
def _run_of(run_end, run, cell):  # type: ignore[no-untyped-def]
    """The run of a cell that does not stand before run `run`: doubling steps, then halving."""
    step = 1
    while cell >= run_end[min(run + step, len(run_end)) - 1]:
        run += step
        step *= 2
    while step > 1:
        step >>= 1
        if cell >= run_end[min(run + step, len(run_end)) - 1]:
            run += step
    return run


@njit(cache=True)
def _apply(tokens, run_end, run_weight, span, places, left, right, new, seen, gained, number, events):  # type: ignore[no-untyped-def]
    """Merge one pair at all its valid cells; add up what the neighbours gain.

    Every event takes its weight from (x, left) and gives it to (x, new), or the same on the right.  `seen` lists the
    distinct neighbours (two rows: left, right), `gained` and `number` what each gains and how often; an event is
    `neighbour << 32 | cell of the new pair`, negated (~) on the right.  Returns the number of distinct left and right
    neighbours and of events.
    """
    size_left, size_right = span[left], span[right]
    seen_left = seen_right = used = run = 0
    valid = np.empty(_BLOCK, np.int32)
    for block in range(0, len(places), _BLOCK):
        # First look where the pair still stands, without branches, so that the cells are fetched side by side.
        count = 0
        for place in places[block : block + _BLOCK]:
            valid[count] = place
            count += (tokens[place] == left) & (tokens[place + size_left] == right)
        for place in valid[:count]:
            middle = place + size_left
            if tokens[place] != left or tokens[middle] != right:
                continue  # an overlapping run was merged just now
            last = middle + size_right - 1
            run = _run_of(run_end, run, place)
            weight = run_weight[run]
            x, y = tokens[place - 1], tokens[last + 1]
            if x >= 0:
                if number[0, x] == 0:
                    seen[0, seen_left] = x
                    seen_left += 1
                number[0, x] += 1
                gained[0, x] += weight
                events[used] = (np.int64(x) << 32) | np.int64(place - span[x])
                used += 1
            if y >= 0:
                if number[1, y] == 0:
                    seen[1, seen_right] = y
                    seen_right += 1
                number[1, y] += 1
                gained[1, y] += weight
                events[used] = ~((np.int64(y) << 32) | np.int64(place))
                used += 1
            tokens[middle - 1] = INSIDE
            tokens[middle] = INSIDE
            tokens[place] = new
            tokens[last] = new
    return seen_left, seen_right, used


@njit(cache=True)
def _place_events(pool, offset_of, events, used):  # type: ignore[no-untyped-def]
    """Write the cells of the new pairs into their stretches of the pool, in ascending order."""
    for index in range(used):
        event = events[index]
        side = np.int64(event < 0)
        if side:
            event = ~event
        neighbour = event >> 32
        if offset_of[side, neighbour] >= 0:
            pool[offset_of[side, neighbour]] = event & 0xFFFFFFFF
            offset_of[side, neighbour] += 1


@njit(cache=True, inline="always")
def _key_on(side, neighbour, token):  # type: ignore[no-untyped-def]
    """Key of (neighbour, token) on side 0 (left), of (token, neighbour) on side 1 (right)."""
    return pair_key(neighbour, token) if side == 0 else pair_key(token, neighbour)


@njit(cache=True)
def _take_back(rows, seen, found, left, right, gained, number):  # type: ignore[no-untyped-def]
    """Subtract what the merged cells gave to (x, left) and (right, y), and clear the sums.

    Runs after the new pairs exist: "abab" gives to (ab, a) and takes it back in the same step.
    """
    for side in range(2):
        for neighbour in seen[side, : found[side]]:
            key = _key_on(side, neighbour, left if side == 0 else right)
            at = row_of(rows, key)
            if rows[at, 0] == key:
                rows[at, 1] -= gained[side, neighbour]
            gained[side, neighbour] = 0
            number[side, neighbour] = 0


@njit(cache=True)
def _add_pairs(rows, used, seen, found, new, gained, number, offset_of, ids, joined, floor, largest):  # type: ignore[no-untyped-def]
    """Give rows to the pairs of the id `new` with its neighbours that may be merged and reach `floor`.

    `offset_of` gets where in the pool the cells of each begin, -1 for neighbours whose pair is not kept.  Returns the
    number of pairs added and the cells of the pool that are used then.
    """
    _, sizes, classes = ids
    added = 0
    for side in range(2):
        for neighbour in seen[side, : found[side]]:
            offset_of[side, neighbour] = -1
            if gained[side, neighbour] < floor or sizes[neighbour] + sizes[new] > largest:
                continue
            left, right = (neighbour, new) if side == 0 else (new, neighbour)
            if joined[classes[left], classes[right]] < 0:
                continue
            at = row_of(rows, pair_key(left, right))
            rows[at, 0], rows[at, 1], rows[at, 2] = pair_key(left, right), gained[side, neighbour], used
            offset_of[side, neighbour] = used
            used += number[side, neighbour]
            rows[at, 3] = used
            added += 1
    return added, used


@njit(cache=True)
def _push_pairs(heap_count, heap_key, heap, rows, seen, found, new, offset_of, floor):  # type: ignore[no-untyped-def]
    """Put the pairs of `_add_pairs` on the heap with what they have now; returns the heap's size."""
    for side in range(2):
        for neighbour in seen[side, : found[side]]:
            if offset_of[side, neighbour] < 0:
                continue
            key = _key_on(side, neighbour, new)
            count = rows[row_of(rows, key), 1]
            if count >= floor:
                push(heap_count, heap_key, heap, count, key)
                heap += 1
    return heap


@njit(cache=True, nogil=True)
def learn(tokens, run_end, run_weight, ids, joined, base, out, step, floor, largest):  # type: ignore[no-untyped-def]
    """Learn merges until `out` is full or no pair reaches `floor`; returns the number of merges in `out`.

    tokens, run_end, run_weight: the words (see above), every token in one cell; changed in place.
    ids: by id, the cells of a token (int32), its size (int32) and its class (int8), filled for the ids there are; those
    of new ids are written.
    joined: int8[k, k], class of what two classes make, negative where they may not be joined.
    out: (left int32[m], right int32[m], count int64[m]), the first `step` are there; merge i makes id `base + i`.
    largest: what the sizes of a token's parts may add up to.
    """
    span, sizes, classes = ids
    out_left, out_right, out_count = out
    rows, kept, pool, used = _kept_pairs(tokens, run_end, run_weight, floor, largest, sizes, classes, joined)
    heap_count, heap_key = _heap_of(rows, kept)
    heap = kept
    seen = np.empty((2, len(span)), np.int32)
    gained = np.zeros((2, len(span)), np.int64)
    number = np.zeros((2, len(span)), np.int32)
    offset_of = np.empty((2, len(span)), np.int64)
    events = np.empty(64, np.int64)

    while step < len(out_left):
        row, heap = pop(heap_count, heap_key, heap, rows, floor)
        if row < 0:
            break
        left, right, new = rows[row, 0] >> 32, rows[row, 0] & 0xFFFFFFFF, base + step
        span[new] = span[left] + span[right]
        sizes[new] = sizes[left] + sizes[right]
        classes[new] = joined[classes[left], classes[right]]
        out_left[step], out_right[step], out_count[step] = left, right, rows[row, 1]
        step += 1

        places = pool[rows[row, 2] : rows[row, 3]]
        if 2 * len(places) > len(events):
            events = np.empty(3 * len(places), np.int64)
        found_left, found_right, event_count = _apply(
            tokens, run_end, run_weight, span, places, left, right, new, seen, gained, number, events
        )
        found = (found_left, found_right)
        while 2 * (kept + found_left + found_right) > len(rows):
            rows = grown_rows(rows, 4 * len(rows))
        added, used = _add_pairs(
            rows, used, seen, found, new, gained, number, offset_of, ids, joined, floor, largest
        )
        kept += added
        if used > len(pool):
            pool = grown(pool, used + used // 2)
        if added:
            _place_events(pool, offset_of, events, event_count)
        _take_back(rows, seen, found, left, right, gained, number)
        if heap + added > len(heap_count):
            room = (heap + added) * 3 // 2
            heap_count, heap_key = grown(heap_count, room), grown(heap_key, room)
        if added:
            heap = _push_pairs(heap_count, heap_key, heap, rows, seen, found, new, offset_of, floor)
    return step
