"""The mixture linear program (Hayase, Liu et al. 2024, arXiv 2407.16607, section 3.1), by row and column generation.

    minimise    sum_t v_t + sum_p w_p
    subject to  v_t + w_p + sum_i a_i (f_i,m(t) - f_i,p) >= 0   for every step t and every pair p other than m(t)
                sum_i a_i = 1,  a >= 0,  v >= 0,  w >= 0

where f_i,p is the frequency of pair p in category i before merge t.  One solver object is kept; constraints and
slacks enter when violated and slack constraints leave.  The optimality gap is certified without trusting the
solver: the duals, made feasible, bound the optimum from below for every mixture at once, and raising the pair
slacks until every constraint holds bounds it from above.

Simplex pivots grow with the number of merges, the steps of a bundle method over the shares alone (see `bundle`) with
that of categories.  A gap above 0 is reached by whichever is quicker; the bounds are the same two.
"""

from __future__ import annotations

from dataclasses import dataclass

import highspy
import numpy as np
import numpy.typing as npt

from lexmill.mixture.auction import Matching
from lexmill.mixture.bundle import BundleError, minimise
from lexmill.mixture.separation import (
    ZERO,
    Float,
    Frequencies,
    SolverError,
    relative_gap,
    rows_of,
    worst_cuts,
)

Int = npt.NDArray[np.int64]
TOLERANCE = 1e-9  # of the solver, in frequencies per million pairs
AGREEMENT = 1e-6  # relative, between the solver's own optimum and its duals' bound
CUTS_PER_ROUND = 20_000
BUNDLE_FROM = 30  # merges a category from which on the bundle method is quicker
SIMPLEX_ROUNDS = (
    40  # after which it is tried where a gap is allowed: many pairs compete that were never merged
)
MAX_ROUNDS = 2_000


@dataclass(frozen=True)
class Solution:
    """Optimum over merges first..last-1; frequencies and objective per million pairs."""

    shares: Float  # (categories,) of pairs, sums to 1
    objective: float  # upper bound: the true cost of `shares` with the slacks below is at most this
    lower_bound: float
    step_slack: Float  # (steps,)
    pair_slack: Float  # (pairs,) raised so that every constraint holds
    cut_step: Int  # constraints with a multiplier in the lower bound
    cut_pair: Int
    cut_row: Float  # (cuts, categories) frequency of the merge less that of the competitor
    multiplier: Float  # (cuts,) 0..1
    rounds: int

    @property
    def gap(self) -> float:
        """Certified relative gap (see `relative_gap`)."""
        return relative_gap(self.objective, self.lower_bound)


class MixtureProgram:
    """The program of one table of frequencies; `solve` may be called for growing ranges of merges."""

    def __init__(self, table: Frequencies) -> None:
        self.table = table
        self.step_column = np.full(table.steps, -1, np.int64)
        self.pair_column = np.full(table.pairs, -1, np.int64)
        self.cut_step = np.empty(0, np.int64)
        self.cut_pair = np.empty(0, np.int64)
        self.cut_row = np.empty((0, table.categories))
        self.shares = np.full(table.categories, 1.0 / table.categories)
        self.matchings: list[Matching] = []
        self.first = 0
        self.crowded = False  # found out to be slow for the simplex method
        self.highs = _solver()
        n = table.categories
        empty = np.empty(0, np.int32)
        self.highs.addCols(
            n, np.zeros(n), np.zeros(n), np.ones(n), 0, np.zeros(n, np.int32), empty, np.empty(0)
        )
        everything = np.arange(n, dtype=np.int32)
        self.highs.addRows(1, np.ones(1), np.ones(1), n, np.zeros(1, np.int32), everything, np.ones(n))
        self.columns = n

    def solve(self, first: int, last: int, gap: float) -> Solution:
        """Minimise over steps first..last-1 to a certified relative gap.

        A larger gap is left only where it is within the solver's accuracy (TOLERANCE, AGREEMENT and ZERO).
        Raises SolverError when the solver's answers do not close the gap otherwise.
        """
        if gap > 0 and (self.crowded or last - first >= BUNDLE_FROM * self.table.categories):
            try:
                return self._solve_by_bundle(first, last, gap)
            except BundleError:
                self.matchings = []
        elif gap > 0:
            found = self._solve_by_simplex(first, last, gap, SIMPLEX_ROUNDS)
            if found is not None:
                return found
            self.crowded = True
            return self.solve(first, last, gap)
        solved = self._solve_by_simplex(first, last, gap, MAX_ROUNDS)
        if solved is None:
            raise SolverError(f"the gap is not closed after {MAX_ROUNDS} rounds; {gap:.2g} was asked for")
        return solved

    def _solve_by_bundle(self, first: int, last: int, gap: float) -> Solution:
        if self.first != first:
            self.first, self.matchings = first, []
        shares, cover, lower, matchings, weights = minimise(
            self.table, first, last, gap, self.shares, self.matchings
        )
        self.shares, self.matchings = shares, matchings
        step, pair, multiplier = _merged(matchings, weights, self.table.pairs)
        return Solution(
            shares, cover.cost, lower, cover.step_slack, cover.pair_slack,
            step, pair, self._rows(step, pair), multiplier, len(matchings),
        )  # fmt: skip

    def _solve_by_simplex(self, first: int, last: int, gap: float, most: int) -> Solution | None:
        """Rows and columns as they are violated; None after `most` rounds."""
        step_slack, pair_slack = np.zeros(self.table.steps), np.zeros(self.table.pairs)
        multiplier = np.zeros(0)
        for rounds in range(most):
            if len(self.cut_step):
                step_slack, pair_slack, multiplier = self._optimise()
            step, violation = self._separate(first, last, step_slack, pair_slack)
            restricted = float(step_slack.sum() + pair_slack.sum())
            upper = restricted + float(violation.sum())
            lower = self._lower_bound(multiplier)
            violated = np.flatnonzero(violation > TOLERANCE)
            closed = relative_gap(upper, lower) <= max(gap, 1e-7)
            if not len(violated) and not closed and not _agree(restricted, lower):
                raise SolverError(
                    f"gap {relative_gap(upper, lower):.2g} with no constraint left to add; {gap:.2g} was asked for"
                )
            if closed or not len(violated):
                return Solution(
                    self.shares, upper, lower, step_slack, pair_slack + violation,
                    self.cut_step, self.cut_pair, self.cut_row, multiplier, rounds,
                )  # fmt: skip
            if len(violated) > CUTS_PER_ROUND:
                worst = np.argsort(-violation[violated], kind="stable")[:CUTS_PER_ROUND]
                violated = np.sort(violated[worst])
            self._purge(step_slack, pair_slack)
            self.add_cuts(step[violated].astype(np.int64), violated)
        return None

    def start_from(self, other: MixtureProgram) -> None:
        """Begin where the same program with slightly different frequencies ended."""
        self.shares, self.first, self.crowded = other.shares, other.first, other.crowded
        for matching in other.matchings:
            kept = self.table.possible[matching.step]  # a merge that is impossible here has no constraint
            step, pair = matching.step[kept], matching.pair[kept]
            rows = self._rows(step.astype(np.int64), pair.astype(np.int64))
            self.matchings.append(Matching(step, pair, -rows.sum(axis=0)))
        if not len(other.cut_step):
            return
        allowed = self.table.possible[other.cut_step]
        self.add_cuts(other.cut_step[allowed], other.cut_pair[allowed])
        known, basis = other.highs.getBasis(), highspy.HighsBasis()
        status = [highspy.HighsBasisStatus.kLower] * self.columns
        theirs_status = known.col_status  # one copy: every access of the attribute makes a new list
        status[: self.table.categories] = theirs_status[: self.table.categories]
        for mine, theirs in ((self.step_column, other.step_column), (self.pair_column, other.pair_column)):
            for item in np.flatnonzero(mine >= 0):
                status[mine[item]] = theirs_status[theirs[item]]
        of_rows = known.row_status
        basis.col_status = status
        basis.row_status = [of_rows[0], *(s for s, a in zip(of_rows[1:], allowed, strict=True) if a)]
        basis.valid = True
        self.highs.setBasis(basis)  # refused if it does not fit: the solver then starts cold

    def add_cuts(self, step: Int, pair: Int) -> None:
        """Enter constraints (step, pair) and the slacks they need."""
        rows = self._rows(step, pair)
        self._add_columns(self.step_column, np.unique(step))
        self._add_columns(self.pair_column, np.unique(pair))
        n, k = self.table.categories, len(step)
        index = np.empty((k, n + 2), np.int32)
        index[:, :n] = np.arange(n)
        index[:, n], index[:, n + 1] = self.step_column[step], self.pair_column[pair]
        value = np.ones((k, n + 2))
        value[:, :n] = rows
        used = value != 0
        starts = np.zeros(k, np.int32)
        np.cumsum(used.sum(axis=1)[:-1], out=starts[1:])
        self.highs.addRows(
            k, np.zeros(k), np.full(k, highspy.kHighsInf), int(used.sum()), starts, index[used], value[used]
        )
        self.cut_step = np.concatenate([self.cut_step, step])
        self.cut_pair = np.concatenate([self.cut_pair, pair])
        self.cut_row = np.concatenate([self.cut_row, rows])

    def _rows(self, step: Int, pair: Int) -> Float:
        table = self.table
        return rows_of(
            table.pair, table.begin, table.end, table.start, table.member, table.value, table.own,
            step, pair, table.segment_of_pair,
        )  # fmt: skip

    def _add_columns(self, column_of: Int, items: Int) -> None:
        new = items[column_of[items] < 0]
        k = len(new)
        if not k:
            return
        empty = np.empty(0, np.int32)
        infinite = np.full(k, highspy.kHighsInf)
        self.highs.addCols(k, np.ones(k), np.zeros(k), infinite, 0, np.zeros(k, np.int32), empty, np.empty(0))
        column_of[new] = self.columns + np.arange(k)
        self.columns += k

    def _optimise(self) -> tuple[Float, Float, Float]:
        """Solve the restricted program; on a wrong or failed answer once more from scratch."""
        for cold in (False, True):
            if cold:
                self.highs.clearSolver()
            self.highs.run()
            if self.highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
                continue
            solution = self.highs.getSolution()
            value = np.maximum(np.array(solution.col_value), 0.0)
            shares = value[: self.table.categories]
            self.shares = shares / shares.sum()
            multiplier = np.maximum(np.array(solution.row_dual)[1:], 0.0)
            step_slack, pair_slack = np.zeros(self.table.steps), np.zeros(self.table.pairs)
            for slack, column_of in ((step_slack, self.step_column), (pair_slack, self.pair_column)):
                known = column_of >= 0
                slack[known] = value[column_of[known]]
            restricted = float(step_slack.sum() + pair_slack.sum())
            if _agree(restricted, self._lower_bound(multiplier)):
                break
        else:
            if self.highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
                raise SolverError(f"the solver stopped with {self.highs.getModelStatus()}")
        return step_slack, pair_slack, multiplier

    def _separate(
        self, first: int, last: int, step_slack: Float, pair_slack: Float
    ) -> tuple[npt.NDArray, Float]:
        table = self.table
        bound = table.own @ self.shares + step_slack
        bound[~table.possible] = np.inf
        return worst_cuts(
            table.pair, table.begin, table.end, table.start, table.member, table.value, table.pairs,
            self.shares, pair_slack, bound, first, last,
        )  # fmt: skip

    def _lower_bound(self, multiplier: Float) -> float:
        """Weak duality: multipliers with row and column sums at most 1 bound every mixture's cost from below."""
        if not len(multiplier):
            return 0.0
        by_step = np.bincount(self.cut_step, multiplier, self.table.steps)
        by_pair = np.bincount(self.cut_pair, multiplier, self.table.pairs)
        excess = np.maximum(1.0, np.maximum(by_step[self.cut_step], by_pair[self.cut_pair]))
        return float(-(multiplier / excess @ self.cut_row).max())

    def _purge(self, step_slack: Float, pair_slack: Float) -> None:
        """Drop constraints that are not tight; they return when violated."""
        if not len(self.cut_step):
            return
        activity = self.cut_row @ self.shares + step_slack[self.cut_step] + pair_slack[self.cut_pair]
        loose = np.flatnonzero(activity > 1e-6)
        if len(loose):
            self.highs.deleteRows(len(loose), (loose + 1).astype(np.int32))
            keep = activity <= 1e-6
            self.cut_step, self.cut_pair = self.cut_step[keep], self.cut_pair[keep]
            self.cut_row = self.cut_row[keep]


def _merged(matchings: list[Matching], weights: Float, pairs: int) -> tuple[Int, Int, Float]:
    """Weighted matchings as one set of constraints with multipliers."""
    keys: Int = np.concatenate([m.step.astype(np.int64) * pairs + m.pair for m in matchings])
    weight = np.repeat(weights, [len(m.step) for m in matchings])
    key, place = np.unique(keys, return_inverse=True)
    return key // pairs, key % pairs, np.bincount(place, weight).astype(np.float64)


def _agree(restricted: float, lower: float) -> bool:
    """Whether the optimum of the restricted program and the bound of its duals are numerically the same."""
    return abs(restricted - lower) <= AGREEMENT * restricted + ZERO


def _solver() -> highspy.Highs:
    highs = highspy.Highs()
    options: dict[str, bool | int | float | str] = {
        "output_flag": False,
        "threads": 1,
        "parallel": "off",
        "solver": "simplex",
        "simplex_strategy": 1,  # serial dual simplex: the one that starts from the last basis
        "presolve": "off",
        "primal_feasibility_tolerance": TOLERANCE,
        "dual_feasibility_tolerance": TOLERANCE,
        "random_seed": 0,
    }
    for option, value in options.items():
        highs.setOptionValue(option, value)
    return highs
