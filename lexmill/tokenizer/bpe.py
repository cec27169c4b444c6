"""Byte-level BPE from word counts (Sennrich et al. 2016; byte alphabet of Radford et al. 2019).

The most frequent adjacent pair is merged, equal counts go to the smallest (left id, right id), runs are merged from the
left.  What the base ids are decides ties, and with it which library learns the same list from the same words:

- `hf`: `tokenizers.trainers.BpeTrainer`; base ids in the order of `bytelevel.BYTE_OF_ID`;
- `rustbpe`: rustbpe (and bpeasy, ffbpe); base ids are the byte values.

Counts are 64-bit (those trainers count in 32 bits).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pyarrow as pa

from lexmill.tokenizer.arrays import flat_bytes
from lexmill.tokenizer.bpe_characters import JOINED, character_classes
from lexmill.tokenizer.bpe_symbols import learn_symbol_merges
from lexmill.tokenizer.bytelevel import BYTE_OF_ID
from lexmill.tokenizer.encode import encode_flat

TieBreak = Literal["hf", "rustbpe"]
TIE_BREAKS: dict[str, str] = {
    "hf": "largest count, then smallest (left id, right id); base ids in byte-level character order",
    "rustbpe": "largest count, then smallest (left id, right id); base ids are byte values",
}
TIE_BREAK = TIE_BREAKS["hf"]
ALPHABETS: dict[str, np.ndarray] = {"hf": BYTE_OF_ID, "rustbpe": np.arange(256, dtype=np.uint8)}


@dataclass(frozen=True)
class MergeList:
    """Learned merges in order: merge i joins `left[i]` and `right[i]` to the new id 256 + i.

    left, right: int32[m], ids below 256 + i; count: int64[m], the pair's (weighted, scaled) count when merged;
    alphabet: uint8[256], the byte of each base id.
    """

    left: np.ndarray
    right: np.ndarray
    count: np.ndarray
    alphabet: np.ndarray = field(default_factory=lambda: BYTE_OF_ID)

    def __len__(self) -> int:
        """Number of merges."""
        return len(self.left)

    def token_bytes(self) -> list[bytes]:
        """The byte string of every id: 256 base ids, then one for each merge."""
        tokens = [bytes([byte]) for byte in self.alphabet.tolist()]
        for left, right in zip(self.left.tolist(), self.right.tolist(), strict=True):
            tokens.append(tokens[left] + tokens[right])
        return tokens


def train_bpe(
    words: pa.Array | pa.ChunkedArray,
    counts: np.ndarray,
    merges: int,
    min_frequency: int = 0,
    max_token_length: int | None = None,
    tie_break: TieBreak = "hf",
    whole_characters: bool = False,
    start: MergeList | None = None,
) -> MergeList:
    """Learn at most `merges` merges.

    words: distinct pre-tokens (Arrow binary, raw UTF-8 bytes); counts: int64[n], how often each occurs, >= 0;
    min_frequency: a pair with a smaller count is not merged; max_token_length: in bytes, inclusive;
    whole_characters: no token holds a part of a character beside another (see `bpe_characters`); start: merges that
    come first, with their counts and their base ids (`tie_break` is theirs); `merges` more are learned behind them.
    The list is shorter than asked when no pair is left.  Raises ValueError when the counts or the words are too
    large for exact arithmetic.
    """
    data, offsets = flat_bytes(words)
    alphabet = ALPHABETS[tie_break] if start is None else start.alphabet
    none = np.empty(0, np.int32)
    known = start or MergeList(none, none, np.empty(0, np.int64), alphabet)
    tokens = known.token_bytes()
    id_of_byte = np.argsort(alphabet)
    if len(known):
        new = np.arange(len(alphabet), len(tokens), dtype=np.int32)
        symbols, offsets = encode_flat(
            data, offsets, id_of_byte.astype(np.int32), known.left, known.right, new
        )
    else:
        symbols = id_of_byte.astype(np.uint8)[data]
    left, right, count = learn_symbol_merges(
        symbols,
        offsets,
        counts,
        len(tokens),
        merges,
        min_frequency,
        sizes=np.fromiter(map(len, tokens), np.int32, len(tokens)),
        largest=max_token_length,
        classes=character_classes(tokens) if whole_characters else None,
        joined=JOINED if whole_characters else None,
    )
    return MergeList(
        np.concatenate((known.left, left)),
        np.concatenate((known.right, right)),
        np.concatenate((known.count, count)),
        alphabet,
    )
