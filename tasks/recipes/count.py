"""Recipes of `tasks/count.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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
