"""Characters as two symbols, a block and an index in it (SCRIPT encoding: Land & Arnett 2025, arXiv 2505.24689).

The characters of a group (script and supercategory, see `unicode_groups`) are numbered by code point; a group that has
more of them than there are indices is cut into several blocks.  There are as many indices as the largest group has
characters, when five very large ones are left out of the comparison (rules: sanderland/script_bpe, Apache-2.0).  A
character of no group (unassigned, private use) is written as its UTF-8 bytes.

Ids: 256 bytes (in the order of `bytelevel.BYTE_OF_ID`), then the indices, then the blocks.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pyarrow as pa

from lexmill.tokenizer.arrays import flat_bytes
from lexmill.tokenizer.bytelevel import ID_OF_BYTE
from lexmill.tokenizer.params import BYTES
from lexmill.tokenizer.script_kernel import symbols_of
from lexmill.tokenizer.unicode_groups import Group, group_runs

LARGE_GROUPS: frozenset[Group] = frozenset(
    {("Hani", "LM"), ("Hang", "LM"), ("Zyyy", "PS"), ("Tang", "LM"), ("Egyp", "LM")}
)
BYTE, INDEX, BLOCK, CHARACTERS = 0, 1, 2, 3  # classes of symbols

# The class of a merge by the classes of its two sides, -1 for none: a block takes an index, whole characters join.
JOINED = np.full((4, 4), -1, np.int8)
JOINED[BLOCK, INDEX] = CHARACTERS
JOINED[CHARACTERS, CHARACTERS] = CHARACTERS

_CODE_POINTS = 0x110000


@lru_cache(maxsize=1)
def block_table() -> pa.Table:
    """The encoding as runs of code points, in order.

    Columns, int32: start, end (exclusive) code point; block: id; index: id of the first code point, the next follow.
    """
    sizes: dict[Group, int] = {}
    for start, end, group in group_runs():
        if group is not None:
            sizes[group] = sizes.get(group, 0) + end - start
    indices = max(size for group, size in sizes.items() if group not in LARGE_GROUPS)
    first_block: dict[Group, int] = {}
    blocks = BYTES + indices
    for group, size in sizes.items():
        first_block[group] = blocks
        blocks += -(-size // indices)
    rows = []
    numbered = dict.fromkeys(sizes, 0)
    for start, end, group in group_runs():
        while group is not None and start < end:
            block, index = divmod(numbered[group], indices)
            stop = min(end, start + indices - index)
            rows.append((start, stop, first_block[group] + block, BYTES + index))
            numbered[group] += stop - start
            start = stop
    columns = [pa.array(column, pa.int32()) for column in zip(*rows, strict=True)]
    return pa.table(dict(zip(("start", "end", "block", "index"), columns, strict=True)))


class ScriptEncoding:
    """One block table, ready to write words in symbols and to read them.

    symbols: number of ids (bytes, indices, blocks); classes: int8[symbols].
    """

    def __init__(self, table: pa.Table) -> None:
        start, end, block, index = (table[name].to_numpy() for name in ("start", "end", "block", "index"))
        lengths = end - start
        codes = np.repeat(start, lengths) + _ramp(lengths)
        self._block = np.full(_CODE_POINTS, -1, np.int32)
        self._index = np.full(_CODE_POINTS, -1, np.int32)
        self._block[codes] = np.repeat(block, lengths)
        self._index[codes] = np.repeat(index, lengths) + _ramp(lengths)
        self.symbols = int(block.max()) + 1
        self.first_block = int(block.min())
        self.classes = np.full(self.symbols, INDEX, np.int8)
        self.classes[:BYTES], self.classes[self.first_block :] = BYTE, BLOCK
        self._runs: dict[int, list[tuple[int, int, int, int]]] = {}
        for row in zip(start.tolist(), end.tolist(), block.tolist(), index.tolist(), strict=True):
            self._runs.setdefault(row[2], []).append((row[0], row[1], row[2], row[3]))

    def encode(self, words: pa.Array) -> tuple[np.ndarray, np.ndarray]:
        """Symbols (int32) of all words (Arrow binary, raw UTF-8) in a row, and int64 offsets[n + 1] into them."""
        data, offsets = flat_bytes(words)
        return symbols_of(data, offsets, ID_OF_BYTE, self._block, self._index)

    def character(self, block: int, index: int) -> str | None:
        """The character of a block's and an index's id; None when the block has no such index."""
        for start, end, _, first in self._runs.get(block, ()):
            if first <= index < first + end - start:
                return chr(start + index - first)
        return None


def _ramp(lengths: np.ndarray) -> np.ndarray:
    """0 .. n - 1 for each length n, one after another."""
    ends = np.cumsum(lengths)
    return np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - lengths, lengths)


@lru_cache(maxsize=1)
def script_encoding() -> ScriptEncoding:
    """The encoding of the Unicode release that this version knows."""
    return ScriptEncoding(block_table())
