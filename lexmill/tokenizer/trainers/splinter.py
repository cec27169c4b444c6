"""Splinter: byte-level BPE over words rewritten as root and reductions (see `lexmill.tokenizer.splinter`)."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa

from lexmill.tokenizer.bpe import TIE_BREAK, train_bpe
from lexmill.tokenizer.export import merge_table
from lexmill.tokenizer.specs.vocabulary import SplinterSpec
from lexmill.tokenizer.splinter import ALPHABETS, Reductions, learn_reductions
from lexmill.tokenizer.trained import Learned, TrainingData
from lexmill.tokenizer.vessels import merges_vessel
from lexmill.tokenizer.words import TrainingWords


def train(data: TrainingData, spec: SplinterSpec) -> Learned:
    """Learn reductions from the words of the alphabet, rewrite all words, and learn merges from them.

    Raises ValueError when no word of the alphabet is frequent enough to learn from.
    """
    pretokens = [word.decode("utf-8") for word in data.words.words.to_pylist()]
    reductions = learn_reductions(
        spec.alphabet,
        letter_runs(pretokens, data.words, spec.alphabet),
        spec.min_frequency * data.words.scale,
    )
    if not reductions.codes:
        raise ValueError(
            f"tokenizer {spec.name}: no word of alphabet {spec.alphabet} that occurs {spec.min_frequency} times is "
            "another such word with one letter more: choose the alphabet of the training data, or a lower min_frequency"
        )
    data.progress(0.5, f"{len(reductions.codes)} reductions")
    rewritten = pa.array([text.encode("utf-8") for text in reductions.rewrite(pretokens)], pa.binary())
    merges = train_bpe(rewritten, data.words.counts, spec.merges)
    pairs = list(zip(merges.left.tolist(), merges.right.tolist(), strict=True))
    return Learned(
        merges_vessel(spec, merges.token_bytes(), pairs),
        TIE_BREAK,
        {"merges": merge_table(merges), "reductions": reduction_table(reductions)},
        settings={"alphabet": spec.alphabet},
        details={"merges": len(merges), "reductions": len(reductions.codes)},
    )


def letter_runs(pretokens: list[str], words: TrainingWords, alphabet: str) -> dict[str, int]:
    """The runs of the alphabet's letters in pre-tokens, with their weighted counts."""
    runs = re.compile(f"[{ALPHABETS[alphabet]}]+")
    counts: dict[str, int] = {}
    for text, count in zip(pretokens, words.counts.tolist(), strict=True):
        for run in runs.findall(text):
            counts[run] = counts.get(run, 0) + count
    return counts


def reduction_table(reductions: Reductions) -> pa.Table:
    """One row for each reduction of each length.

    Columns: length, offset (negative from the end), code (0 is U+F0002): int32; letter string; score float64 (0..1).
    """
    code = {key: index for index, key in enumerate(reductions.codes)}
    rows = [
        (length, offset, code[offset, letter], ALPHABETS[reductions.alphabet][letter], score)
        for length, scores in sorted(reductions.by_length.items())
        for (offset, letter), score in sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    ]
    length, offset, codes, letter, score = zip(*rows, strict=True)
    return pa.table(
        {
            "length": pa.array(length, pa.int32()),
            "offset": pa.array(offset, pa.int32()),
            "code": pa.array(codes, pa.int32()),
            "letter": pa.array(letter, pa.string()),
            "score": pa.array(np.array(score), pa.float64()),
        }
    )
