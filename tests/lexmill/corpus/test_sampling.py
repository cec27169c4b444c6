"""Budgets of bytes and the documents that are taken by them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexmill.corpus.params import SamplingParams
from lexmill.corpus.sampling import byte_budgets, sampled

sizes = st.lists(st.integers(0, 10**12), min_size=1, max_size=12).map(lambda s: np.array(s, np.int64))
limits = st.one_of(st.none(), st.integers(1, 10**13))


@given(sizes, limits, limits, st.floats(1.0, 100.0))
def test_budgets_stay_within_what_there_is_and_what_is_wanted(
    there: np.ndarray, most: int | None, most_of_one: int | None, temperature: float
) -> None:
    params = SamplingParams(
        max_bytes=most, max_category_bytes=most_of_one, temperature=temperature if most else 1.0
    )
    budgets = byte_budgets(there, params)
    room = np.minimum(there, most_of_one or 10**18)
    assert budgets.dtype == np.int64
    assert (budgets >= 0).all()
    assert (budgets <= room).all()
    if most is None or room.sum() <= most:
        assert (budgets == room).all()
    else:
        assert most - len(there) <= int(budgets.sum()) <= most  # rounded down, category by category
    order = np.argsort(-there, kind="stable")
    assert (np.diff(budgets[order]) <= 0).all()  # who has more never gets less


@pytest.mark.parametrize(
    ("temperature", "most_of_one", "expected"),
    [
        (1.0, None, [800, 160, 40]),  # in proportion
        (2.0, None, [598, 267, 133]),  # by square roots, 80 : 35.8 : 17.9, rounded down
        (1e9, None, [340, 340, 320]),  # alike; what the last one lacks goes to the others
        (1.0, 500, [500, 400, 100]),
    ],
)
def test_budgets_by_temperature(temperature: float, most_of_one: int | None, expected: list[int]) -> None:
    there = np.array([6400, 1280, 320])
    params = SamplingParams(temperature=temperature, max_bytes=1000, max_category_bytes=most_of_one)
    budgets = byte_budgets(there, params)
    assert budgets.tolist() == pytest.approx(expected, abs=1)
    assert budgets.sum() <= 1000


@st.composite
def documents(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Categories, hashes of groups, ids, sizes, budgets; at most one document of a group a category."""
    groups = draw(st.integers(1, 25))
    order = draw(st.lists(st.integers(0, 2**64 - 1), min_size=groups, max_size=groups, unique=True))
    rows = [(g, c) for g in range(groups) for c in draw(st.sets(st.integers(0, 3), min_size=1))]
    rows = draw(st.permutations(rows))
    bytes_ = draw(st.lists(st.integers(1, 100), min_size=len(rows), max_size=len(rows)))
    categories = np.array([c for _, c in rows])
    there = np.bincount(categories, weights=bytes_, minlength=4).astype(np.int64)
    budgets = np.array([draw(st.integers(0, int(size))) for size in there])
    hashes = np.array([order[g] for g, _ in rows], np.uint64)
    return categories, hashes, np.arange(len(rows), dtype=np.uint64), np.array(bytes_), budgets


@settings(deadline=None)
@given(documents())
def test_each_category_is_filled_in_its_order(
    drawn: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray],
) -> None:
    categories, order, ids, bytes_, budgets = drawn
    kept = sampled(*drawn)
    left = budgets.tolist()
    for row in sorted(range(len(order)), key=lambda row: (order[row], ids[row])):
        fits = bytes_[row] <= left[categories[row]]
        assert kept[row] == fits
        if fits:
            left[categories[row]] -= int(bytes_[row])
    again = sampled(categories[::-1], order[::-1], ids[::-1], bytes_[::-1], budgets)
    assert (again[::-1] == kept).all()


def test_groups_stay_together_while_every_category_has_room() -> None:
    groups = np.repeat(np.arange(100, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15), 3)
    categories = np.tile([0, 1, 2], 100)
    sizes_ = np.full(300, 10)
    kept = sampled(categories, groups, np.arange(300, dtype=np.uint64), sizes_, np.array([400, 400, 700]))
    by_group = kept.reshape(100, 3)
    assert by_group.sum(axis=0).tolist() == [40, 40, 70]
    assert (by_group[:, 0] == by_group[:, 1]).all()
    assert (by_group[by_group[:, 0], 2]).all()
