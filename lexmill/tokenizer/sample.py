"""The sampled documents of a method that reads the order of words, as flat arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lexmill.tokenizer.params import SequenceSpec
from lexmill.tokenizer.sequences import sequence_table
from lexmill.tokenizer.trained import TrainingData


@dataclass(frozen=True)
class Sample:
    """words: distinct pre-tokens (binary) by word id; ids: int32, all documents in a row; offsets: int64[n + 1] of the
    documents; units: int64[n], weight of each document in units of 1/`count_scale`, above 0."""

    words: pa.Array
    ids: np.ndarray
    offsets: np.ndarray
    units: np.ndarray


def read_sample(data: TrainingData, spec: SequenceSpec) -> Sample:
    """The documents of split `train` whose category has a weight, in their stored (shuffled) order.

    Raises ValueError when there are no sequences, or none of the training data's categories.
    """
    if data.sequences is None:
        raise ValueError(
            f"tokenizer {spec.name}: {spec.algorithm_name} needs word sequences beside the counts"
        )
    mixture = data.words.mixture
    weight_of = {
        (language, domain): round(weight * data.words.scale)
        for language, domain, weight in zip(
            *(mixture[name].to_pylist() for name in ("language", "domain", "weight")), strict=True
        )
    }
    table = pq.read_table(data.sequences / "sequences.parquet")
    table = table.filter(pc.equal(table["split"], "train"))
    categories = zip(table["language"].to_pylist(), table["domain"].to_pylist(), strict=True)
    units = np.array([weight_of.get(category, 0) for category in categories], np.int64)
    table, units = table.filter(pa.array(units > 0)), units[units > 0]
    if not len(units):
        raise ValueError(
            f"tokenizer {spec.name}: the word sequences hold no document of the training data; "
            "raise sample_bytes or select other languages and domains"
        )
    words = pq.read_table(data.sequences / "words.parquet")["word"].combine_chunks()
    found = sequence_table(words, table)
    return Sample(found.words, found.ids, found.offsets, units)


def random_stream(seed: int, index: int) -> np.uint64:
    """Where the `index`-th stream (below 2^24) of 2^40 random numbers of a seed begins, for `random_kernel.mixed`."""
    return np.uint64((seed * 0x9E3779B97F4A7C15 + (index << 40)) % (1 << 64))
