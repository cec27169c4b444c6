"""Distinct words of all categories with their counts: the only view of text the mixture audit needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


@dataclass(frozen=True)
class WordTable:
    """Distinct words and, for each, its counts by category (compressed rows).

    Word w is text[offsets[w]:offsets[w+1]] and has the entries row_start[w]..row_start[w+1]-1, each a category
    number and a count.
    """

    categories: tuple[str, ...]
    text: npt.NDArray[np.uint8]
    offsets: npt.NDArray[np.int64]  # (words + 1,)
    row_start: npt.NDArray[np.int64]  # (words + 1,)
    row_category: npt.NDArray[np.int32]  # (entries,)
    count: npt.NDArray[np.int64]  # (entries,)

    @property
    def word_lengths(self) -> npt.NDArray[np.int64]:
        """Bytes of every word, int64 (words,)."""
        return np.diff(self.offsets)

    def entry_words(self) -> npt.NDArray[np.int64]:
        """Word number of every entry, int64 (entries,)."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.row_start))

    def category_bytes(self, counts: npt.NDArray[np.int64] | None = None) -> npt.NDArray[np.int64]:
        """UTF-8 bytes of every category (categories, columns) for counts (entries, columns), default the own."""
        return self.weigh(self.word_lengths, counts)

    def weigh(
        self, size: npt.NDArray[np.int64], counts: npt.NDArray[np.int64] | None
    ) -> npt.NDArray[np.int64]:
        """Sum of a size of every word, int64 (words,), over the category: int64 (categories, columns)."""
        counts = self.count[:, None] if counts is None else counts
        total = np.zeros((len(self.categories), counts.shape[1]), np.int64)
        np.add.at(total, self.row_category, size[self.entry_words()][:, None] * counts)
        return total


def word_table(rows: Iterable[tuple[str, bytes, int]], categories: Sequence[str] | None = None) -> WordTable:
    """The table of (category, word, count) rows in any order (see `word_table_of`)."""
    names, words, counts = zip(*rows, strict=True)
    columns = {"category": names, "word": pa.array(words, pa.binary()), "count": pa.array(counts, pa.int64())}
    return word_table_of(pa.table(columns), categories)


def word_table_of(table: pa.Table, categories: Sequence[str] | None = None) -> WordTable:
    """Build from columns category (string), word (binary), count (int64), rows in any order.

    Equal (category, word) rows are added up; words are sorted by their bytes.  Categories are sorted by name unless
    given; rows of other categories, and empty words, are ignored.  Raises ValueError when a count is not positive
    or a category is given twice.
    """
    if table.num_rows and pc.min(table["count"]).as_py() <= 0:
        raise ValueError("the word counts have a count that is not positive")
    names = sorted(pc.unique(table["category"]).to_pylist()) if categories is None else list(categories)
    if len(set(names)) != len(names):
        raise ValueError("a category is named twice: category names must differ")
    number = pc.index_in(table["category"].combine_chunks(), pa.array(names, pa.string()))
    table = pa.table({"word": table["word"], "category": number, "count": table["count"]})
    table = table.filter(pc.and_(pc.is_valid(number), pc.greater(pc.binary_length(table["word"]), 0)))
    table = table.group_by(["word", "category"], use_threads=False).aggregate([("count", "sum")])
    table = table.sort_by([("word", "ascending"), ("category", "ascending")]).combine_chunks()
    words = table["word"].combine_chunks().cast(pa.large_binary())
    if not len(words):
        raise ValueError("none of the categories has a word")
    ends = np.concatenate([words[1:].to_numpy(False) != words[:-1].to_numpy(False), [True]])
    last = np.flatnonzero(ends)
    distinct = words.take(pa.array(last))
    offsets = np.zeros(len(last) + 1, np.int64)
    np.cumsum(pc.binary_length(distinct).to_numpy(), out=offsets[1:])
    return WordTable(
        categories=tuple(names),
        text=np.frombuffer(b"".join(distinct.to_pylist()), np.uint8),
        offsets=offsets,
        row_start=np.concatenate([[0], last + 1]).astype(np.int64),
        row_category=table["category"].to_numpy().astype(np.int32),
        count=table["count_sum"].to_numpy().astype(np.int64),
    )
