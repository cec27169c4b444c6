"""Data mixture inference (Hayase, Liu et al. 2024, arXiv 2407.16607): from merge list and word counts to shares."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt

from lexmill.mixture.alarm import Fit, crowded_pairs, expected_rare, rare_merges, rarest_frequency
from lexmill.mixture.answer import MIN_UNITS, CurvePoint, Evidence, Mixture, Share
from lexmill.mixture.bootstrap import Replicates
from lexmill.mixture.counting import PairCounts, count_pairs
from lexmill.mixture.intervals import intervals, leading, smallest_visible
from lexmill.mixture.mergelist import MergeList
from lexmill.mixture.program import MixtureProgram, Solution
from lexmill.mixture.replicates import Sizes, category_sizes, replicate_shares, usable_merges
from lexmill.mixture.separation import SCALE, Float, Frequencies, frequencies
from lexmill.mixture.words import WordTable

STAGES = (100, 300, 1000, 3000, 10_000, 30_000, 100_000)  # points of the curve
STAGE_GAP = 0.05  # of points of the curve before the last
REPLICATE_GAP = 0.02
MIN_COUNT = 50  # merges that are rarer in the sample are mostly noise
# halves of one corpus, log10 MSE at 1,000 / 3,000 / 20,000 merges: 10 languages -5.24 / -5.39 / not run,
# 77 categories -4.93 / -5.17 / -5.27, for 3 / 25 / 116 CPU s: little is gained beyond 3,000
AUTO_LIMIT = 3000
REPLICATE_MERGES = 3000  # replicates look at no more; the answer may
WINDOW = 200  # merges whose median count is compared with MIN_COUNT
EVIDENCE_PER_CATEGORY = 10  # in each direction
ALIKE = 0.1  # of their summed frequencies; two samples of one language's text differ by about as much
EXAMPLES = 10  # merges that are too rare in the sample


class MixtureInputError(ValueError):
    """The categories or settings do not allow an answer."""


def infer_mixture(
    merges: MergeList,
    words: WordTable,
    *,
    use: int | Literal["auto"] = "auto",
    start_merge: int = 0,
    gap: float = 0.01,
    replicates: Replicates | None = None,
    seed: int = 0,
    progress: Callable[[float, str], None] = lambda fraction, message: None,
    seconds: dict[str, float] | None = None,
) -> Mixture:
    """Shares of the categories of `words` in the data that `merges` was trained on.

    Merges `start_merge` .. `use` - 1 are looked at: `use` is where to stop, not how many; "auto" stops where the
    sample has too little signal: where the median count of WINDOW merges falls below MIN_COUNT, at most AUTO_LIMIT
    after `start_merge`.  `gap` is the certified relative optimality gap to stop at.  `replicates` are bootstrap
    word counts (see `document_replicates`); a category of fewer than MIN_UNITS units gets no interval from them.
    `seconds`, when given, receives times by phase.
    Replicates look at no more than REPLICATE_MERGES merges; one alone gives no interval.
    The result depends only on the arguments, not on the machine's speed.

    Raises MixtureInputError for fewer than two categories, a category without pairs, or an empty merge range.
    """
    seconds = {} if seconds is None else seconds
    _check_range(merges, words, use, start_merge)
    last = min(len(merges), start_merge + AUTO_LIMIT) if use == "auto" else use
    with _timed(seconds, "count"):
        progress(0.0, f"counting pairs over {last} merges")
        counts = count_pairs(
            merges, words, last, first=start_merge, progress=lambda f: progress(0.2 * f, "counting pairs")
        )
        sizes, table = category_sizes(words, counts), frequencies(counts)
    _check_sizes(words, sizes, start_merge)
    typical = np.rint(table.own @ sizes.pairs[:, 0] / SCALE)
    signal = None
    if use == "auto":
        signal = last = signal_merges(typical, start_merge)
    impossible, table = ~table.possible, usable_merges(table, merges)
    program = MixtureProgram(table)
    considered = np.setdiff1d(np.arange(start_merge, last), np.array(merges.late, np.int64))
    if not len(considered):
        raise MixtureInputError(
            f"all merges from {start_merge} to {last - 1} are out of order: ask for more merges"
        )
    with _timed(seconds, "solve"):
        curve = []
        for until in [*(start_merge + s for s in STAGES if start_merge + s < last), last]:
            progress(0.2 + 0.5 * (until / last) ** 2, f"solving for {until} merges")
            solution = program.solve(start_merge, until, gap if until == last else max(gap, STAGE_GAP))
            curve.append(_point(solution, table, start_merge, until, sizes))
    replicated, replicate_last = None, min(last, start_merge + REPLICATE_MERGES)
    if replicates is not None and replicates.counts.shape[1] > 1:
        with _timed(seconds, "bootstrap"):
            replicated = replicate_shares(
                program, counts, merges, words, replicates.counts, start_merge, replicate_last,
                max(gap, REPLICATE_GAP),
                lambda f: progress(0.7 + 0.3 * f, "bootstrap replicates"),
            )  # fmt: skip
    ranges = (start_merge, replicate_last, last)
    return Mixture(
        shares=_shares(words, table, sizes, solution, replicates, replicated, ranges),
        objective=solution.objective / SCALE,
        gap=solution.gap,
        merges_used=last,
        start_merge=start_merge,
        signal_merges=signal,
        median_count=float(np.median(typical[max(start_merge, last - WINDOW) : last])),
        impossible=_named(merges, considered[impossible[considered]]),
        fit=_fit(merges, table, solution, typical, considered, impossible),
        curve=tuple(curve),
        evidence=_evidence(solution, counts, merges, words.categories),
        alike=_alike(words.categories, table.own[considered]),
        replicates=0 if replicated is None else len(replicated),
        replicate_merges=None if replicated is None else replicate_last,
        seed=seed,
    )


def _shares(
    words: WordTable,
    table: Frequencies,
    sizes: Sizes,
    solution: Solution,
    replicates: Replicates | None,
    replicated: Float | None,
    ranges: tuple[int, int, int],
) -> tuple[Share, ...]:
    """Every category's share; `ranges` are the first merge, and where the replicates and the answer stop."""
    first, seen_until, last = ranges
    point = sizes.byte_shares(solution.shares)
    visible = leading(table.own, solution.shares, first, last)
    smallest = smallest_visible(table, solution.shares, first, last)
    bytes_per_pair = float((solution.shares * sizes.bytes[:, 0] / sizes.pairs[:, 0]).sum())
    smallest *= sizes.bytes[:, 0] / sizes.pairs[:, 0] / bytes_per_pair
    lower, upper = point, point
    bounded, sources = np.zeros(len(point), np.bool_), np.zeros(len(point), np.int64)
    if replicates is not None and replicated is not None:
        bounded, sources = replicates.units >= MIN_UNITS, replicates.sources
        seen = leading(table.own, solution.shares, first, seen_until)
        lower, upper = intervals(point, replicated, seen, visible, smallest)
    return tuple(
        Share(
            category=name,
            bytes=float(point[i]),
            lower=float(lower[i]) if bounded[i] else None,
            upper=float(upper[i]) if bounded[i] else None,
            pairs=float(solution.shares[i]),
            visible=bool(visible[i]),
            sources=int(sources[i]),
        )
        for i, name in enumerate(words.categories)
    )


def _fit(
    merges: MergeList,
    table: Frequencies,
    solution: Solution,
    typical: Float,
    considered: npt.NDArray[np.int64],
    impossible: npt.NDArray[np.bool_],
) -> Fit:
    """How well the categories explain the merges `considered`."""
    frequency = table.own[considered] @ solution.shares
    rare = considered[rare_merges(frequency)]
    mass, last = float(frequency.sum()), int(considered[-1]) + 1
    return Fit(
        merges=len(considered),
        impossible=int(impossible[considered].sum()),
        rare=len(rare),
        expected_rare=expected_rare(typical[considered]),
        crowded=crowded_pairs(table, solution.shares, last, rarest_frequency(frequency)),
        examples=tuple(token for _, token in _named(merges, rare[:EXAMPLES])),
        unexplained=solution.objective / mass if mass else 1.0,
    )


def _alike(categories: tuple[str, ...], own: Float) -> tuple[tuple[str, str], ...]:
    """Pairs of categories whose frequencies of the merges, own (merges, categories), differ by less than ALIKE."""
    found = []
    for i in range(len(categories)):
        apart, size = np.abs(own[:, i + 1 :] - own[:, i, None]).sum(axis=0), own.sum(axis=0)
        for j in np.flatnonzero(apart < ALIKE * (size[i] + size[i + 1 :])) + i + 1:
            found.append((categories[i], categories[j]))
    return tuple(found)


def _named(merges: MergeList, steps: npt.NDArray[np.int64]) -> tuple[tuple[int, bytes], ...]:
    return tuple((int(t), b"".join(merges.merges[t])) for t in steps)


def signal_merges(typical: npt.NDArray[np.float64], start: int) -> int:
    """Last merge (exclusive) before the median count over WINDOW merges falls below MIN_COUNT.

    `typical` (steps,) is the count of each merge in the whole sample.  At least one window (or all there is).
    """
    last = min(len(typical), start + WINDOW)
    while last < len(typical) and np.median(typical[last : last + WINDOW]) >= MIN_COUNT:
        last = min(len(typical), last + WINDOW)
    return last


def _check_range(merges: MergeList, words: WordTable, use: int | str, start: int) -> None:
    if len(words.categories) < 2:
        raise MixtureInputError(
            f"a mixture needs at least two categories, but there is {len(words.categories)}: {words.categories}"
        )
    if start < 0:
        raise MixtureInputError(f"start_merge {start} is before the first merge: give 0 or more")
    if isinstance(use, int) and use > len(merges):
        raise MixtureInputError(f"{use} merges asked for, but the tokenizer has {len(merges)}: ask for fewer")
    if start >= (use if isinstance(use, int) else len(merges)):
        raise MixtureInputError(f"start_merge {start} leaves no merge to look at: give a smaller one")


def _check_sizes(words: WordTable, sizes: Sizes, start: int) -> None:
    left = f" left after merge {start - 1}" if start else ""
    for name, size in zip(words.categories, sizes.pairs[:, 0], strict=True):
        if size == 0:
            raise MixtureInputError(
                f"category {name} has no pair of adjacent symbols{left} to count: leave it out"
            )


def _point(solution: Solution, table: Frequencies, first: int, last: int, sizes: Sizes) -> CurvePoint:
    mass = float((table.own[first:last] @ solution.shares).sum())
    shares = sizes.byte_shares(solution.shares)
    return CurvePoint(
        merges=last,
        shares=tuple(float(s) for s in shares),
        objective=solution.objective / SCALE,
        objective_per_merge=solution.objective / SCALE / (last - first),
        unexplained=solution.objective / mass if mass else 1.0,
        gap=solution.gap,
    )


def _evidence(
    solution: Solution,
    counts: PairCounts,
    merges: MergeList,
    categories: tuple[str, ...],
) -> tuple[Evidence, ...]:
    """Constraints with a positive multiplier, and how each pulls on every category relative to the mixture."""
    rows = solution.cut_row
    pull = solution.multiplier[:, None] * (rows - (rows @ solution.shares)[:, None]) / SCALE
    names = [*merges.alphabet] + [a + b for a, b in merges.merges]
    found = []
    for c, category in enumerate(categories):
        for direction, sign in (("raises", -1.0), ("lowers", 1.0)):
            for i in np.argsort(sign * pull[:, c], kind="stable")[:EVIDENCE_PER_CATEGORY]:
                if sign * pull[i, c] >= 0:
                    break
                pair = solution.cut_pair[i]
                found.append(
                    Evidence(
                        category=category,
                        direction=direction,
                        step=int(solution.cut_step[i]),
                        merge=b"".join(merges.merges[solution.cut_step[i]]),
                        competitor=names[counts.left[pair]] + names[counts.right[pair]],
                        weight=float(solution.multiplier[i]),
                        effect=float(pull[i, c]),
                    )
                )
    return tuple(found)


class _timed:  # noqa: N801  # a context manager read as a verb
    def __init__(self, seconds: dict[str, float], phase: str) -> None:
        self.seconds, self.phase = seconds, phase

    def __enter__(self) -> None:
        self.begin = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        self.seconds[self.phase] = self.seconds.get(self.phase, 0.0) + time.perf_counter() - self.begin
