"""Word counts: how often each pre-token occurs, for each language, domain and split.

The counts are all that trainers, audits and most metrics need; the text is read once.
"""

from __future__ import annotations

import multiprocessing
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lexmill.tokenizer.scan import RULES
from lexmill.tokenizer.scan_counts import Category, ScannedCounts
from lexmill.tokenizer.split import normalize, splitter

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
_BATCH_BYTES = 16 << 20  # of text, about
_BATCH = 8192  # documents at most
_COLUMN_BYTES = 1 << 30  # of words in one chunk of a table


class WordCounts(NamedTuple):
    """`counts`: COUNTS_SCHEMA, sorted by language, domain, split, count descending, word; `word` is raw UTF-8.

    `totals`: TOTALS_SCHEMA, one row for each language, domain and split; bytes and characters after normalising.
    """

    counts: pa.Table
    totals: pa.Table


Cutter = Callable[[str], tuple[str, Iterable[str]]]
"""From a text to the normalised text and its pre-tokens."""


def named_cutter(pretokenizer: str, normalizer: str = "none", framing: str = "document") -> Cutter:
    """The cutter of a name of `patterns.PATTERNS` or a regular expression, after a normaliser (none, NFC, NFKC).

    framing: `document`, or `line` where every line with its line feed is cut as if it were a document.
    """
    cut, normal = splitter(pretokenizer), normalize(normalizer)

    def pieces(text: str) -> tuple[str, Iterable[str]]:
        text = normal(text)
        if framing == "document":
            return text, cut(text)
        return text, (piece for line in _lines(text) for piece in cut(line))

    return pieces


def _lines(text: str) -> Iterator[str]:
    """Its lines, each with its line feed; no other character ends a line."""
    *lines, last = text.split("\n")
    yield from (line + "\n" for line in lines)
    if last:
        yield last


def count_words(
    batches: Iterable[pa.RecordBatch],
    pretokenizer: str,
    normalizer: str = "none",
    progress: Callable[[int], None] | None = None,
    framing: str = "document",
    workers: int = 1,
) -> WordCounts:
    """Count the pre-tokens of documents (columns text, language, domain, split: string).

    pretokenizer: a name of `patterns.PATTERNS` (cut by its scanner, with `workers` threads) or a regular expression
    (one thread); normalizer: none, NFC, NFKC; framing: `document`, or `line` where every line with its line feed is cut
    as if it were a document, as `tokenizers.Tokenizer.train` does with files.  Counts are int64 and do not depend on
    the order of the documents, the batches or the number of workers.  `progress` gets the documents done.  Memory holds
    the distinct words and a few batches.
    """
    if pretokenizer not in RULES:
        return count_pieces(batches, named_cutter(pretokenizer, normalizer, framing), progress)
    parts: SimpleQueue[ScannedCounts] = SimpleQueue()
    for _ in range(max(workers, 1)):
        parts.put(ScannedCounts(pretokenizer, normalizer, framing == "line"))

    def count(batch: pa.RecordBatch) -> int:
        part = parts.get()
        part.add(batch)
        parts.put(part)
        return int(batch.num_rows)

    _run_all(count, batches, max(workers, 1), progress)
    whole = parts.get()
    while not parts.empty():
        whole.merge(parts.get())
    return _scanned_tables(whole)


def _run_all(
    count: Callable[[pa.RecordBatch], int],
    batches: Iterable[pa.RecordBatch],
    workers: int,
    progress: Callable[[int], None] | None,
) -> None:
    """Run `count` on all batches in threads, of which few wait at a time; `progress` is called in this thread."""
    waiting: deque[Future[int]] = deque()
    done = 0
    with ThreadPoolExecutor(workers) as pool:
        for batch in batches:
            waiting.append(pool.submit(count, batch))
            while waiting and (len(waiting) > workers or waiting[0].done()):
                done += waiting.popleft().result()
                if progress is not None:
                    progress(done)
        for left in waiting:
            done += left.result()
            if progress is not None:
                progress(done)


def _scanned_tables(scanned: ScannedCounts) -> WordCounts:
    tables: list[pa.Table] = []
    totals: dict[Category, list[int]] = {}
    for category, words, counts, total in scanned.take():
        table = pa.table({"word": words, "count": counts})
        order = pc.sort_indices(table, [("count", "descending"), ("word", "ascending")])
        tables += _counted(category, words.take(order), pa.array(counts).take(order))
        totals[category] = total
    counted = pa.concat_tables(tables) if tables else COUNTS_SCHEMA.empty_table()
    return WordCounts(counted, _totals_table(totals))


def _counted(category: Category, words: pa.Array, counts: pa.Array) -> Iterator[pa.Table]:
    """Rows of one category (words: large_binary), in tables whose words fit the 32-bit offsets of the schema."""
    ends = np.cumsum(pc.binary_length(words).to_numpy())
    start = 0
    while start < len(words):
        before = ends[start - 1] if start else 0
        stop = max(int(np.searchsorted(ends, before + _COLUMN_BYTES, "right")), start + 1)
        labels = [pa.repeat(pa.scalar(value, pa.string()), stop - start) for value in category]
        part = words.slice(start, stop - start).cast(pa.binary())
        yield pa.Table.from_arrays([*labels, part, counts.slice(start, stop - start)], schema=COUNTS_SCHEMA)
        start = stop


def count_pieces(
    batches: Iterable[pa.RecordBatch], cutter: Cutter, progress: Callable[[int], None] | None = None
) -> WordCounts:
    """Count what any cutter makes of documents (columns text, language, domain, split: string); see `count_words`."""
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
        pieces = pieces if isinstance(pieces, list) else list(pieces)
        counter.update(pieces)
        total = totals.setdefault(key, [0, 0, 0, 0])
        for index, more in enumerate((1, len(text.encode()), len(text), len(pieces))):
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
    framing: str = "document",
) -> WordCounts:
    """`count_words` of a Parquet file; an expression without a name runs in processes, each with every n-th batch."""
    if workers <= 1 or pretokenizer in RULES:
        return count_words(document_batches(path), pretokenizer, normalizer, progress, framing, workers)
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=spawn) as pool:
        jobs = [
            pool.submit(_count_part, path, part, workers, pretokenizer, normalizer, framing)
            for part in range(workers)
        ]
        return merge_counts([job.result() for job in jobs])


def document_batches(path: Path, part: int = 0, parts: int = 1) -> Iterator[pa.RecordBatch]:
    """The columns that are counted, by batches of some megabytes: every `parts`-th one from number `part` on."""
    with pq.ParquetFile(path) as file:
        rows = _batch_rows(file.metadata)
        for index, batch in enumerate(file.iter_batches(rows, columns=_COLUMNS)):
            if index % parts == part:
                yield batch


def _batch_rows(metadata: pq.FileMetaData) -> int:
    """How many documents make a batch of about _BATCH_BYTES, by the mean size of the file's texts."""
    columns = (
        metadata.row_group(group).column(column)
        for group in range(metadata.num_row_groups)
        for column in range(metadata.num_columns)
    )
    size = sum(column.total_uncompressed_size for column in columns if column.path_in_schema == "text")
    return max(1, min(_BATCH, _BATCH_BYTES * metadata.num_rows // max(size, 1)))


def _count_part(
    path: Path, part: int, parts: int, pretokenizer: str, normalizer: str, framing: str
) -> WordCounts:
    return count_words(document_batches(path, part, parts), pretokenizer, normalizer, framing=framing)


def _counts_table(live: dict[Category, Counter[str]]) -> pa.Table:
    tables: list[pa.Table] = []
    for key, counter in live.items():
        words = pa.array(counter.keys(), pa.string()).cast(pa.large_binary())
        tables += _counted(key, words, pa.array(counter.values(), pa.int64()))
    return pa.concat_tables(tables) if tables else COUNTS_SCHEMA.empty_table()


def _totals_table(totals: dict[Category, list[int]]) -> pa.Table:
    rows = [dict(zip(TOTALS_SCHEMA.names, (*key, *values), strict=True)) for key, values in totals.items()]
    return pa.Table.from_pylist(rows, TOTALS_SCHEMA)
