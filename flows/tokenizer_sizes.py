"""`lexmill tokenizer sizes`: the vocabulary size that each language needs for the same number of tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow.parquet as pq

from flows.adhoc_mixture import word_counts_artifact
from flows.places import warehouse_to_read
from lexmill.tokenizer.optimal_size import SIZES, optimal_sizes
from lexmill.tokenizer.specs.bpe import BpeSpec
from tasks.step import InputError


def sizes_of_languages(
    warehouse: str,
    counts: str,
    domains: Sequence[str],
    languages: Sequence[str] | None,
    reference: str | None,
) -> list[dict[str, Any]]:
    """Rows of `optimal_sizes` over stored word counts; `reference` is LANGUAGE=SIZE.  Raises InputError."""
    artifact = word_counts_artifact(warehouse_to_read(warehouse), counts)
    table = pq.read_table(artifact.file("counts.parquet"))
    spec = BpeSpec(name="sizes", vocab_size=max(SIZES), languages=tuple(languages) if languages else None)
    try:
        found = optimal_sizes(table, spec, tuple(domains), reference=_reference(reference))
    except ValueError as error:
        raise InputError(str(error)) from error
    return found.to_pylist()


def _reference(text: str | None) -> tuple[str, int] | None:
    if text is None:
        return None
    language, _, size = text.partition("=")
    if not size.isdecimal():
        raise InputError(f"--reference {text!r}: write LANGUAGE=SIZE, such as eng_Latn=8192")
    return language, int(size)
