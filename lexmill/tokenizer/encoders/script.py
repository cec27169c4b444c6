"""Merge rules over blocks and indices of characters: SCRIPT-BPE."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lexmill.tokenizer.encode import encode_flat
from lexmill.tokenizer.encoders.encoder import WordEncoder
from lexmill.tokenizer.encoders.load import cutting
from lexmill.tokenizer.script_encoding import BLOCK, INDEX, ScriptEncoding
from lexmill.tokenizer.vocabulary import BYTE_TOKENS

_BROKEN = "\ufffd".encode()


class ScriptEncoder(WordEncoder):
    """A character that no merge made one token stays a block and an index, which spell something only together."""

    def __init__(
        self, merges: pa.Table, blocks: pa.Table, pretokenizer: str, normalizer: str = "none"
    ) -> None:
        self._encoding = ScriptEncoding(blocks)
        nothing = [b""] * (self._encoding.symbols - len(BYTE_TOKENS))
        learned = [text.encode() for text in merges["text"].to_pylist()]
        super().__init__([*BYTE_TOKENS, *nothing, *learned], pretokenizer, normalizer)
        self._merges = tuple(merges[name].to_numpy() for name in ("left_id", "right_id", "new_id"))
        self._same = np.arange(self._encoding.symbols, dtype=np.int32)

    def encode_words(self, words: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """See `WordEncoder.encode_words`."""
        symbols, offsets = self._encoding.encode(words)
        return encode_flat(symbols, offsets, self._same, *self._merges)

    def decode(self, ids: Sequence[int]) -> bytes:
        """See `Encoder.decode`; a block without its index, or an index without its block, is U+FFFD."""
        classes, parts, block = self._encoding.classes, [], -1
        for index in ids:
            kind = classes[index] if index < len(classes) else -1
            if block >= 0 and kind != INDEX:
                parts.append(_BROKEN)
            if kind == INDEX:
                character = self._encoding.character(block, index)
                parts.append(_BROKEN if character is None else character.encode())
            elif kind != BLOCK:
                parts.append(self.tokens[index])
            block = index if kind == BLOCK else -1
        return b"".join([*parts, _BROKEN]) if block >= 0 else b"".join(parts)


def load(folder: Path, identity: Mapping[str, Any]) -> ScriptEncoder:
    """The encoder of a stored SCRIPT-BPE tokenizer, with the block table that it was trained with."""
    merges, blocks = (pq.read_table(folder / f"{name}.parquet") for name in ("merges", "blocks"))
    return ScriptEncoder(merges, blocks, *cutting(identity))
