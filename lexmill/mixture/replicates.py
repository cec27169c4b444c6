"""The answers of bootstrap replicates: the merges are applied once more, for all replicates together.

Only pairs that can compete with a merge are recorded again, and every replicate is solved from the basis of the
point answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from lexmill.mixture.counting import PairCounts, count_pairs
from lexmill.mixture.mergelist import MergeList
from lexmill.mixture.program import MixtureProgram
from lexmill.mixture.separation import Float, Frequencies, frequencies, worst_cuts
from lexmill.mixture.words import WordTable

Int = npt.NDArray[np.int64]
COMPETES_AT = 0.5  # a pair is recorded in replicates when it reaches this part of a merge's frequency
LEAST_SHARE = 0.05  # as which a smaller share counts then: what speaks against it must be recorded too


@dataclass(frozen=True)
class Sizes:
    """Sizes of every category in every column of counts, int64 (categories, columns)."""

    bytes: Int
    pairs: Int  # adjacent pairs at the first merge looked at: what frequencies are relative to

    def byte_shares(self, pair_shares: Float, column: int = 0) -> Float:
        """Turn shares of pairs into shares of bytes: a category's bytes per pair differ with its words."""
        weighted = pair_shares * self.bytes[:, column] / np.maximum(self.pairs[:, column], 1)
        return weighted / weighted.sum()


def category_sizes(words: WordTable, counts: PairCounts, weights: Int | None = None) -> Sizes:
    """Sizes for `weights` (entries of `words`, columns), default the words' own counts as one column."""
    return Sizes(words.category_bytes(weights), counts.sizes)


def usable_merges(table: Frequencies, merges: MergeList) -> Frequencies:
    """The table without the frequencies of late merges: these were not the most frequent pair at their place."""
    late = [t for t in merges.late if t < table.steps]
    if not late:
        return table
    own = table.own.copy()
    own[late] = 0
    return replace(table, own=own)


def competing_pairs(program: MixtureProgram, first: int, last: int) -> npt.NDArray[np.bool_]:
    """Pairs that reach COMPETES_AT of some merge's frequency, with shares of LEAST_SHARE at least, bool (pairs,)."""
    table = program.table
    bound = np.where(table.possible, table.own @ program.shares, np.inf)
    step, _ = worst_cuts(
        table.pair, table.begin, table.end, table.start, table.member, table.value, table.pairs,
        np.maximum(program.shares, LEAST_SHARE) / COMPETES_AT, np.zeros(table.pairs), bound, first, last,
    )  # fmt: skip
    wanted = step >= 0
    wanted[: table.steps] = True
    return wanted


def replicate_shares(
    program: MixtureProgram,
    counts: PairCounts,
    merges: MergeList,
    words: WordTable,
    replicates: Int,
    first: int,
    last: int,
    gap: float,
    progress: Callable[[float], None],
) -> Float:
    """Byte shares of every replicate, float64 (replicates, categories), each solved from the point answer.

    `program` has been solved; `replicates` are word counts (entries of `words`, replicates).
    """
    base = MixtureProgram(program.table)
    base.shares = program.shares
    base.solve(first, last, gap)
    kept = counts.restrict(competing_pairs(base, first, last))
    again = count_pairs(merges, words, last, replicates, kept, first=first)
    sizes = category_sizes(words, again, replicates)
    found = np.empty((replicates.shape[1], len(words.categories)))
    for r in range(replicates.shape[1]):
        again_program = MixtureProgram(usable_merges(frequencies(again, r), merges))
        again_program.start_from(base)
        found[r] = sizes.byte_shares(again_program.solve(first, last, gap).shares, r)
        progress((r + 1) / replicates.shape[1])
    return found
