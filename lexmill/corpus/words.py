"""Words of a batch of texts as flat arrays: what the quality measures and the near-duplicate signatures count."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from lexmill.corpus.codepoints import folded_points, word_classes
from lexmill.corpus.textbytes import text_bytes
from lexmill.corpus.words_kernel import split_kernel

WORD, NUMBER, SYMBOL = 0, 1, 2  # values of `Words.kind`


class Words(NamedTuple):
    """The tokens of a batch of texts, in order."""

    data: np.ndarray
    """uint8: UTF-8 of all texts, one after another."""
    texts: np.ndarray
    """int64 (rows + 1,): text r is `data[texts[r]:texts[r + 1]]`."""
    rows: np.ndarray
    """int64 (rows + 1,): the tokens of text r are `rows[r]:rows[r + 1]`."""
    start: np.ndarray
    """int64 (tokens,): first byte in `data`."""
    end: np.ndarray
    """int64 (tokens,): the byte after the last."""
    kind: np.ndarray
    """uint8 (tokens,): 0 = word with a letter or mark, 1 = digits only, 2 = symbol or punctuation."""
    characters: np.ndarray
    """int32 (tokens,): code points."""
    hash: np.ndarray
    """uint64 (tokens,): of the code points as they are."""
    folded: np.ndarray
    """uint64 (tokens,): of the simply case-folded code points, each digit as "0"."""


def split_words(texts: pa.Array) -> Words:
    """Tokens of a string (or large_string) array; null counts as empty.

    A word is a run of letters, marks and numbers; apostrophes, the Catalan middle dot and joiners belong to it between
    two letters.  In scripts without spaces (Han, kana, Bopomofo, Thai, Lao, Khmer, Burmese, Tibetan, Tai) each
    letter with its marks is a token.  Each other visible character is a token, with the marks on it; white space and
    controls part tokens and are none.
    """
    data, offsets = text_bytes(texts)
    rows = np.empty(len(offsets), np.int64)
    # Room for one token a byte: pages that are never written take no memory.
    places = [np.empty(len(data), np.int64) for _ in range(2)]
    kind, characters = np.empty(len(data), np.uint8), np.empty(len(data), np.int32)
    hashes = [np.empty(len(data), np.uint64) for _ in range(2)]
    columns: list[np.ndarray] = [*places, kind, characters, *hashes]
    count = split_kernel(data, offsets, word_classes(), folded_points(), rows, *columns)
    return Words(data, offsets, rows, *(column[:count] for column in columns))
