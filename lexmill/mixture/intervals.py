"""From replicates to intervals, and shares that the merges cannot show."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

from lexmill.mixture.alarm import rarest_frequency
from lexmill.mixture.separation import Float, Frequencies

LEVEL = 0.90
LEADS = 0.5  # a category leads a merge that takes this part of its frequency from it


def leading(own: Float, shares: Float, first: int, last: int) -> npt.NDArray[np.bool_]:
    """Categories that some merge first..last-1 comes mainly from, bool (categories,).

    `own` (steps, categories) are the merges' frequencies, `shares` those of pairs.
    """
    parts = own[first:last] * shares
    return (parts > LEADS * parts.sum(axis=1, keepdims=True)).any(axis=0)


def smallest_visible(table: Frequencies, shares: Float, first: int, last: int) -> Float:
    """Share of pairs, (categories,), below which a category alone would have made no merge.

    Its most frequent pair that is not merged before step `last` - 1 would be rarer than the merges there are.
    """
    step = last - 1
    alive = (table.begin <= step) & (step < table.end)
    entries = np.repeat(alive, np.diff(table.start))
    most = np.zeros(table.categories)
    np.maximum.at(most, table.member[entries], table.value[entries])
    rarest = rarest_frequency(table.own[first:last] @ shares)
    return np.minimum(rarest / np.maximum(most, 1e-300), 1.0)


def reaches(replicated: Float) -> Float:
    """Half widths of 90 % intervals, (categories,), from shares of replicates (replicates, categories).

    Student's t with as many degrees of freedom as there are replicates less one.
    """
    count = len(replicated)
    spread = replicated.std(axis=0, ddof=1)
    return student.ppf(0.5 + LEVEL / 2, count - 1) * spread * math.sqrt(1 + 1 / count)


def intervals(
    point: Float,
    replicated: Float,
    seen: npt.NDArray[np.bool_],
    visible: npt.NDArray[np.bool_],
    smallest: Float,
) -> tuple[Float, Float]:
    """90 % interval around `point` (categories,) from shares of bytes of replicates (replicates, categories).

    `visible` categories lead a merge; one that does not may have any share up to `smallest`, so that its interval
    begins at 0 and reaches at least there.  `seen` categories lead a merge that the replicates look at; the others
    get at least the median relative width of these.
    """
    reach = reaches(replicated)
    known = seen & (point > 0)
    if known.any():
        relative = float(np.median(reach[known] / point[known]))
        reach = np.where(seen, reach, np.maximum(reach, relative * point))
    lower, upper = np.maximum(point - reach, 0.0), np.minimum(point + reach, 1.0)
    return np.where(visible, lower, 0.0), np.where(visible, upper, np.maximum(upper, smallest))
