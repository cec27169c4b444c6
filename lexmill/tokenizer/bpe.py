"""Byte-level BPE from word counts (Sennrich et al. 2016; byte alphabet of Radford et al. 2019).

The merge list is the one that `tokenizers.trainers.BpeTrainer` learns from the same words: the most frequent
adjacent pair is merged, equal counts go to the smallest (left id, right id), base ids stand in the order of
`bytelevel.BYTE_OF_ID`, runs are merged from the left.  Counts are 64-bit (that trainer counts in 32 bits).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from lexmill.tokenizer.arrays import flat_bytes
from lexmill.tokenizer.bpe_kernel import lay_out, learn_merges
from lexmill.tokenizer.bytelevel import BYTE_OF_ID, ID_OF_BYTE

TIE_BREAK = "largest count, then smallest (left id, right id); base ids in byte-level character order"
_MAX_CELLS = (1 << 31) - 1
_MAX_TOTAL = 1 << 62


@dataclass(frozen=True)
class MergeList:
    """Learned merges in order: merge i joins `left[i]` and `right[i]` to the new id 256 + i.

    left, right: int32[m], ids below 256 + i; count: int64[m], the pair's (weighted, scaled) count when merged.
    """

    left: np.ndarray
    right: np.ndarray
    count: np.ndarray

    def __len__(self) -> int:
        """Number of merges."""
        return len(self.left)

    def token_bytes(self) -> list[bytes]:
        """The byte string of every id: 256 base ids, then one for each merge."""
        tokens = [bytes([byte]) for byte in BYTE_OF_ID.tolist()]
        for left, right in zip(self.left.tolist(), self.right.tolist(), strict=True):
            tokens.append(tokens[left] + tokens[right])
        return tokens


def train_bpe(
    words: pa.Array | pa.ChunkedArray,
    counts: np.ndarray,
    merges: int,
    min_frequency: int = 0,
    max_token_length: int | None = None,
) -> MergeList:
    """Learn at most `merges` merges.

    words: distinct pre-tokens (Arrow binary, raw UTF-8 bytes); counts: int64[n], how often each occurs, >= 0;
    min_frequency: a pair with a smaller count is not merged; max_token_length: in bytes, inclusive.
    The list is shorter than asked when no pair is left.  Raises ValueError when the counts or the words are too
    large for exact arithmetic.
    """
    counts = np.ascontiguousarray(counts, dtype=np.int64)
    text, offsets = flat_bytes(words)
    _check_range(offsets, counts)
    tokens, word_of = lay_out(text, offsets, ID_OF_BYTE)
    longest = max_token_length if max_token_length is not None else _MAX_CELLS
    left, right, count = learn_merges(tokens, word_of, counts, merges, max(1, min_frequency), longest)
    return MergeList(left, right, count)


def _check_range(offsets: np.ndarray, counts: np.ndarray) -> None:
    if len(counts) != len(offsets) - 1:
        raise ValueError(f"{len(offsets) - 1} words came with {len(counts)} counts")
    if int(offsets[-1] - offsets[0]) + len(offsets) > _MAX_CELLS:
        raise ValueError("the distinct words hold more than 2^31 bytes: drop the rarest words first")
    if len(counts) and int(counts.min()) < 0:
        raise ValueError("a word count is negative")
    if float(np.dot(np.diff(offsets).astype(np.float64), counts.astype(np.float64))) > _MAX_TOTAL:
        raise ValueError("the word counts add up to more than 2^62 bytes: divide them first")
