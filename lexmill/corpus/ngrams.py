"""Hashes of word n-grams, MinHash minima and set overlap on flat arrays (compiled by numba)."""

from __future__ import annotations

import numpy as np
from numba import njit

from lexmill.corpus.words_kernel import mix

# Base of the polynomial: odd, so that every power is a unit modulo 2**64 and no word of an n-gram loses weight.
_BASE = np.uint64(0xD6E8FEB86659FD93)


@njit(cache=True, nogil=True)
def row_ngrams(rows, kind, tokens, n, short):  # type: ignore[no-untyped-def]
    """Hashes of the n-grams of each text, in order, repeats included -> (hashes uint64, offsets int64 (rows + 1,)).

    rows (int64), kind (uint8) and tokens (uint64) are as in `Words`.  N-grams run over the tokens of kind 0 and 1,
    words and numbers.  A text of fewer than n of them has none, unless `short`: then it has one n-gram of all its
    words, and a text without words is read by its symbols.
    """
    hashes = np.empty(rows[-1] - rows[0], np.uint64)
    offsets = np.zeros(len(rows), np.int64)
    top = np.uint64(1)  # weight of the first word of an n-gram
    for _ in range(n - 1):
        top *= _BASE
    at = 0
    for row in range(len(rows) - 1):
        end = at
        for token in range(rows[row], rows[row + 1]):
            if kind[token] < 2:
                hashes[end] = tokens[token]
                end += 1
        if short and end == at:
            for token in range(rows[row], rows[row + 1]):
                hashes[end] = tokens[token]
                end += 1
        at = _roll(hashes, at, end, n, top, short)
        offsets[row + 1] = at
    return hashes[:at].copy(), offsets


@njit(cache=True, nogil=True)
def _roll(hashes, start, end, n, top, short):  # type: ignore[no-untyped-def]
    """Replace the word hashes in [start, end) by those of their n-grams, in place; where these end."""
    size = end - start
    if size < n and (not short or size == 0):
        return start
    window = min(n, size)
    rolling = np.uint64(0)
    for index in range(start, start + window):
        rolling = rolling * _BASE + hashes[index]
    last = end - window
    for index in range(start, last + 1):
        leaving = hashes[index]
        hashes[index] = mix(rolling)
        if index < last:
            rolling = (rolling - leaving * top) * _BASE + hashes[index + window]
    return last + 1


@njit(cache=True, nogil=True)
def band_minima(hashes, offsets, multipliers, increments, bands, band_rows, out):  # type: ignore[no-untyped-def]
    """Fill `out` (uint64 (rows, bands)) with the band keys of each text's n-gram hashes.

    multipliers (odd), increments: uint32 (bands * band_rows,), the permutations x -> a * x + b modulo 2**32 of the
    upper halves of the hashes.  A key mixes the minima of its band, so equal keys mean equal minima.
    """
    size = bands * band_rows
    minima = np.empty(size, np.uint32)
    for row in range(len(offsets) - 1):
        minima[:] = np.uint32(0xFFFFFFFF)
        _take_minima(hashes[offsets[row] : offsets[row + 1]], multipliers, increments, minima)
        for band in range(bands):
            key = np.uint64(band)
            for index in range(band * band_rows, (band + 1) * band_rows):
                key = mix(key * _BASE + np.uint64(minima[index]))
            out[row, band] = key


@njit(cache=True, nogil=True)
def _take_minima(hashes, multipliers, increments, minima):  # type: ignore[no-untyped-def]
    """Lower `minima` to the least value of each permutation: four hashes a turn, permutations in vector registers."""
    count = len(hashes)
    for at in range(0, count, 4):
        # the last turn takes the last hash again where none is left
        x = np.uint32(hashes[at] >> np.uint64(32))
        y = np.uint32(hashes[min(at + 1, count - 1)] >> np.uint64(32))
        z = np.uint32(hashes[min(at + 2, count - 1)] >> np.uint64(32))
        w = np.uint32(hashes[min(at + 3, count - 1)] >> np.uint64(32))
        for index in range(len(minima)):
            a, b = multipliers[index], increments[index]
            first = min(np.uint32(a * x + b), np.uint32(a * y + b))
            second = min(np.uint32(a * z + b), np.uint32(a * w + b))
            minima[index] = min(minima[index], min(first, second))


@njit(cache=True, nogil=True)
def unique_runs(hashes, offsets):  # type: ignore[no-untyped-def]
    """Sort and deduplicate each run of `hashes`, in place -> (hashes uint64, offsets int64)."""
    kept = np.zeros(len(offsets), np.int64)
    at = 0
    for row in range(len(offsets) - 1):
        run = hashes[offsets[row] : offsets[row + 1]]
        run.sort()
        first = at
        for index in range(len(run)):
            if at == first or run[index] != hashes[at - 1]:
                hashes[at] = run[index]
                at += 1
        kept[row + 1] = at
    return hashes[:at], kept


@njit(cache=True, nogil=True)
def common_count(a, b):  # type: ignore[no-untyped-def]
    """How many values two ascending arrays of distinct values share."""
    i, j, common = 0, 0, 0
    while i < len(a) and j < len(b):
        if a[i] == b[j]:
            common += 1
            i += 1
            j += 1
        elif a[i] < b[j]:
            i += 1
        else:
            j += 1
    return common


@njit(cache=True, nogil=True)
def pair_jaccard(hashes, offsets, left, right, out):  # type: ignore[no-untyped-def]
    """Fill `out` (float64 (pairs,)) with the Jaccard similarity of the sets number `left` and `right` (int64)."""
    for pair in range(len(left)):
        a = hashes[offsets[left[pair]] : offsets[left[pair] + 1]]
        b = hashes[offsets[right[pair]] : offsets[right[pair] + 1]]
        common = common_count(a, b)
        union = len(a) + len(b) - common
        out[pair] = common / union if union else 1.0
