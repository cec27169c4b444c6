"""How unequally a tokenizer treats languages, on texts that say the same thing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

REPLICATES = 1000


class Interval(NamedTuple):
    """A ratio with its percentile bootstrap interval (95 %); no bounds where one group alone is known."""

    value: float
    lower: float | None
    upper: float | None


def parallel_lengths(
    groups: Sequence[str | None], languages: Sequence[str], tokens: Sequence[int]
) -> dict[str, dict[str, int]]:
    """{language: {group: tokens}} over documents given as three columns of equal length.

    A group counts for a language only when exactly one non-empty document of it has that language: with two,
    nobody can say which one is the translation.
    """
    rows = [row for row in zip(groups, languages, tokens, strict=True) if row[0] is not None and row[2] > 0]
    seen = Counter((group, language) for group, language, _ in rows)
    result: dict[str, dict[str, int]] = {}
    for group, language, length in rows:
        if seen[group, language] == 1:
            result.setdefault(language, {})[str(group)] = length
    return result


def premium(
    lengths: dict[str, int], reference: dict[str, int], seed: int = 0, replicates: int = REPLICATES
) -> Interval | None:
    """Tokens of a language over tokens of the reference, summed over the groups that both have.

    Petrov et al. 2023 (arXiv 2305.15425): premium(A|B) = sum |t(s_A)| / sum |t(s_B)|; a ratio of sums, not a
    mean of ratios.  The interval resamples groups with replacement (Efron percentile).  None without common groups.
    """
    common = sorted(lengths.keys() & reference.keys())
    if not common:
        return None
    ours = np.array([lengths[group] for group in common], np.float64)
    theirs = np.array([reference[group] for group in common], np.float64)
    value = float(ours.sum() / theirs.sum())
    if len(common) < 2:
        return Interval(value, None, None)
    rng = np.random.default_rng(seed)
    ratios = np.empty(replicates)
    for index in range(replicates):
        drawn = rng.integers(0, len(common), len(common))
        ratios[index] = ours[drawn].sum() / theirs[drawn].sum()
    lower, upper = np.percentile(ratios, [2.5, 97.5])
    return Interval(value, float(lower), float(upper))


def gini(costs: Sequence[float]) -> float:
    """Gini coefficient of language costs: sum_i sum_j |c_i - c_j| / (2 n^2 mean); 0 is equal treatment.

    Used for tokenizers by Foroutan et al. 2025 (arXiv 2508.04796, Parity-aware BPE) and TokEval ("TFG").
    Raises ValueError for no costs or a negative one.
    """
    values = np.sort(np.asarray(costs, np.float64))
    if not len(values) or values[0] < 0 or values.sum() == 0:
        raise ValueError("the Gini coefficient needs at least one cost, none negative, not all zero")
    ranks = np.arange(1, len(values) + 1)
    number = len(values)
    return float((2 * ranks - number - 1) @ values / (number * values.sum()))
