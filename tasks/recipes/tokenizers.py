"""Recipes of `tasks/tokenizers.py`."""

from __future__ import annotations

from lexmill.tokenizer.params import TokenizerParams
from tasks.recipes.count import word_counts_name
from tasks.step import Step


def tokenizer_step(pipeline: str, params: TokenizerParams) -> Step:
    """Train `params.name` from the pipeline's word counts made with the same pre-tokenizer and normaliser."""
    counts = word_counts_name(pipeline, params.pretokenizer, params.normalizer)
    return Step(
        stage="tokenize",
        kind="tokenizer",
        name=f"{pipeline}-{params.name}",
        build="tasks.tokenizers:build_tokenizer",
        version=1,
        params=params.model_dump(mode="json"),
        inputs={"word_counts": (("word_counts", counts),)},
        tags=("memory",),
    )
