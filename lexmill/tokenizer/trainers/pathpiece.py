"""PathPiece: the vocabulary with which words take the fewest tokens (Schmidt et al. 2024, arXiv 2402.18376).

The paper gives the recipe, without code for training: start from a large vocabulary (BPE works best), segment all words
by shortest paths, find for every token by how much the paths would grow without it, remove those that cost least,
repeat.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from lexmill.tokenizer.arrays import flat_bytes
from lexmill.tokenizer.params import BYTES
from lexmill.tokenizer.pathpiece_kernel import path_scores
from lexmill.tokenizer.specs.vocabulary import PathPieceSpec
from lexmill.tokenizer.trained import Learned, TrainingData
from lexmill.tokenizer.trie import trie_of
from lexmill.tokenizer.vessels import fewest_tokens_vessel
from lexmill.tokenizer.vocabulary import initial_vocabulary, kept_tokens, token_table

TIE_BREAK = "fewest tokens, then the longest last token; of tokens that save as much, the later merge is removed first"


def train(data: TrainingData, spec: PathPieceSpec) -> Learned:
    """Prune a BPE vocabulary to the tokens that shortest paths need most."""
    words = data.words
    data.progress(0.0, "learning the initial vocabulary")
    initial = initial_vocabulary(words, int(spec.initial * spec.model_size), spec.max_token_length)
    tokens, uses, removed = prune(initial, words.words, words.counts, spec.model_size, spec.batch, data)
    details = {"initial_vocabulary": len(initial), "rounds": len(removed), "tokens_on_train": int(uses.sum())}
    return Learned(
        fewest_tokens_vessel(spec, tokens), TIE_BREAK, {"tokens": token_table(tokens, uses)}, details=details
    )


def prune(
    tokens: list[bytes],
    words: pa.Array,
    counts: np.ndarray,
    size: int,
    batch: float,
    data: TrainingData | None = None,
) -> tuple[list[bytes], np.ndarray, list[int]]:
    """Remove tokens until `size` are left, at most the share `batch` (0..1) in one round.

    tokens: the 256 bytes first; words: distinct (binary); counts: int64[n].  Returns the kept tokens, how often each is
    on the shortest paths (int64, weighted), and how many tokens each round removed.
    """
    flat, offsets = flat_bytes(words)
    counts = np.ascontiguousarray(counts, np.int64)
    start = len(tokens)
    removed: list[int] = []
    while True:
        scores, uses = path_scores(flat, offsets, counts, tuple(trie_of(tokens)), len(tokens))
        surplus = len(tokens) - max(size, BYTES)
        if surplus <= 0:
            return tokens, uses, removed
        removed.append(min(surplus, max(1, int(len(tokens) * batch))))
        if data is not None:
            data.progress(1 - surplus / (start - size + 1), f"pruning: {len(tokens)} tokens")
        tokens = [tokens[index] for index in kept_tokens(scores, len(tokens) - removed[-1]).tolist()]
