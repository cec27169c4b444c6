"""From word counts and a spec to a trained tokenizer: the one entry point of all trainers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from lexmill.tokenizer.algorithms import algorithm_of
from lexmill.tokenizer.params import TrainerSpec
from lexmill.tokenizer.trained import Learned, TrainingData, _silent
from lexmill.tokenizer.words import training_words


def training_data(
    counts: pa.Table,
    spec: TrainerSpec,
    sequences: Path | None = None,
    files: Mapping[str, Path] | None = None,
    progress: Callable[[float, str], None] = _silent,
) -> TrainingData:
    """Select and weight what a spec trains on.

    counts: columns of `counts.COUNTS_SCHEMA`.  Raises ValueError when the selection is empty or a weight names nothing.
    """
    words = training_words(counts, spec)
    for column, wanted in (("language", spec.languages), ("domain", spec.domains)):
        if wanted is not None:
            counts = counts.filter(pc.is_in(counts[column], pa.array(wanted)))
    return TrainingData(words, counts, sequences, dict(files or {}), progress)


def train_tokenizer(data: TrainingData, spec: TrainerSpec) -> Learned:
    """Train, and check that the vocabulary is as large as asked.

    Raises ValueError for what the algorithm cannot do with this text, naming the parameter.
    """
    learned: Learned = algorithm_of(spec).train_function()(data, spec)
    size = learned.tokenizer.get_vocab_size(with_added_tokens=True)
    if size < spec.model_size:
        raise ValueError(
            f"tokenizer {spec.name}: vocab_size {spec.vocab_size} cannot be filled, this text has only enough for "
            f"{size + len(spec.special_tokens)}{_limits(spec)}: ask for at most "
            f"{size + len(spec.special_tokens)}, or add text"
        )
    return learned


def _limits(spec: TrainerSpec) -> str:
    """The spec's own bounds that may be in the way."""
    named = {key: getattr(spec, key, None) for key in ("min_frequency", "max_token_length")}
    given = [f"{key} {value}" for key, value in named.items() if value]
    return f" ({', '.join(given)})" if given else ""
