"""Data mixture inference (Hayase, Liu et al. 2024, arXiv 2407.16607): from merge list and word counts to shares."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt

from lexmill.mixture.answer import MIN_UNITS, CurvePoint, Evidence, Mixture, Share
from lexmill.mixture.bootstrap import Replicates, byte_shares, intervals, replicate_shares
from lexmill.mixture.counting import PairCounts, count_pairs
from lexmill.mixture.mergelist import MergeList
from lexmill.mixture.program import MixtureProgram, Solution
from lexmill.mixture.separation import SCALE, Frequencies, frequencies
from lexmill.mixture.words import WordTable

STAGES = (100, 300, 1000, 3000, 10_000, 30_000, 100_000)  # points of the curve
STAGE_GAP = 0.02  # of points before the last, and of replicates
MIN_COUNT = 50  # merges that are rarer in the sample are mostly noise
# one run, 11 languages, 4.3 MB held out: log10 MSE -5.02 at 1000 merges, -5.15 at 3000 for 20 times the time
AUTO_LIMIT = 1000
REPLICATE_MERGES = (
    300  # replicates look at fewer merges than the answer, for speed; coverage is not calibrated
)
WINDOW = 200  # merges whose median count is compared with MIN_COUNT
EVIDENCE_PER_CATEGORY = 10  # in each direction


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
    The result depends only on the arguments, not on the machine's speed.

    Raises MixtureInputError for fewer than two categories, a category without pairs, or an empty merge range.
    """
    seconds = {} if seconds is None else seconds
    _check(merges, words, use, start_merge)
    last = min(len(merges), start_merge + AUTO_LIMIT) if use == "auto" else use
    with _timed(seconds, "count"):
        progress(0.0, f"counting pairs over {last} merges")
        counts = count_pairs(merges, words, last, progress=lambda f: progress(0.2 * f, "counting pairs"))
        sizes, lengths = words.category_pairs()[:, 0], words.category_bytes()[:, 0]
        table = frequencies(counts, sizes)
    typical = np.rint(table.own @ sizes / SCALE)
    signal = None
    if use == "auto":
        signal = last = signal_merges(typical, start_merge)
    program = MixtureProgram(table)
    with _timed(seconds, "solve"):
        curve = []
        for until in [*(start_merge + s for s in STAGES if start_merge + s < last), last]:
            progress(0.2 + 0.5 * (until / last) ** 2, f"solving for {until} merges")
            solution = program.solve(start_merge, until, gap if until == last else max(gap, STAGE_GAP))
            curve.append(_point(solution, table, start_merge, until, lengths, sizes))
    point = np.array(curve[-1].shares)
    lower, upper = point, point
    bounded = np.ones(len(point), np.bool_)
    replicate_last = None
    if replicates is not None and replicates.counts.shape[1]:
        bounded = replicates.units >= MIN_UNITS
        replicate_last = min(last, start_merge + REPLICATE_MERGES)
        with _timed(seconds, "bootstrap"):
            found = replicate_shares(
                program, counts, merges, words, replicates.counts, start_merge, replicate_last,
                max(gap, STAGE_GAP),
                lambda f: progress(0.7 + 0.3 * f, "bootstrap replicates"),
            )  # fmt: skip
            lower, upper = intervals(point, found)
    shares = tuple(
        Share(
            category=name,
            bytes=float(point[i]),
            lower=float(lower[i]) if bounded[i] else None,
            upper=float(upper[i]) if bounded[i] else None,
            pairs=float(solution.shares[i]),
        )
        for i, name in enumerate(words.categories)
    )
    impossible = np.flatnonzero(~program.possible[start_merge:last]) + start_merge
    return Mixture(
        shares=shares,
        objective=solution.objective / SCALE,
        gap=solution.gap,
        merges_used=last,
        start_merge=start_merge,
        signal_merges=signal,
        median_count=float(np.median(typical[max(start_merge, last - WINDOW) : last])),
        impossible=tuple((int(t), b"".join(merges.merges[t])) for t in impossible),
        curve=tuple(curve),
        evidence=_evidence(solution, program, counts, merges, words.categories),
        replicates=0 if replicates is None else replicates.counts.shape[1],
        replicate_merges=replicate_last,
        seed=seed,
    )


def signal_merges(typical: npt.NDArray[np.float64], start: int) -> int:
    """Last merge (exclusive) before the median count over WINDOW merges falls below MIN_COUNT.

    `typical` (steps,) is the count of each merge in the whole sample.  At least one window (or all there is).
    """
    last = min(len(typical), start + WINDOW)
    while last < len(typical) and np.median(typical[last : last + WINDOW]) >= MIN_COUNT:
        last = min(len(typical), last + WINDOW)
    return last


def _check(merges: MergeList, words: WordTable, use: int | str, start: int) -> None:
    if len(words.categories) < 2:
        raise MixtureInputError(
            f"a mixture needs at least two categories, but there is {len(words.categories)}: {words.categories}"
        )
    for name, size in zip(words.categories, words.category_pairs()[:, 0], strict=True):
        if size == 0:
            raise MixtureInputError(f"category {name} has no pair of adjacent bytes to count: leave it out")
    if isinstance(use, int) and use > len(merges):
        raise MixtureInputError(f"{use} merges asked for, but the tokenizer has {len(merges)}: ask for fewer")
    if start >= (use if isinstance(use, int) else len(merges)):
        raise MixtureInputError(f"start_merge {start} leaves no merge to look at: give a smaller one")


def _point(
    solution: Solution,
    table: Frequencies,
    first: int,
    last: int,
    lengths: npt.NDArray[np.int64],
    sizes: npt.NDArray[np.int64],
) -> CurvePoint:
    mass = float((table.own[first:last] @ solution.shares).sum())
    shares = byte_shares(solution.shares, lengths, sizes)
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
    program: MixtureProgram,
    counts: PairCounts,
    merges: MergeList,
    categories: tuple[str, ...],
) -> tuple[Evidence, ...]:
    """Constraints with a positive multiplier, and how each pulls on every category relative to the mixture."""
    rows = program.cut_row
    pull = solution.multiplier[:, None] * (rows - (rows @ solution.shares)[:, None]) / SCALE
    names = [bytes([i]) for i in range(256)] + [a + b for a, b in merges.merges]
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
