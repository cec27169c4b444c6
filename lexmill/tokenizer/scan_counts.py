"""Counting the words of documents by category with the scanners of the named patterns."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lexmill.tokenizer.scan import text_bytes
from lexmill.tokenizer.scan_words import WordTable
from lexmill.tokenizer.split import normalize

Category = tuple[str, str, str]  # language, domain, split
_KEYS = ("language", "domain", "split")


class ScannedCounts:
    """Words, documents, bytes and characters of every category, added up batch by batch.

    pretokenizer: a name of `scan.RULES`; normalizer: none, NFC or NFKC; by_line: each line is cut on its own.
    """

    def __init__(self, pretokenizer: str, normalizer: str = "none", by_line: bool = False) -> None:
        self._pretokenizer, self._normalizer, self._by_line = pretokenizer, normalizer, by_line
        self._tables: dict[Category, WordTable] = {}
        self._totals: dict[Category, np.ndarray] = {}

    def add(self, batch: pa.RecordBatch) -> None:
        """Count the documents of a batch: columns text, language, domain, split (string)."""
        texts = normalized(batch.column("text"), self._normalizer)
        data, offsets = text_bytes(texts)
        sizes = np.diff(offsets)
        characters = pc.utf8_length(texts).to_numpy(zero_copy_only=False)
        for category, rows in _by_category(batch):
            table = self._table(category)
            words = table.count(self._pretokenizer, data, offsets, rows, self._by_line)
            self._totals[category] += (len(rows), sizes[rows].sum(), characters[rows].sum(), words)

    def merge(self, other: ScannedCounts) -> None:
        """Add the counts of other documents."""
        for category, table in other._tables.items():
            if category in self._tables:
                self._tables[category].add(*table.words())
                self._totals[category] += other._totals[category]
            else:
                self._tables[category], self._totals[category] = table, other._totals[category]

    def take(self) -> Iterator[tuple[Category, pa.Array, np.ndarray, list[int]]]:
        """(category, words as large_binary, int64 counts, [documents, bytes, characters, words]) in sorted order.

        Each table is given up when it is taken, so that no more than one is held twice.
        """
        for category in sorted(self._tables):
            words, counts = self._tables.pop(category).words()
            yield category, words, counts, self._totals.pop(category).tolist()

    def _table(self, category: Category) -> WordTable:
        if category not in self._tables:
            self._tables[category] = WordTable()
            self._totals[category] = np.zeros(4, np.int64)
        return self._tables[category]


def normalized(texts: pa.Array, normalizer: str) -> pa.Array:
    """Strings after a normaliser (none, NFC, NFKC)."""
    if normalizer == "none":
        return texts
    change = normalize(normalizer)
    return pa.array([change(text) for text in texts.to_pylist()], pa.large_string())


def _by_category(batch: pa.RecordBatch) -> Iterator[tuple[Category, np.ndarray]]:
    """Every category of the batch with the numbers of its rows (int64)."""
    codes = np.zeros(batch.num_rows, np.int64)
    names: list[list[str]] = []
    for key in _KEYS:
        encoded = batch.column(key).dictionary_encode()
        names.append(encoded.dictionary.to_pylist())
        codes = codes * len(names[-1]) + encoded.indices.to_numpy()
    order = np.argsort(codes, kind="stable")
    found, starts = np.unique(codes[order], return_index=True)
    _, domains, splits = map(len, names)
    for code, rows in zip(found.tolist(), np.split(order, starts[1:]), strict=True):
        at = (code // splits // domains, code // splits % domains, code % splits)
        yield (names[0][at[0]], names[1][at[1]], names[2][at[2]]), rows
