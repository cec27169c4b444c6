"""Held-out texts put together again from word sequences."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lexmill.tokenizer.sequences import read_sequences


def sample_texts(folder: Path, split: str, number: int) -> list[str]:
    """The first `number` sequences of a split, which stand in a shuffled order, as texts (after normalising)."""
    table = read_sequences(folder)
    rows = np.flatnonzero(np.asarray(table.categories["split"]) == split)[:number]
    texts = []
    for row in rows.tolist():
        words = table.words.take(table.ids[table.offsets[row] : table.offsets[row + 1]])
        texts.append(b"".join(words.to_pylist()).decode("utf-8", "replace"))
    return texts
