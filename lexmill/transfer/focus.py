"""FOCUS: a new token starts as a convex combination of shared tokens that are used like it.

Dobler and de Melo, "FOCUS: Effective Embedding Initialization for Monolingual Specialization of Multilingual
Models" (EMNLP 2023, arXiv 2305.14481): shared tokens are anchors; weights are the sparsemax of the cosines in an
auxiliary space learned from target-language text.  Ours is a PPMI-SVD space instead of fastText, and a token
without a vector takes the sub-token mean instead of a random row.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lexmill.transfer.plan import Row

ROWS_AT_ONCE = 256


def sparsemax(scores: np.ndarray) -> np.ndarray:
    """Euclidean projection of each row of float [n, k] onto the probability simplex: sparse weights that sum to 1.

    Martins and Astudillo, "From Softmax to Sparsemax" (ICML 2016), algorithm 1.
    """
    ordered = -np.sort(-scores, axis=1)
    sums = np.cumsum(ordered, axis=1)
    ranks = np.arange(1, scores.shape[1] + 1)
    support = (1 + ranks * ordered > sums).sum(axis=1)
    threshold = (np.take_along_axis(sums, support[:, None] - 1, axis=1) - 1) / support[:, None]
    return np.maximum(scores - threshold, 0.0)


def focus(
    new: Sequence[int], anchors: Sequence[int], sources: Sequence[int], vectors: np.ndarray
) -> dict[int, Row]:
    """Target id -> source ids and weights, for the `new` ids that have a vector; the others are left out.

    `anchors` are target ids shared with the source, `sources` their source ids; `vectors` float32
    [target vocab, d], unit rows, zero where there is none.
    """
    known = np.any(vectors != 0, axis=1)
    usable = known[np.asarray(anchors, dtype=np.int64)]
    anchor_ids = np.asarray(anchors, dtype=np.int64)[usable]
    source_ids = np.asarray(sources, dtype=np.int32)[usable]
    wanted = np.array([index for index in new if known[index]], dtype=np.int64)
    rows: dict[int, Row] = {}
    if not len(anchor_ids):
        return rows
    for start in range(0, len(wanted), ROWS_AT_ONCE):
        chunk = wanted[start : start + ROWS_AT_ONCE]
        weights = sparsemax((vectors[chunk] @ vectors[anchor_ids].T).astype(np.float64))
        for index, row in zip(chunk.tolist(), weights, strict=True):
            support = np.flatnonzero(row)
            order = np.argsort(source_ids[support], kind="stable")
            rows[index] = (source_ids[support][order], row[support][order].astype(np.float32))
    return rows
