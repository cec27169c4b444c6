"""The contract of every trainer: what it gets, what it gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
from tokenizers import Tokenizer

from lexmill.tokenizer.words import TrainingWords


def _silent(fraction: float, message: str) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True)
class TrainingData:
    """What a trainer may read.

    words: the weighted, distinct pre-tokens of split `train`; counts: the word counts behind them (columns of
    `counts.COUNTS_SCHEMA`, every split, only the spec's languages and domains), for methods that need them by language
    or need held-out words; sequences: folder with the files of `sequences.read_sequences`, for a `SequenceSpec`;
    files: the local files that the spec's keys of `FILES` and `TOKENIZERS` name; progress: (fraction 0..1, message).
    """

    words: TrainingWords
    counts: pa.Table
    sequences: Path | None = None
    files: Mapping[str, Path] = field(default_factory=dict)
    progress: Callable[[float, str], None] = _silent


@dataclass(frozen=True)
class Learned:
    """What a trainer made.

    tokenizer: the `tokenizers` object that is exported, ids from 0, without the spec's special and padding tokens,
    which the writer puts behind; tables: what the method learned, each written to `<name>.parquet` (a method of merges
    gives `merges`, see `export.merge_table`); settings: JSON, what the exact encoder needs beside tables and
    tokenizer.json; tie_break: the order among equals, in words; details: JSON figures of the training for
    `lexmill.json`; pretokenizer: the pattern that the exported file cuts with, where it is not the one of training.
    """

    tokenizer: Tokenizer
    tie_break: str
    tables: Mapping[str, pa.Table] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    pretokenizer: str | None = None
