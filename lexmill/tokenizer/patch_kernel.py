"""N-grams of token ids: counted, chosen without overlaps, and put in the place of their ids (compiled by numba).

Documents lie one after another in `ids` (int32); `bounds` (int64[n + 1]) holds where each begins.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from lexmill.tokenizer.superword_kernel import place_of

FREE = -1


@njit(cache=True)
def _grown(array, size):  # type: ignore[no-untyped-def]  # numba infers types
    bigger = np.empty(size, array.dtype)
    bigger[: len(array)] = array
    return bigger


@njit(cache=True)
def _grown_table(table, slots):  # type: ignore[no-untyped-def]
    bigger, bigger_slots = np.full(2 * len(table), FREE, np.int64), np.empty(2 * len(table), np.int32)
    for at in range(len(table)):
        if table[at] != FREE:
            to = place_of(bigger, table[at])
            bigger[to], bigger_slots[to] = table[at], slots[at]
    return bigger, bigger_slots


@njit(cache=True, nogil=True)
def longer_ngrams(ids, bounds, shorter, size, weights):  # type: ignore[no-untyped-def]
    """Number the n-grams of `size` ids whose first size - 1 ids are a known n-gram.

    shorter: int32 by place, the number of the n-gram of size - 1 that begins there, -1 for none; weights: int64 by
    document.  Returns int32 number by place, -1 for none or for an n-gram that occurs only once; int64 weighted counts
    and int32 places of each; and where (int64) each first occurs.
    """
    at_place = np.full(len(ids), -1, np.int32)
    table, slots = np.full(1 << 16, FREE, np.int64), np.empty(1 << 16, np.int32)
    counts, places = np.zeros(1 << 15, np.int64), np.zeros(1 << 15, np.int32)
    first = np.empty(1 << 15, np.int64)
    used = 0
    for document in range(len(bounds) - 1):
        for place in range(bounds[document], bounds[document + 1] - size + 1):
            if shorter[place] < 0:
                continue
            key = (np.int64(shorter[place]) << 32) | np.int64(ids[place + size - 1])
            where = place_of(table, key)
            if table[where] == FREE:
                if used == len(counts):
                    counts, places = _grown(counts, 2 * used), _grown(places, 2 * used)
                    first = _grown(first, 2 * used)
                    table, slots = _grown_table(table, slots)
                    where = place_of(table, key)
                table[where], slots[where] = key, used
                counts[used], places[used], first[used] = 0, 0, place
                used += 1
            number = slots[where]
            counts[number] += weights[document]
            places[number] += 1
            at_place[place] = number
    kept = 0
    renamed = np.full(used, -1, np.int32)
    for number in range(used):
        if places[number] > 1:
            renamed[number] = kept
            counts[kept], places[kept], first[kept] = counts[number], places[number], first[number]
            kept += 1
    for place in range(len(ids)):
        if at_place[place] >= 0:
            at_place[place] = renamed[at_place[place]]
    return at_place, counts[:kept].copy(), places[:kept].copy(), first[:kept].copy()


@njit(cache=True, nogil=True)
def list_places(number_at, places):  # type: ignore[no-untyped-def]
    """Where each n-gram begins, ascending: int64 bounds[n + 1] into int32 places."""
    bounds = np.zeros(len(places) + 1, np.int64)
    for number in range(len(places)):
        bounds[number + 1] = bounds[number] + places[number]
    cursor = bounds[:-1].copy()
    out = np.empty(bounds[-1], np.int32)
    for place in range(len(number_at)):
        number = number_at[place]
        if number >= 0:
            out[cursor[number]] = place
            cursor[number] += 1
    return bounds, out


@njit(cache=True)
def _free(taken, place, size):  # type: ignore[no-untyped-def]
    for at in range(place, place + size):  # noqa: SIM110  # numba has no any() over slices
        if taken[at]:
            return False
    return True


@njit(cache=True, nogil=True)
def take_ngram(where, size, number_at, offset_of_size, counts, taken, bounds, weights):  # type: ignore[no-untyped-def]
    """Take an n-gram at all its free places, from the left; the n-grams that overlap it there lose the place.

    where: int32, its places; number_at: int32[sizes, places], row s for n-grams of s + 2 ids; offset_of_size: int64,
    where the counts of each size begin in `counts`; taken: bool by place.  `counts` and `taken` are changed.  Returns
    the weighted count of what was taken.
    """
    total, document = 0, 0
    for place in where:
        if not _free(taken, place, size):
            continue
        if place >= bounds[document + 1]:
            document = np.searchsorted(bounds, place, side="right") - 1
        weight = weights[document]
        for row in range(len(number_at)):
            other = row + 2
            for at in range(max(bounds[document], place - other + 1), place + size):
                number = number_at[row, at]
                if number >= 0 and _free(taken, at, other):
                    counts[offset_of_size[row] + number] -= weight
        for at in range(place, place + size):
            taken[at] = True
        total += weight
    return total


@njit(cache=True, nogil=True)
def ngram_trie(ngrams, bounds):  # type: ignore[no-untyped-def]
    """A table for `patch`: n-grams of at least two ids (int32 ids in a row, int64 bounds[n + 1]) as paths.

    Returns an open-addressing table from a step (int64, see `_step`) to the int32 node it leads to, and by node the
    int32 rank of the n-gram that ends there, -1 for none; ranks are numbers of n-grams, the first of equals.
    """
    size = 1 << 10
    while size < 4 * len(ngrams):
        size *= 2
    keys, nodes = np.full(size, FREE, np.int64), np.empty(size, np.int32)
    rank = np.full(len(ngrams) + 1, -1, np.int32)
    used = 0
    for number in range(len(bounds) - 1):
        node = -1
        for at in range(bounds[number], bounds[number + 1]):
            if at == bounds[number]:
                continue
            left = ngrams[at - 1] if node < 0 else node
            key = _step(left, ngrams[at], node < 0)
            where = place_of(keys, key)
            if keys[where] == FREE:
                keys[where], nodes[where] = key, used
                used += 1
            node = nodes[where]
        if rank[node] < 0:
            rank[node] = number
    return keys, nodes, rank[: used + 1].copy()


@njit(cache=True, inline="always")
def _step(left, item, at_root):  # type: ignore[no-untyped-def]
    """Key of going on to an id (below 2^30) from a first id (at the root) or from a node."""
    return (np.int64(left) << 32) | (np.int64(item) << 1) | np.int64(at_root)


@njit(cache=True, nogil=True)
def patch(ids, bounds, keys, nodes, rank, new, longest):  # type: ignore[no-untyped-def]
    """Put n-grams in the place of their ids, from the left: at every place the n-gram of the lowest rank.

    keys, nodes, rank: of `ngram_trie`; new: int32 id of each n-gram; longest: ids in an n-gram at most.  Returns int32
    ids and int64 bounds.
    """
    out = np.empty(len(ids), np.int32)
    out_bounds = np.zeros(len(bounds), np.int64)
    used = 0
    for document in range(len(bounds) - 1):
        at, stop = bounds[document], bounds[document + 1]
        while at < stop:
            best, length = np.int32(-1), 1
            node = np.int32(-1)
            for after in range(at + 1, min(at + longest, stop)):
                left = ids[at] if node < 0 else node
                where = place_of(keys, _step(left, ids[after], node < 0))
                if keys[where] == FREE:
                    break
                node = nodes[where]
                if rank[node] >= 0 and (best < 0 or rank[node] < best):
                    best, length = rank[node], after - at + 1
            out[used] = new[best] if best >= 0 else ids[at]
            used += 1
            at += length
        out_bounds[document + 1] = used
    return out[:used].copy(), out_bounds
