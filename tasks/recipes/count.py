"""Recipes of `tasks/count.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from lexmill.tokenizer.patterns import pretokenizer_label
from tasks.step import Step


class Cut(NamedTuple):
    """How text is cut into words: all that tells the word counts of one pipeline apart."""

    pretokenizer: str
    normalizer: str = "none"
    framing: str = "document"


def word_counts_name(pipeline: str, cut: Cut) -> str:
    """`<pipeline>-<pretokenizer>`, with normaliser and framing behind it where they are not the usual ones."""
    name = f"{pipeline}-{pretokenizer_label(cut.pretokenizer)}"
    name = name if cut.normalizer == "none" else f"{name}-{cut.normalizer.lower()}"
    return name if cut.framing == "document" else f"{name}-{cut.framing}"


def word_counts_step(pipeline: str, cut: Cut) -> Step:
    """Count the documents of a pipeline once for each way to cut that its tokenizers use."""
    return Step(
        stage="count",
        kind="word_counts",
        name=word_counts_name(pipeline, cut),
        build="tasks.count:build_word_counts",
        version=2,
        params=cut._asdict(),
        inputs={"documents": (("documents", pipeline),)},
        tags=("memory",),
    )


def word_sequences_name(pipeline: str, cut: Cut, sample_bytes: int, seed: int) -> str:
    """The name of the counts with the size and the seed of the sample."""
    return f"{word_counts_name(pipeline, cut)}-{sample_bytes}-{seed}"


def word_sequences_step(pipeline: str, cut: Cut, sample_bytes: int, seed: int) -> Step:
    """Store a sample of a pipeline's documents as sequences of word ids, for methods that read the order of words."""
    return Step(
        stage="count",
        kind="word_sequences",
        name=word_sequences_name(pipeline, cut, sample_bytes, seed),
        build="tasks.count:build_word_sequences",
        version=1,
        params={**cut._asdict(), "sample_bytes": sample_bytes, "seed": seed},
        inputs={"documents": (("documents", pipeline),)},
        tags=("memory",),
    )


def subject_counts_step(
    pipeline: str, subject: tuple[str, str], pretokenizer: str | None, normalizer: str | None
) -> Step:
    """Count the documents of a pipeline as the external tokenizer `subject` (kind, name) cuts them.

    What is None is taken from the tokenizer's file, which is therefore an input.
    """
    return Step(
        stage="count",
        kind="word_counts",
        name=subject[1],
        build="tasks.count:build_subject_counts",
        version=2,
        params={"pretokenizer": pretokenizer, "normalizer": normalizer},
        inputs={"documents": (("documents", pipeline),), "tokenizer": (subject,)},
        tags=("memory",),
    )


def category_counts_step(
    name: str,
    categories: Sequence[Mapping[str, str]],
    paths: Mapping[str, str],
    document: str,
    text_field: str,
    cut_by: tuple[str, str] | None,
    pretokenizer: str | None,
    normalizer: str | None,
) -> Step:
    """Count local files by category.  `categories` are {name, content}, the digest of names and bytes of the files.

    `paths` says where each category lies (not part of the identity).  `cut_by` is the tokenizer (kind, name) whose file
    says what is None of pretokenizer and normalizer; it is not needed when neither is.
    """
    params: dict[str, Any] = {
        "categories": [dict(category) for category in categories],
        "document": document,
        "text_field": text_field,
        "pretokenizer": pretokenizer,
        "normalizer": normalizer,
    }
    return Step(
        stage="count",
        kind="word_counts",
        name=name,
        build="tasks.count:build_category_counts",
        version=2,
        params=params,
        inputs={"tokenizer": (cut_by,)} if cut_by else {},
        runtime={"paths": dict(paths)},
        timeout_seconds=7200.0,
        tags=("memory",),
    )
