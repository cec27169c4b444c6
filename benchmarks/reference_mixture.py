"""Data mixture inference the published way: the slow peer that the mixture benchmark compares with.

A re-creation, from its description, of how the authors' program works (Hayase, Liu et al. 2024, arXiv 2407.16607,
sections 3.2-3.4, and what is known of tokenizer-attack at 16a44aa); none of its code is used.  What is the same:

- counting runs once for each category; every newly seen pair is looked for in the merge list from its beginning, and
  after every merge the whole table of pair counts is copied and compared key by key to find what changed;
- the scan walks through the merges with a priority queue of pairs keyed s_p - w_p, takes at most 10 competitors a
  merge, stops once 100 constraints were added, re-solves, and begins again at the first merge;
- all step slacks are variables from the start, pair slacks are made when needed, no constraint is ever dropped.

What is substituted: the counting loop (Rust there) is compiled with numba and keeps pairs as integers, not strings, in
numba's general-purpose hash map; its results stay in memory instead of going through JSON; the queue is heapq with lazy
deletion, driven from Python as there; HiGHS, hot-started, stands in for Gurobi.  `scale` = 1 and `tolerance` = 1e-6 are
the published setting; its optimum is only as exact as that, so objectives are compared with `scale` = 1e6 and the
solver at 1e-9.
"""

from __future__ import annotations

import heapq
import time
from dataclasses import dataclass

import highspy
import numpy as np
import numpy.typing as npt
from numba import int64, njit
from numba.typed import Dict

COMPETITORS_PER_STEP = 10
ROWS_PER_EPOCH = 100
Int = npt.NDArray[np.int64]
Float = npt.NDArray[np.float64]


@dataclass(frozen=True)
class CategoryCounts:
    """Changes of pair counts in one category; a pair is left id * 2**32 + right id.

    After merge k - 1 the pairs key[start[k]:start[k+1]] have the counts `value`; k = 0 is the initial state.
    """

    start: Int  # (steps + 1,)
    key: Int
    value: Int
    pairs: int  # adjacent pairs at the beginning: what counts are relative to
    compared: int  # pairs of all tables that were copied and compared


@dataclass(frozen=True)
class ReferenceSolution:
    """What the loop found, and where it was when it ended or ran out of time."""

    shares: Float  # (categories,) of pairs
    objective: float  # in frequencies, as the published program
    epochs: int
    reached: int  # first merge that was not scanned in the last epoch
    rows: int
    scan_seconds: float  # CPU
    solve_seconds: float
    finished: bool


def count_category(
    text: npt.NDArray[np.uint8], offsets: Int, counts: Int, left: Int, right: Int
) -> CategoryCounts:
    """Count one category: its distinct words (`text`, `offsets`), how often each occurs, and the merges' token ids."""
    start, key, value, compared = _count(text, offsets, counts, left.astype(np.int64), right.astype(np.int64))
    return CategoryCounts(start, key, value, int(value[: start[1]].sum()), compared)


@njit(cache=True)
def _position(order, key):  # type: ignore[no-untyped-def]
    """Where the merge list holds `key`, searched from its beginning; -1 when it does not."""
    for t in range(len(order)):
        if order[t] == key:
            return t
    return -1


@njit(cache=True)
def _change(table, position, words_with, order, key, amount, word):  # type: ignore[no-untyped-def]
    """Add to one pair's count, and remember that `word` has it if it is a merge."""
    known = table.get(key)
    if known is None:
        table[key] = amount
        t = _position(order, key)
        if t >= 0:
            position[key] = t
    else:
        table[key] = known + amount
    if amount > 0:
        merge = position.get(key)
        if merge is not None and (len(words_with[merge]) == 0 or words_with[merge][-1] != word):
            words_with[merge].append(word)


@njit(cache=True)
def _merge_word(token, begin, length, a, b, product, count, word, table, position, words_with, order):  # type: ignore[no-untyped-def]
    """Merge every (a, b) of one word from the left, closing the gaps.  Returns its new length."""
    i = begin
    while i + 1 < begin + length:
        if token[i] != a or token[i + 1] != b:
            i += 1
            continue
        if i > begin:
            _change(table, position, words_with, order, (token[i - 1] << 32) | a, -count, word)
            _change(table, position, words_with, order, (token[i - 1] << 32) | product, count, word)
        if i + 2 < begin + length:
            _change(table, position, words_with, order, (b << 32) | token[i + 2], -count, word)
            _change(table, position, words_with, order, (product << 32) | token[i + 2], count, word)
        token[i] = product
        for j in range(i + 1, begin + length - 1):
            token[j] = token[j + 1]
        length -= 1
        i += 1
    return length


@njit(cache=True)
def _count(text, offsets, counts, left, right):  # type: ignore[no-untyped-def]
    order = (left << 32) | right
    token = text.astype(np.int64)
    length = offsets[1:] - offsets[:-1]
    table = Dict.empty(int64, int64)
    position = Dict.empty(int64, int64)  # of the pairs seen so far that are merges
    words_with = [[np.int64(0)][:0] for _ in range(len(order))]
    for w in range(len(length)):
        for i in range(offsets[w], offsets[w] + length[w] - 1):
            _change(table, position, words_with, order, (token[i] << 32) | token[i + 1], counts[w], w)
    start = np.zeros(len(order) + 1, np.int64)
    out_key, out_value = [np.int64(0)][:0], [np.int64(0)][:0]
    compared = 0
    before = Dict.empty(int64, int64)
    for t in range(len(order)):
        if t:
            before = table.copy()
            for w in words_with[t - 1]:
                length[w] = _merge_word(
                    token, offsets[w], length[w], left[t - 1], right[t - 1], 255 + t, counts[w], w,
                    table, position, words_with, order,
                )  # fmt: skip
            if order[t - 1] in table:
                table[order[t - 1]] = 0
        for key, value in table.items():  # every pair is compared with the copy
            known = before.get(key)
            if known is None or known != value:
                out_key.append(key)
                out_value.append(value)
        compared += len(table)
        start[t + 1] = len(out_key)
    return start, np.array(out_key), np.array(out_value), compared


@dataclass(frozen=True)
class _Changes:
    """All categories' changes by step, with pairs numbered; `merge[t]` is -1 for a pair that never occurs."""

    start: Int
    pair: Int
    category: Int
    value: Float
    merge: Int
    pairs: int


def _changes(counts: list[CategoryCounts], left: Int, right: Int, scale: float) -> _Changes:
    steps = len(counts[0].start) - 1
    step = np.concatenate([np.repeat(np.arange(steps), np.diff(c.start)) for c in counts])
    category = np.repeat(np.arange(len(counts)), [len(c.key) for c in counts])
    value = np.concatenate([c.value / c.pairs * scale for c in counts])
    known, pair = np.unique(np.concatenate([c.key for c in counts]), return_inverse=True)
    order = np.argsort(step, kind="stable")
    keys = (left.astype(np.int64) << 32) | right
    place = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    merge = np.where(known[place] == keys, place, -1)
    start = np.searchsorted(step[order], np.arange(steps + 1))
    return _Changes(start, pair[order], category[order], value[order], merge, len(known))


def solve_reference(
    counts: list[CategoryCounts],
    left: Int,
    right: Int,
    *,
    scale: float = 1.0,
    tolerance: float = 1e-6,
    solver_tolerance: float = 1e-6,
    limit_seconds: float = float("inf"),
) -> ReferenceSolution:
    """Solve to the end, or until `limit_seconds` of CPU time have passed.

    Frequencies are multiplied by `scale`; a constraint is violated by more than `tolerance` in those units.
    """
    changes = _changes(counts, left, right, scale)
    program = _Program(len(counts), len(left), solver_tolerance)
    scan_seconds = solve_seconds = 0.0
    epochs, finished = 0, False
    while True:
        begin = time.process_time()
        rows, reached = _scan(changes, program, tolerance)
        scan_seconds += time.process_time() - begin
        if not rows:
            finished = reached == len(left)
            break
        if scan_seconds + solve_seconds > limit_seconds:
            break
        begin = time.process_time()
        program.add(rows)
        program.optimise()
        solve_seconds += time.process_time() - begin
        epochs += 1
    objective = float(program.step_slack.sum() + sum(program.pair_slack.values())) / scale
    return ReferenceSolution(
        program.shares, objective, epochs, reached, len(program.have), scan_seconds, solve_seconds, finished
    )


def _scan(changes: _Changes, program: _Program, tolerance: float) -> tuple[list[tuple[int, int, Float]], int]:
    """New constraints (step, pair, coefficients of the shares) in the order of the merges, and where it stopped."""
    current = np.zeros((changes.pairs, len(program.shares)))
    score = [0.0] * changes.pairs
    heap: list[tuple[float, int]] = []
    rows: list[tuple[int, int, Float]] = []
    steps = len(changes.merge)
    for t in range(steps):
        span = slice(changes.start[t], changes.start[t + 1])
        pairs = changes.pair[span]
        current[pairs, changes.category[span]] = changes.value[span]
        touched = np.unique(pairs)
        for p, s in zip(touched.tolist(), (current[touched] @ program.shares).tolist(), strict=True):
            score[p] = s - program.pair_slack.get(p, 0.0)
            if t:
                heapq.heappush(heap, (-score[p], p))
            else:
                heap.append((-score[p], p))
        if t == 0:
            heapq.heapify(heap)
        merge = int(changes.merge[t])
        if merge < 0 or not current[merge].any():
            continue  # a merge that occurs nowhere constrains nothing
        cutoff = float(current[merge] @ program.shares) + program.step_slack[t] + tolerance
        taken, found = [], 0
        while heap and -heap[0][0] > cutoff and found < COMPETITORS_PER_STEP:
            entry = heapq.heappop(heap)
            p = entry[1]
            if -entry[0] != score[p]:
                continue  # out of date
            taken.append(entry)
            if p != merge and (t, p) not in program.have:
                rows.append((t, p, current[merge] - current[p]))
                found += 1
        for entry in set(taken):
            heapq.heappush(heap, entry)
        if len(rows) >= ROWS_PER_EPOCH:
            return rows, t + 1
    return rows, steps


class _Program:
    """The restricted linear program: shares, one slack a step, and slacks of the pairs seen so far."""

    def __init__(self, categories: int, steps: int, tolerance: float) -> None:
        self.shares = np.full(categories, 1 / categories)
        self.step_slack = np.zeros(steps)
        self.pair_slack: dict[int, float] = {}
        self.column: dict[int, int] = {}
        self.have: set[tuple[int, int]] = set()
        self.highs = highspy.Highs()
        for option, value in (
            ("output_flag", False), ("threads", 1), ("solver", "simplex"), ("presolve", "off"), ("random_seed", 0),
            ("primal_feasibility_tolerance", tolerance), ("dual_feasibility_tolerance", tolerance),
        ):  # fmt: skip
            self.highs.setOptionValue(option, value)
        self._add_columns(np.zeros(categories), np.ones(categories))
        self._add_columns(np.ones(steps), np.full(steps, highspy.kHighsInf))
        everything = np.arange(categories, dtype=np.int32)
        self.highs.addRows(
            1, np.ones(1), np.ones(1), categories, np.zeros(1, np.int32), everything, np.ones(categories)
        )

    def _add_columns(self, cost: Float, upper: Float) -> None:
        k, empty = len(cost), np.empty(0, np.int32)
        self.highs.addCols(k, cost, np.zeros(k), upper, 0, np.zeros(k, np.int32), empty, np.empty(0))

    def add(self, rows: list[tuple[int, int, Float]]) -> None:
        """Enter constraints and the pair slacks they need."""
        n, steps = len(self.shares), len(self.step_slack)
        new = sorted({p for _, p, _ in rows} - set(self.column))
        for p in new:
            self.column[p] = n + steps + len(self.column)
        if new:
            self._add_columns(np.ones(len(new)), np.full(len(new), highspy.kHighsInf))
        index = np.array([[*range(n), n + t, self.column[p]] for t, p, _ in rows], np.int32)
        value = np.ones((len(rows), n + 2))
        value[:, :n] = [row for _, _, row in rows]
        used = value != 0
        starts = np.zeros(len(rows), np.int32)
        np.cumsum(used.sum(axis=1)[:-1], out=starts[1:])
        lower, upper = np.zeros(len(rows)), np.full(len(rows), highspy.kHighsInf)
        self.highs.addRows(len(rows), lower, upper, int(used.sum()), starts, index[used], value[used])
        self.have.update((t, p) for t, p, _ in rows)

    def optimise(self) -> None:
        """Solve again from the last basis."""
        self.highs.run()
        if self.highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            raise RuntimeError(f"the solver stopped with {self.highs.getModelStatus()}")
        value = np.maximum(np.array(self.highs.getSolution().col_value), 0.0)
        n, steps = len(self.shares), len(self.step_slack)
        self.shares = value[:n] / value[:n].sum()
        self.step_slack = value[n : n + steps]
        self.pair_slack = {p: float(value[column]) for p, column in self.column.items()}
