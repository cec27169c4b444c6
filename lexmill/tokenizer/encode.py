"""Encoding distinct words with a merge list, for statistics: token ids of every word, exactly as `tokenizers` gives.

A word is encoded once however often it occurs.  In each round the pair of lowest rank is merged at all its
places from the left; that equals merging one place at a time, because a pair with a new token always has a
higher rank than the merge that made the token.
"""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
from numba import njit
from tokenizers import Tokenizer

from lexmill.tokenizer.arrays import flat_bytes
from lexmill.tokenizer.bpe_kernel import bucket
from lexmill.tokenizer.bytelevel import CHAR_OF_BYTE

_NONE = np.int32(2**31 - 1)


@njit(cache=True)
def _table(left, right):  # type: ignore[no-untyped-def]
    size = 1 << 10
    while size < 3 * len(left):
        size *= 2
    keys, ranks = np.full(size, -1, np.int64), np.full(size, _NONE, np.int32)
    for rank in range(len(left)):
        key = (np.int64(left[rank]) << 32) | right[rank]
        at = bucket(key, size - 1)
        while keys[at] >= 0 and keys[at] != key:
            at = (at + 1) & (size - 1)
        if keys[at] < 0:
            keys[at], ranks[at] = key, rank
    return keys, ranks


@njit(cache=True)
def _rank(keys, ranks, left, right):  # type: ignore[no-untyped-def]
    key = (np.int64(left) << 32) | right
    mask = len(keys) - 1
    at = bucket(key, mask)
    while keys[at] >= 0:
        if keys[at] == key:
            return ranks[at]
        at = (at + 1) & mask
    return _NONE


@njit(cache=True, nogil=True)
def encode_flat(data, offsets, id_of_byte, left, right, new):  # type: ignore[no-untyped-def]
    """Encode words (uint8 data, int64 offsets[n + 1]); returns ids (int32) and their offsets (int64[n + 1])."""
    keys, ranks = _table(left, right)
    out = np.empty(offsets[-1] - offsets[0], np.int32)
    bounds = np.zeros(len(offsets), np.int64)
    used = 0
    longest = 1
    for word in range(len(offsets) - 1):
        longest = max(longest, offsets[word + 1] - offsets[word])
    rank_at = np.empty(longest, np.int32)  # rank of the pair that starts at each place of the current word
    for word in range(len(offsets) - 1):
        size = offsets[word + 1] - offsets[word]
        ids = out[used : used + size]
        for place in range(size):
            ids[place] = id_of_byte[data[offsets[word] + place]]
        for place in range(size - 1):
            rank_at[place] = _rank(keys, ranks, ids[place], ids[place + 1])
        while size > 1:
            best = _NONE
            for place in range(size - 1):
                best = min(best, rank_at[place])
            if best == _NONE:
                break
            read = write = 0
            while read < size:
                if read < size - 1 and rank_at[read] == best:
                    ids[write] = new[best]
                    read += 2
                else:
                    ids[write] = ids[read]
                    read += 1
                write += 1
            size = write
            for place in range(size - 1):
                rank_at[place] = _rank(keys, ranks, ids[place], ids[place + 1])
        used += size
        bounds[word + 1] = used
    return out[:used], bounds


class WordEncoder:
    """The merges of one byte-level BPE tokenizer, ready to encode many words.

    Raises ValueError for a tokenizer whose model is not BPE over the byte alphabet, or that skips merges for
    whole-word tokens (`ignore_merges`).
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        model = json.loads(tokenizer.to_str())["model"]
        if model["type"] != "BPE" or model.get("ignore_merges") or model.get("dropout"):
            raise ValueError(
                f"only plain byte-level BPE can be encoded by words, this model is {model['type']}"
            )
        vocabulary = model["vocab"]
        if any(char not in vocabulary for char in CHAR_OF_BYTE.values()):
            raise ValueError("the tokenizer's vocabulary does not hold all 256 bytes")
        pairs = [pair.split(" ") if isinstance(pair, str) else pair for pair in model["merges"]]
        self.id_of_byte = np.array([vocabulary[CHAR_OF_BYTE[byte]] for byte in range(256)], np.int32)
        self.left = np.array([vocabulary[a] for a, _ in pairs], np.int32)
        self.right = np.array([vocabulary[b] for _, b in pairs], np.int32)
        self.new = np.array([vocabulary[a + b] for a, b in pairs], np.int32)

    def encode(self, words: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """Token ids (int32) of all words (Arrow binary or string) in a row, and int64 offsets[n + 1] into them."""
        data, offsets = flat_bytes(words)
        return encode_flat(data, offsets, self.id_of_byte, self.left, self.right, self.new)

    def lengths(self, words: pa.Array) -> np.ndarray:
        """Number of tokens of every word, int64[n]."""
        return np.diff(self.encode(words)[1])
