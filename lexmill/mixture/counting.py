"""Count every adjacent token pair before every merge, in every category, by applying the merges once.

Whether a merge happens inside a word does not depend on how often the word occurs.  The merges are therefore
applied once to the distinct words of all categories together, and each change of a pair is added up at once,
weighted by the word's count in each category (and in each bootstrap replicate).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lexmill.mixture.kernels import build_segments, fill_table, merge_words, move_changes
from lexmill.mixture.mergelist import MergeList
from lexmill.mixture.symbols import Symbols, possible_pairs, symbols_of
from lexmill.mixture.words import WordTable

FIRST_SLOTS = 1 << 18
LONGEST_PIECE = 1 << 16  # symbols; a longer word is counted in parts, and the pair at each cut is not
PIECES_PER_CALL = 1 << 17  # between two signs of progress, and two chances to interrupt
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
    sizes: Int64  # (categories, columns) pairs at the first step, recorded or not: what frequencies are relative to

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
            self.sizes,
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


class _Changes:
    """Growing hash table of changes."""

    def __init__(self, columns: int) -> None:
        self.count = 0
        self.key = np.full(FIRST_SLOTS, -1, np.int64)
        self.change = np.zeros((FIRST_SLOTS, columns), np.int64)

    def grow(self) -> None:
        size = 2 * len(self.key)
        key, change = np.full(size, -1, np.int64), np.zeros((size, self.change.shape[1]), np.int64)
        move_changes(self.key, self.change, key, change)
        self.key, self.change = key, change

    def order(self) -> Int64:
        """Places that change something, by key."""
        used = np.flatnonzero(self.key >= 0)
        used = used[self.change[used].any(axis=1)]
        return used[np.argsort(self.key[used])]


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
    list's trainer could not merge are not recorded (see `symbols.possible_pairs`).  Words of more than LONGEST_PIECE
    symbols are counted in parts.
    Memory: 32 + 32 x columns bytes at most for each (pair, step, category) change, half as much again while growing.
    Raises ValueError when not 0 <= first < steps <= len(merges).
    """
    if not 0 <= first < steps <= len(merges):
        raise ValueError(
            f"merges {first} to {steps} asked for, but the list has {len(merges)}: ask for 1 to {len(merges)}"
        )
    pieces = _in_parts(symbols_of(merges, words))
    row_count = np.ascontiguousarray(words.count[:, None] if counts is None else counts)
    categories, columns = len(words.categories), row_count.shape[1]
    left, right = merges.token_ids()
    index = _PairIndex(left[:steps], right[:steps]) if only is None else _PairIndex(only.left, only.right)
    wanted = None if only is None else np.unique(only.pair)
    changes, sizes = _Changes(columns), np.zeros((categories, columns), np.int64)
    done, total = 0, len(pieces.word)
    while done < total:
        keep = np.ones(len(index.left), np.uint8)
        if wanted is not None:
            keep[:] = 0
            keep[wanted] = 1
        until = min(total, done + PIECES_PER_CALL)
        following, index.pairs, changes.count = merge_words(
            pieces.symbol, pieces.offsets, pieces.word[:until], pieces.base, done, first, steps,
            index.keys, index.values, index.left, index.right, index.pairs, keep,
            changes.key, changes.change, changes.count,
            words.row_start, words.row_category, row_count, sizes,
        )  # fmt: skip
        if following < until:
            length = int(pieces.offsets[following + 1] - pieces.offsets[following])
            if 2 * (index.pairs + 3 * length) > len(index.keys):
                index.grow()
            else:
                changes.grow()
        done = following
        if progress is not None:
            progress(done / max(total, 1))
    pair, begin, end, start, member, count = build_segments(
        changes.order(), changes.key, changes.change, steps, categories
    )
    left, right = index.left[: index.pairs], index.right[: index.pairs]
    found = PairCounts(steps, categories, left, right, pair, begin, end, start, member, count, sizes)
    return found if merges.byte_level else found.restrict(possible_pairs(merges, found.left, found.right))


def _in_parts(pieces: Symbols) -> Symbols:
    """The same with pieces of at most LONGEST_PIECE symbols: room for changes is made a piece at a time."""
    lengths = np.diff(pieces.offsets)
    parts = np.maximum(-(-lengths // LONGEST_PIECE), 1)
    if (parts == 1).all():
        return pieces
    number = np.arange(parts.sum()) - np.repeat(np.cumsum(parts) - parts, parts)
    begins = np.repeat(pieces.offsets[:-1], parts) + number * LONGEST_PIECE
    return Symbols(
        pieces.symbol, np.r_[begins, pieces.offsets[-1:]], np.repeat(pieces.word, parts), pieces.base
    )
