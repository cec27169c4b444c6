"""How often tokens are used, and the vessel that prefers those used most."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from tokenizers import Tokenizer

from lexmill.tokenizer.arrays import flat_bytes
from lexmill.tokenizer.bpe import MergeList
from lexmill.tokenizer.encode import encode_flat
from lexmill.tokenizer.params import BYTES, TrainerSpec
from lexmill.tokenizer.vessels import unigram_vessel

_A_TOKEN = (
    64.0  # nats that each token costs: more than the rarest one can (2^-62), so that fewer tokens always win
)


def merge_encode(words: pa.Array, merges: MergeList) -> tuple[np.ndarray, np.ndarray]:
    """Ids (int32) of all words (Arrow binary) under a merge list in a row, and int64 offsets[n + 1] into them."""
    data, offsets = flat_bytes(words)
    new = np.arange(BYTES, BYTES + len(merges), dtype=np.int32)
    id_of_byte = np.argsort(merges.alphabet).astype(np.int32)
    return encode_flat(
        data, offsets, id_of_byte, merges.left.astype(np.int32), merges.right.astype(np.int32), new
    )


def occurrences(ids: np.ndarray, bounds: np.ndarray, counts: np.ndarray, size: int) -> np.ndarray:
    """int64[size]: the weighted occurrences of every id in words that were encoded to `ids`, `bounds`."""
    total = np.zeros(size, np.int64)
    np.add.at(total, ids, np.repeat(counts, np.diff(bounds)))
    return total


def merged_places(merges: MergeList, final: np.ndarray) -> list[int]:
    """At how many places (weighted) each token was made: by id, for a base token how often it stands in the text.

    final: int64[ids], the occurrences of every token after all merges.  A token was made as often as it is left and
    as later merges took it; that is its pair's count, except for runs: "aaa" holds the pair (a, a) twice.
    """
    made: list[int] = final.tolist()
    for step in range(len(merges) - 1, -1, -1):
        for part in (int(merges.left[step]), int(merges.right[step])):
            made[part] += made[BYTES + step]
    return made


def most_used_vessel(spec: TrainerSpec, tokens: Sequence[bytes], uses: Sequence[int]) -> Tokenizer:
    """Unigram that takes the fewest tokens and, of equal numbers, those of the largest product of uses.

    uses: occurrences of each token in training.  Each token by itself is encoded as that token.
    """
    total = sum(uses) + len(uses)
    scores = [round(math.log((use + 1) / total), 6) - _A_TOKEN for use in uses]
    return unigram_vessel(spec, tokens, scores)
