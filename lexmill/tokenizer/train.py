"""From word counts and parameters to a trained tokenizer: the registry of algorithms and the one entry point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from lexmill.tokenizer.bpe import MergeList, train_bpe
from lexmill.tokenizer.params import TokenizerParams
from lexmill.tokenizer.words import TrainingWords, training_words

Trainer = Callable[[TrainingWords, TokenizerParams], MergeList]


@dataclass(frozen=True)
class TrainedTokenizer:
    """Parameters, what was learned, and the training data it was learned from."""

    params: TokenizerParams
    merges: MergeList
    data: TrainingWords


def train_tokenizer(counts: pa.Table, params: TokenizerParams) -> TrainedTokenizer:
    """Train on the split `train` of a word-count table (columns of `counts.COUNTS_SCHEMA`).

    Raises ValueError when the selection is empty, a weight names nothing, or the text cannot fill the vocabulary.
    """
    data = training_words(counts, params)
    merges = TRAINERS[params.algorithm](data, params)
    if len(merges) < params.merges:
        possible = params.vocab_size - params.merges + len(merges)
        raise ValueError(
            f"tokenizer {params.name}: vocab_size {params.vocab_size} needs {params.merges} merges, but this text "
            f"has only {len(merges)} to give (min_frequency {params.min_frequency}, max_token_length "
            f"{params.max_token_length or 'none'}): ask for at most {possible}, or add text"
        )
    return TrainedTokenizer(params, merges, data)


def _bpe(data: TrainingWords, params: TokenizerParams) -> MergeList:
    floor = params.min_frequency * data.scale
    return train_bpe(data.words, data.counts, params.merges, floor, params.max_token_length)


TRAINERS: dict[str, Trainer] = {"bpe": _bpe}
