"""Documents that contain evaluation text, by shared long word n-grams (Brown et al. 2020, appendix C)."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from lexmill.corpus.minhash import tokens
from lexmill.corpus.ngrams import row_ngrams
from lexmill.corpus.words import Words


def ngram_set(batches: Iterable[Words], n: int) -> np.ndarray:
    """uint64, ascending and distinct: hashes of all n-grams of words of the evaluation text.

    Words are folded in case and punctuation is passed over, but numbers count as they are: otherwise all tables of
    numbers would share n-grams.  Texts of fewer than n words have none, so they cannot be looked for.
    """
    found = np.zeros(0, np.uint64)
    for words in batches:
        found = np.unique(np.concatenate([found, _ngrams(words, n)[0]]))
    return found


def matches(words: Words, grams: np.ndarray, n: int) -> np.ndarray:
    """int32 (rows,): how many distinct n-grams of each text are among `grams` (as `ngram_set` gives them)."""
    hashes, offsets = _ngrams(words, n)
    rows = len(offsets) - 1
    if len(grams) == 0 or len(hashes) == 0:
        return np.zeros(rows, np.int32)
    place = np.flatnonzero(_possible(hashes, grams))
    hits = hashes[place]
    among = np.searchsorted(grams, hits)
    among[among == len(grams)] = 0
    exact = grams[among] == hits
    row = np.searchsorted(offsets, place[exact], side="right") - 1
    distinct = np.unique(np.stack([row, among[exact]], axis=1), axis=0)
    return np.bincount(distinct[:, 0], minlength=rows).astype(np.int32)


def _ngrams(words: Words, n: int) -> tuple[np.ndarray, np.ndarray]:
    return row_ngrams(words.rows, words.kind, tokens(words), n, False)  # type: ignore[no-any-return]


def _possible(hashes: np.ndarray, grams: np.ndarray) -> np.ndarray:
    """bool (hashes,): False where the leading bits occur in no gram, so that few are left to search for."""
    bits = max(10, (16 * len(grams)).bit_length())  # one place in 16 is taken
    shift = np.uint64(64 - bits)
    taken = np.zeros(1 << bits, bool)
    taken[grams >> shift] = True
    return taken[hashes >> shift]  # type: ignore[no-any-return]
