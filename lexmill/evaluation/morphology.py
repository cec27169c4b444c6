"""How well tokens agree with morphs: the two measures of MorphBPE (Asgari et al. 2025, arXiv 2502.00894)."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

Units = Sequence[Hashable]
"""The morphs or the tokens of one word, in order; equal units are the same morph, or the same token."""

_ROWS = 512  # of a block: at most so many rows of pairs are held at once


@dataclass(frozen=True)
class Consistency:
    """Over all pairs of words: `recall`, of those that share a morph, the share that share a token; `precision`, of
    those that share a token, the share that share a morph; `f1`, their harmonic mean.  0 where nothing is shared."""

    precision: float
    recall: float
    f1: float


def edit_distance(a: Units, b: Units) -> int:
    """Levenshtein distance of two sequences; insertion, deletion and substitution of a unit cost 1."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (x != y))
    return row[-1]


def morphological_edit_distance(morphs: Sequence[Units], tokens: Sequence[Units]) -> float:
    """Mean edit distance between the morphs and the tokens of each word, units compared as wholes, not normalised.

    Raises ValueError for no words, or unequal numbers of them.
    """
    _check(morphs, tokens)
    return sum(edit_distance(a, b) for a, b in zip(morphs, tokens, strict=True)) / len(morphs)


def morphological_consistency(morphs: Sequence[Units], tokens: Sequence[Units]) -> Consistency:
    """Precision, recall and F1 over all pairs of words, which should be distinct (the paper samples pairs).

    Time grows with the square of the number of words, memory does not.  Raises ValueError for no words, or unequal
    numbers of them.
    """
    _check(morphs, tokens)
    a, b = _incidence(morphs), _incidence(tokens)
    pairs = np.zeros(3, np.int64)  # that share a morph, a token, both; each pair twice
    for start in range(0, len(morphs), _ROWS):
        same_morph = (a[start : start + _ROWS] @ a.T).astype(np.bool_)
        same_token = (b[start : start + _ROWS] @ b.T).astype(np.bool_)
        pairs += [same_morph.nnz, same_token.nnz, same_morph.multiply(same_token).nnz]
    empty_a, empty_b = np.diff(a.indptr) == 0, np.diff(b.indptr) == 0  # all others also meet themselves
    pairs -= [(~empty_a).sum(), (~empty_b).sum(), (~empty_a & ~empty_b).sum()]
    by_morph, by_token, both = pairs.tolist()
    recall = both / by_morph if by_morph else 0.0
    precision = both / by_token if by_token else 0.0
    return Consistency(precision, recall, 2 * precision * recall / (precision + recall) if both else 0.0)


def _incidence(words: Sequence[Units]) -> sparse.csr_array:
    """int32[words, units]: 1 where a word has a unit."""
    number: dict[Hashable, int] = {}
    rows = [sorted({number.setdefault(unit, len(number)) for unit in units}) for units in words]
    bounds = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    columns = np.array([column for row in rows for column in row], np.int64)
    values = np.ones(len(columns), np.int32)
    return sparse.csr_array((values, columns, bounds), shape=(len(words), max(len(number), 1)))


def _check(morphs: Sequence[Units], tokens: Sequence[Units]) -> None:
    if not morphs or len(morphs) != len(tokens):
        raise ValueError(f"the morphs of {len(morphs)} words came with the tokens of {len(tokens)}")
