"""Document-level bootstrap: how far the answer moves when other documents had been sampled.

A replicate gives every document (or group of translations) an independent Poisson(1) weight, which stands in for
resampling with replacement.  A replicate is one more column of word counts; the merges are applied once more for
all replicates together, and only pairs that can compete are recorded.

A replicate in which a category has no pair left would say nothing about any share: the weights of that category's
documents are then drawn again, so that every replicate has text of every category.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit
from scipy.stats import t as student

from lexmill.mixture.counting import PairCounts, count_pairs
from lexmill.mixture.mergelist import MergeList
from lexmill.mixture.program import MixtureProgram
from lexmill.mixture.separation import Float, frequencies, worst_cuts
from lexmill.mixture.words import WordTable

COMPETES_AT = 0.5  # a pair is recorded in replicates when it reaches this part of a merge's frequency
LEVEL = 0.90
MAX_DRAWS = 1000  # a category of one document is empty with probability 1/e in each


class ReplicateError(ValueError):
    """Documents and word counts do not describe the same text."""


@dataclass(frozen=True)
class Replicates:
    """Word counts of bootstrap replicates, and how many units stand behind each category."""

    counts: npt.NDArray[np.int64]  # (entries of the word table, replicates)
    units: npt.NDArray[np.int64]  # (categories,) documents or groups with at least one pair


def document_replicates(
    words: WordTable,
    documents: Callable[[], Iterable[tuple[str, str, Iterable[str]]]],
    replicates: int,
    seed: int,
) -> Replicates:
    """Replicated word counts in which every category that has pairs keeps some.

    `documents()` yields (unit, category, words of the document); documents of one unit get the same weight, units
    are weighted in the order they first appear.  It is called a second time, and must yield the same, when weights
    had to be drawn again.  Documents of categories not in `words` are ignored.
    Raises ReplicateError when the documents' words do not add up to the counts of `words`.
    """
    rng = np.random.default_rng(seed)
    weights: dict[str, npt.NDArray[np.int64]] = {}
    members: list[dict[str, None]] = [{} for _ in words.categories]  # sets that keep their order
    total = np.zeros((len(words.count), replicates), np.int64)
    seen = np.zeros(len(words.count), np.int64)
    has_pairs = words.word_lengths[words.entry_words()] > 1
    for unit, category, entries, counts in _entries(words, documents()):
        if unit not in weights:
            weights[unit] = rng.poisson(1.0, replicates)
        if has_pairs[entries].any():
            members[category][unit] = None
        _add(total, seen, entries, counts, weights[unit])
    if (seen != words.count).any():
        raise ReplicateError("the documents do not add up to the word counts: they are not of the same text")
    added = _redraw(weights, members, replicates, rng)
    if added:
        for unit, _, entries, counts in _entries(words, documents()):
            if unit in added:
                _add(total, seen, entries, counts, added[unit])
    return Replicates(total, np.array([len(units) for units in members], np.int64))


def _redraw(
    weights: Mapping[str, npt.NDArray[np.int64]],
    members: Sequence[Collection[str]],
    replicates: int,
    rng: np.random.Generator,
) -> dict[str, npt.NDArray[np.int64]]:
    """What to add to the weights of each unit, (replicates,), so that no category is empty in a replicate.

    `members` holds the units of each category.  Only the units of an empty category are drawn again, and their
    weights are all 0 there, so no weight ever falls.
    """
    added: dict[str, npt.NDArray[np.int64]] = {}
    for _ in range(MAX_DRAWS):
        done = True
        for group in filter(None, members):
            present = np.zeros(replicates, np.bool_)
            for unit in group:
                present |= weights[unit] + added.get(unit, 0) > 0
                if present.all():
                    break
            empty = np.flatnonzero(~present)
            if not len(empty):
                continue
            done = False
            for unit in group:
                added.setdefault(unit, np.zeros(replicates, np.int64))[empty] = rng.poisson(1.0, len(empty))
        if done:
            return added
    raise ReplicateError(f"some category was still without text after {MAX_DRAWS} draws of a replicate")


def _entries(
    words: WordTable, documents: Iterable[tuple[str, str, Iterable[str]]]
) -> Iterator[tuple[str, int, npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """(unit, category number, entries of `words`, their counts) of every document of a category in `words`."""
    text = words.text.tobytes()
    spans = zip(words.offsets[:-1].tolist(), words.offsets[1:].tolist(), strict=True)
    number = {text[a:b]: i for i, (a, b) in enumerate(spans)}
    category_number = {name: i for i, name in enumerate(words.categories)}
    entry_key = words.entry_words() * len(words.categories) + words.row_category
    for unit, category, pieces in documents:
        c = category_number.get(category)
        if c is None:
            continue
        ids = np.array([number.get(piece.encode(), -1) for piece in pieces if piece], np.int64)
        keys, counts = np.unique(ids * len(words.categories) + c, return_counts=True)
        entries = np.minimum(np.searchsorted(entry_key, keys), len(entry_key) - 1)
        if (ids < 0).any() or (entry_key[entries] != keys).any():
            raise ReplicateError(f"document {unit} has words that the word counts of {category} do not have")
        yield unit, c, entries, counts


@njit(cache=True)
def _add(total, seen, entries, counts, weights):  # type: ignore[no-untyped-def]
    for i in range(len(entries)):
        seen[entries[i]] += counts[i]
        for r in range(total.shape[1]):
            total[entries[i], r] += counts[i] * weights[r]


def competing_pairs(program: MixtureProgram, first: int, last: int) -> npt.NDArray[np.bool_]:
    """Pairs that reach COMPETES_AT of some merge's frequency under the program's mixture, bool (pairs,)."""
    table = program.table
    bound = np.where(program.possible, table.own @ program.shares, np.inf)
    step, _ = worst_cuts(
        table.pair, table.begin, table.end, table.start, table.member, table.value, table.pairs,
        program.shares / COMPETES_AT, np.zeros(table.pairs), bound, first, last,
    )  # fmt: skip
    wanted = step >= 0
    wanted[: table.steps] = True
    return wanted


def replicate_shares(
    program: MixtureProgram,
    counts: PairCounts,
    merges: MergeList,
    words: WordTable,
    replicates: npt.NDArray[np.int64],
    first: int,
    last: int,
    gap: float,
    progress: Callable[[float], None],
) -> Float:
    """Byte shares of every replicate, float64 (replicates, categories), each solved from the point answer."""
    base = MixtureProgram(program.table)
    base.shares = program.shares
    base.solve(first, last, gap)
    again = count_pairs(merges, words, last, replicates, counts.restrict(competing_pairs(base, first, last)))
    pairs, sizes = words.category_pairs(replicates), words.category_bytes(replicates)
    found = np.empty((replicates.shape[1], len(words.categories)))
    for r in range(replicates.shape[1]):
        again_program = MixtureProgram(frequencies(again, np.maximum(pairs[:, r], 1), r))
        again_program.start_from(base)
        shares = again_program.solve(first, last, gap).shares
        found[r] = byte_shares(shares, sizes[:, r], pairs[:, r])
        progress((r + 1) / replicates.shape[1])
    return found


def byte_shares(pair_shares: Float, sizes: npt.NDArray[np.int64], pairs: npt.NDArray[np.int64]) -> Float:
    """Turn shares of pairs into shares of bytes (a category's bytes per pair differ with its word lengths)."""
    weighted = pair_shares * sizes / np.maximum(pairs, 1)
    return weighted / weighted.sum()


def intervals(point: Float, replicated: Float) -> tuple[Float, Float]:
    """90 % interval around `point` (categories,) from (replicates, categories): Student t, cut off at 0 and 1."""
    count = len(replicated)
    if count < 2:
        return point.copy(), point.copy()
    reach = (
        student.ppf(0.5 + LEVEL / 2, count - 1) * replicated.std(axis=0, ddof=1) * math.sqrt(1 + 1 / count)
    )
    return np.maximum(point - reach, 0.0), np.minimum(point + reach, 1.0)
