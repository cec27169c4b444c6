"""Seeded stochastic encoding: BPE-dropout of words, and StochasTok on ids.

Every random number follows from a key and a counter, so that the same seed gives the same ids in any order of
documents and any number of workers.  Another epoch takes another seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import xxhash

from lexmill.tokenizer.encode import MergeRules
from lexmill.tokenizer.stochastic_kernel import split_ids, streams_of


class Splits(NamedTuple):
    """All ways to cut tokens into two tokens of the same vocabulary.

    `left[i], right[i]` for i in offsets[id]..offsets[id + 1] (int32, int32, int64[ids + 1]) are those of one id, the
    shortest left part first.
    """

    offsets: np.ndarray
    left: np.ndarray
    right: np.ndarray


def text_key(data: bytes, seed: int) -> int:
    """The 64-bit key of a document's random numbers: XXH3 of its bytes, seeded (0 <= seed < 2^64)."""
    return xxhash.xxh3_64_intdigest(data, seed)


def word_streams(keys: Sequence[int], bounds: np.ndarray) -> np.ndarray:
    """uint64 stream of every word of documents: of the document's key and the word's place in it.

    keys: one of each document; bounds: int64[documents + 1], the words of document d are bounds[d]..bounds[d + 1].
    """
    return streams_of(np.array(keys, np.uint64), np.ascontiguousarray(bounds, np.int64))


def encode_with_dropout(
    rules: MergeRules, words: pa.Array, dropout: float, key: int
) -> tuple[np.ndarray, np.ndarray]:
    """BPE-dropout (Provilkov et al. 2020, arXiv 1910.13267) of the words of one document in their order.

    key: see `text_key`.  Returns int32 ids and int64 offsets[n + 1]; dropout 0 gives those of `rules.encode`, 1 single
    bytes.
    """
    streams = word_streams([key], np.array([0, len(words)], np.int64))
    return rules.encode_with_dropout(words, dropout, streams)


def splits_of(tokens: Sequence[bytes | None]) -> Splits:
    """Find the two-token splits of every id; None and b"" (special tokens, unused ids) neither split nor take part."""
    known = {data: index for index, data in reversed(list(enumerate(tokens))) if data}
    offsets, left, right = [0], [], []
    for data in tokens:
        for cut in range(1, len(data or b"")):
            first, second = known.get(data[:cut]), known.get(data[cut:])  # type: ignore[index]
            if first is not None and second is not None:
                left.append(first)
                right.append(second)
        offsets.append(len(left))
    return Splits(np.array(offsets, np.int64), np.array(left, np.int32), np.array(right, np.int32))


def stochastok(ids: Sequence[int] | np.ndarray, splits: Splits, proportion: float, key: int) -> np.ndarray:
    """StochasTok (Sims et al. 2025, arXiv 2506.01687): cut random tokens of one document into two, int32 ids.

    floor(len(ids) * proportion) times a place is drawn uniformly among the current tokens, and if its token can be
    split, one of its splits, drawn uniformly, replaces it; what was split may be split again.  O(n).
    key: see `text_key`.  Raises ValueError for a negative proportion, or an id outside the vocabulary.
    """
    array = np.ascontiguousarray(ids, np.int32)
    if not 0 <= proportion <= 1000:
        raise ValueError(f"proportion must be between 0 and 1000, not {proportion}")
    if len(array) and not 0 <= int(array.min()) <= int(array.max()) < len(splits.offsets) - 1:
        raise ValueError(f"an id lies outside the vocabulary of {len(splits.offsets) - 1} ids")
    steps = int(len(array) * proportion)
    if len(array) + steps > (1 << 31) - 1:
        raise ValueError("the document has more than 2^31 tokens: cut it first")
    return split_ids(array, *splits, steps, np.uint64(key))
