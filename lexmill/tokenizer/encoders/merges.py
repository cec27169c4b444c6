"""Merge rules by rank, leftmost first, inside pre-tokens: byte-level BPE, plain or with dropout."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from tokenizers import Tokenizer

from lexmill.tokenizer.encode import MergeRules
from lexmill.tokenizer.encoders.encoder import Encoder, WordEncoder
from lexmill.tokenizer.encoders.load import cutting
from lexmill.tokenizer.encoders.pieces import all_pieces
from lexmill.tokenizer.encoders.trie import find_whole, vocabulary_trie
from lexmill.tokenizer.load import load_tokenizer, model_bytes
from lexmill.tokenizer.stochastic import text_key, word_streams


class MergeEncoder(WordEncoder):
    """A byte-level BPE `tokenizer.json`, encoded by our own loop."""

    def __init__(self, tokenizer: Tokenizer, pretokenizer: str, normalizer: str = "none") -> None:
        super().__init__(model_bytes(tokenizer), pretokenizer, normalizer)
        self._rules = MergeRules(tokenizer)

    def encode_words(self, words: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """See `WordEncoder.encode_words`."""
        return self._rules.encode(words)


class WholeWordEncoder(MergeEncoder):
    """The same with `ignore_merges`: a pre-token that is a token is that token, whatever the merges say."""

    def __init__(self, tokenizer: Tokenizer, pretokenizer: str, normalizer: str = "none") -> None:
        model = json.loads(tokenizer.to_str())
        model["model"]["ignore_merges"] = False
        super().__init__(Tokenizer.from_str(json.dumps(model)), pretokenizer, normalizer)
        self._trie = vocabulary_trie(self.tokens)

    def encode_words(self, words: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """See `WordEncoder.encode_words`."""
        whole = find_whole(self._trie, words)
        ids, offsets = self._rules.encode(words.filter(pa.array(whole < 0)))
        lengths = np.ones(len(words), np.int64)
        lengths[whole < 0] = np.diff(offsets)
        bounds = np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths)))
        merged = np.repeat(whole < 0, lengths)
        out = np.empty(int(bounds[-1]), np.int32)
        out[merged], out[~merged] = ids, whole[whole >= 0]
        return out, bounds


class DropoutEncoder(Encoder):
    """BPE-dropout of texts: an occurrence of a word is cut by chance, the same text always the same way.

    dropout: probability p of leaving a possible merge out, 0 for plain merging; seed: another epoch takes another.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        pretokenizer: str,
        normalizer: str = "none",
        dropout: float = 0.1,
        seed: int = 0,
    ) -> None:
        if not 0 <= dropout <= 1:
            raise ValueError(f"dropout must be between 0 and 1, not {dropout}")
        self.tokens, self.pretokenizer, self.normalizer = model_bytes(tokenizer), pretokenizer, normalizer
        self.dropout, self.seed = dropout, seed
        self._rules = MergeRules(tokenizer)

    def encode_batch(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """See `Encoder.encode_batch`; a text's ids do not depend on the others."""
        words, bounds = all_pieces(texts, self.pretokenizer, self.normalizer)
        streams = word_streams([text_key(text.encode(), self.seed) for text in texts], bounds)
        ids, offsets = self._rules.encode_with_dropout(words, self.dropout, streams)
        return ids, offsets[bounds]


def load(folder: Path, identity: Mapping[str, Any]) -> MergeEncoder:
    """The encoder of a stored byte-level BPE tokenizer."""
    tokenizer = load_tokenizer(folder)
    whole = json.loads(tokenizer.to_str())["model"].get("ignore_merges")
    return (WholeWordEncoder if whole else MergeEncoder)(tokenizer, *cutting(identity))


def load_dropout(folder: Path, identity: Mapping[str, Any]) -> DropoutEncoder:
    """The same with dropout; settings `dropout` and `seed`."""
    settings = identity["encoder"].get("settings", {})
    return DropoutEncoder(load_tokenizer(folder), *cutting(identity), **settings)
