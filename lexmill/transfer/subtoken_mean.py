"""Sub-token mean: a new token starts as the mean of the pieces the old tokenizer cuts it into.

"Fast vocabulary transfer", Gee et al., EMNLP 2022 industry track (arXiv 2402.09977).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from tokenizers import Tokenizer

from lexmill.tokenizer.bytelevel import to_alphabet
from lexmill.transfer.plan import Row

Segment = Callable[[bytes], Sequence[int]]


def segmenter(tokenizer: Tokenizer) -> Segment:
    """Bytes -> ids of a byte-level tokenizer's model alone: no pre-tokenizer, no normalizer, no special tokens.

    Works on any bytes, also those that are no UTF-8 text on their own.
    """
    return lambda token: [piece.id for piece in tokenizer.model.tokenize(to_alphabet(token))]


def subtoken_mean(new_tokens: Mapping[int, bytes], segment: Segment) -> dict[int, Row]:
    """Target id -> pieces and weights; a piece that occurs twice weighs twice.  Tokens without pieces are left out."""
    rows = {}
    for index, token in new_tokens.items():
        pieces = segment(token)
        if pieces:
            ids, counts = np.unique(np.asarray(pieces, dtype=np.int32), return_counts=True)
            rows[index] = (ids, (counts / len(pieces)).astype(np.float32))
    return rows
