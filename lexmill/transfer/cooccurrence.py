"""Vectors of tokens from a text alone: positive pointwise mutual information, factorised.

Levy, Goldberg and Dagan, "Improving Distributional Similarity with Lessons Learned from Word Embeddings" (TACL
2015): window weights 1/distance, context distribution to the power 0.75, U * sqrt(S) of a truncated SVD.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse

CONTEXT_POWER = 0.75
OVERSAMPLING = 20
POWER_ITERATIONS = 4


def cooccurrences(documents: Sequence[np.ndarray], vocab_size: int, window: int) -> sparse.csr_matrix:
    """Symmetric float64 [vocab, vocab]: for each pair at most `window` apart in a document, 1/distance."""
    lengths = [len(document) for document in documents]
    ids = np.concatenate(list(documents)) if documents else np.zeros(0, dtype=np.int64)
    owner = np.repeat(np.arange(len(lengths)), lengths)
    total = sparse.csr_matrix((vocab_size, vocab_size), dtype=np.float64)
    for distance in range(1, window + 1):
        inside = owner[distance:] == owner[:-distance]
        left, right = ids[:-distance][inside], ids[distance:][inside]
        weights = np.full(len(left), 1.0 / distance)
        total = total + sparse.coo_matrix((weights, (left, right)), shape=total.shape).tocsr()
    return (total + total.T).tocsr()


def ppmi(counts: sparse.csr_matrix) -> sparse.csr_matrix:
    """max(0, log P(w, c) / (P(w) P'(c))) with P'(c) proportional to count(c)^0.75; zeros are not stored."""
    pairs = counts.tocoo()
    words = np.asarray(counts.sum(axis=1)).ravel()
    contexts = np.asarray(counts.sum(axis=0)).ravel() ** CONTEXT_POWER
    contexts = contexts / contexts.sum()
    values = np.log(pairs.data / (words[pairs.row] * contexts[pairs.col]))
    kept = values > 0
    return sparse.csr_matrix((values[kept], (pairs.row[kept], pairs.col[kept])), shape=counts.shape)


def truncated_svd(matrix: sparse.csr_matrix, rank: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(U [rows, rank], singular values [rank], descending), by randomised subspace iteration.

    Halko, Martinsson and Tropp, "Finding Structure with Randomness" (SIAM Review 2011), algorithm 4.4.
    `rank` is lowered to what the matrix allows.
    """
    rank = min(rank, *matrix.shape)
    width = min(rank + OVERSAMPLING, *matrix.shape)
    start = np.random.default_rng(seed).standard_normal((matrix.shape[1], width))
    basis, _ = np.linalg.qr(matrix @ start)
    for _ in range(POWER_ITERATIONS):
        basis, _ = np.linalg.qr(matrix.T @ basis)
        basis, _ = np.linalg.qr(matrix @ basis)
    left, values, _ = np.linalg.svd((matrix.T @ basis).T, full_matrices=False)
    return (basis @ left)[:, :rank], values[:rank]


def token_vectors(
    documents: Sequence[np.ndarray], vocab_size: int, dimensions: int, window: int, min_count: int, seed: int
) -> np.ndarray:
    """Unit vectors float32 [vocab, dimensions]; zero for tokens seen less than `min_count` times.

    `documents` are arrays of token ids; rare tokens neither get a vector nor serve as contexts.
    """
    seen = np.zeros(vocab_size, dtype=np.int64)
    for document in documents:
        seen += np.bincount(document, minlength=vocab_size)
    frequent = np.flatnonzero(seen >= min_count)
    vectors = np.zeros((vocab_size, dimensions), dtype=np.float32)
    if len(frequent) < 2:
        return vectors
    counts = cooccurrences(documents, vocab_size, window)[frequent][:, frequent]
    left, values = truncated_svd(ppmi(counts), dimensions, seed)
    found = left * np.sqrt(values)
    norms = np.linalg.norm(found, axis=1, keepdims=True)
    vectors[frequent, : found.shape[1]] = np.divide(
        found, norms, out=np.zeros_like(found), where=norms > 1e-12
    )
    return vectors
