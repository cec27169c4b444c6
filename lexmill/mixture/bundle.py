"""Minimise the mixture program over the shares alone, by a level bundle method with certified bounds.

The program's cost at fixed shares is a convex, piecewise linear function of the shares only (see `auction`).  Every
matching is a linear function that lies below it, every cover a value above its minimum.  The next shares to look
at are the nearest to the best ones at which all matchings so far promise a cost half way down to their joint
minimum (Lemarechal, Nemirovskii, Nesterov 1995, Mathematical Programming 69).  It needs about two matchings a
category, whatever the number of merges, where the simplex method needs several pivots a merge.
"""

from __future__ import annotations

from collections.abc import Sequence

import highspy
import numpy as np
from scipy.optimize import nnls

from lexmill.mixture.auction import Cover, Matching, best_matching
from lexmill.mixture.separation import Float, Frequencies, relative_gap

LEVEL = 0.5  # where between the lower bound and the best cost the next point is aimed at
ACCURACY = 0.25  # of the gap still open: what a matching may fall short by
FLOOR = 0.003  # share below which distances are no longer relative to the share's size
KEEP = 4  # cuts kept, in multiples of the categories
MAX_MATCHINGS = 20  # in multiples of the categories, and as many more


class BundleError(RuntimeError):
    """The gap asked for was not reached."""


def minimise(
    table: Frequencies,
    first: int,
    last: int,
    gap: float,
    shares: Float,
    earlier: Sequence[Matching] = (),
) -> tuple[Float, Cover, float, list[Matching], Float]:
    """Shares whose cost over steps first..last-1 is within the relative `gap` (> 0) of the least.

    `shares` (categories,) is where to start.
    `earlier` are matchings of a smaller range of merges from `first` on: they bound this range's cost too.
    Returns the shares, their cover, the lower bound, the matchings that give it and
    their weights, which sum to 1.  Raises BundleError when MAX_MATCHINGS are not enough.
    """
    matchings = list(earlier)
    best: Cover | None = None
    center, point = shares, shares
    increment = _first_increment((table.own[first:last] @ shares)[table.possible[first:last]])
    most = MAX_MATCHINGS * (table.categories + 1)
    for _ in range(most):
        found, cover = best_matching(table, point, first, last, increment)
        matchings.append(found)
        if best is None or cover.cost < best.cost:
            best, center = cover, point
        gradients = np.array([m.gradient for m in matchings])
        lower, weights = _lower_bound(gradients)
        left = relative_gap(best.cost, lower)
        if left <= gap:
            used = weights > 0
            chosen = [m for m, u in zip(matchings, used, strict=True) if u]
            return center, best, lower, chosen, weights[used]
        increment = ACCURACY * max(min(left, 0.1), gap) * best.cost / max(len(found.step), 10)
        point = _nearest(gradients, lower + LEVEL * (best.cost - lower), center)
        if len(matchings) > KEEP * table.categories:
            order = np.argsort(np.where(weights > 0, -np.inf, -(gradients @ point)), kind="stable")
            matchings = [matchings[i] for i in np.sort(order[: (KEEP - 1) * table.categories])]
    raise BundleError(f"gap {left:.2g} after {most} matchings; {gap:.2g} was asked for")


def _first_increment(own: Float) -> float:
    """One percent of a typical frequency of the merges: nothing is known yet of how large violations are."""
    return max(0.01 * float(np.median(own)), 1e-9) if len(own) else 1.0


def _lower_bound(gradients: Float) -> tuple[float, Float]:
    """Least joint value of the cuts over the simplex, and the weights of the cuts that prove it."""
    cuts, n = gradients.shape
    highs = highspy.Highs()
    for option, value in (("output_flag", False), ("threads", 1), ("random_seed", 0)):
        highs.setOptionValue(option, value)
    scale = np.abs(gradients).max() or 1.0
    empty, infinite = np.empty(0, np.int32), highspy.kHighsInf
    cost, lowest, highest = np.r_[np.zeros(n), 1.0], np.r_[np.zeros(n), -infinite], np.full(n + 1, infinite)
    highs.addCols(n + 1, cost, lowest, highest, 0, np.zeros(n + 1, np.int32), empty, np.empty(0))
    rows = np.vstack([np.r_[np.ones(n), 0.0], np.column_stack([-gradients / scale, np.ones(cuts)])])
    starts = (np.arange(cuts + 1) * (n + 1)).astype(np.int32)
    columns = np.tile(np.arange(n + 1, dtype=np.int32), cuts + 1)
    upper = np.r_[1.0, np.full(cuts, infinite)]
    highs.addRows(cuts + 1, np.r_[1.0, np.zeros(cuts)], upper, rows.size, starts, columns, rows.ravel())
    highs.run()
    weights = np.maximum(np.array(highs.getSolution().row_dual)[1:], 0.0)
    if not weights.sum() > 0:
        weights = np.eye(cuts)[-1]
    weights = weights / weights.sum()
    return float(
        (weights @ gradients).min()
    ), weights  # a weighted cut is a cut: true whatever the solver did


def _nearest(gradients: Float, level: float, center: Float) -> Float:
    """The point of the simplex nearest to `center` at which no cut is above `level`, shares weighed by their size.

    Least distance programming by non-negative least squares (Lawson and Hanson 1974, chapter 23), in the
    coordinates of the plane where shares add up to 1.
    """
    width = np.sqrt(center + FLOOR)
    plane = np.linalg.qr(np.column_stack([width, np.eye(len(center))]))[0][:, 1 : len(center)]
    steps = width[:, None] * plane  # shares = center + steps @ z
    rows = np.vstack([-gradients @ steps, steps])
    floor = np.r_[gradients @ center - level, -center]
    norms = np.linalg.norm(rows, axis=1)
    told = norms > 0  # an empty matching says nothing
    rows, floor = rows[told] / norms[told, None], floor[told] / norms[told]
    reach = max(floor.max(), 1e-12)  # no shorter step can do
    solution, _ = nnls(np.vstack([rows.T, floor / reach]), np.r_[np.zeros(rows.shape[1]), 1.0])
    residual = np.r_[rows.T @ solution, floor @ solution / reach - 1.0]
    point = center + steps @ (-residual[:-1] / residual[-1] * reach) if residual[-1] < 0 else center
    point = np.maximum(point, 0.0)
    return point / point.sum()
