"""Unigram, fitted on word counts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from lexmill.tokenizer.specs.library import UnigramSpec
from lexmill.tokenizer.trained import Learned, TrainingData
from lexmill.tokenizer.unigram import TIE_BREAK, train_unigram
from lexmill.tokenizer.vessels import unigram_vessel


def train(data: TrainingData, spec: UnigramSpec) -> Learned:
    """Fit the pieces that fill the vocabulary, fewer when the text has no more."""
    words = data.words
    pieces, scores = train_unigram(
        words.words,
        words.counts,
        words.scale,
        spec.model_size,
        seed_size=spec.seed_size,
        max_token_length=spec.max_token_length,
        shrinking_factor=spec.shrinking_factor,
        iterations=spec.iterations,
        progress=data.progress,
    )
    return Learned(
        unigram_vessel(spec, pieces, scores.tolist()), TIE_BREAK, {"pieces": piece_table(pieces, scores)}
    )


def piece_table(pieces: Sequence[bytes], scores: np.ndarray) -> pa.Table:
    """The pieces by id.  Columns: id int32, bytes binary, score float64 (log probability)."""
    return pa.table(
        {
            "id": pa.array(range(len(pieces)), pa.int32()),
            "bytes": pa.array(pieces, pa.binary()),
            "score": pa.array(scores, pa.float64()),
        }
    )
