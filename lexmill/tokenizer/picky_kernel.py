"""The inner loop of Picky BPE: merges, and splits of the tokens that merges used up (compiled by numba)."""

from __future__ import annotations

import numpy as np
from numba import njit

from lexmill.tokenizer.pair_store import gathered, grown, new_store, pop_best
from lexmill.tokenizer.rewrite_kernel import GAP, NOTHING, Step, Text, Tokens, rewrite


@njit(cache=True, nogil=True)
def lay_out(data, offsets, id_of_byte):  # type: ignore[no-untyped-def]  # numba infers types
    """Words (uint8 data, int64 offsets[n + 1]) as `tokens`, word number and base id (0 in gaps) of every cell."""
    cells = offsets[-1] - offsets[0] + len(offsets)
    tokens = np.full(cells, GAP, np.int32)
    words = np.zeros(cells, np.int32)
    letters = np.zeros(cells, np.uint8)
    at = 1
    for word in range(len(offsets) - 1):
        for place in range(offsets[word], offsets[word + 1]):
            tokens[at] = letters[at] = id_of_byte[data[place]]
            words[at] = word
            at += 1
        at += 1
    return tokens, words, letters


@njit(cache=True, nogil=True)
def _first_pairs(text, base):  # type: ignore[no-untyped-def]
    """(store, used) of all adjacent base pairs, and int64[base]: how often each base token occurs."""
    tokens = text.tokens
    places = np.zeros(base * base, np.int64)
    counts = np.zeros(base * base, np.int64)
    frequency = np.zeros(base, np.int64)
    for at in range(len(tokens) - 1):
        if tokens[at] >= 0:
            weight = text.weights[text.words[at]]
            frequency[tokens[at]] += weight
            if tokens[at + 1] >= 0:
                places[tokens[at] * base + tokens[at + 1]] += 1
                counts[tokens[at] * base + tokens[at + 1]] += weight
    found = np.flatnonzero(counts)
    stop = np.cumsum(places[found])
    start = stop - places[found]
    cursor = np.full(base * base, -1, np.int64)
    cursor[found] = start
    pool = np.empty(stop[-1] if len(found) else 0, np.int32)
    for at in range(len(tokens) - 1):
        if tokens[at] >= 0 and tokens[at + 1] >= 0:
            pair = tokens[at] * base + tokens[at + 1]
            pool[cursor[pair]] = at
            cursor[pair] += 1
    keys = ((found // base) << 32) | (found % base)
    store, used = new_store(keys, counts[found], start, stop, pool)
    return store, used, frequency


@njit(cache=True, nogil=True)
def _new_tokens(base, limit, frequency):  # type: ignore[no-untyped-def]
    """The base tokens, with room for `limit` more."""
    ids = base + limit
    size = 1 << 10
    while size < 2 * ids:
        size *= 2
    live = np.zeros(ids, np.bool_)
    live[:base] = True
    occurrences = np.zeros(ids, np.int64)
    occurrences[:base] = frequency
    nothing = np.full(ids, -1, np.int32)
    chains = (nothing.copy(), nothing.copy())
    children = (nothing.copy(), nothing.copy())
    table = np.full(size, -1, np.int32)
    return Tokens(np.ones(ids, np.int32), *children, nothing, *chains, occurrences, live, table)


@njit(cache=True, nogil=True)
def _token_at(made, letters, at, length, known):  # type: ignore[no-untyped-def]
    """Id of the token spelled by the `length` cells from `at`; `known`, the next free id, when there was none."""
    mask = len(made.spellings) - 1
    mixed = np.uint64(14695981039346656037)
    for index in range(length):
        mixed = (mixed ^ np.uint64(letters[at + index])) * np.uint64(1099511628211)
    place = np.int64((mixed ^ (mixed >> np.uint64(32))) & np.uint64(mask))
    while made.spellings[place] >= 0:
        token = made.spellings[place]
        if made.length[token] == length:
            same, other = 0, made.sample[token]
            while same < length and letters[at + same] == letters[other + same]:
                same += 1
            if same == length:
                return np.int64(token)
        place = (place + 1) & mask
    made.spellings[place], made.sample[known], made.length[known] = known, at, length
    return np.int64(known)


@njit(cache=True, nogil=True)
def _decomposition(made, token):  # type: ignore[no-untyped-def]
    """The live tokens, from the left, that a removed one is made of."""
    parts, stack = np.empty(16, np.int32), np.empty(16, np.int32)
    stack[0], stack[1] = made.right[token], made.left[token]
    waiting, used = 2, 0
    while waiting:
        waiting -= 1
        part = stack[waiting]
        if made.live[part]:
            parts = grown(parts, used + 1)
            parts[used] = part
            used += 1
        else:
            stack = grown(stack, waiting + 2)
            stack[waiting], stack[waiting + 1] = made.right[part], made.left[part]
            waiting += 2
    return parts[:used].copy()


@njit(cache=True, nogil=True)
def learn_events(tokens, words, letters, weights, target, threshold, limit, base=256):  # type: ignore[no-untyped-def]
    """Merge and split until `target` tokens live.

    tokens, words, letters: see `lay_out` (tokens are changed in place); weights: int64 > 0 of each word; limit: the
    most merges.  Returns the events (left, right, token: int32[e]; count int64[e]; `right` is -1 for a split of
    `left`), the parts of all splits in a row (int32), their number for each event (int32[e]), and int64[ids]: the
    occurrences of each token, -1 for one that was removed.  Fewer than `target` live when no pair is
    left, or `limit` was reached.
    """
    text = Text(tokens, words, letters, weights)
    store, used, frequency = _first_pairs(text, base)
    made = _new_tokens(base, limit, frequency)
    ids = base + limit
    both = (2, ids)
    step = Step(
        np.empty(both, np.int32), np.zeros(both, np.int64), np.zeros(both, np.int32), np.empty(both, np.int64)
    )
    events = np.empty((4, 3 * limit), np.int32)  # left, right, token, number of parts
    counts = np.empty(3 * limit, np.int64)
    all_parts = np.empty(64, np.int32)
    happened = written = merges = 0
    known = living = base
    while living < target and merges < limit:
        slot = pop_best(store, used)
        if slot < 0:
            break
        merges += 1
        left, right = np.int32(store.key[slot] >> 32), np.int32(store.key[slot] & 0xFFFFFFFF)
        places = gathered(store, store.head[slot], left == right)  # runs are merged from the left
        at = 0
        while tokens[places[at]] != left or tokens[places[at] + made.length[left]] != right:
            at += 1
        token = _token_at(made, letters, places[at], made.length[left] + made.length[right], known)
        if token == known:
            made.left[token], made.right[token] = left, right
            known += 1
        living += not made.live[token]
        made.live[token] = True

        chain = store.head[slot]
        store, total = rewrite(
            text, made, store, used, step, places, left, right, np.full(1, token, np.int32)
        )
        store.weight[slot] -= total
        if made.head[token] < 0:  # the places of the pair are now those of the token
            made.head[token] = chain
        else:
            store.following[made.tail[token]] = chain
        made.tail[token], store.head[slot] = store.tail[slot], -1
        made.frequency[left] -= total
        made.frequency[right] -= total
        made.frequency[token] += total
        events[0, happened], events[1, happened] = left, right
        events[2, happened], events[3, happened] = token, 0
        counts[happened] = total
        happened += 1

        twice = left == right
        for side in range(1 if twice else 2):
            half = left if side == 0 else right
            before = made.frequency[half] + total * (2 if twice else 1)
            if half < base or not total / before > threshold:
                continue
            made.live[half] = False
            living -= 1
            parts = _decomposition(made, half)
            places = gathered(store, made.head[half], False)
            store, split = rewrite(text, made, store, used, step, places, half, NOTHING, parts)
            made.frequency[half] = 0
            made.head[half] = -1
            all_parts = grown(all_parts, written + len(parts))
            all_parts[written : written + len(parts)] = parts
            written += len(parts)
            events[0, happened], events[1, happened] = half, -1
            events[2, happened], events[3, happened] = half, len(parts)
            counts[happened] = split
            happened += 1
    made.frequency[:known][~made.live[:known]] = -1
    return (
        events[:, :happened].copy(),
        counts[:happened].copy(),
        all_parts[:written].copy(),
        made.frequency[:known],
    )
