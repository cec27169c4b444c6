"""Texts cut into pre-tokens, flat: no Python object for a pre-token of a named pattern."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from lexmill.tokenizer.scan import RULES, scan, text_bytes
from lexmill.tokenizer.scan_words import WordTable
from lexmill.tokenizer.split import normalize, splitter


class Pieces(NamedTuple):
    """The pre-tokens of texts by the numbers of their distinct words.

    words: Arrow binary, in the order of their first occurrence; order: int32[pieces], the word of every piece of all
    texts in a row; bounds: int64[texts + 1], the pieces of text t are bounds[t]..bounds[t + 1].
    """

    words: pa.Array
    order: np.ndarray
    bounds: np.ndarray


def distinct_pieces(texts: Sequence[str], pretokenizer: str, normalizer: str = "none") -> Pieces:
    """Normalise and cut texts; pretokenizer: a name or an expression, see `patterns`."""
    normal = normalize(normalizer)
    if pretokenizer in RULES:
        table = WordTable()
        column = pa.array(map(normal, texts), pa.large_string())
        order, bounds = table.number(pretokenizer, *text_bytes(column))
        return Pieces(table.words()[0], order, bounds)
    cut = splitter(pretokenizer)
    number: dict[str, int] = {}
    found: list[int] = []
    bounds = np.zeros(len(texts) + 1, np.int64)
    for row, text in enumerate(texts):
        found += [number.setdefault(piece, len(number)) for piece in cut(normal(text))]
        bounds[row + 1] = len(found)
    words = pa.array(number, pa.large_string()).cast(pa.large_binary())
    return Pieces(words, np.array(found, np.int32), bounds)


def all_pieces(
    texts: Sequence[str], pretokenizer: str, normalizer: str = "none"
) -> tuple[pa.Array, np.ndarray]:
    """Every piece of all texts in a row (Arrow large_binary), and bounds as in `Pieces`."""
    normal = normalize(normalizer)
    if pretokenizer in RULES:
        data, starts, bounds = scan(pretokenizer, pa.array(map(normal, texts), pa.large_string()))
        buffers = [None, pa.py_buffer(np.ascontiguousarray(starts)), pa.py_buffer(data)]
        return pa.Array.from_buffers(pa.large_binary(), len(starts) - 1, buffers), bounds
    pieces = distinct_pieces(texts, pretokenizer, normalizer)
    return pieces.words.take(pa.array(pieces.order)), pieces.bounds
