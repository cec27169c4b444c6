"""Frequent sequences of characters in distinct words, counted length by length (compiled by numba).

A sequence of n + 1 characters is frequent only if its first n are, so that each round extends the places that are
left: (number of the first n characters, next character) is looked up in a hash table.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def characters(data, offsets):  # type: ignore[no-untyped-def]  # numba infers types
    """The characters of the words (uint8 data, int64 offsets[n + 1]).

    Returns symbols: int32[m] (code point, or 0x110000 + byte where the bytes are no UTF-8), place: int64[m + 1] in
    `data`, words: int32[m].
    """
    symbols, words = np.empty(len(data), np.int32), np.empty(len(data), np.int32)
    place = np.empty(len(data) + 1, np.int64)
    found = 0
    for word in range(len(offsets) - 1):
        at, stop = offsets[word], offsets[word + 1]
        while at < stop:
            lead = np.int32(data[at])
            size = 1 if lead < 0x80 else 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
            symbol = lead if lead < 0x80 else lead & (0x7F >> size)
            whole = at + size <= stop and not 0x80 <= lead < 0xC2 and lead < 0xF5
            for behind in range(at + 1, min(at + size, stop)):
                whole = whole and (data[behind] & 0xC0) == 0x80
                symbol = (symbol << 6) | np.int32(data[behind] & 0x3F)
            if not whole:
                size, symbol = 1, np.int32(0x110000) + lead
            symbols[found], words[found], place[found] = symbol, word, at
            found += 1
            at += size
    place[found] = offsets[-1]
    return symbols[:found].copy(), place[: found + 1].copy(), words[:found].copy()


@njit(cache=True, nogil=True)
def longer(number, symbols, words, counts, length):  # type: ignore[no-untyped-def]
    """Extend the frequent sequences of `length` characters by one.

    number: int32[m], which sequence starts at each character, -1 for none (length 0: all 0); replaced by the numbers
    of the longer ones.  Returns (how often each occurs: int64, its first place: int32, the sequence it extends: int32).
    """
    live = 0
    for at in range(len(number)):
        live += number[at] >= 0
    size = 1024
    while size < 2 * live:
        size *= 2
    mask = np.uint64(size - 1)
    keys, value = np.full(size, -1, np.int64), np.empty(size, np.int32)
    total, place = np.empty(live, np.int64), np.empty(live, np.int32)
    shorter = np.empty(live, np.int32)
    found = 0
    for at in range(len(number)):
        if number[at] < 0:
            continue
        end = at + length
        if end >= len(number) or words[end] != words[at]:
            number[at] = -1
            continue
        key = (np.int64(number[at]) << 21) | np.int64(symbols[end])
        mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
        slot = np.int64((mixed ^ (mixed >> np.uint64(32))) & mask)
        while keys[slot] != key and keys[slot] >= 0:
            slot = np.int64(np.uint64(slot + 1) & mask)
        if keys[slot] < 0:
            keys[slot], value[slot] = key, found
            total[found], place[found], shorter[found] = 0, at, number[at]
            found += 1
        number[at] = value[slot]
        total[value[slot]] += counts[words[at]]
    return total[:found].copy(), place[:found].copy(), shorter[:found].copy()


@njit(cache=True, nogil=True)
def keep_numbers(number, renamed):  # type: ignore[no-untyped-def]
    """Replace each number by `renamed[number]`, in place; -1 stays."""
    for at in range(len(number)):
        if number[at] >= 0:
            number[at] = renamed[number[at]]
