"""Word counts: how often each pre-token occurs, for each language, domain and split.

The counts are all that trainers, audits and most metrics need; the text is read once.
"""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from lexmill.tokenizer.split import normalize, split_long, splitter

CATEGORY = [("language", pa.string()), ("domain", pa.string()), ("split", pa.string())]
COUNTS_SCHEMA = pa.schema([*CATEGORY, ("word", pa.binary()), ("count", pa.int64())])
TOTALS_SCHEMA = pa.schema(
    [
        *CATEGORY,
        ("documents", pa.int64()),
        ("bytes", pa.int64()),
        ("characters", pa.int64()),
        ("words", pa.int64()),
    ]
)
_KEYS = [name for name, _ in CATEGORY]
_COLUMNS = ["text", *_KEYS]
_ROWS_IN_MEMORY = (
    4_000_000  # distinct (category, word) held as Python strings before they become an Arrow table
)
_BATCH = 512  # documents
_LONG = 1 << 20  # characters; the pieces of a longer text are never held all at once

Category = tuple[str, str, str]  # language, domain, split


class WordCounts(NamedTuple):
    """`counts`: COUNTS_SCHEMA, sorted by language, domain, split, count descending, word; `word` is raw UTF-8.

    `totals`: TOTALS_SCHEMA, one row for each language, domain and split; bytes and characters after normalising.
    """

    counts: pa.Table
    totals: pa.Table


Cutter = Callable[[str], tuple[str, Iterable[str]]]
"""From a text to the normalised text and its pre-tokens."""


def named_cutter(pretokenizer: str, normalizer: str = "none") -> Cutter:
    """The cutter of a name of `patterns.PATTERNS` or a regular expression, after a normaliser (none, NFC, NFKC)."""
    cut, normal = splitter(pretokenizer), normalize(normalizer)

    def pieces(text: str) -> tuple[str, Iterable[str]]:
        text = normal(text)
        return text, cut(text) if len(text) < _LONG else split_long(pretokenizer, text)

    return pieces


def count_words(
    batches: Iterable[pa.RecordBatch],
    pretokenizer: str,
    normalizer: str = "none",
    progress: Callable[[int], None] | None = None,
) -> WordCounts:
    """`count_pieces` with the cutter of a pattern (see `named_cutter`)."""
    return count_pieces(batches, named_cutter(pretokenizer, normalizer), progress)


def count_pieces(
    batches: Iterable[pa.RecordBatch], cutter: Cutter, progress: Callable[[int], None] | None = None
) -> WordCounts:
    """Count the pre-tokens of documents (columns text, language, domain, split: string).

    Counts are int64 and do not depend on the order of the documents.  `progress` gets the documents done.  Memory
    holds the distinct words only.
    """
    live: dict[Category, Counter[str]] = {}
    totals: dict[Category, list[int]] = {}
    parts: list[pa.Table] = []
    done = 0
    for batch in batches:
        _count_batch(batch, cutter, live, totals)
        done += batch.num_rows
        if progress is not None:
            progress(done)
        if sum(map(len, live.values())) > _ROWS_IN_MEMORY:
            parts.append(_counts_table(live))
            live.clear()
    parts.append(_counts_table(live))
    total_table = _totals_table(totals)
    return merge_counts(
        [WordCounts(part, total_table if part is parts[0] else total_table[:0]) for part in parts]
    )


def _count_batch(
    batch: pa.RecordBatch,
    cutter: Cutter,
    live: dict[Category, Counter[str]],
    totals: dict[Category, list[int]],
) -> None:
    """Add the documents of one batch to `live` (words) and `totals` (documents, bytes, characters, words)."""
    columns = [batch.column(name).to_pylist() for name in _COLUMNS]
    for text, language, domain, split in zip(*columns, strict=True):
        key = (language, domain, split)
        counter = live.setdefault(key, Counter())
        text, pieces = cutter(text)
        if isinstance(pieces, list):
            counter.update(pieces)
            words = len(pieces)
        else:
            before = counter.total()
            counter.update(pieces)
            words = counter.total() - before
        total = totals.setdefault(key, [0, 0, 0, 0])
        for index, more in enumerate((1, len(text.encode()), len(text), words)):
            total[index] += more


def merge_counts(parts: list[WordCounts]) -> WordCounts:
    """Add counts of disjoint sets of documents; the result is sorted and so independent of their order."""
    counts = pa.concat_tables([part.counts for part in parts])
    if len(parts) > 1:
        counts = counts.group_by([*_KEYS, "word"], use_threads=False).aggregate([("count", "sum")])
        counts = counts.rename_columns([*_KEYS, "word", "count"])
    totals = pa.concat_tables([part.totals for part in parts])
    sums = TOTALS_SCHEMA.names[len(_KEYS) :]
    totals = totals.group_by(_KEYS, use_threads=False).aggregate([(name, "sum") for name in sums])
    totals = totals.rename_columns(TOTALS_SCHEMA.names)
    order = [(name, "ascending") for name in _KEYS]
    counts = counts.select(COUNTS_SCHEMA.names).sort_by(
        [*order, ("count", "descending"), ("word", "ascending")]
    )
    return WordCounts(counts.cast(COUNTS_SCHEMA), totals.sort_by(order).cast(TOTALS_SCHEMA))


def count_file(
    path: Path,
    pretokenizer: str,
    normalizer: str = "none",
    workers: int = 1,
    progress: Callable[[int], None] | None = None,
) -> WordCounts:
    """Count the documents of a Parquet file; with several workers each takes every n-th batch of documents.

    The result is the same for any number of workers.
    """
    if workers <= 1:
        return count_words(document_batches(path), pretokenizer, normalizer, progress)
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=spawn) as pool:
        jobs = [
            pool.submit(_count_part, path, part, workers, pretokenizer, normalizer) for part in range(workers)
        ]
        return merge_counts([job.result() for job in jobs])


def document_batches(path: Path, part: int = 0, parts: int = 1) -> Iterator[pa.RecordBatch]:
    """The columns that are counted, by batches: every `parts`-th one from number `part` on."""
    with pq.ParquetFile(path) as file:
        for index, batch in enumerate(file.iter_batches(_BATCH, columns=_COLUMNS)):
            if index % parts == part:
                yield batch


def _count_part(path: Path, part: int, parts: int, pretokenizer: str, normalizer: str) -> WordCounts:
    return count_words(document_batches(path, part, parts), pretokenizer, normalizer)


def _counts_table(live: dict[Category, Counter[str]]) -> pa.Table:
    tables = []
    for key, counter in live.items():
        words = pa.array(counter.keys(), pa.string()).cast(pa.binary())
        labels = [pa.repeat(pa.scalar(value, pa.string()), len(counter)) for value in key]
        counts = pa.array(counter.values(), pa.int64())
        tables.append(pa.Table.from_arrays([*labels, words, counts], schema=COUNTS_SCHEMA))
    return pa.concat_tables(tables) if tables else COUNTS_SCHEMA.empty_table()


def _totals_table(totals: dict[Category, list[int]]) -> pa.Table:
    rows = [dict(zip(TOTALS_SCHEMA.names, (*key, *values), strict=True)) for key, values in totals.items()]
    return pa.Table.from_pylist(rows, TOTALS_SCHEMA)
