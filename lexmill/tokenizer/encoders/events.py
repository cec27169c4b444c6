"""The replay of a list of merges and splits inside pre-tokens: Picky BPE, Scaffold-BPE, BPE-knockout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lexmill.tokenizer.encoders.encoder import WordEncoder
from lexmill.tokenizer.encoders.load import cutting
from lexmill.tokenizer.events import prepare
from lexmill.tokenizer.load import load_tokenizer, token_bytes


class EventEncoder(WordEncoder):
    """Replays events on the bytes of every word (see `events.Replay.encode`).

    tokens: byte string of every id, b"" for special tokens; table: see `events.EVENTS_SCHEMA`; whole_words: a word that
    is itself a token becomes that token, whatever the events would make of it.
    Raises ValueError for a table that does not fit the tokens.
    """

    def __init__(
        self,
        tokens: Sequence[bytes],
        table: pa.Table,
        pretokenizer: str,
        normalizer: str = "none",
        whole_words: bool = False,
    ) -> None:
        super().__init__(tokens, pretokenizer, normalizer)
        model = list(tokens)
        while (
            model and not model[-1]
        ):  # special tokens stand last; events may use their ids for tokens on the way
            model.pop()
        self._replay = prepare(table, model)
        self._whole = pa.array(model, pa.large_binary()) if whole_words else None

    def encode_words(self, words: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """See `WordEncoder.encode_words`."""
        words = words.cast(pa.large_binary())
        if self._whole is None:
            return self._replay.encode(words)
        found = pc.fill_null(pc.index_in(words, value_set=self._whole), -1)
        return self._replay.encode(words, found.to_numpy(zero_copy_only=False).astype(np.int32))


def load(folder: Path, identity: Mapping[str, Any]) -> EventEncoder:
    """The encoder of a stored tokenizer with `events.parquet`."""
    tokens = [data or b"" for data in token_bytes(load_tokenizer(folder))]
    settings = identity["encoder"]["settings"]
    table = pq.read_table(folder / "events.parquet")
    return EventEncoder(tokens, table, *cutting(identity), bool(settings.get("whole_words")))
