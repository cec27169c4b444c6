"""Byte-level BPE, with or without the rule of whole characters, from scratch or on top of a tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lexmill.tokenizer.bpe import TIE_BREAKS, train_bpe
from lexmill.tokenizer.bpe_extend import extend, read_rules
from lexmill.tokenizer.export import merge_table
from lexmill.tokenizer.specs.bpe import BpeSpec
from lexmill.tokenizer.trained import Learned, TrainingData
from lexmill.tokenizer.vessels import merges_vessel


def train(data: TrainingData, spec: BpeSpec) -> Learned:
    """Learn the merges that fill the vocabulary, fewer when the text has no more to give.

    Raises ValueError for a base tokenizer that cannot be extended, or that is as large as the vocabulary.
    """
    if spec.base is not None:
        return _extended(data, spec, data.files["base"])
    words = data.words
    merges = train_bpe(
        words.words, words.counts, spec.merges, tie_break=spec.tie_break, **_limits(data, spec)
    )
    pairs = list(zip(merges.left.tolist(), merges.right.tolist(), strict=True))
    tokenizer = merges_vessel(spec, merges.token_bytes(), pairs)
    details = {"merges": len(merges)}
    return Learned(tokenizer, TIE_BREAKS[spec.tie_break], {"merges": merge_table(merges)}, details=details)


def _extended(data: TrainingData, spec: BpeSpec, path: Path) -> Learned:
    """The tokenizer at `path` with new tokens behind its own; its special tokens keep their ids."""
    rules = read_rules(path, spec.pretokenizer, spec.normalizer)
    size, before = len(rules.vocabulary), len(rules.merges)
    if rules.added.intersection(spec.padding):
        raise ValueError(
            "base has padding tokens of its own: leave pad_to_multiple out, or give a multiple of it"
        )
    again = rules.added.intersection(spec.special_tokens)
    if again:
        raise ValueError(
            f"special_tokens: {min(again)!r} is a special token of the base already; leave it out"
        )
    new = spec.model_size - size
    if new < 1:
        raise ValueError(
            f"vocab_size {spec.vocab_size} leaves no room: the base tokenizer has {size} tokens already"
        )
    extend(rules, data.words.words, data.words.counts, new, **_limits(data, spec))
    details = {"merges": len(rules.merges), "base": {"tokens": size, "merges": before}}
    tie_break = "largest count, then smallest (left id, right id); ids of the base tokenizer"
    return Learned(rules.tokenizer(), tie_break, {"merges": rules.table()}, details=details)


def _limits(data: TrainingData, spec: BpeSpec) -> dict[str, Any]:
    """What pairs may be merged, as arguments of the engine."""
    return {
        "min_frequency": spec.min_frequency * data.words.scale,
        "max_token_length": spec.max_token_length,
        "whole_characters": spec.algorithm_name == "bpe_cb",
    }
