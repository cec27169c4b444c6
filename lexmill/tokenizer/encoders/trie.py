"""The byte trie of a vocabulary, as the encoders need it: empty and repeated tokens left out, or read backwards."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from lexmill.tokenizer.arrays import flat_bytes, read_only
from lexmill.tokenizer.encoders.segment_kernel import whole_words
from lexmill.tokenizer.trie import Trie
from lexmill.tokenizer.trie_kernel import build_trie


def vocabulary_trie(tokens: Sequence[bytes], backwards: bool = False) -> Trie:
    """The trie of the tokens that are not empty; of equal ones the first id is kept.

    backwards: tokens are read from their ends.  Raises ValueError when they hold 2^28 bytes or more.
    """
    if sum(map(len, tokens)) >= 1 << 28:
        raise ValueError("the tokens of the vocabulary hold more than 2^28 bytes")
    spelled = [token[::-1] for token in tokens] if backwards else list(tokens)
    first = {token: index for index, token in reversed(list(enumerate(spelled))) if token}
    order = np.array([first[token] for token in sorted(first)], np.int64)
    data, offsets = flat_bytes(pa.array(spelled, pa.large_binary()))
    return Trie(*build_trie(read_only(data), read_only(offsets), order))


def find_whole(trie: Trie, words: pa.Array) -> np.ndarray:
    """The id of every word (Arrow binary) that is a token, -1 of the others; int32[n]."""
    data, offsets = flat_bytes(words)
    return whole_words(read_only(data), read_only(offsets), *trie)


def require_bytes(tokens: Sequence[bytes]) -> None:
    """Raise ValueError unless each of the 256 bytes is a token, without which a word may have no segmentation."""
    missing = 256 - len({data for data in tokens if len(data) == 1})
    if missing:
        raise ValueError(f"the vocabulary does not hold all 256 bytes: {missing} are missing")
