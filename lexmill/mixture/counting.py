"""Count every adjacent token pair before every merge, in every category, by applying the merges once.

Whether a merge happens inside a word does not depend on how often the word occurs.  The merges are therefore
applied once to the distinct words of all categories together, and each change of a pair is weighted by the
word's count in each category (and in each bootstrap replicate) afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lexmill.mixture.kernels import build_segments, fill_table, merge_words, sum_events
from lexmill.mixture.mergelist import MergeList
from lexmill.mixture.symbols import possible_pairs, symbols_of
from lexmill.mixture.words import WordTable

EVENTS_PER_BATCH = 1 << 23  # 13 bytes an event, and 16 while sorting: about 250 MB
Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PairCounts:
    """Counts of adjacent token pairs as segments of constant count.

    Step t is the state before merge t (0-based; merges 0..t-1 applied).  Pair p < steps is merge p.  Segment s:
    pair[s] has counts count[start[s]:start[s+1], column] in categories member[...] for begin[s] <= t < end[s];
    sorted by pair, begin.  A pair in no segment at a step has count 0.
    """

    steps: int
    categories: int
    left: Int32  # (pairs,) token ids of `MergeList.token_ids`
    right: Int32
    pair: Int32  # (segments,)
    begin: Int32
    end: Int32
    start: Int64  # (segments + 1,)
    member: Int32  # (entries,)
    count: Int64  # (entries, columns)

    def restrict(self, wanted: npt.NDArray[np.bool_]) -> PairCounts:
        """Only the segments of pairs with wanted[pair]; pair numbers stay."""
        kept = wanted[self.pair]
        sizes = np.diff(self.start)
        entries = np.repeat(kept, sizes)
        start = np.zeros(int(kept.sum()) + 1, np.int64)
        np.cumsum(sizes[kept], out=start[1:])
        return PairCounts(
            self.steps, self.categories, self.left, self.right,
            self.pair[kept], self.begin[kept], self.end[kept], start, self.member[entries], self.count[entries],
        )  # fmt: skip

    def at(self, step: int, column: int = 0) -> dict[tuple[int, int], list[int]]:
        """All counts at one step: (left id, right id) -> count per category.  Slow; for inspection and tests."""
        found = {}
        for s in np.flatnonzero((self.begin <= step) & (step < self.end)):
            row = [0] * self.categories
            for entry in range(self.start[s], self.start[s + 1]):
                row[self.member[entry]] = int(self.count[entry, column])
            p = self.pair[s]
            found[int(self.left[p]), int(self.right[p])] = row
        return found


class _PairIndex:
    """Growing list of pairs with its hash table; the merges come first."""

    def __init__(self, left: Int32, right: Int32) -> None:
        size = 1 << max(16, int(4 * len(left)).bit_length())
        self.pairs = len(left)
        self.left, self.right = np.zeros(size // 2, np.int32), np.zeros(size // 2, np.int32)
        self.left[: self.pairs], self.right[: self.pairs] = left, right
        self._rebuild(size)

    def _rebuild(self, size: int) -> None:
        self.keys, self.values = np.zeros(size, np.int64), np.full(size, -1, np.int32)
        fill_table(self.keys, self.values, self.left, self.right, 0, self.pairs)

    def grow(self) -> None:
        self.left = np.concatenate([self.left, np.zeros_like(self.left)])
        self.right = np.concatenate([self.right, np.zeros_like(self.right)])
        self._rebuild(2 * len(self.keys))


def count_pairs(
    merges: MergeList,
    words: WordTable,
    steps: int,
    counts: Int64 | None = None,
    only: PairCounts | None = None,
    progress: Callable[[float], None] | None = None,
    first: int = 0,
) -> PairCounts:
    """Pair counts before each of the merges first..steps-1; nothing is kept of earlier steps.

    `counts` (entries of `words`, columns) int64 replaces the words' own counts: one column a bootstrap replicate.
    `only` restricts the recording to pairs that have a segment in it, whose pair numbers are kept.  Pairs that the
    list's trainer could not merge are not recorded (see `symbols.possible_pairs`).
    Memory: 250 MB of buffers, plus 24 + 8 x columns bytes for each (pair, step, category) change.
    Raises ValueError when not 0 <= first < steps <= len(merges).
    """
    if not 0 <= first < steps <= len(merges):
        raise ValueError(
            f"merges {first} to {steps} asked for, but the list has {len(merges)}: ask for 1 to {len(merges)}"
        )
    pieces = symbols_of(merges, words)
    left, right = merges.token_ids()
    index = _PairIndex(left[:steps], right[:steps])
    if only is not None:
        index = _PairIndex(only.left, only.right)
    row_count = np.ascontiguousarray(words.count[:, None] if counts is None else counts)
    wanted = None if only is None else np.unique(only.pair)
    batches = []
    done, total = 0, len(pieces.word)
    longest = int(np.diff(pieces.offsets).max(initial=0))
    buffer = max(min(EVENTS_PER_BATCH, 6 * len(pieces.symbol)), 6 * longest)
    pair, step = np.empty(buffer, np.int32), np.empty(buffer, np.int32)
    piece, sign = np.empty(buffer, np.int32), np.empty(buffer, np.int8)
    while done < total:
        keep = np.ones(len(index.left), np.uint8)
        if wanted is not None:
            keep[:] = 0
            keep[wanted] = 1
        following, events, index.pairs = merge_words(
            pieces.symbol, pieces.offsets, pieces.base, done, first, steps, index.keys, index.values, index.left,
            index.right, index.pairs, keep, pair, step, piece, sign,
        )  # fmt: skip
        if events:
            key = pair[:events].astype(np.int64) * steps + step[:events]
            order = np.argsort(key, kind="stable")
            batches.append(
                sum_events(
                    order,
                    key,
                    pieces.word[piece[:events]],
                    sign,
                    words.row_start,
                    words.row_category,
                    row_count,
                    len(words.categories),
                )
            )
        if (
            following < total
            and 6 * (pieces.offsets[following + 1] - pieces.offsets[following]) + events <= buffer
        ):
            index.grow()
        done = following
        if progress is not None:
            progress(done / max(total, 1))
    key, category, change = _join(batches, len(words.categories), row_count.shape[1])
    segments = build_segments(key, category, change, steps, len(words.categories))
    pairs = index.pairs
    found = PairCounts(steps, len(words.categories), index.left[:pairs], index.right[:pairs], *segments)
    return found if merges.byte_level else found.restrict(possible_pairs(merges, found.left, found.right))


def category_pairs(merges: MergeList, words: WordTable, counts: Int64 | None = None) -> Int64:
    """Adjacent pairs of base symbols in every category, (categories, columns): what pair counts are relative to.

    `counts` as in `count_pairs`.
    """
    pieces = symbols_of(merges, words)
    inside = np.zeros(len(words.offsets) - 1, np.int64)
    np.add.at(inside, pieces.word, np.diff(pieces.offsets) - 1)
    return words.weigh(inside, counts)


def _join(
    batches: list[tuple[Int64, Int32, Int64]], categories: int, columns: int
) -> tuple[Int64, Int32, Int64]:
    """Add up the changes of all batches; sorted by key, category."""
    if not batches:
        return np.empty(0, np.int64), np.empty(0, np.int32), np.empty((0, columns), np.int64)
    if len(batches) == 1:
        return batches[0]
    key = np.concatenate([b[0] for b in batches])
    category = np.concatenate([b[1] for b in batches])
    change = np.concatenate([b[2] for b in batches])
    order = np.lexsort((category, key))
    key, category, change = key[order], category[order], change[order]
    new = np.ones(len(key), bool)
    new[1:] = (key[1:] != key[:-1]) | (category[1:] != category[:-1])
    starts = np.flatnonzero(new)
    change = np.add.reduceat(change, starts, axis=0)
    return key[starts], category[starts], change
