"""How many different stop words a document has, by the list of its language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from numba import njit

from lexmill.corpus.words import Words, split_words


def count_stop_words(
    words: Words, languages: Sequence[str | None] | None, stop_words: Mapping[str, Sequence[str]]
) -> np.ndarray:
    """int64 (rows,): different stop words of the list of each document's language, upper and lower case apart.

    A document of a language without a list has 0.  Without `languages` all are held against the union of the lists.
    A stop word of several tokens (such as a Chinese one of two characters) counts where they follow each other.
    """
    counts = np.zeros(len(words.texts) - 1, np.int64)
    if languages is None:
        union = [word for label in sorted(stop_words) for word in stop_words[label]]
        _count(words, np.arange(len(counts)), union, counts)
        return counts
    labels = np.array(languages, dtype=object)
    for label in sorted(set(stop_words) & set(languages) - {None}):
        _count(words, np.flatnonzero(labels == label), stop_words[label], counts)
    return counts


def _count(words: Words, rows: np.ndarray, entries: Sequence[str], counts: np.ndarray) -> None:
    listed = split_words(pa.array(list(dict.fromkeys(entries)), pa.string()))
    lengths = np.diff(listed.rows)
    full = np.flatnonzero(lengths)
    if len(full) == 0 or len(rows) == 0:
        return
    order = full[np.argsort(listed.hash[listed.rows[full]], kind="stable")]  # by first token, to search
    firsts = listed.hash[listed.rows[order]]
    _scan(rows, words.rows, words.hash, firsts, listed.rows[order], lengths[order], listed.hash, counts)


@njit(cache=True, nogil=True)
def _scan(
    rows: np.ndarray,
    bounds: np.ndarray,
    hashes: np.ndarray,
    firsts: np.ndarray,
    starts: np.ndarray,
    lengths: np.ndarray,
    listed: np.ndarray,
    counts: np.ndarray,
) -> None:
    """Set `counts[row]` for the given rows; entry e is `listed[starts[e]:starts[e] + lengths[e]]`, its first token
    `firsts[e]`, ascending."""
    seen = np.full(len(firsts), -1, np.int64)
    bloom = np.zeros(4096, np.bool_)  # most words are no stop words
    for first in firsts:
        bloom[first & np.uint64(4095)] = True
    for row in rows:
        for token in range(bounds[row], bounds[row + 1]):
            value = hashes[token]
            if not bloom[value & np.uint64(4095)]:
                continue
            entry = np.searchsorted(firsts, value)
            while entry < len(firsts) and firsts[entry] == value:
                if seen[entry] != row and token + lengths[entry] <= bounds[row + 1]:
                    same = True
                    for k in range(1, lengths[entry]):
                        same &= hashes[token + k] == listed[starts[entry] + k]
                    if same:
                        seen[entry] = row
                        counts[row] += 1
                entry += 1
