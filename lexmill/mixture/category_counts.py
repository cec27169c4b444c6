"""Word counts of categories and of each of their documents, as Parquet tables.

The counts by category are what an audit reads; the counts by document are what its intervals are resampled from, so
that the text is read and cut once.  Memory holds the distinct words of one category at a time.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lexmill.mixture.sources import TextDocument
from lexmill.tokenizer.counts import COUNTS_SCHEMA, TOTALS_SCHEMA

if TYPE_CHECKING:
    from lexmill.mixture.bootstrap import Document

DOMAIN, SPLIT = "general", "train"  # of every row: a category stands in the column `language`
COUNTS = COUNTS_SCHEMA.append(pa.field("number", pa.int32()))
DOCUMENTS = pa.schema(
    [
        ("category", pa.string()),
        ("unit", pa.string()),
        ("source", pa.string()),
        ("words", pa.list_(pa.int32())),  # `number` of the category's words
        ("counts", pa.list_(pa.int32())),
    ]
)
_BATCH_WORDS = 1 << 20  # distinct words of documents that are written together


@dataclass
class _Category:
    """Distinct words of one category, numbered as they first appear, with their counts."""

    numbers: dict[str, int] = field(default_factory=dict)
    counts: array[int] = field(default_factory=lambda: array("q"))
    documents: int = 0

    def add(self, pieces: list[str]) -> tuple[list[int], list[int]]:
        """Count a document's words; its own numbers and counts."""
        found = Counter(pieces)
        numbers = []
        for word, count in found.items():
            number = self.numbers.setdefault(word, len(self.numbers))
            if number == len(self.counts):
                self.counts.append(count)
            else:
                self.counts[number] += count
            numbers.append(number)
        self.documents += 1
        return numbers, list(found.values())


def count_categories(
    categories: Iterable[tuple[str, Iterable[TextDocument]]], cut: Callable[[str], list[str]], folder: Path
) -> int:
    """Write `counts.parquet`, `totals.parquet` and `documents.parquet` into `folder`; returns the rows of the first.

    `categories` yields a name and its documents; `cut` gives the pre-tokens of a text.  Counts and totals are tables as
    `lexmill.tokenizer.counts` writes them, with the category in `language`; the column `number` of the counts is what
    `documents.parquet` names a word by.  Bytes and characters of the totals are those of the pre-tokens.
    Raises ValueError for a category without a word.
    """
    totals, rows = [], 0
    with (
        pq.ParquetWriter(folder / "counts.parquet", COUNTS, compression="zstd") as counts,
        pq.ParquetWriter(folder / "documents.parquet", DOCUMENTS, compression="zstd") as documents,
    ):
        for name, texts in sorted(categories, key=lambda item: item[0]):
            category = _Category()
            _write_documents(name, texts, cut, category, documents)
            if not category.counts:
                raise ValueError(f"category {name!r} is empty: give it text, or leave it out")
            table, total = _tables(name, category)
            counts.write_table(table)
            totals.append(total)
            rows += table.num_rows
    pq.write_table(pa.Table.from_pylist(totals, TOTALS_SCHEMA), folder / "totals.parquet", compression="zstd")
    return rows


def _write_documents(
    name: str,
    texts: Iterable[TextDocument],
    cut: Callable[[str], list[str]],
    category: _Category,
    writer: pq.ParquetWriter,
) -> None:
    rows: list[tuple[str, str, str, list[int], list[int]]] = []
    size = 0
    for text in texts:
        numbers, counts = category.add(cut(text.text))
        rows.append((name, text.unit, text.source, numbers, counts))
        size += len(numbers)
        if size > _BATCH_WORDS:
            writer.write_table(_document_table(rows))
            rows, size = [], 0
    if rows:
        writer.write_table(_document_table(rows))


def _document_table(rows: list[tuple[str, str, str, list[int], list[int]]]) -> pa.Table:
    columns = zip(*rows, strict=True)
    return pa.Table.from_arrays(
        [pa.array(column, kind) for column, kind in zip(columns, DOCUMENTS.types, strict=True)],
        schema=DOCUMENTS,
    )


def _tables(name: str, category: _Category) -> tuple[pa.Table, dict[str, object]]:
    """The category's rows of the counts, most frequent first, and of the totals."""
    words = pa.array(category.numbers.keys(), pa.string())
    count = pa.array(np.frombuffer(category.counts, np.int64), pa.int64())
    labels = [pa.repeat(pa.scalar(value, pa.string()), len(words)) for value in (name, DOMAIN, SPLIT)]
    number = pa.array(np.arange(len(words), dtype=np.int32))
    table = pa.Table.from_arrays([*labels, words.cast(pa.binary()), count, number], schema=COUNTS)
    sizes = {
        "bytes": pc.sum(pc.multiply(pc.binary_length(words).cast(pa.int64()), count)).as_py(),
        "characters": pc.sum(pc.multiply(pc.utf8_length(words).cast(pa.int64()), count)).as_py(),
        "words": pc.sum(count).as_py(),
    }
    total = {"language": name, "domain": DOMAIN, "split": SPLIT, "documents": category.documents, **sizes}
    return table.sort_by([("count", "descending"), ("word", "ascending")]), total


def counted_documents(folder: Path) -> Iterator[Document]:
    """The documents that `count_categories` wrote, each word as often as it was counted (not in the text's order)."""
    from lexmill.mixture.bootstrap import Document  # compiled code, which those who only count need not load

    words: np.ndarray = np.empty(0, object)
    current = None
    with pq.ParquetFile(folder / "documents.parquet") as file:
        for batch in file.iter_batches(256):
            for row in range(batch.num_rows):
                name, unit, source = (batch[column][row].as_py() for column in ("category", "unit", "source"))
                if name != current:
                    current, words = name, _words(folder / "counts.parquet", name)
                numbers, counts = (batch[column][row].values.to_numpy() for column in ("words", "counts"))
                yield Document(unit, name, source, np.repeat(words[numbers], counts).tolist())


def _words(counts: Path, category: str) -> np.ndarray:
    """Words of a category by number, object (words,)."""
    table = pq.read_table(counts, columns=["word", "number"], filters=[("language", "==", category)])
    words = np.empty(table.num_rows, object)
    words[table["number"].to_numpy()] = table["word"].cast(pa.string()).to_pylist()
    return words
