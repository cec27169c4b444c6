"""Building the trie of a vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from lexmill.tokenizer.arrays import flat_bytes
from lexmill.tokenizer.trie_kernel import build_trie


class Trie(NamedTuple):
    """int32 cells, see `trie_kernel`."""

    base: np.ndarray
    check: np.ndarray
    value: np.ndarray


def trie_of(tokens: Sequence[bytes]) -> Trie:
    """The trie of distinct, non-empty tokens; a token's value is its place in the sequence."""
    data, offsets = flat_bytes(pa.array(tokens, pa.binary()))
    order = np.array(sorted(range(len(tokens)), key=tokens.__getitem__), np.int64)
    return Trie(*build_trie(data, offsets, order))
