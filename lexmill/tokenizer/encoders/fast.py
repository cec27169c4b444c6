"""Our encoders for tokenizers that others made, or that only exist as a file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from lexmill.tokenizer.bytelevel import CHAR_OF_BYTE
from lexmill.tokenizer.encoders.encoder import Encoder, WordEncoder
from lexmill.tokenizer.encoders.merges import MergeEncoder, WholeWordEncoder
from lexmill.tokenizer.encoders.vocabulary import VocabularyEncoder, unigram_scores
from lexmill.tokenizer.load import model_bytes, token_bytes
from lexmill.tokenizer.patterns import GPT2, PATTERNS

_NO_LIMIT = 10**6  # characters of a word up to which a WordPiece model must go


class FileEncoder(Encoder):
    """Any `tokenizer.json` through `tokenizers` itself; special tokens are read like any other text."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokens = [data or b"" for data in token_bytes(tokenizer)]
        self._tokenizer = tokenizer

    def encode_batch(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """See `Encoder.encode_batch`."""
        found = plain_ids(self._tokenizer, texts)
        bounds = np.zeros(len(found) + 1, np.int64)
        np.cumsum([len(ids) for ids in found], out=bounds[1:])
        return np.array([index for ids in found for index in ids], np.int32), bounds

    def decode(self, ids: Sequence[int]) -> bytes:
        """The text that `tokenizers` decodes, as UTF-8."""
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=False)).encode()


def plain_ids(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    """Ids of texts by `tokenizers`, with special tokens read like any other text, and none added."""
    before = tokenizer.encode_special_tokens
    tokenizer.encode_special_tokens = True
    try:
        found = tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
    finally:
        tokenizer.encode_special_tokens = before
    return [encoding.ids for encoding in found]


def encoder_for(tokenizer: Tokenizer) -> WordEncoder | None:
    """Our encoder with the ids of this `tokenizer.json` for plain text; None when there is none.

    Supported: byte-level files with all 256 bytes, whose model is BPE (also with `ignore_merges`), Unigram, or
    WordPiece without a continuation prefix and with room for long words; pre-tokenizer `Split` (isolated) +
    `ByteLevel`, or `ByteLevel` alone; normaliser none, NFC or NFKC; no added tokens but special ones.
    """
    spec = json.loads(tokenizer.to_str())
    model, cut, normalizer = (
        spec["model"],
        _pretokenizer(spec["pre_tokenizer"]),
        _normalizer(spec["normalizer"]),
    )
    added = tokenizer.get_added_tokens_decoder().values()
    vocabulary = tokenizer.get_vocab(with_added_tokens=False)
    complete = all(char in vocabulary for char in CHAR_OF_BYTE.values())
    if cut is None or normalizer is None or not complete or not all(token.special for token in added):
        return None
    if spec["truncation"] is not None or spec["padding"] is not None:
        return None
    if model["type"] == "BPE" and not any(
        model.get(key) for key in ("dropout", "continuing_subword_prefix", "end_of_word_suffix")
    ):
        return (WholeWordEncoder if model.get("ignore_merges") else MergeEncoder)(tokenizer, cut, normalizer)
    if model["type"] == "Unigram" and len({piece for piece, _ in model["vocab"]}) == len(model["vocab"]):
        scores = unigram_scores(tokenizer)
        return VocabularyEncoder(model_bytes(tokenizer), "likelihood", cut, normalizer, scores)
    plain = model["type"] == "WordPiece" and not model["continuing_subword_prefix"]
    if plain and model["max_input_chars_per_word"] >= _NO_LIMIT:
        return VocabularyEncoder(model_bytes(tokenizer), "longest_prefix", cut, normalizer)
    return None


def proven_encoder(tokenizer: Tokenizer, sample: Sequence[str]) -> Encoder:
    """The fast encoder when it gives the ids of `tokenizers` on every text of `sample`, else `tokenizers` itself."""
    fast = encoder_for(tokenizer)
    if fast is None:
        return FileEncoder(tokenizer)
    ids, bounds = fast.encode_batch(sample)
    own = plain_ids(tokenizer, sample)
    same = all(ids[bounds[row] : bounds[row + 1]].tolist() == expected for row, expected in enumerate(own))
    return fast if same else FileEncoder(tokenizer)


def _pretokenizer(part: Mapping[str, Any] | None) -> str | None:
    """The name or expression that our splitter takes; None when the parts do something else."""
    steps = part["pretokenizers"] if part and part["type"] == "Sequence" else [part or {}]
    types = [step.get("type") for step in steps]
    last = steps[-1]
    if types[-1:] != ["ByteLevel"] or last["add_prefix_space"]:
        return None
    if types == ["ByteLevel"] and last["use_regex"]:
        return _named(GPT2)
    split = steps[0]
    if types != ["Split", "ByteLevel"] or last["use_regex"] or split["invert"]:
        return None
    if split["behavior"] != "Isolated" or "Regex" not in split["pattern"]:
        return None
    return _named(str(split["pattern"]["Regex"]))


def _named(pattern: str) -> str:
    return next((name for name, known in PATTERNS.items() if known == pattern), pattern)


def _normalizer(part: Mapping[str, Any] | None) -> str | None:
    if part is None:
        return "none"
    return str(part["type"]) if part["type"] in ("NFC", "NFKC") else None
