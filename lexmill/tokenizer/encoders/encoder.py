"""What every exact encoder can do, and how those that encode each pre-token on its own share the rest."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from lexmill.tokenizer.encoders.pieces import distinct_pieces
from lexmill.tokenizer.encoders.pieces_kernel import gather, sum_pieces


class Encoder(ABC):
    """Text to ids and back, without special tokens (their text is encoded like any other).

    `tokens`: byte string of every model id, b"" for an id that spells nothing by itself.
    """

    tokens: Sequence[bytes]

    @abstractmethod
    def encode_batch(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Ids (int32) of all texts in a row, and int64 offsets[n + 1] into them."""

    def count_tokens(self, texts: Sequence[str]) -> np.ndarray:
        """Number of tokens of every text, int64[n]."""
        return np.diff(self.encode_batch(texts)[1])

    def encode(self, text: str) -> list[int]:
        """Ids of one text."""
        return self.encode_batch([text])[0].tolist()

    def decode(self, ids: Sequence[int]) -> bytes:
        """The bytes (UTF-8, unless ids were cut) that ids stand for."""
        return b"".join(self.tokens[index] for index in ids)


class WordEncoder(Encoder):
    """An encoder of single pre-tokens; a text is normalised, cut, and each distinct pre-token encoded once."""

    def __init__(self, tokens: Sequence[bytes], pretokenizer: str, normalizer: str = "none") -> None:
        self.tokens, self.pretokenizer, self.normalizer = tokens, pretokenizer, normalizer

    @abstractmethod
    def encode_words(self, words: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """Ids (int32) of all words (Arrow binary, raw UTF-8) in a row, and int64 offsets[n + 1] into them."""

    def lengths(self, words: pa.Array) -> np.ndarray:
        """Number of tokens of every word, int64[n]."""
        return np.diff(self.encode_words(words)[1])

    def encode_batch(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """See `Encoder.encode_batch`."""
        pieces = distinct_pieces(texts, self.pretokenizer, self.normalizer)
        ids, offsets = self.encode_words(pieces.words)
        return gather(ids, offsets, pieces.order, pieces.bounds)

    def count_tokens(self, texts: Sequence[str]) -> np.ndarray:
        """See `Encoder.count_tokens`; no ids are laid out."""
        pieces = distinct_pieces(texts, self.pretokenizer, self.normalizer)
        return sum_pieces(self.lengths(pieces.words), pieces.order, pieces.bounds)
