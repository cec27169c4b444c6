"""Replacing tokens in a text of words, with every pair count kept true (compiled by numba).

Layout.  `tokens` (int32) holds all words one after another with `GAP` before, between and after them.  A token stands
as its id in its first cell and, when it covers several, as `LAST - id` in its last; the cells between hold `INSIDE`.
So the cell before a token names its left neighbour and the cell behind it the right one, and a split writes the parts
into the cells that the token covered.

A merge and a split are one and the same step: at many places one or two tokens are replaced, and the weight of each
place goes from the pair (x, old first token) to (x, new first token), and likewise on the right.  A place is never
taken out of a chain: it counts when the tokens still stand there.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from lexmill.tokenizer.pair_store import POOL, append_stretch, find, pair_key, push, reserved, slot_of

GAP = -1
INSIDE = -2
LAST = -3
NOTHING = np.int32(-1)


class Text(NamedTuple):
    """tokens: int32 of each cell; words: int32, its word; letters: uint8, its base id; weights: int64 of each word."""

    tokens: np.ndarray
    words: np.ndarray
    letters: np.ndarray
    weights: np.ndarray


class Tokens(NamedTuple):
    """By id: length in cells, left and right child, a cell where it was spelled, head and tail of the chain of its
    places (all int32), weighted occurrences (int64), whether it lives; and the hash table of spellings (int32 ids)."""

    length: np.ndarray
    left: np.ndarray
    right: np.ndarray
    sample: np.ndarray
    head: np.ndarray
    tail: np.ndarray
    frequency: np.ndarray
    live: np.ndarray
    spellings: np.ndarray


class Step(NamedTuple):
    """What one replacement meets: distinct neighbours by side (int32[2, ids]), their weight (int64) and number (int32),
    and where their next place goes (int64)."""

    seen: np.ndarray
    weight: np.ndarray
    number: np.ndarray
    cursor: np.ndarray


@njit(cache=True, nogil=True)
def _replace(text, length, places, left, right, parts, step, event_side, event_id, event_at):  # type: ignore[no-untyped-def]
    """Put `parts` where (left, right) stands, or `left` alone when right is NOTHING.

    `places` is overwritten by those that counted.  `step` gets the neighbours, the events (side, neighbour, place of
    the new pair).  Returns the numbers of: places that counted, left and right neighbours, events; and the weight.
    """
    tokens = text.tokens
    width, last_length = length[left], length[parts[-1]]
    if right >= 0:
        width += length[right]
    counted = lefts = rights = events = 0
    total = np.int64(0)
    for place in places:
        if tokens[place] != left or (right >= 0 and tokens[place + length[left]] != right):
            continue
        places[counted] = place
        counted += 1
        stop = place + width
        weight = text.weights[text.words[place]]
        total += weight
        x, y = tokens[place - 1], tokens[stop]
        if x <= LAST:
            x = LAST - x
        if x >= 0:
            if step.number[0, x] == 0:
                step.seen[0, lefts] = x
                lefts += 1
            step.number[0, x] += 1
            step.weight[0, x] += weight
            event_side[events], event_id[events], event_at[events] = 0, x, place - length[x]
            events += 1
        if y >= 0:
            if step.number[1, y] == 0:
                step.seen[1, rights] = y
                rights += 1
            step.number[1, y] += 1
            step.weight[1, y] += weight
            event_side[events], event_id[events], event_at[events] = 1, y, stop - last_length
            events += 1
        if right >= 0:
            tokens[place + length[left] - 1] = INSIDE
            tokens[place + length[left]] = INSIDE
        at = place
        for part in parts:
            tokens[at] = part
            at += length[part]
            if length[part] > 1:
                tokens[at - 1] = LAST - part
    return counted, lefts, rights, events, total


@njit(cache=True, nogil=True, inline="always")
def _beside(side, near, first, last):  # type: ignore[no-untyped-def]
    """Key of (near, first) on side 0, of (last, near) on side 1."""
    return pair_key(near, first) if side == 0 else pair_key(last, near)


@njit(cache=True, nogil=True)
def _enter_neighbours(store, used, step, found, old, new, events, event_side, event_id, event_at):  # type: ignore[no-untyped-def]
    """Give what was summed by neighbour to the new pairs, with their places, and take it from the old ones.

    found: numbers of left and right neighbours; old, new: (first, last) token.  All new pairs come first: in "abab" a
    place gives to (ab, a) what the next one takes back.
    """
    for side in range(2):
        for index in range(found[side]):
            near = step.seen[side, index]
            slot = slot_of(store, used, _beside(side, near, new[0], new[1]))
            store.weight[slot] += step.weight[side, near]
            start = used[POOL]
            used[POOL] += step.number[side, near]
            step.cursor[side, near] = start
            append_stretch(store, used, store.head, store.tail, slot, start, used[POOL])
    for event in range(events):
        side, near = event_side[event], event_id[event]
        store.pool[step.cursor[side, near]] = event_at[event]
        step.cursor[side, near] += 1
    for side in range(2):
        for index in range(found[side]):
            near = step.seen[side, index]
            slot = find(store.table, store.key, _beside(side, near, old[0], old[1]))
            store.weight[slot] -= step.weight[side, near]
    for side in range(2):
        for index in range(found[side]):
            near = step.seen[side, index]
            slot = find(store.table, store.key, _beside(side, near, new[0], new[1]))
            if store.weight[slot] > 0:
                push(store, used, slot)
            step.weight[side, near] = 0
            step.number[side, near] = 0


@njit(cache=True, nogil=True)
def _enter_parts(store, used, made, parts, places, total):  # type: ignore[no-untyped-def]
    """Enter the parts of a split and the pairs between them; `places`: where the split token stood."""
    shift = 0
    for index in range(len(parts)):
        part, start = parts[index], used[POOL]
        for place in places:
            store.pool[used[POOL]] = place + shift
            used[POOL] += 1
        shift += made.length[part]
        made.frequency[part] += total
        if made.left[part] >= 0:  # base tokens are never split
            append_stretch(store, used, made.head, made.tail, part, start, used[POOL])
        if index + 1 < len(parts) and total > 0:
            slot = slot_of(store, used, pair_key(part, parts[index + 1]))
            store.weight[slot] += total
            append_stretch(store, used, store.head, store.tail, slot, start, used[POOL])
            push(store, used, slot)


@njit(cache=True, nogil=True)
def rewrite(text, made, store, used, step, places, left, right, parts):  # type: ignore[no-untyped-def]
    """Replace and keep all counts true.  Returns the (grown) store and the weight of what was replaced."""
    room = 2 * len(places)
    event_side, event_id, event_at = (
        np.empty(room, np.int8),
        np.empty(room, np.int32),
        np.empty(room, np.int32),
    )
    counted, lefts, rights, events, total = _replace(
        text, made.length, places, left, right, parts, step, event_side, event_id, event_at
    )
    pairs = lefts + rights + len(parts)
    store = reserved(store, used, pairs, pairs + len(parts), events + len(parts) * counted)
    old = (left, right if right >= 0 else left)
    new = (parts[0], parts[-1])
    _enter_neighbours(store, used, step, (lefts, rights), old, new, events, event_side, event_id, event_at)
    if right < 0:
        _enter_parts(store, used, made, parts, places[:counted], total)
    return store, total
