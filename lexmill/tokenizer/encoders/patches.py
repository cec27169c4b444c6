"""The exact encoder of AdaptiVocab: a base tokenizer, then n-grams of its ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lexmill.tokenizer.arrays import flat_bytes
from lexmill.tokenizer.encode_kernel import merge_words, rank_table
from lexmill.tokenizer.encoders.encoder import Encoder, WordEncoder
from lexmill.tokenizer.load import load_tokenizer, token_bytes
from lexmill.tokenizer.patch_kernel import ngram_trie, patch
from lexmill.tokenizer.superword_kernel import expand

_NO_STREAMS = np.empty(0, np.uint64)


class _Base(WordEncoder):
    """The base without its removed tokens: merge rules, then the parts of what is removed.

    id_of_byte: int32[256]; merges: table with left_id, right_id, new_id; removed: table with id, parts.
    """

    def __init__(
        self,
        tokens: Sequence[bytes],
        id_of_byte: np.ndarray,
        merges: pa.Table,
        removed: pa.Table,
        cutting: tuple[str, str],
    ) -> None:
        super().__init__(tokens, *cutting)
        self._id_of_byte = id_of_byte
        left, right, new = (merges[name].to_numpy() for name in ("left_id", "right_id", "new_id"))
        self._rules = *rank_table(left, right), new
        parts = [[index] for index in range(max(len(tokens), int(new.max(initial=0)) + 1))]
        for index, spelled in zip(removed["id"].to_pylist(), removed["parts"].to_pylist(), strict=True):
            parts[index] = spelled
        self._parts, self._ends = flat_ngrams(parts)

    def encode_words(self, words: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """See `WordEncoder.encode_words`."""
        data, offsets = flat_bytes(words)
        keys, ranks, new = self._rules
        ids, offsets = merge_words(data, offsets, self._id_of_byte, keys, ranks, new, 0.0, _NO_STREAMS)
        return expand(ids, offsets, self._parts, self._ends)


class PatchEncoder(Encoder):
    """At every id from the left the first chosen of the n-grams that begin there takes the place of its ids.

    ngrams: table with new_id and ids, in the order of choice; the other arguments are those of the base.
    """

    def __init__(
        self,
        tokens: Sequence[bytes],
        id_of_byte: np.ndarray,
        merges: pa.Table,
        removed: pa.Table,
        ngrams: pa.Table,
        cutting: tuple[str, str],
    ) -> None:
        self.tokens = tokens
        self._base = _Base(tokens, id_of_byte, merges, removed, cutting)
        lists = ngrams["ids"].to_pylist()
        self._trie = ngram_trie(*flat_ngrams(lists))
        self._new = ngrams["new_id"].to_numpy()
        self._longest = max(map(len, lists), default=1)

    def encode_batch(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """See `Encoder.encode_batch`."""
        ids, bounds = self._base.encode_batch(texts)
        keys, nodes, rank = self._trie
        return patch(ids, bounds, keys, nodes, rank, self._new, self._longest)


def flat_ngrams(ngrams: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Sequences of ids in a row (int32), and int64 bounds[n + 1]."""
    bounds = np.zeros(len(ngrams) + 1, np.int64)
    np.cumsum(list(map(len, ngrams)), out=bounds[1:])
    return np.array([index for ids in ngrams for index in ids], np.int32), bounds


def load(folder: Path, identity: Mapping[str, Any]) -> PatchEncoder:
    """The encoder of a stored AdaptiVocab tokenizer."""
    tokens = [data or b"" for data in token_bytes(load_tokenizer(folder))]
    merges, removed, ngrams = (
        pq.read_table(folder / f"{name}.parquet") for name in ("base", "removed", "ngrams")
    )
    id_of_byte = np.zeros(256, np.int32)
    for index, data in enumerate(tokens):
        if len(data) == 1:
            id_of_byte[data[0]] = index
    cutting = str(identity["encoder"]["settings"]["pretokenizer"]), str(identity["normalizer"])
    return PatchEncoder(tokens, id_of_byte, merges, removed, ngrams, cutting)
