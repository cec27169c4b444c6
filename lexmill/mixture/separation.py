"""Find violated constraints of the mixture program: segments of constant count against range minima.

For a fixed mixture a pair's count is constant on a segment of steps, so of all its constraints there only the one
at the step with the smallest bound can be the worst.  One pass over the segments and a sparse table of range
minima therefore finds the most violated constraint of every pair.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from numba import njit

from lexmill.mixture.counting import PairCounts

SCALE = 1e6  # frequencies are per million pairs, far above the solver's absolute tolerances
ZERO = 1e-6  # an objective below this (per million) is 0
CONTRADICTION = 1e-6  # relative; rounding makes less
Float = npt.NDArray[np.float64]
Int32 = npt.NDArray[np.int32]


class SolverError(RuntimeError):
    """The linear program could not be solved to the gap asked for."""


@dataclass(frozen=True)
class Frequencies:
    """Pair frequencies per million adjacent pairs of each category at the first step, ready for separation.

    Segments as in PairCounts, except that a merge's own step is cut off (a merge does not compete with itself).
    `own[t]` is the frequency of merge t before step t, by category; all 0 for an impossible merge.
    """

    pair: Int32
    begin: Int32
    end: Int32
    start: npt.NDArray[np.int64]
    member: Int32
    value: Float  # (entries,)
    own: Float  # (steps, categories)
    pairs: int

    @property
    def steps(self) -> int:
        """Number of merges counted."""
        return len(self.own)

    @property
    def categories(self) -> int:
        """Number of categories."""
        return self.own.shape[1]

    @cached_property
    def possible(self) -> npt.NDArray[np.bool_]:
        """Merges that occur in some category, bool (steps,)."""
        return np.any(self.own > 0, axis=1)

    @cached_property
    def segment_of_pair(self) -> npt.NDArray[np.int64]:
        """First segment of each pair, int64 (pairs + 1,)."""
        return np.searchsorted(self.pair, np.arange(self.pairs + 1))


def relative_gap(upper: float, lower: float) -> float:
    """Certified gap between two bounds of an objective, (upper - lower) / upper, 0 where it is numerically 0.

    Raises SolverError when the lower bound is above the upper one: one of them is none.
    """
    if lower > upper * (1 + CONTRADICTION) + ZERO:
        raise SolverError(f"the lower bound {lower:.9g} is above the upper bound {upper:.9g}")
    return 0.0 if upper <= ZERO else max(0.0, (upper - max(lower, 0.0)) / upper)


def frequencies(counts: PairCounts, column: int = 0) -> Frequencies:
    """Divide one column of `counts` by the categories' sizes at the first step, in adjacent pairs."""
    sizes = np.maximum(counts.sizes[:, column], 1)
    value = counts.count[:, column] / sizes[counts.member] * SCALE
    own = np.zeros((counts.steps, counts.categories))
    mine = (counts.pair < counts.steps) & (counts.begin <= counts.pair) & (counts.pair < counts.end)
    for s in np.flatnonzero(mine):
        entries = slice(counts.start[s], counts.start[s + 1])
        own[counts.pair[s], counts.member[entries]] = value[entries]
    end = np.where(mine, counts.pair, counts.end)  # nothing of a merge is left after its own step
    return Frequencies(
        counts.pair,
        counts.begin,
        end.astype(np.int32),
        counts.start,
        counts.member,
        value,
        own,
        len(counts.left),
    )


@njit(cache=True)
def _range_minima(bound):  # type: ignore[no-untyped-def]
    """Sparse table of argmins: level k holds the argmin of bound[i:i + 2**k]."""
    levels = 1
    while (1 << levels) <= len(bound):
        levels += 1
    table = np.empty((levels, len(bound)), np.int32)
    for i in range(len(bound)):
        table[0, i] = i
    for k in range(1, levels):
        half = 1 << (k - 1)
        for i in range(len(bound) - (1 << k) + 1):
            a, b = table[k - 1, i], table[k - 1, i + half]
            table[k, i] = a if bound[a] <= bound[b] else b
    return table


@njit(cache=True)
def worst_cuts(  # type: ignore[no-untyped-def]
    pair, begin, end, start, member, value, pairs, shares, slack, bound, first, last
):
    """Most violated constraint of every pair among steps first..last-1.

    `shares` (categories,), `slack` (pairs,) the pair slacks, `bound` (steps,) the frequency of the step's merge
    plus its step slack, inf where the step has no constraint.
    Returns step int32 (pairs,), -1 where no constraint is violated, and violation float64 (pairs,).
    """
    step = np.full(pairs, -1, np.int32)
    violation = np.zeros(pairs)
    table = _range_minima(bound)
    least = bound[first:last].min()
    for s in range(len(pair)):
        a, b = max(begin[s], first), min(end[s], last)
        if a >= b:
            continue
        level = -slack[pair[s]]
        for entry in range(start[s], start[s + 1]):
            level += shares[member[entry]] * value[entry]
        if level - least <= violation[pair[s]]:
            continue
        k = 0
        while (2 << k) <= b - a:
            k += 1
        low, high = table[k, a], table[k, b - (1 << k)]
        t = low if bound[low] <= bound[high] else high
        if level - bound[t] > violation[pair[s]]:
            violation[pair[s]] = level - bound[t]
            step[pair[s]] = t
    return step, violation


@njit(cache=True)
def rows_of(pair, begin, end, start, member, value, own, cut_step, cut_pair, segment_of_pair):  # type: ignore[no-untyped-def]
    """Constraint coefficients of the shares, (cuts, categories): merge frequency less competitor frequency.

    `segment_of_pair` int64 (pairs + 1,): first segment of each pair.
    """
    rows = np.empty((len(cut_step), own.shape[1]))
    for i in range(len(cut_step)):
        rows[i] = own[cut_step[i]]
        for s in range(segment_of_pair[cut_pair[i]], segment_of_pair[cut_pair[i] + 1]):
            if begin[s] <= cut_step[i] < end[s]:
                for entry in range(start[s], start[s + 1]):
                    rows[i, member[entry]] -= value[entry]
    return rows
