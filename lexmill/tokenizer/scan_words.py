"""A growing table of words with their numbers and counts, filled while text is cut."""

from __future__ import annotations

import secrets

import numpy as np
import pyarrow as pa

from lexmill.tokenizer.arrays import flat_bytes
from lexmill.tokenizer.scan import RULES, scanner_tables
from lexmill.tokenizer.scan_words_kernel import (
    ARENA,
    DONE,
    NUMBERS_FULL,
    PIECES,
    ROW,
    SLOTS_FULL,
    WIDTH,
    WORDS,
    add_pieces,
    add_words,
    measure,
    move,
    spell,
)

_FIRST_SLOTS = 256
_FIRST_ARENA = 64
_NO_NUMBERS = np.empty(0, np.int32)
# Random, so that nobody can write a text whose words collide; what the table gives does not depend on it.
_SEED = np.uint64(secrets.randbits(64))


class WordTable:
    """Distinct words, numbered from 0 in the order in which they first came, with int64 counts.

    About 50 to 100 bytes for each distinct word, and those of words longer than 15 bytes.  Not for several threads.
    """

    def __init__(self) -> None:
        self._slots = np.zeros(_FIRST_SLOTS * WIDTH, np.uint64)
        self._arena = np.empty(_FIRST_ARENA, np.uint64)
        self._state = np.zeros(6, np.int64)

    def __len__(self) -> int:
        """How many distinct words there are."""
        return int(self._state[WORDS])

    def count(
        self,
        pretokenizer: str,
        data: np.ndarray,
        offsets: np.ndarray,
        rows: np.ndarray | None = None,
        by_line: bool = False,
    ) -> int:
        """Count the pieces of texts and return how many there were.

        pretokenizer: a name of `scan.RULES`; data: uint8, valid UTF-8, and offsets: int64[n + 1] into it, as from
        `scan.text_bytes`; rows: int64, which texts (None: all); by_line: every line, with the line feed that ends it,
        is cut as if it were a text.
        """
        rows = np.arange(len(offsets) - 1) if rows is None else rows
        self._cut(pretokenizer, data, offsets, rows, by_line, _NO_NUMBERS)
        return self._pieces()

    def number(
        self, pretokenizer: str, data: np.ndarray, offsets: np.ndarray, rows: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Count the same pieces and return their numbers: int32[pieces], and bounds int64[rows + 1] into them."""
        rows = np.arange(len(offsets) - 1) if rows is None else rows
        size = int((offsets[rows + 1] - offsets[rows]).sum())
        numbers, bounds = self._cut(
            pretokenizer, data, offsets, rows, False, np.empty(size // 3 + 16, np.int32)
        )
        return numbers[: self._pieces()], bounds

    def add(self, words: pa.Array, counts: np.ndarray) -> None:
        """Add words (Arrow binary, none of them empty) with their counts (int64)."""
        data, offsets = flat_bytes(words)
        self._state[ROW] = 0
        while full := add_words(data, offsets, counts, self._slots, self._arena, self._state, _SEED):
            self._make_room(full, len(data))

    def _pieces(self) -> int:
        return int(self._state[PIECES])

    def _cut(
        self,
        pretokenizer: str,
        data: np.ndarray,
        offsets: np.ndarray,
        rows: np.ndarray,
        by_line: bool,
        numbers: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        bounds = np.empty(len(rows) + 1, np.int64)
        rule, tables, state = RULES[pretokenizer], scanner_tables(), self._state
        state[[ROW, 1, PIECES]] = 0, -1, 0
        while True:
            full = add_pieces(
                *(
                    data,
                    offsets,
                    rows,
                    by_line,
                    tables,
                    *rule,
                    self._slots,
                    self._arena,
                    state,
                    numbers,
                    bounds,
                ),
                _SEED,
            )
            if full == DONE:
                return numbers, bounds
            if full == NUMBERS_FULL:
                numbers = np.concatenate([numbers, np.empty_like(numbers)])
            else:
                self._make_room(full, len(data))

    def _make_room(self, full: int, most: int) -> None:
        if full == SLOTS_FULL:
            larger = np.zeros(2 * len(self._slots), np.uint64)
            move(self._slots, larger, _SEED)
            self._slots = larger
        else:
            used = self._state[ARENA]
            arena = np.empty(2 * len(self._arena) + most // 8 + 2, np.uint64)
            arena[:used] = self._arena[:used]
            self._arena = arena

    def words(self) -> tuple[pa.Array, np.ndarray]:
        """The words by number (Arrow large_binary) and their counts (int64)."""
        counts = np.zeros(len(self), np.int64)
        offsets = np.zeros(len(self) + 1, np.int64)
        measure(self._slots, self._arena, offsets, counts)
        data = np.empty(offsets[-1], np.uint8)
        spell(self._slots, self._arena, offsets, data)
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
        return pa.Array.from_buffers(pa.large_binary(), len(self), buffers), counts
