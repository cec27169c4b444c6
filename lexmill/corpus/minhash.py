"""MinHash signatures of documents as band keys, and the exact similarity that verifies them.

Broder 1997 (shingles and minima), Leskovec, Rajaraman and Ullman, *Mining of Massive Datasets*, ch. 3 (bands).

A permutation is x -> a * x + b modulo 2**32 of a 32-bit hash x of the n-gram.  Because x itself is random, the minimum
falls on every n-gram of a set with the same probability whatever a and b are, so a minimum is shared with
probability J exactly (but for collisions of x, about n / 2**32); the random a and b make permutations differ.
"""

from __future__ import annotations

import numpy as np

from lexmill.corpus.ngrams import band_minima, common_count, row_ngrams, unique_runs
from lexmill.corpus.params import NearDedupParams
from lexmill.corpus.words import NUMBER, Words


def band_keys(words: Words, params: NearDedupParams) -> np.ndarray:
    """uint64 (rows, bands): two texts share a key when all MinHash values of that band are equal.

    Shingles are the n-grams of folded words and of numbers as they are ("Type 1" is not "Type 2"); a text of fewer
    words is one shingle, and a text without words is read by its symbols.  Depends on each text alone, so any cutting
    into batches gives the same keys.
    """
    hashes, offsets = row_ngrams(words.rows, words.kind, tokens(words), params.words, True)
    multipliers, increments = permutations(params)
    keys = np.empty((len(words.rows) - 1, params.bands), np.uint64)
    band_minima(hashes, offsets, multipliers, increments, params.bands, params.rows, keys)
    return keys


def shingles(words: Words, params: NearDedupParams) -> tuple[np.ndarray, np.ndarray]:
    """Shingle sets -> (hashes uint64, ascending and distinct in each text; offsets int64 (rows + 1,))."""
    hashes, offsets = row_ngrams(words.rows, words.kind, tokens(words), params.words, True)
    return unique_runs(hashes, offsets)  # type: ignore[no-any-return]


def tokens(words: Words) -> np.ndarray:
    """uint64 (tokens,): what n-grams are made of, words folded in case, numbers as they are."""
    return np.where(words.kind == NUMBER, words.hash, words.folded)


def jaccard(a: np.ndarray, b: np.ndarray) -> float:
    """Shared over all values of two ascending arrays of distinct uint64; 1.0 when both are empty."""
    common = int(common_count(a, b))
    union = len(a) + len(b) - common
    return common / union if union else 1.0


def permutations(params: NearDedupParams) -> tuple[np.ndarray, np.ndarray]:
    """(multipliers, increments), uint32 (bands * rows,): the outputs of SplitMix64 from `params.seed`."""
    count = params.bands * params.rows
    steps = np.arange(1, 2 * count + 1, dtype=np.uint64) + np.uint64(params.seed << 32)
    state = steps * np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    values = ((state ^ (state >> np.uint64(31))) >> np.uint64(32)).astype(np.uint32)
    return values[:count] | np.uint32(1), values[count:]
