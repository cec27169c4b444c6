"""Merge rules between tokens that are found before anything is cut: BPE with added tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer, models

from lexmill.tokenizer.encoders.encoder import Encoder
from lexmill.tokenizer.encoders.load import cutting
from lexmill.tokenizer.encoders.merges import MergeEncoder
from lexmill.tokenizer.load import load_tokenizer, token_bytes

_REST = "rest"


class AddedTokenEncoder(Encoder):
    """A byte-level BPE `tokenizer.json` whose added tokens that are not special are looked for first.

    `tokenizers` itself finds them (leftmost, of these the longest); what lies between is encoded on its own.
    """

    def __init__(self, tokenizer: Tokenizer, pretokenizer: str, normalizer: str = "none") -> None:
        self.normalizer = normalizer
        self._between = MergeEncoder(tokenizer, pretokenizer, normalizer)
        self.tokens = [data or b"" for data in token_bytes(tokenizer)]
        added = {
            index: token for index, token in tokenizer.get_added_tokens_decoder().items() if not token.special
        }
        self._finder = Tokenizer(models.WordLevel({_REST: 0}, unk_token=_REST))
        self._finder.add_tokens([token for _, token in sorted(added.items())])
        self._id_of = {token.content: index for index, token in added.items()}

    def encode_batch(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """See `Encoder.encode_batch`."""
        rest: list[str] = []
        plan: list[tuple[int, int]] = []  # (text, id of an added token or -1 for the next of `rest`)
        for row, text in enumerate(texts):
            found = self._finder.encode(text, add_special_tokens=False)
            for number, (start, stop) in zip(found.ids, found.offsets, strict=True):
                if number:
                    plan.append((row, self._id_of[text[start:stop]]))
                else:
                    plan.append((row, -1))
                    rest.append(text[start:stop])
        between, bounds = self._between.encode_batch(rest)
        parts: list[np.ndarray] = []
        sizes = np.zeros(len(texts), np.int64)
        done = 0
        for row, index in plan:
            if index >= 0:
                part = np.array([index], np.int32)
            else:
                part = between[bounds[done] : bounds[done + 1]]
                done += 1
            parts.append(part)
            sizes[row] += len(part)
        ids = np.concatenate(parts).astype(np.int32) if parts else np.empty(0, np.int32)
        return ids, np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def load(folder: Path, identity: Mapping[str, Any]) -> AddedTokenEncoder:
    """The encoder of a stored tokenizer with added tokens."""
    return AddedTokenEncoder(load_tokenizer(folder), *cutting(identity))
