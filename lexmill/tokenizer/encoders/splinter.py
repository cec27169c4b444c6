"""Splinter: pre-tokens are rewritten, then encoded by merges; decoding restores them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tokenizers import Tokenizer

from lexmill.tokenizer.encode import MergeRules
from lexmill.tokenizer.encoders.encoder import WordEncoder
from lexmill.tokenizer.encoders.load import cutting
from lexmill.tokenizer.load import load_tokenizer, token_bytes
from lexmill.tokenizer.splinter import ALPHABETS, Reduction, Reductions


class SplinterEncoder(WordEncoder):
    """`tokens` spell rewritten text, so that only whole texts can be decoded, by `decode`."""

    def __init__(
        self, tokenizer: Tokenizer, reductions: Reductions, pretokenizer: str, normalizer: str = "none"
    ) -> None:
        super().__init__([data or b"" for data in token_bytes(tokenizer)], pretokenizer, normalizer)
        self._rules, self._reductions = MergeRules(tokenizer), reductions

    def encode_words(self, words: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """See `WordEncoder.encode_words`."""
        texts = [word.decode("utf-8", "surrogateescape") for word in words.to_pylist()]
        rewritten = (text.encode("utf-8", "surrogateescape") for text in self._reductions.rewrite(texts))
        return self._rules.encode(pa.array(rewritten, pa.binary()))

    def decode(self, ids: Sequence[int]) -> bytes:
        """The text's bytes; ids that were cut or put together otherwise give something near."""
        text = super().decode(ids).decode("utf-8", "surrogateescape")
        return self._reductions.restore(text).encode("utf-8", "surrogateescape")


def load(folder: Path, identity: Mapping[str, Any]) -> SplinterEncoder:
    """The encoder of a stored tokenizer: its reductions are in `reductions.parquet`."""
    alphabet = str(identity["encoder"]["settings"]["alphabet"])
    table = pq.read_table(folder / "reductions.parquet")
    return SplinterEncoder(load_tokenizer(folder), read_reductions(table, alphabet), *cutting(identity))


def read_reductions(table: pa.Table, alphabet: str) -> Reductions:
    """The reductions of a stored table (see `trainers.splinter.reduction_table`)."""
    if alphabet not in ALPHABETS:
        raise ValueError(f"alphabet {alphabet!r} is unknown; known are: {', '.join(ALPHABETS)}")
    by_length: dict[int, dict[Reduction, float]] = {}
    codes: dict[int, Reduction] = {}
    for row in table.to_pylist():
        key = (row["offset"], ALPHABETS[alphabet].index(row["letter"]))
        by_length.setdefault(row["length"], {})[key] = row["score"]
        codes[row["code"]] = key
    return Reductions(alphabet, by_length, tuple(codes[code] for code in sorted(codes)))
