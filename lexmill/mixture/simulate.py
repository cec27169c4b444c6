"""Simulated mixtures with a known answer: train at drawn weights on one half of the documents, infer from the other.

Training is from word counts: a category weighted by a whole number stands for as much text of it as is wanted.
Beside the inferred shares stand those of `lexmill.mixture.baselines`, a second random mixture, and equal shares.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lexmill.mixture.answer import Mixture
from lexmill.mixture.baselines import bytes_per_token, efficiency_shares, fit_efficiency, token_class_shares
from lexmill.mixture.bootstrap import SOURCE_UNIT, weigh_rows
from lexmill.mixture.infer import infer_mixture
from lexmill.mixture.mergelist import MergeList
from lexmill.mixture.simulate_halves import (
    Half,
    Halves,
    SimulationError,
    half_rows,
    half_words,
    halves_of,
)
from lexmill.mixture.words import WordTable
from lexmill.tokenizer.bpe import train_bpe

__all__ = ["Halves", "Simulation", "SimulationError", "halves_of", "simulate"]

Float = npt.NDArray[np.float64]
METHODS = ("mixture", "efficiency", "token_class", "random", "uniform")
WEIGHTED_TOTAL = (
    1 << 50
)  # bytes of a training mixture: weights are exact to 2^-50 of it, and counts fit 64 bits
SMALLEST_ERROR = 1e-32  # an exact answer has this mean squared error
BASE = 256


@dataclass(frozen=True)
class Simulation:
    """What the trials found.

    A row has `trial`, `categories` {name: {truth, bytes, lower, upper}} (shares of bytes), `log10_mse` {method: value
    or None}, `hits` and `intervals` (categories whose interval holds the truth, and that have one), `merges_used`,
    `objective`, `unexplained`, `alarm`, and `seconds` {words, train, count, solve, bootstrap, baselines}.
    """

    rows: tuple[dict[str, Any], ...]

    def summary(self) -> dict[str, Any]:
        """`trials`; `log10_mse` {method: {mean, sd, trials}}; `coverage` {level, hits, intervals, share}; `alarms`;
        `seconds` {phase: mean}.  A method that gave no answer is left out; `share` is None without intervals.
        """
        errors = {}
        for method in METHODS:
            values = [row["log10_mse"][method] for row in self.rows if row["log10_mse"][method] is not None]
            if values:
                spread = statistics.stdev(values) if len(values) > 1 else 0.0
                errors[method] = {"mean": statistics.mean(values), "sd": spread, "trials": len(values)}
        hits, all_intervals = (sum(row[key] for row in self.rows) for key in ("hits", "intervals"))
        phases = sorted({phase for row in self.rows for phase in row["seconds"]})
        return {
            "trials": len(self.rows),
            "log10_mse": errors,
            "coverage": {
                "level": 0.9,
                "hits": hits,
                "intervals": all_intervals,
                "share": hits / all_intervals if all_intervals else None,
            },
            "alarms": sum(row["alarm"] is not None for row in self.rows),
            "seconds": {
                phase: statistics.mean(row["seconds"].get(phase, 0.0) for row in self.rows)
                for phase in phases
            },
        }


def simulate(
    halves: Halves,
    trials: int,
    categories: int,
    vocab_size: int,
    seed: int = 0,
    bootstrap: int = 0,
    merges: int | Literal["auto"] = "auto",
    gap: float = 0.01,
    progress: Callable[[float, str], None] = lambda fraction, message: None,
    other_sources: bool = False,
) -> Simulation:
    """Draw `trials` mixtures of `categories` categories, uniform on the simplex; train and infer each.

    `vocab_size` counts the 256 bytes; `merges` is where the inference stops.  `bootstrap` replicates give intervals.
    `other_sources` weighs the sources of the training half by standard exponential weights: tokenizers are then
    trained on another mix of sources than is counted.  The efficiency baseline of a trial is fitted on all other
    trials, and is None when there is only one.  All but the seconds depends on the arguments only.
    Raises SimulationError when the settings do not fit the halves.
    """
    _check(halves, trials, categories, vocab_size, merges)
    alone: dict[int, float] = {}
    rows, efficiency, truths = [], [], []
    for trial in range(trials):
        progress(trial / trials, f"trial {trial + 1} of {trials}")
        rng = np.random.default_rng([seed, trial])
        chosen, drawn = draw_mixture(rng, len(halves.categories), categories)
        seconds: dict[str, float] = {}
        clock = _Clock(seconds)
        weights = _other_sources(halves.train, rng) if other_sources else None
        training = half_words(halves, halves.train, chosen, weights)
        sample = half_words(halves, halves.sample, chosen)
        clock.lap("words")
        merge_list, truth = train_mixture(training, drawn, vocab_size - BASE)
        clock.lap("train")
        mixture = _infer(halves, chosen, sample, merge_list, bootstrap, merges, gap, (seed, trial), seconds)
        clock.lap()
        guesses = {
            "uniform": np.full(categories, 1 / categories),
            "random": rng.dirichlet(np.ones(categories)),
            "token_class": token_class_shares(merge_list, sample),
        }
        packed = bytes_per_token(merge_list, sample)
        for number, name in enumerate(chosen):
            if name not in alone:
                alone[name] = _bytes_per_token_alone(halves, name, vocab_size)
            packed[number] /= alone[name]
        clock.lap("baselines")
        efficiency.append(packed)
        truths.append(truth)
        rows.append(_row(trial, mixture, truth, guesses, seconds))
    for trial, row in enumerate(rows):
        others = [i for i in range(trials) if i != trial]
        if others:
            model = fit_efficiency([efficiency[i] for i in others], [truths[i] for i in others])
            row["log10_mse"]["efficiency"] = log10_mse(
                efficiency_shares(efficiency[trial], model), truths[trial]
            )
    progress(1.0, f"{trials} trials done")
    return Simulation(tuple(rows))


def draw_mixture(rng: np.random.Generator, available: int, categories: int) -> tuple[list[int], Float]:
    """`categories` of `available` numbers, ascending, and shares uniform on the simplex."""
    chosen = sorted(rng.choice(available, categories, replace=False).tolist())
    return chosen, rng.dirichlet(np.ones(categories))


def train_mixture(words: WordTable, shares: Float, merges: int) -> tuple[MergeList, Float]:
    """BPE learned from word counts in which category i has the share `shares[i]` of bytes.

    A category is weighted by a whole number, so the counts are exact.  Returns the merges, and the exact shares
    (float64, categories) that these whole numbers make.
    """
    sizes = words.category_bytes()[:, 0]
    units = np.rint(shares / sizes * WEIGHTED_TOTAL).astype(np.int64)
    weighted = np.add.reduceat(words.count * units[words.row_category], words.row_start[:-1])
    used = np.flatnonzero(weighted)
    text = words.text.tobytes()
    spans = zip(words.offsets[used].tolist(), words.offsets[used + 1].tolist(), strict=True)
    learned = train_bpe(pa.array([text[a:b] for a, b in spans], pa.large_binary()), weighted[used], merges)
    if not len(learned):
        raise SimulationError(
            "the training half has no pair to merge: give text with words of two or more bytes"
        )
    tokens = learned.token_bytes()
    pairs = zip(learned.left.tolist(), learned.right.tolist(), strict=True)
    exact = units * sizes
    return MergeList.from_merges([(tokens[a], tokens[b]) for a, b in pairs], "simulated"), exact / exact.sum()


def log10_mse(shares: Float, truth: Float) -> float:
    """log10 of the mean squared error over categories, at least log10 of SMALLEST_ERROR."""
    return math.log10(max(float(np.mean((shares - truth) ** 2)), SMALLEST_ERROR))


def _infer(
    halves: Halves,
    chosen: Sequence[int],
    sample: WordTable,
    merge_list: MergeList,
    bootstrap: int,
    merges: int | Literal["auto"],
    gap: float,
    seed: tuple[int, int],
    seconds: dict[str, float],
) -> Mixture:
    replicates = None
    if bootstrap:
        started = time.perf_counter()
        replicates = weigh_rows(
            sample,
            lambda: half_rows(halves, halves.sample, chosen, sample),
            bootstrap,
            1_000_003 * seed[0] + seed[1],
        )
        seconds["bootstrap"] = time.perf_counter() - started
    use = merges if merges == "auto" else min(merges, len(merge_list))
    return infer_mixture(
        merge_list, sample, use=use, gap=gap, replicates=replicates, seed=seed[0], seconds=seconds
    )


def _bytes_per_token_alone(halves: Halves, category: int, vocab_size: int) -> float:
    """Of a tokenizer that was trained on the category's training half alone, on its other half."""
    training = half_words(halves, halves.train, [category])
    merges, _ = train_mixture(training, np.ones(1), vocab_size - BASE)
    return float(bytes_per_token(merges, half_words(halves, halves.sample, [category]))[0])


def _other_sources(half: Half, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Weights of the documents, (documents,): one standard exponential for each source of a category."""
    key = half.category.astype(np.int64) * (int(half.source.max(initial=0)) + 1) + half.source
    _, place = np.unique(key, return_inverse=True)
    weights = np.rint(SOURCE_UNIT * rng.standard_exponential(int(place.max(initial=0)) + 1)).astype(np.int64)
    return np.maximum(weights, 1)[place]


def _row(
    trial: int, mixture: Mixture, truth: Float, guesses: Mapping[str, Float], seconds: dict[str, float]
) -> dict[str, Any]:
    held = [
        s.lower <= float(true) <= s.upper
        for s, true in zip(mixture.shares, truth, strict=True)
        if mixture.replicates and s.lower is not None and s.upper is not None
    ]
    errors: dict[str, float | None] = dict.fromkeys(METHODS)
    errors |= {method: log10_mse(guess, truth) for method, guess in guesses.items()}
    errors["mixture"] = log10_mse(np.array([s.bytes for s in mixture.shares]), truth)
    return {
        "trial": trial,
        "categories": {
            s.category: {"truth": float(true), "bytes": s.bytes, "lower": s.lower, "upper": s.upper}
            for s, true in zip(mixture.shares, truth, strict=True)
        },
        "log10_mse": errors,
        "hits": sum(held),
        "intervals": len(held),
        "merges_used": mixture.merges_used,
        "objective": mixture.objective,
        "unexplained": mixture.unexplained,
        "alarm": mixture.alarm,
        "seconds": seconds,
    }


def _check(halves: Halves, trials: int, categories: int, vocab_size: int, merges: int | str) -> None:
    if trials < 1:
        raise SimulationError(f"{trials} trials asked for: give at least 1")
    if not 2 <= categories <= len(halves.categories):
        raise SimulationError(
            f"mixtures of {categories} categories asked for, but there are {len(halves.categories)}: "
            f"give 2 to {len(halves.categories)}"
        )
    if vocab_size <= BASE:
        raise SimulationError(
            f"a vocabulary of {vocab_size} has no room for a merge beside the {BASE} bytes: give a larger one"
        )
    if isinstance(merges, int) and merges < 1:
        raise SimulationError(f"{merges} merges asked for: give at least 1")


class _Clock:
    """Seconds between laps, by name; a lap without a name is not kept."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self.seconds, self.last = seconds, time.perf_counter()

    def lap(self, name: str | None = None) -> None:
        now = time.perf_counter()
        if name is not None:
            self.seconds[name] = now - self.last
        self.last = now
