"""The inner loop of parity-aware BPE: pair counts by language on flat arrays (compiled by numba).

Words stand in *segments*, one for the training words of each language and, where there is one, one for its development
words.  `tokens` (int32) holds all words with `GAP` before, between and after them; a token of several cells stands in
its first and its last cell, `INSIDE` in between.  A pair in a segment owns a *slot*: key (segment, left, right), count,
and a stretch of `pool` with the cells where it was seen, in ascending order.  All places of a pair appear in the step
that makes its newer token, so counts only fall afterwards and places only become invalid.

The slots of each language form a pairing heap (Fredman et al. 1986) over `child` and `next`, ordered by the count when
entered, then by the smallest (left, right); a count that fell is corrected when it comes to the top.
"""

from __future__ import annotations

import numpy as np
from numba import njit

GAP = -1
INSIDE = -2
_ID_BITS = 20


@njit(cache=True, inline="always")
def _key(segment, left, right):  # type: ignore[no-untyped-def]  # numba infers types
    return (np.int64(segment) << (2 * _ID_BITS)) | (np.int64(left) << _ID_BITS) | np.int64(right)


@njit(cache=True)
def _place_of(table, slot_key, key):  # type: ignore[no-untyped-def]
    """Where in the table the slot of a key stands, or would."""
    mask = np.uint64(len(table) - 1)
    mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    at = np.int64((mixed ^ (mixed >> np.uint64(32))) & mask)
    while table[at] >= 0 and slot_key[table[at]] != key:
        at = np.int64(np.uint64(at + 1) & mask)
    return at


@njit(cache=True)
def _rebuilt(slot_key, used, size):  # type: ignore[no-untyped-def]
    table = np.full(size, -1, np.int32)
    for slot in range(used):
        table[_place_of(table, slot_key, slot_key[slot])] = slot
    return table


@njit(cache=True)
def _grown(array, size):  # type: ignore[no-untyped-def]
    bigger = np.empty(size + size // 2, array.dtype)
    bigger[: len(array)] = array
    return bigger


@njit(cache=True, inline="always")
def _meld(a, b, entered, slot_key, child, following):  # type: ignore[no-untyped-def]
    """The better of two heaps with the other one as its first child; -1 is an empty heap."""
    if a < 0:
        return b
    if b < 0:
        return a
    if entered[b] > entered[a] or (entered[b] == entered[a] and slot_key[b] < slot_key[a]):
        a, b = b, a
    following[b] = child[a]
    child[a] = b
    return a


@njit(cache=True)
def _without_top(top, entered, slot_key, child, following):  # type: ignore[no-untyped-def]
    """The heap of the top's children, melded two by two."""
    rest, melded = child[top], np.int32(-1)
    child[top] = -1
    while rest >= 0:
        first, second = rest, following[rest]
        rest = following[second] if second >= 0 else np.int32(-1)
        pair = _meld(first, second, entered, slot_key, child, following)
        following[pair], melded = melded, pair
    top = np.int32(-1)
    while melded >= 0:
        pair, melded = melded, following[melded]
        following[pair] = -1
        top = _meld(top, pair, entered, slot_key, child, following)
    return top


@njit(cache=True)
def _best(top, slot_count, floor, entered, slot_key, child, following):  # type: ignore[no-untyped-def]
    """The heap with its true maximum on top; -1 when no pair reaches `floor`."""
    while top >= 0 and slot_count[top] != entered[top]:
        rest = _without_top(top, entered, slot_key, child, following)
        if slot_count[top] >= floor:
            entered[top] = slot_count[top]
            following[top] = -1
            rest = _meld(rest, top, entered, slot_key, child, following)
        top = rest
    return top


@njit(cache=True)
def _first_pairs(tokens, words, weights, segment_of):  # type: ignore[no-untyped-def]
    """Slots of all adjacent pairs of all segments: (table, slot_key, slot_count, slot_start[n + 1], pool)."""
    slot_key, slot_count, number = (
        np.empty(1024, np.int64),
        np.empty(1024, np.int64),
        np.empty(1024, np.int64),
    )
    table = np.full(4096, -1, np.int32)
    slots = 0
    for at in range(len(tokens) - 1):
        if tokens[at] < 0 or tokens[at + 1] < 0:
            continue
        key = _key(segment_of[words[at]], tokens[at], tokens[at + 1])
        to = _place_of(table, slot_key, key)
        if table[to] < 0:
            if slots == len(slot_key):
                slot_key, slot_count = _grown(slot_key, slots), _grown(slot_count, slots)
                number = _grown(number, slots)
            slot_key[slots], slot_count[slots], number[slots] = key, 0, 0
            table[to] = slots
            slots += 1
            if 2 * slots > len(table):
                table = _rebuilt(slot_key, slots, 2 * len(table))
            slot = slots - 1
        else:
            slot = table[to]
        slot_count[slot] += weights[words[at]]
        number[slot] += 1
    start = np.zeros(slots + 1, np.int64)
    start[1:] = np.cumsum(number[:slots])
    cursor = start.copy()
    pool = np.empty(max(start[slots], 1), np.int32)
    for at in range(len(tokens) - 1):
        if tokens[at] >= 0 and tokens[at + 1] >= 0:
            slot = table[_place_of(table, slot_key, _key(segment_of[words[at]], tokens[at], tokens[at + 1]))]
            pool[cursor[slot]] = at
            cursor[slot] += 1
    return table, slot_key[:slots].copy(), slot_count[:slots].copy(), start, pool


@njit(cache=True)
def _apply(tokens, words, weights, lengths, places, left, right, new, seen, sums, events):  # type: ignore[no-untyped-def]
    """Merge a pair at its valid places in one segment.

    Each event moves a weight from (x, left) to (x, new), side 0, or from (right, y) to (new, y), side 1.  `seen` holds
    the distinct neighbours of both sides, `sums` = (weight, number) by side and neighbour, `events` = (side, neighbour,
    place).  Returns the number of distinct neighbours on both sides, of events, and the weight merged.
    """
    weight_of, number_of = sums
    event_side, event_id, event_at = events
    seen_left = seen_right = happened = 0
    merged = np.int64(0)
    for place in places:
        middle = place + lengths[left]
        if tokens[place] != left or tokens[middle] != right:
            continue
        last = middle + lengths[right] - 1
        weight = weights[words[place]]
        merged += weight
        x, y = tokens[place - 1], tokens[last + 1]
        if x >= 0:
            if number_of[0, x] == 0:
                seen[0, seen_left] = x
                seen_left += 1
            number_of[0, x] += 1
            weight_of[0, x] += weight
            event_side[happened], event_id[happened], event_at[happened] = 0, x, place - lengths[x]
            happened += 1
        if y >= 0:
            if number_of[1, y] == 0:
                seen[1, seen_right] = y
                seen_right += 1
            number_of[1, y] += 1
            weight_of[1, y] += weight
            event_side[happened], event_id[happened], event_at[happened] = 1, y, place
            happened += 1
        tokens[middle - 1] = INSIDE
        tokens[middle] = INSIDE
        tokens[place] = new
        tokens[last] = new
    return seen_left, seen_right, happened, merged


@njit(cache=True)
def _worst_off(lengths, factors, languages, tops, recent, limit):  # type: ignore[no-untyped-def]
    """The language with the largest cost that has a pair left and, if possible, was not chosen too often; or -1."""
    for windowed in range(1, -1, -1):
        worst = -1
        for language in range(languages):
            waits = windowed and recent[language] > limit
            if tops[language] < 0 or waits:
                continue
            cost = lengths[len(lengths) - languages + language] * factors[language]
            if worst < 0 or cost > lengths[len(lengths) - languages + worst] * factors[worst]:
                worst = language
        if worst >= 0:
            return worst
    return -1


@njit(cache=True, nogil=True)
def learn_parity(tokens, words, weights, segment_of, lengths_of, factors, base, merges, floor, window, limit):  # type: ignore[no-untyped-def]
    """Learn up to `merges` merges, each the best of the language that is worst off.

    tokens: int32 ids below `base` with `GAP` around every word (changed in place); words: int32, word of each cell;
    weights: int64, count of each word; segment_of: int32, segment of each word, languages first; lengths_of: int64
    tokens by segment (changed in place): those of the last len(factors) segments times factors (float64) are the costs;
    floor: smallest count that is merged (>= 1); window, limit: a language chosen more than `limit` times in the last
    `window` merges waits.  Returns left, right, language: int32[m], count: int64[m] in the language.
    """
    languages = len(factors)
    segments = len(lengths_of)
    vocabulary = base + merges
    lengths = np.ones(vocabulary, np.int32)
    out_left, out_right = np.empty(merges, np.int32), np.empty(merges, np.int32)
    out_language, out_count = np.empty(merges, np.int32), np.empty(merges, np.int64)

    table, slot_key, slot_count, starts, pool = _first_pairs(tokens, words, weights, segment_of)
    slots = len(starts) - 1
    used = starts[slots]
    slot_start, slot_stop = starts[:-1].copy(), starts[1:].copy()
    entered = slot_count.copy()
    child, following = np.full(len(slot_key), -1, np.int32), np.full(len(slot_key), -1, np.int32)
    tops = np.full(languages, -1, np.int32)
    for slot in range(slots):
        segment = slot_key[slot] >> (2 * _ID_BITS)
        if segment < languages and slot_count[slot] >= floor:
            tops[segment] = _meld(tops[segment], np.int32(slot), entered, slot_key, child, following)

    seen = np.empty((2, vocabulary), np.int32)
    sums = np.zeros((2, vocabulary), np.int64), np.zeros((2, vocabulary), np.int32)
    offset_of = np.empty((2, vocabulary), np.int64)
    events = np.empty(1, np.int8), np.empty(1, np.int32), np.empty(1, np.int32)
    recent = np.zeros(languages, np.int64)

    step = 0
    while step < merges:
        language = _worst_off(lengths_of, factors, languages, tops, recent, limit)
        if language < 0:
            break
        top = _best(tops[language], slot_count, floor, entered, slot_key, child, following)
        tops[language] = top
        if top < 0:
            continue
        left = (slot_key[top] >> _ID_BITS) & ((1 << _ID_BITS) - 1)
        right = slot_key[top] & ((1 << _ID_BITS) - 1)
        new = base + step
        lengths[new] = lengths[left] + lengths[right]
        out_left[step], out_right[step] = left, right
        out_language[step], out_count[step] = language, slot_count[top]
        if window:
            recent[language] += 1
            if step >= window:
                recent[out_language[step - window]] -= 1
        step += 1

        for segment in range(segments):
            slot = table[_place_of(table, slot_key, _key(segment, left, right))]
            if slot < 0:
                continue
            places = pool[slot_start[slot] : slot_stop[slot]]
            if 2 * len(places) > len(events[0]):
                room = 3 * len(places)
                events = np.empty(room, np.int8), np.empty(room, np.int32), np.empty(room, np.int32)
            found_left, found_right, happened, merged = _apply(
                tokens, words, weights, lengths, places, left, right, new, seen, sums, events
            )
            lengths_of[segment] -= merged
            room = slots + found_left + found_right
            if room > len(slot_key):
                slot_key, slot_count = _grown(slot_key, room), _grown(slot_count, room)
                slot_start, slot_stop = _grown(slot_start, room), _grown(slot_stop, room)
                entered, child = _grown(entered, room), _grown(child, room)
                following = _grown(following, room)
            if 2 * room > len(table):
                table = _rebuilt(slot_key, slots, 4 * len(table))
            if used + happened > len(pool):
                pool = _grown(pool, used + happened)

            first = slots
            for side in range(2):
                for index in range(found_left if side == 0 else found_right):
                    x = seen[side, index]
                    key = _key(segment, x, new) if side == 0 else _key(segment, new, x)
                    slot_key[slots], slot_count[slots] = key, sums[0][side, x]
                    slot_start[slots] = offset_of[side, x] = used
                    used += sums[1][side, x]
                    slot_stop[slots] = used
                    table[_place_of(table, slot_key, key)] = slots
                    slots += 1
            for event in range(happened):
                side, x = events[0][event], events[1][event]
                pool[offset_of[side, x]] = events[2][event]
                offset_of[side, x] += 1
            for side in range(2):  # after the new pairs exist: "abab" gives to (ab, a) and takes it back
                for index in range(found_left if side == 0 else found_right):
                    x = seen[side, index]
                    key = _key(segment, x, left) if side == 0 else _key(segment, right, x)
                    behind = table[_place_of(table, slot_key, key)]
                    if behind >= 0:
                        slot_count[behind] -= sums[0][side, x]
                    sums[0][side, x] = 0
                    sums[1][side, x] = 0
            slot_count[slot] = 0
            if segment < languages:
                for made in range(first, slots):
                    entered[made], child[made], following[made] = slot_count[made], -1, -1
                    if slot_count[made] >= floor:
                        tops[segment] = _meld(
                            tops[segment], np.int32(made), entered, slot_key, child, following
                        )
    return out_left[:step], out_right[:step], out_language[:step], out_count[:step]
