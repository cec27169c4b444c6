"""Spans of predictable bytes inside words, and how often each occurs (compiled by numba)."""

from __future__ import annotations

import numpy as np
from numba import njit

from lexmill.tokenizer.ngram_kernel import spread
from lexmill.tokenizer.trie_kernel import child


@njit(cache=True, nogil=True)
def span_starts(chance, offsets, falling, bound, longest):  # type: ignore[no-untyped-def]  # numba infers types
    """Whether a span starts at each byte (bool).

    A byte joins the span before it if `falling` and it is likelier than the byte before it (its surprisal falls), or if
    its chance is above `bound`; never over the start of a word, never beyond `longest` bytes.
    """
    starts = np.zeros(len(chance), np.bool_)
    for word in range(len(offsets) - 1):
        length = 0
        for place in range(offsets[word], offsets[word + 1]):
            joins = place > offsets[word] and length < longest
            if joins:
                joins = chance[place] > bound or (falling and chance[place] > chance[place - 1])
            starts[place] = not joins
            length = length + 1 if joins else 1
    return starts


@njit(cache=True)
def _same(data, one, other, length):  # type: ignore[no-untyped-def]
    index = 0
    while index < length and data[one + index] == data[other + index]:
        index += 1
    return index == length


@njit(cache=True, nogil=True)
def count_spans(data, offsets, counts, starts):  # type: ignore[no-untyped-def]
    """The distinct spans: (int64 place of the first occurrence, int32 length, int64 weighted count), in order of
    appearance."""
    table = np.full(1 << 16, -1, np.int32)
    place_of, length_of = np.empty(1 << 15, np.int64), np.empty(1 << 15, np.int32)
    count_of, hash_of = np.empty(1 << 15, np.int64), np.empty(1 << 15, np.uint64)
    used = 0
    for word in range(len(offsets) - 1):
        place = offsets[word]
        while place < offsets[word + 1]:
            stop = place + 1
            mixed = np.uint64(data[place]) + np.uint64(1)
            while stop < offsets[word + 1] and not starts[stop]:
                mixed = mixed * np.uint64(0x100000001B3) + np.uint64(data[stop]) + np.uint64(1)
                stop += 1
            length = stop - place
            at = spread(mixed, len(table) - 1)
            while table[at] >= 0:
                known = table[at]
                same_hash = hash_of[known] == mixed and length_of[known] == length
                if same_hash and _same(data, place_of[known], place, length):
                    break
                at = (at + 1) & (len(table) - 1)
            if table[at] >= 0:
                count_of[table[at]] += counts[word]
            else:
                table[at] = used
                place_of[used], length_of[used] = place, length
                count_of[used], hash_of[used] = counts[word], mixed
                used += 1
                if used == len(place_of):
                    place_of, length_of = _doubled(place_of), _doubled(length_of)
                    count_of, hash_of = _doubled(count_of), _doubled(hash_of)
                    table = np.full(4 * used, -1, np.int32)
                    for old in range(used):
                        cell = spread(hash_of[old], len(table) - 1)
                        while table[cell] >= 0:
                            cell = (cell + 1) & (len(table) - 1)
                        table[cell] = old
            place = stop
    return place_of[:used].copy(), length_of[:used].copy(), count_of[:used].copy()


@njit(cache=True)
def _doubled(array):  # type: ignore[no-untyped-def]
    bigger = np.empty(2 * len(array), array.dtype)
    bigger[: len(array)] = array
    return bigger


@njit(cache=True, nogil=True)
def spell_spans(data, offsets, starts, trie):  # type: ignore[no-untyped-def]
    """Words as token ids: a span that is a token by its id, any other byte by byte (trie: (base, check, value)).

    Returns int32 ids of all words in a row and int64 bounds[n + 1].
    """
    base, check, value = trie
    ids, bounds = np.empty(len(data), np.int32), np.zeros(len(offsets), np.int64)
    used = 0
    for word in range(len(offsets) - 1):
        place = offsets[word]
        while place < offsets[word + 1]:
            node, stop = child(base, check, 0, data[place]), place + 1
            while stop < offsets[word + 1] and not starts[stop]:
                node = child(base, check, node, data[stop]) if node >= 0 else node
                stop += 1
            if node >= 0 and value[node] >= 0:
                ids[used] = value[node]
                used += 1
            else:
                for byte in range(place, stop):
                    ids[used] = value[child(base, check, 0, data[byte])]
                    used += 1
            place = stop
        bounds[word + 1] = used
    return ids[:used].copy(), bounds
