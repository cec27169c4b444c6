"""The longest token from the left, one that starts the word first, then ones that continue it: WordPiece."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lexmill.tokenizer.arrays import flat_bytes
from lexmill.tokenizer.encoders.encoder import WordEncoder
from lexmill.tokenizer.encoders.load import cutting
from lexmill.tokenizer.encoders.wordpiece_kernel import longest_pieces
from lexmill.tokenizer.trie import trie_of


class WordPieceEncoder(WordEncoder):
    """Tokens that start a word and tokens that continue it; both hold all 256 bytes."""

    def __init__(
        self, tokens: Sequence[bytes], continues: Sequence[bool], pretokenizer: str, normalizer: str = "none"
    ) -> None:
        super().__init__(tokens, pretokenizer, normalizer)
        flags = np.array(continues, bool)
        self._starting = np.flatnonzero(~flags).astype(np.int32)
        self._continuing = np.flatnonzero(flags).astype(np.int32)
        self._starts = tuple(trie_of([tokens[index] for index in self._starting.tolist()]))
        self._continuations = tuple(trie_of([tokens[index] for index in self._continuing.tolist()]))

    def encode_words(self, words: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """See `WordEncoder.encode_words`."""
        data, offsets = (np.ascontiguousarray(part).copy() for part in flat_bytes(words))
        pieces, bounds = longest_pieces(data, offsets, self._starts, self._continuations)
        ids = np.empty(len(pieces), np.int32)
        first = pieces >= 0
        ids[first] = self._starting[pieces[first]]
        ids[~first] = self._continuing[-1 - pieces[~first]]
        return ids, bounds


def load(folder: Path, identity: Mapping[str, Any]) -> WordPieceEncoder:
    """The encoder of a stored WordPiece tokenizer."""
    pieces = pq.read_table(folder / "pieces.parquet")
    tokens, continues = pieces["bytes"].to_pylist(), pieces["continues"].to_pylist()
    return WordPieceEncoder(tokens, continues, *cutting(identity))
