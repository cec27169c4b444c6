"""Loops over words: counts, and characters in repeated word n-grams, exactly, in one table of a document's size.

An n-gram can only be repeated where the (n-1)-grams at its place and at the next one are, so each length looks at the
few places that the length before left over, and a pair of their numbers names the n-gram: no text is hashed twice.
"""

from __future__ import annotations

import numpy as np
from numba import njit

# Columns of `count_words`.
WORD_COUNTS = ("words", "word_characters", "alphabetic_words", "tokens", "longest_word")
TOP_LENGTHS = (2, 3, 4)
DUPLICATE_LENGTHS = (5, 6, 7, 8, 9, 10)
_SPREAD = np.uint64(0x9E3779B97F4A7C15)


@njit(cache=True, inline="always")
def numbered(
    key: np.uint64,
    number: int,
    keys: np.ndarray,
    numbers: np.ndarray,
    stamps: np.ndarray,
    stamp: int,
    mask: int,
) -> int:
    """The number kept for a key, after keeping `number` for it if it is new; entries of other stamps are free."""
    place = np.int64((key * _SPREAD) >> np.uint64(32)) & mask
    while stamps[place] == stamp:
        if keys[place] == key:
            return numbers[place]
        place = (place + 1) & mask
    stamps[place], keys[place], numbers[place] = stamp, key, number
    return number


@njit(cache=True, nogil=True)
def repeated(
    hashes: np.ndarray,
    sizes: np.ndarray,
    count: int,
    keys: np.ndarray,
    numbers: np.ndarray,
    stamps: np.ndarray,
    stamp: int,
) -> tuple[int, int]:
    """(items equal to an earlier one, sum of their sizes) of the first `count` items."""
    mask = table_mask(count)
    items = size = 0
    for i in range(count):
        if numbered(hashes[i], i, keys, numbers, stamps, stamp, mask) != i:
            items += 1
            size += sizes[i]
    return items, size


@njit(cache=True, inline="always")
def table_mask(count: int) -> int:
    """One less than the size, a power of two, of a table for so many keys."""
    size = 8
    while size < 2 * count:
        size *= 2
    return size - 1


@njit(cache=True, nogil=True)
def count_words(
    rows: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    kind: np.ndarray,
    characters: np.ndarray,
    hashes: np.ndarray,
    counts: np.ndarray,
    tops: np.ndarray,
    duplicates: np.ndarray,
) -> None:
    """Fill int64 `counts` (rows, 5), `tops` (rows, 3) and `duplicates` (rows, 6) from the arrays of `Words`.

    Adjacent repetitions of one symbol ("-----") are one token, and one ASCII symbol inside a word ("on-line", "3.5") is
    none in the count of tokens.  `tops`: characters of the most frequent 2-, 3- and 4-gram (of equally frequent ones
    the first in the text), spaces between its words included, times its occurrences.
    `duplicates`: characters, without spaces, of 5- to 10-grams that appeared before, scanned from the left; one that
    is counted is stepped over, so no character counts twice.
    """
    most = 1
    for row in range(len(rows) - 1):
        most = max(most, rows[row + 1] - rows[row])
    table = table_mask(most) + 1
    keys, numbers = np.empty(table, np.uint64), np.empty(table, np.int32)
    stamps, stamp = np.zeros(table, np.int64), 0
    merged, before = np.empty(most, np.uint64), np.empty(most + 1, np.int64)
    number, live = np.empty(most + 1, np.int32), np.empty(most, np.int32)
    often, seen = np.empty(most, np.int32), np.zeros(most, np.int64)
    for row in range(len(rows) - 1):
        first, last = rows[row], rows[row + 1]
        tokens = _merge(first, last, start, end, kind, characters, hashes, merged, before, counts[row])
        mask = table_mask(tokens)
        stamp += 1
        alive = _number_tokens(merged, tokens, number, live, often, keys, numbers, stamps, stamp, mask)
        for n in range(2, 11):
            stamp += 1
            mask = table_mask(alive)  # a small table stays in the cache
            alive = _lengthen(number, live, alive, often, keys, numbers, stamps, stamp, mask)
            if n <= 4:
                tops[row, n - 2] = _top(number, live, alive, often, before, tokens, n)
            elif alive:
                duplicates[row, n - 5] = _scan(number, live, alive, seen, stamp, before, n)


@njit(cache=True)
def _merge(
    first: int,
    last: int,
    start: np.ndarray,
    end: np.ndarray,
    kind: np.ndarray,
    characters: np.ndarray,
    hashes: np.ndarray,
    merged: np.ndarray,
    before: np.ndarray,
    out: np.ndarray,
) -> int:
    """Count the words of one text into `out` (`WORD_COUNTS`), and fill the hashes of its tokens (runs of a symbol are
    one) and the characters before each (one entry more); returns how many there are."""
    tokens = inner = 0
    before[0] = 0
    for t in range(first, last):
        after_symbol = t > first and kind[t - 1] == 2 and start[t] == end[t - 1]
        if kind[t] != 2:
            out[0] += 1
            out[1] += characters[t]
            out[2] += kind[t] == 0
            out[4] = max(out[4], characters[t])
            if after_symbol and t - 2 >= first and kind[t - 2] != 2 and start[t - 1] == end[t - 2]:
                inner += end[t - 1] - start[t - 1] == 1
        elif after_symbol and hashes[t] == hashes[t - 1]:
            before[tokens] += characters[t]
            continue
        merged[tokens] = hashes[t]
        before[tokens + 1] = before[tokens] + characters[t]
        tokens += 1
    out[3] = tokens - inner
    for i in range(tokens):  # runs of different lengths are different tokens
        merged[i] ^= np.uint64(before[i + 1] - before[i]) * _SPREAD
    return tokens


@njit(cache=True)
def _number_tokens(
    merged: np.ndarray,
    tokens: int,
    number: np.ndarray,
    live: np.ndarray,
    often: np.ndarray,
    keys: np.ndarray,
    numbers: np.ndarray,
    stamps: np.ndarray,
    stamp: int,
    mask: int,
) -> int:
    """Number the tokens; list the places of those that occur more than once and return how many there are."""
    kinds = 0
    for i in range(tokens):
        number[i] = numbered(merged[i], kinds, keys, numbers, stamps, stamp, mask)
        if number[i] == kinds:
            often[kinds] = 0
            kinds += 1
        often[number[i]] += 1
    alive = 0
    for i in range(tokens):
        if often[number[i]] > 1:
            live[alive] = i
            alive += 1
    return alive


@njit(cache=True)
def _lengthen(
    number: np.ndarray,
    live: np.ndarray,
    alive: int,
    often: np.ndarray,
    keys: np.ndarray,
    numbers: np.ndarray,
    stamps: np.ndarray,
    stamp: int,
    mask: int,
) -> int:
    """From places and numbers of repeated (n-1)-grams to those of repeated n-grams, in place; returns how many."""
    kept = kinds = 0
    for j in range(alive - 1):
        i = live[j]
        if live[j + 1] != i + 1:
            continue
        pair = np.uint64(number[i]) << np.uint64(32) | np.uint64(number[i + 1])
        number[i] = numbered(pair, kinds, keys, numbers, stamps, stamp, mask)
        if number[i] == kinds:
            often[kinds] = 0
            kinds += 1
        often[number[i]] += 1
        live[kept] = i
        kept += 1
    alive = 0
    for j in range(kept):
        if often[number[live[j]]] > 1:
            live[alive] = live[j]
            alive += 1
    return alive


@njit(cache=True)
def _top(
    number: np.ndarray,
    live: np.ndarray,
    alive: int,
    often: np.ndarray,
    before: np.ndarray,
    tokens: int,
    n: int,
) -> int:
    """Characters of the most frequent n-gram times its occurrences."""
    if tokens < n:
        return 0
    place, most = 0, 1
    for j in range(alive):  # numbers rise with the first place, so the first maximum is the first n-gram
        if often[number[live[j]]] > most:
            place, most = live[j], often[number[live[j]]]
    return (before[place + n] - before[place] + n - 1) * most


@njit(cache=True)
def _scan(
    number: np.ndarray, live: np.ndarray, alive: int, seen: np.ndarray, stamp: int, before: np.ndarray, n: int
) -> int:
    """Characters of n-grams that appeared before, stepping over each that is counted."""
    total = free = 0
    for j in range(alive):
        i = live[j]
        if i < free:
            continue
        if seen[number[i]] == stamp:
            total += before[i + n] - before[i]
            free = i + n
        else:
            seen[number[i]] = stamp
    return total
