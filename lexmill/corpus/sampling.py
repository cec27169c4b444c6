"""Sampling: fewer bytes of some categories, by a temperature and by caps, whole groups chosen by hash."""

from __future__ import annotations

import numpy as np
from numba import njit

from lexmill.corpus.params import SamplingParams


def byte_budgets(sizes: np.ndarray, params: SamplingParams) -> np.ndarray:
    """Bytes that each category may keep: int64 (categories,), never more than it has.

    `sizes` are the bytes of the categories, int64.  Without `max_bytes` only the cap counts.  With it, shares are
    proportional to sizes ** (1 / temperature) (Conneau et al. 2020, section 3.1, there as alpha = 1 / T); what a
    category cannot fill is divided among the others in the same proportion until nothing is left over (as in UniMax,
    Chung et al. 2023, for an infinite temperature).
    """
    room = sizes.astype(np.int64)
    if params.max_category_bytes is not None:
        room = np.minimum(room, params.max_category_bytes)
    if params.max_bytes is None or int(room.sum()) <= params.max_bytes:
        return room
    weights = np.where(room > 0, sizes.astype(float) ** (1 / params.temperature), 0.0)
    budgets = np.zeros(len(room), np.int64)
    open_ = weights > 0
    left = params.max_bytes
    while open_.any():
        shares = left * weights / weights[open_].sum()
        filled = open_ & (shares >= room)
        if not filled.any():
            budgets[open_] = shares[open_].astype(np.int64)
            break
        budgets[filled] = room[filled]
        left -= int(room[filled].sum())
        open_ &= ~filled
    return budgets


def sampled(
    categories: np.ndarray, order: np.ndarray, ids: np.ndarray, sizes: np.ndarray, budgets: np.ndarray
) -> np.ndarray:
    """bool (rows,): the documents that fit the budget of their category, taken by `order`.

    `categories` (int, rows) are places in `budgets`; `order` (uint64, rows) is a hash of the group, so that parallel
    documents are taken together as long as each of their categories has room; `ids` (uint64, rows) part those of one
    group; `sizes` (int64, rows) are bytes.  A document that does not fit is left out and the next one tried.
    """
    kept = np.zeros(len(order), bool)
    fill_kernel(np.lexsort((ids, order, categories)), categories, sizes, budgets.copy(), kept)
    return kept


@njit(cache=True, nogil=True)
def fill_kernel(rows, categories, sizes, left, kept):  # type: ignore[no-untyped-def]  # numba infers types
    """Set kept (bool) of each of `rows` (int64), in their order, whose size fits what is `left` (int64) of its
    category."""
    for row in rows:
        category = categories[row]
        if sizes[row] <= left[category]:
            left[category] -= sizes[row]
            kept[row] = True
