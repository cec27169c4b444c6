"""Recipes of `tasks/count.py`."""

from __future__ import annotations

from lexmill.tokenizer.patterns import pretokenizer_label
from tasks.step import Step


def word_counts_name(pipeline: str, pretokenizer: str, normalizer: str = "none") -> str:
    """`<pipeline>-<pretokenizer>`, with the normaliser behind it when there is one."""
    name = f"{pipeline}-{pretokenizer_label(pretokenizer)}"
    return name if normalizer == "none" else f"{name}-{normalizer.lower()}"


def word_counts_step(pipeline: str, pretokenizer: str, normalizer: str = "none") -> Step:
    """Count the documents of a pipeline once for each pre-tokenizer and normaliser that its tokenizers use."""
    return Step(
        stage="count",
        kind="word_counts",
        name=word_counts_name(pipeline, pretokenizer, normalizer),
        build="tasks.count:build_word_counts",
        version=1,
        params={"pretokenizer": pretokenizer, "normalizer": normalizer},
        inputs={"documents": (("documents", pipeline),)},
        tags=("memory",),
    )
