"""A sample of documents as sequences of word ids, for methods that need the order of words.

The sample is stratified: each (language, domain, split) gets its share of the bytes.  Which documents are in it depends
on the seed and on their ids alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import xxhash

from lexmill.tokenizer.counts import CATEGORY, document_batches
from lexmill.tokenizer.scan import RULES, text_bytes
from lexmill.tokenizer.scan_counts import normalized
from lexmill.tokenizer.scan_words import WordTable
from lexmill.tokenizer.split import splitter

WORDS_SCHEMA = pa.schema([("word", pa.binary())])
SEQUENCES_SCHEMA = pa.schema([*CATEGORY, ("words", pa.list_(pa.int32()))])
_KEYS = [name for name, _ in CATEGORY]
_CHUNK = 1 << 28  # word ids in one chunk of a table
_NO_CATEGORIES = pa.schema(CATEGORY).empty_table()


class SequenceTable(NamedTuple):
    """Sequences as flat arrays.

    words: binary, by id; ids: int32, all sequences in a row; offsets: int64[rows + 1] into them; categories: the
    columns language, domain and split of every row.
    """

    words: pa.Array
    ids: np.ndarray
    offsets: np.ndarray
    categories: pa.Table


def word_sequences(
    path: Path,
    pretokenizer: str,
    normalizer: str = "none",
    framing: str = "document",
    sample_bytes: int = 1_000_000_000,
    seed: int = 0,
) -> tuple[pa.Table, pa.Table]:
    """Sample the documents of a Parquet file (columns id, text, language, domain, split: string) and cut them.

    Returns words (column word: binary, sorted bytewise; the row number is the id) and sequences (language, domain,
    split, words: list of int32 ids, one row for each document or, with framing `line`, for each line with its line
    feed).  Documents come in the order of a hash of seed and id; each category takes them in that order until its share
    of `sample_bytes` (by its bytes, before normalising) is full, the last one whole; all are taken where the file is
    smaller.  Memory: the sample, twice as ids, and 24 bytes for every document of the file.
    """
    place = _places(path, sample_bytes, seed)
    cutter = _Scanned(pretokenizer) if pretokenizer in RULES else _Matched(pretokenizer)
    parts = [_Part(np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0, np.int64), _NO_CATEGORIES)]
    start = 0
    for batch in document_batches(path):
        at = place[start : start + batch.num_rows]
        start += batch.num_rows
        if (at >= 0).any():
            parts.append(_cut(batch.filter(pa.array(at >= 0)), at[at >= 0], cutter, normalizer, framing))
    return _sorted_tables(cutter.words(), parts)


def read_sequences(folder: Path) -> SequenceTable:
    """The files `words.parquet` and `sequences.parquet` of a folder, as the tables of `word_sequences` were written."""
    words = pq.read_table(folder / "words.parquet", columns=["word"])["word"].combine_chunks()
    return sequence_table(words, pq.read_table(folder / "sequences.parquet"))


def sequence_table(words: pa.Array, sequences: pa.Table) -> SequenceTable:
    """The tables of `word_sequences` as flat arrays."""
    chunks = sequences["words"].chunks
    ids = [chunk.flatten().to_numpy() for chunk in chunks]
    lengths = [pc.list_value_length(chunk).to_numpy() for chunk in chunks]
    offsets = np.zeros(sequences.num_rows + 1, np.int64)
    np.cumsum(np.concatenate([np.empty(0, np.int64), *lengths]), out=offsets[1:])
    flat = np.concatenate([np.empty(0, np.int32), *ids])
    return SequenceTable(words, flat, offsets, sequences.select(_KEYS))


class _Part(NamedTuple):
    """What was cut from a batch: word numbers, and for every sequence its length, its place and its category."""

    numbers: np.ndarray  # int32
    lengths: np.ndarray  # int64
    places: np.ndarray  # int64
    categories: pa.Table


class _Scanned:
    """Numbers the words of texts that a scanner cuts."""

    def __init__(self, pretokenizer: str) -> None:
        self._pretokenizer, self._table = pretokenizer, WordTable()

    def number(self, data: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self._table.number(self._pretokenizer, data, offsets)

    def words(self) -> pa.Array:
        return self._table.words()[0]


class _Matched:
    """Numbers the words of texts that a regular expression cuts."""

    def __init__(self, pretokenizer: str) -> None:
        self._cut = splitter(pretokenizer)
        self._numbers: dict[str, int] = {}

    def number(self, data: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        known = self._numbers
        found: list[np.ndarray] = [np.empty(0, np.int32)]
        for start, end in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
            pieces = self._cut(data[start:end].tobytes().decode())
            found.append(np.array([known.setdefault(piece, len(known)) for piece in pieces], np.int32))
        bounds = np.cumsum([len(numbers) for numbers in found])
        return np.concatenate(found), bounds

    def words(self) -> pa.Array:
        return pa.array(self._numbers, pa.large_string()).cast(pa.large_binary())


def _places(path: Path, sample_bytes: int, seed: int) -> np.ndarray:
    """int64[documents]: the place of each document in the shuffled order, -1 for those outside the sample."""
    hashes, sizes, codes = [], [], []
    known: dict[tuple[str, ...], int] = {}
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(1 << 12, columns=["id", "text", *_KEYS]):
            hashes += [xxhash.xxh3_64_intdigest(name.encode(), seed) for name in batch["id"].to_pylist()]
            sizes.append(pc.binary_length(batch["text"]).to_numpy().astype(np.int64))
            columns = [batch[key].to_pylist() for key in _KEYS]
            codes += [known.setdefault(key, len(known)) for key in zip(*columns, strict=True)]
    order = np.argsort(np.array(hashes, np.uint64), kind="stable")
    size, code = np.concatenate([np.empty(0, np.int64), *sizes]), np.array(codes, np.int64)
    taken = _within_shares(size[order], code[order], len(known), sample_bytes)
    place = np.full(len(order), -1, np.int64)
    place[order[taken]] = np.arange(np.count_nonzero(taken))
    return place


def _within_shares(size: np.ndarray, code: np.ndarray, categories: int, sample_bytes: int) -> np.ndarray:
    """Which documents, in their order, begin before the share of their category is full."""
    total = int(size.sum())
    taken = np.ones(len(size), bool)
    if total <= sample_bytes:
        return taken
    for category in range(categories):
        rows = np.flatnonzero(code == category)
        ends = np.cumsum(size[rows])
        share = sample_bytes * int(ends[-1]) // total
        taken[rows] = ends - size[rows] < max(share, 1)
    return taken


def _cut(
    batch: pa.RecordBatch, places: np.ndarray, cutter: _Scanned | _Matched, normalizer: str, framing: str
) -> _Part:
    data, offsets = text_bytes(normalized(batch["text"], normalizer))
    rows = np.arange(batch.num_rows)
    if framing == "line":
        inside = data[offsets[0] : offsets[-1]]
        ends = np.flatnonzero(inside == ord("\n")) + 1 + offsets[0]
        lines = np.union1d(ends, offsets)
        rows = np.searchsorted(offsets, lines[:-1], "right") - 1
        offsets = lines
    numbers, bounds = cutter.number(data, offsets)
    categories = pa.Table.from_batches([batch.select(_KEYS)]).take(rows)
    return _Part(numbers, np.diff(bounds), places[rows], categories)


def _sorted_tables(words: pa.Array, parts: list[_Part]) -> tuple[pa.Table, pa.Table]:
    """The two tables: words by their bytes, sequences by their places."""
    order = pc.sort_indices(words).to_numpy()
    new_number = np.empty(len(order), np.int32)
    new_number[order] = np.arange(len(order), dtype=np.int32)
    ids = new_number[np.concatenate([part.numbers for part in parts])]
    lengths = np.concatenate([part.lengths for part in parts])
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    lists = pa.LargeListArray.from_arrays(pa.array(offsets), pa.array(ids))
    rows = np.argsort(np.concatenate([part.places for part in parts]), kind="stable")
    categories = pa.concat_tables([part.categories for part in parts]).take(rows)
    # No chunk has more ids than the 32-bit offsets of a list can tell apart.
    cuts = np.flatnonzero(np.diff(np.cumsum(lengths[rows]) // _CHUNK, prepend=0))
    chunks = [lists.take(pa.array(part)).cast(pa.list_(pa.int32())) for part in np.split(rows, cuts)]
    columns = [*categories.columns, pa.chunked_array(chunks, pa.list_(pa.int32()))]
    sequences = pa.Table.from_arrays(columns, schema=SEQUENCES_SCHEMA)
    return pa.table([words.take(pa.array(order)).cast(pa.binary())], schema=WORDS_SCHEMA), sequences
