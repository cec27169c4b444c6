"""Encoding distinct words by merge rules: token ids of every word, exactly as `tokenizers` gives."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
from tokenizers import Tokenizer

from lexmill.tokenizer.arrays import flat_bytes, read_only
from lexmill.tokenizer.bytelevel import CHAR_OF_BYTE
from lexmill.tokenizer.encode_kernel import merge_words, rank_table

_NO_STREAMS = np.empty(0, np.uint64)
_LONGEST = (1 << 31) - 1  # bytes in one word


def encode_flat(
    data: np.ndarray,
    offsets: np.ndarray,
    id_of_byte: np.ndarray,
    left: np.ndarray,
    right: np.ndarray,
    new: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Encode words (uint8 data, int64 offsets[n + 1]) by merges of int32 ids, merge i makes `new[i]`.

    Returns ids (int32) and their offsets (int64[n + 1]).
    """
    keys, ranks = rank_table(left, right)
    return merge_words(read_only(data), read_only(offsets), id_of_byte, keys, ranks, new, 0.0, _NO_STREAMS)


class MergeRules:
    """The merges of one byte-level BPE tokenizer, ready to encode many words.

    Raises ValueError for a tokenizer whose model is not BPE over the byte alphabet, that drops merges at random, or
    that skips merges for whole-word tokens (`ignore_merges`).
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        model = json.loads(tokenizer.to_str())["model"]
        if model["type"] != "BPE" or model.get("ignore_merges") or model.get("dropout"):
            raise ValueError(
                f"only plain byte-level BPE can be encoded by words, this model is {model['type']}"
                f"{' with ignore_merges' if model.get('ignore_merges') else ''}"
                f"{' with dropout' if model.get('dropout') else ''}"
            )
        vocabulary = model["vocab"]
        if any(char not in vocabulary for char in CHAR_OF_BYTE.values()):
            raise ValueError("the tokenizer's vocabulary does not hold all 256 bytes")
        pairs = [pair.split(" ") if isinstance(pair, str) else pair for pair in model["merges"]]
        self.id_of_byte = np.array([vocabulary[CHAR_OF_BYTE[byte]] for byte in range(256)], np.int32)
        self.left = np.array([vocabulary[a] for a, _ in pairs], np.int32)
        self.right = np.array([vocabulary[b] for _, b in pairs], np.int32)
        self.new = np.array([vocabulary[a + b] for a, b in pairs], np.int32)
        self._keys, self._ranks = rank_table(self.left, self.right)

    def encode(self, words: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """Token ids (int32) of all words (Arrow binary or string) in a row, and int64 offsets[n + 1] into them."""
        return self._merge(words, 0.0, _NO_STREAMS)

    def encode_with_dropout(
        self, words: pa.Array, dropout: float, streams: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The same with BPE-dropout: before each merge every possible place is left out with probability `dropout`.

        streams: uint64[n], what the random numbers of each word follow from (see `stochastic`).
        """
        if not 0 <= dropout <= 1:
            raise ValueError(f"dropout must be between 0 and 1, not {dropout}")
        if len(streams) != len(words):
            raise ValueError(f"{len(words)} words came with {len(streams)} streams of random numbers")
        return self._merge(words, float(dropout), np.ascontiguousarray(streams, np.uint64))

    def lengths(self, words: pa.Array) -> np.ndarray:
        """Number of tokens of every word, int64[n]."""
        return np.diff(self.encode(words)[1])

    def _merge(self, words: pa.Array, dropout: float, streams: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        data, offsets = flat_bytes(words)
        if len(words) and int(np.diff(offsets).max()) > _LONGEST:
            raise ValueError("a word is longer than 2^31 bytes: cut the text with another pretokenizer")
        return merge_words(
            read_only(data),
            read_only(offsets),
            self.id_of_byte,
            self._keys,
            self._ranks,
            self.new,
            dropout,
            streams,
        )
