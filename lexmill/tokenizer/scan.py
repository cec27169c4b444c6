"""Cutting text by the named patterns with hand-written scanners, exactly as the exported `tokenizer.json` cuts it.

The expressions of `patterns` and these scanners are two forms of one thing; tests hold them together on every character
and on real text.  An expression without a name has no scanner: `split.splitter` runs it in `tokenizers`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from lexmill.tokenizer.arrays import flat_bytes
from lexmill.tokenizer.scan_classes import class_table, group_partners, group_table, group_traits
from lexmill.tokenizer.scan_cut_kernel import cut_rows
from lexmill.tokenizer.scan_kernel import (
    CASED,
    FROM_THE_RIGHT,
    GPT2,
    IDENTIFIERS,
    LETTERS,
    LINES,
    SCRIPTS,
    STRETCHES,
    SYMBOL,
    SYMBOLS,
)

Tables = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


class Rule(NamedTuple):
    """How a pattern cuts: its form in `scan_kernel`, the digits of a piece (0: all in a row), contractions or not."""

    form: int
    digits: int = 0
    contractions: bool = False


RULES: dict[str, Rule] = {
    "gpt2": Rule(GPT2),
    "gpt4": Rule(LETTERS, 3, True),
    "gpt4o": Rule(CASED, 3, True),
    "llama3": Rule(LETTERS, 3, True),
    "qwen": Rule(LETTERS, 1, True),
    "tekken": Rule(CASED, 1),
    "superbpe": Rule(CASED, 3),
    "superbpe2": Rule(STRETCHES),
    "gpt4_r2l": Rule(LETTERS, FROM_THE_RIGHT, True),
    "gpt4o_r2l": Rule(CASED, FROM_THE_RIGHT, True),
    "code0": Rule(SYMBOL),
    "code1": Rule(SYMBOLS),
    "code2": Rule(IDENTIFIERS),
    "code3": Rule(LINES),
    "script": Rule(SCRIPTS),
}


def scanner_tables() -> Tables:
    """The tables that `scan_kernel.piece_end` reads."""
    return class_table(), group_table(), group_traits(), group_partners()


def text_bytes(texts: pa.Array | pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    """The bytes of strings as (uint8 data, int64 offsets[n + 1] into it), checked to be UTF-8.

    Nulls count as empty.  Raises pyarrow.ArrowInvalid (a ValueError) for bytes that are not UTF-8.
    """
    texts.validate(full=True)
    return flat_bytes(texts.fill_null("") if texts.null_count else texts)


def scan(pretokenizer: str, texts: pa.Array | pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut strings into their pieces by a name of `RULES`.

    Returns data: uint8, the bytes of all texts; starts: int64[pieces + 1], where in data each piece begins (the last
    entry is where the last one ends); bounds: int64[texts + 1], the piece at which each text begins.  Pieces follow one
    another without a gap.
    """
    data, offsets = text_bytes(texts)
    starts, bounds = _starts(pretokenizer, data, offsets)
    return data, starts, bounds


def scan_text(pretokenizer: str, data: bytes) -> list[int]:
    """Where the pieces of one text (valid UTF-8) begin, and at the end its length; [0] for an empty text."""
    if not data:
        return [0]
    offsets = np.array([0, len(data)])
    return _starts(pretokenizer, np.frombuffer(data, np.uint8), offsets)[0].tolist()


def _starts(pretokenizer: str, data: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(starts, bounds) of `scan`."""
    rule, tables = RULES[pretokenizer], scanner_tables()
    starts = np.empty((offsets[-1] - offsets[0]) // 3 + 16, np.int64)
    bounds = np.zeros(len(offsets), np.int64)
    state = np.array([0, -1, 0], np.int64)
    while not cut_rows(data, offsets, tables, *rule, state, starts, bounds):
        starts = np.concatenate([starts, np.empty_like(starts)])
    starts[state[2]] = offsets[-1]
    return starts[: state[2] + 1], bounds
