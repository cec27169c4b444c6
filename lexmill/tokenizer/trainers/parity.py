"""Parity-aware BPE."""

from __future__ import annotations

import pyarrow as pa

from lexmill.tokenizer.export import merge_table
from lexmill.tokenizer.parity import TIE_BREAK, gini, train_parity
from lexmill.tokenizer.specs.parity import ParitySpec
from lexmill.tokenizer.trained import Learned, TrainingData
from lexmill.tokenizer.vessels import merges_vessel
from lexmill.tokenizer.words import held_out_words, words_by_language


def train(data: TrainingData, spec: ParitySpec) -> Learned:
    """Learn the merges that fill the vocabulary, fewer when no language has more to give."""
    by_language = words_by_language(data.counts, spec)
    domains = spec.development_domains
    development = held_out_words(data.counts, domains) if domains else None
    learned = train_parity(
        data.words,
        by_language,
        development,
        spec.merges,
        spec.global_merges,
        spec.min_frequency * data.words.scale,
        spec.ratios,
        spec.window,
        spec.alpha,
    )
    merges, languages = learned.merges, by_language.languages
    names = [languages[index] if index >= 0 else "" for index in learned.chosen.tolist()]
    table = merge_table(merges).append_column("language", pa.array(names, pa.string()))
    pairs = list(zip(merges.left.tolist(), merges.right.tolist(), strict=True))
    details = {
        "merges": len(merges),
        "parity": {
            "measured_on": "development words" if domains else "training words",
            "costs": {
                name: round(cost, 6) for name, cost in zip(languages, learned.costs.tolist(), strict=True)
            },
            "gini": round(gini(learned.costs), 6),
        },
    }
    tokenizer = merges_vessel(spec, merges.token_bytes(), pairs)
    return Learned(tokenizer, TIE_BREAK, {"merges": table}, details=details)
