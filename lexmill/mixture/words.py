"""Distinct words of all categories with their counts: the only view of text the mixture audit needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


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
        return self._weigh(self.word_lengths, counts)

    def category_pairs(self, counts: npt.NDArray[np.int64] | None = None) -> npt.NDArray[np.int64]:
        """Adjacent byte pairs inside words, (categories, columns): the size that pair counts are relative to."""
        return self._weigh(np.maximum(self.word_lengths - 1, 0), counts)

    def _weigh(
        self, size: npt.NDArray[np.int64], counts: npt.NDArray[np.int64] | None
    ) -> npt.NDArray[np.int64]:
        counts = self.count[:, None] if counts is None else counts
        total = np.zeros((len(self.categories), counts.shape[1]), np.int64)
        np.add.at(total, self.row_category, size[self.entry_words()][:, None] * counts)
        return total


def word_table(rows: Iterable[tuple[str, bytes, int]], categories: Sequence[str] | None = None) -> WordTable:
    """Build the table from (category, word, count) rows in any order; equal (category, word) rows are added up.

    Categories are sorted by name unless given; rows of other categories are ignored.  Raises ValueError when a
    count is not positive or a category is named twice.
    """
    totals: dict[tuple[bytes, str], int] = {}
    wanted = None if categories is None else set(categories)
    for category, word, count in rows:
        if count <= 0:
            raise ValueError(f"word {word!r} of category {category} has count {count}: counts are positive")
        if word and (wanted is None or category in wanted):
            totals[word, category] = totals.get((word, category), 0) + count
    names = tuple(sorted({c for _, c in totals}) if categories is None else categories)
    if len(set(names)) != len(names):
        raise ValueError("a category is named twice: category names must differ")
    number = {name: i for i, name in enumerate(names)}
    ordered = sorted((word, number[category], count) for (word, category), count in totals.items())
    return _from_sorted(names, ordered)


def _from_sorted(names: tuple[str, ...], ordered: list[tuple[bytes, int, int]]) -> WordTable:
    distinct: list[bytes] = []
    starts: list[int] = []
    for entry, (word, _, _) in enumerate(ordered):
        if not distinct or distinct[-1] != word:
            distinct.append(word)
            starts.append(entry)
    offsets = np.zeros(len(distinct) + 1, np.int64)
    np.cumsum([len(word) for word in distinct], out=offsets[1:])
    return WordTable(
        categories=names,
        text=np.frombuffer(b"".join(distinct), np.uint8),
        offsets=offsets,
        row_start=np.array([*starts, len(ordered)], np.int64),
        row_category=np.array([c for _, c, _ in ordered], np.int32),
        count=np.array([n for _, _, n in ordered], np.int64),
    )
