"""The exact encoder of BoundlessBPE: merges inside words, then merges of whole words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lexmill.tokenizer.arrays import flat_bytes
from lexmill.tokenizer.bytelevel import ID_OF_BYTE
from lexmill.tokenizer.encode_kernel import merge_words, rank_table
from lexmill.tokenizer.encoders.encoder import Encoder, gather
from lexmill.tokenizer.load import load_tokenizer, token_bytes
from lexmill.tokenizer.split import normalize, splitter
from lexmill.tokenizer.superword_kernel import merge_whole_words

_NO_STREAMS = np.empty(0, np.uint64)


class BoundlessEncoder(Encoder):
    """The events in their order.

    All events share one order, but an event on whole words always comes after those that make its two words, and an
    event inside a word cannot follow one on that whole word: so doing all events inside words first gives the same.

    events: table with superword, left_id, right_id, new_id (see `trainers.boundless.event_table`); pretokenizer: the
    one that cuts words.
    """

    def __init__(
        self, tokens: Sequence[bytes], events: pa.Table, pretokenizer: str, normalizer: str = "none"
    ) -> None:
        self.tokens, self.pretokenizer, self.normalizer = tokens, pretokenizer, normalizer
        superword = events["superword"].to_numpy()
        left, right, new = (events[name].to_numpy() for name in ("left_id", "right_id", "new_id"))
        self._inside = *rank_table(left[~superword], right[~superword]), new[~superword]
        self._across = *rank_table(left[superword], right[superword]), new[superword]

    def encode_batch(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """See `Encoder.encode_batch`."""
        cut, normal = splitter(self.pretokenizer), normalize(self.normalizer)
        number: dict[str, int] = {}
        bounds = np.zeros(len(texts) + 1, np.int64)
        order: list[int] = []
        for row, text in enumerate(texts):
            order += [number.setdefault(word, len(number)) for word in cut(normal(text))]
            bounds[row + 1] = len(order)
        data, offsets = flat_bytes(pa.array(number, pa.string()))
        keys, ranks, new = self._inside
        ids, offsets = merge_words(data, offsets, ID_OF_BYTE, keys, ranks, new, 0.0, _NO_STREAMS)
        places = np.array(order, np.int64)
        whole = np.repeat(np.diff(offsets) == 1, np.diff(offsets))
        tokens, ends = gather(ids, offsets, places, bounds)
        alone = gather(whole, offsets, places, bounds)[0]
        return merge_whole_words(tokens, alone, ends, *self._across)


def load(folder: Path, identity: Mapping[str, Any]) -> BoundlessEncoder:
    """The encoder of a stored BoundlessBPE tokenizer."""
    tokens = [data or b"" for data in token_bytes(load_tokenizer(folder))]
    events = pq.read_table(folder / "events.parquet")
    pretokenizer = str(identity["encoder"]["settings"]["pretokenizer"])
    return BoundlessEncoder(tokens, events, pretokenizer, str(identity["normalizer"]))
