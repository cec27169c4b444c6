"""A byte-level n-gram model of words: how predictable each byte is from those before it (compiled by numba).

Witten & Bell 1991 (method C), interpolated through all orders down to the uniform distribution:
`p(b | context) = (count(context b) + types * p(b | shorter context)) / (count(context) + types)`, where `types` is how
many different bytes follow the context.  A context never reaches over the start of the word, which is a symbol of its
own.  Every byte is predicted from the other occurrences (its own is taken out of the counts), or a word that occurs
once would predict itself.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, inline="always")
def spread(key, mask):  # type: ignore[no-untyped-def]  # numba infers types
    """Place of a 64-bit key in a table of a power of two cells."""
    mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    return np.int64((mixed ^ (mixed >> np.uint64(29))) >> np.uint64(16)) & mask


@njit(cache=True)
def _number(table, keys, used, key):  # type: ignore[no-untyped-def]
    """The number of a key, `used` when it is new; its cell."""
    mask = len(table) - 1
    at = spread(key, mask)
    while table[at] >= 0:
        if keys[table[at]] == key:
            return table[at], at
        at = (at + 1) & mask
    return used, at


@njit(cache=True)
def number_grams(data, offsets, before, order):  # type: ignore[no-untyped-def]
    """Number the n-grams of one order that end at each byte.

    before: int32, numbers of the (n - 1)-grams, one for each byte (only read for order > 1).  Returns int32 grams and
    contexts (0: the word's start, or no context; a gram's number is above 0; -1 where the word is too short for the
    order), and how many grams there are.
    """
    grams, contexts = np.full(len(data), -1, np.int32), np.full(len(data), -1, np.int32)
    table, keys = np.full(1 << 16, -1, np.int32), np.empty(1 << 15, np.int64)
    used = 1
    for word in range(len(offsets) - 1):
        for place in range(max(offsets[word], offsets[word] + order - 2), offsets[word + 1]):
            context = before[place - 1] if order > 1 and place > offsets[word] else 0
            key = (np.int64(context) << 8) | data[place]
            number, at = _number(table, keys, used, key)
            if number == used:
                table[at], keys[used] = used, key
                used += 1
                if used == len(keys):
                    bigger = np.empty(2 * used, np.int64)
                    bigger[:used] = keys
                    keys, table = bigger, np.full(4 * used, -1, np.int32)
                    for old in range(1, used):
                        _, cell = _number(table, keys, -1, keys[old])
                        table[cell] = old
            grams[place], contexts[place] = number, context
    return grams, contexts, used


@njit(cache=True)
def interpolate(offsets, counts, scale, grams, contexts, sizes, chance):  # type: ignore[no-untyped-def]
    """Refine `chance` (float64 for each byte, in place) by the grams of one more order; `sizes`: numbers of contexts
    and of grams; counts: int64, words in units of 1/scale."""
    gram_count, context_count = np.zeros(sizes[1], np.int64), np.zeros(sizes[0], np.int64)
    types, seen = np.zeros(sizes[0], np.int64), np.zeros(sizes[1], np.bool_)
    for word in range(len(offsets) - 1):
        for place in range(offsets[word], offsets[word + 1]):
            if grams[place] >= 0:
                gram_count[grams[place]] += counts[word]
                context_count[contexts[place]] += counts[word]
                if not seen[grams[place]]:
                    seen[grams[place]] = True
                    types[contexts[place]] += 1
    for place in range(len(grams)):
        if grams[place] < 0:
            continue
        own = max(0, gram_count[grams[place]] - scale)
        around = max(own, context_count[contexts[place]] - scale)
        kinds = types[contexts[place]] - (1 if own == 0 else 0)
        if around + kinds > 0:
            whole = np.float64(around) / scale + kinds
            chance[place] = (np.float64(own) / scale + kinds * chance[place]) / whole


@njit(cache=True, nogil=True)
def byte_chances(data, offsets, counts, scale, order):  # type: ignore[no-untyped-def]
    """How likely each byte is after those before it in its word: float64, 0..1, one for each byte.

    data: uint8, all words and nothing else; offsets: int64[n + 1], from 0; counts: int64[n] in units of 1/scale;
    order: n-grams of up to so many bytes (one symbol of an n-gram may be the word's start).
    """
    chance = np.full(len(data), 1 / 256)
    before, size = np.empty(0, np.int32), 1
    for length in range(1, order + 1):
        grams, contexts, used = number_grams(data, offsets, before, length)
        interpolate(offsets, counts, scale, grams, contexts, (size, used), chance)
        before, size = grams, used
    return chance
