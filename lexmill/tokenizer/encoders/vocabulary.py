"""Inference methods that need no more than a vocabulary (Uzan et al. 2024, arXiv 2403.01289).

- `longest_prefix`: the longest token from the left, again and again (WordPiece; the vessel of `longest_prefix_vessel`).
- `longest_suffix`: the longest token from the right.
- `longest_token`: the longest token anywhere, the leftmost of equals, then left and right of it (FLOTA, Hofmann et al.
  2022, without its limit on the number of tokens).
- `fewest_tokens`: as few tokens as possible; of equals the one whose last token is longest, then the one before it, and
  so on (PathPieceL, Schmidt et al. 2024; the vessel of `fewest_tokens_vessel`).
- `likelihood`: the largest sum of log probabilities (Unigram, Kudo 2018), sums and ties those of `tokenizers`.

A word of n bytes costs O(n L) with L the longest token that matches.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pyarrow as pa
from tokenizers import Tokenizer

from lexmill.tokenizer.arrays import flat_bytes, read_only
from lexmill.tokenizer.encoders.encoder import WordEncoder
from lexmill.tokenizer.encoders.load import cutting
from lexmill.tokenizer.encoders.longest_kernel import longest_anywhere
from lexmill.tokenizer.encoders.segment_kernel import best_path, longest_from_the_left, longest_from_the_right
from lexmill.tokenizer.encoders.trie import require_bytes, vocabulary_trie
from lexmill.tokenizer.load import load_tokenizer, model_bytes

Method = Literal["longest_prefix", "longest_suffix", "longest_token", "fewest_tokens", "likelihood"]
METHODS: tuple[str, ...] = get_args(Method)
_KERNELS: dict[str, Any] = {
    "longest_prefix": longest_from_the_left,
    "longest_suffix": longest_from_the_right,
    "longest_token": longest_anywhere,
    "fewest_tokens": best_path,
    "likelihood": best_path,
}


class VocabularyEncoder(WordEncoder):
    """Words segmented by one of METHODS.

    tokens: byte strings by id, b"" for an id that is never produced; of ids that spell the same, the first is.
    scores: float64 log probability of every id, for `likelihood` only.  Raises ValueError when one of the 256 bytes
    is not a token, or scores are missing, superfluous or not finite.
    """

    def __init__(
        self,
        tokens: Sequence[bytes],
        method: Method,
        pretokenizer: str,
        normalizer: str = "none",
        scores: Sequence[float] | None = None,
    ) -> None:
        super().__init__(tokens, pretokenizer, normalizer)
        if method not in _KERNELS:
            raise ValueError(
                f"there is no inference method {method!r}; expected one of: {', '.join(METHODS)}"
            )
        if (scores is not None) != (method == "likelihood"):
            raise ValueError(f"scores are needed by likelihood and by no other method, this is {method}")
        require_bytes(tokens)
        self.method = method
        self._trie = vocabulary_trie(tokens, backwards=method == "longest_suffix")
        self._scores: tuple[np.ndarray, ...] = ()
        if _KERNELS[method] is best_path:
            values = np.full(len(tokens), -1.0) if scores is None else np.array(scores, np.float64)
            if len(values) != len(tokens) or not np.isfinite(values).all():
                raise ValueError(f"likelihood needs a finite score for each of {len(tokens)} ids")
            self._scores = (values,)

    def encode_words(self, words: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """See `WordEncoder.encode_words`."""
        data, offsets = flat_bytes(words)
        return _KERNELS[self.method](read_only(data), read_only(offsets), *self._trie, *self._scores)


def unigram_scores(tokenizer: Tokenizer) -> list[float]:
    """The log probabilities of a Unigram model by id, exactly as `tokenizers` holds them in memory.

    Raises ValueError for another model.
    """
    model = json.loads(tokenizer.to_str())["model"]
    if model["type"] != "Unigram":
        raise ValueError(f"likelihood needs the scores of a Unigram model, this model is {model['type']}")
    return [float(score) for _, score in model["vocab"]]


def load(folder: Path, identity: Mapping[str, Any]) -> VocabularyEncoder:
    """The encoder of a stored tokenizer; its `tokenizer.json` holds the vocabulary, and the scores of `likelihood`."""
    method: Method = identity["encoder"]["name"]
    tokenizer = load_tokenizer(folder)
    scores = unigram_scores(tokenizer) if method == "likelihood" else None
    return VocabularyEncoder(model_bytes(tokenizer), method, *cutting(identity), scores)
