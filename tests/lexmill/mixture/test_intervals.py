"""Intervals, invisible categories and the alarm on tables small enough to check by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from lexmill.mixture.alarm import Fit, crowded_pairs, expected_rare, rare_merges, rarest_frequency
from lexmill.mixture.intervals import intervals, leading, smallest_visible
from lexmill.mixture.separation import Frequencies

ALL = np.array([True, True])


def test_half_width_is_students_t():
    rng = np.random.default_rng(0)
    found = 0.5 + 0.01 * rng.standard_normal((20, 2))
    lower, upper = intervals(np.array([0.5, 0.5]), found, ALL, ALL, np.zeros(2))
    expected = stats.t.ppf(0.95, 19) * found.std(axis=0, ddof=1) * math.sqrt(1 + 1 / 20)
    assert upper - 0.5 == pytest.approx(expected)
    assert 0.5 - lower == pytest.approx(expected)


def test_an_interval_holds_the_truth_nine_times_in_ten():
    rng = np.random.default_rng(1)
    hits = []
    for _ in range(400):
        point = rng.normal(0.5, 0.01, 2)
        lower, upper = intervals(point, point + 0.01 * rng.standard_normal((20, 2)), ALL, ALL, np.zeros(2))
        hits.extend((lower <= 0.5) & (upper >= 0.5))
    assert 0.87 < np.mean(hits) < 0.93


def test_intervals_stay_between_zero_and_one():
    found = np.array([[0.0, 1.0], [0.1, 0.9], [0.2, 0.8]])
    lower, upper = intervals(np.array([0.01, 0.99]), found, ALL, ALL, np.zeros(2))
    assert lower[0] == 0
    assert upper[1] == 1


def test_an_invisible_share_reaches_from_zero_to_the_smallest_visible():
    found = np.array([[0.99, 0.01]] * 5)
    visible = np.array([True, False])
    lower, upper = intervals(np.array([0.99, 0.01]), found, ALL, visible, np.array([0.5, 0.04]))
    assert lower.tolist() == [0.99, 0.0]
    assert upper.tolist() == [0.99, 0.04]


def test_what_the_replicates_did_not_see_gets_the_others_relative_width():
    found = np.array([[0.8, 0.01], [0.9, 0.01], [1.0, 0.01]])
    seen = np.array([True, False])
    lower, upper = intervals(np.array([0.9, 0.01]), found, seen, ALL, np.zeros(2))
    reach = stats.t.ppf(0.95, 2) * 0.1 * math.sqrt(1 + 1 / 3)
    assert lower[1] == pytest.approx(max(0.01 * (1 - reach / 0.9), 0))
    assert upper[1] == pytest.approx(0.01 * (1 + reach / 0.9))


def _table() -> Frequencies:
    """Pairs 0 and 1 are merges; pairs 2 and 3 stay, 4 goes before the last step; two categories."""
    return Frequencies(
        pair=np.array([0, 1, 2, 3, 4], np.int32),
        begin=np.zeros(5, np.int32),
        end=np.array([0, 1, 2, 2, 1], np.int32),
        start=np.array([0, 1, 2, 4, 5, 6]),
        member=np.array([0, 0, 0, 1, 1, 1], np.int32),
        value=np.array([100.0, 50.0, 30.0, 8.0, 400.0, 9999.0]),
        own=np.array([[100.0, 0.0], [50.0, 0.0]]),
        pairs=5,
    )


def test_the_smallest_visible_share_would_make_the_top_pair_as_frequent_as_the_last_merges():
    shares = np.array([0.8, 0.2])
    rarest = np.median([80.0, 40.0])
    assert smallest_visible(_table(), shares, 0, 2) == pytest.approx([min(1, rarest / 30), rarest / 400])
    assert smallest_visible(_table(), shares, 1, 2)[1] == pytest.approx(40 / 400)


def test_a_category_leads_a_merge_it_has_more_than_half_of():
    own = np.array([[10.0, 4.0], [1.0, 9.0]])
    assert leading(own, np.array([0.5, 0.5]), 0, 1).tolist() == [True, False]
    assert leading(own, np.array([0.5, 0.5]), 0, 2).tolist() == [True, True]
    assert leading(own, np.array([0.95, 0.05]), 0, 2).tolist() == [True, False]
    assert leading(np.zeros((2, 2)), np.array([0.5, 0.5]), 0, 2).tolist() == [False, False]


def test_crowded_pairs_are_unmerged_and_too_frequent():
    shares = np.array([0.8, 0.2])  # pair 2: 25.6, pair 3: 80; pair 4 is gone before the last step
    assert crowded_pairs(_table(), shares, 2, 12.0) == 2
    assert crowded_pairs(_table(), shares, 2, 13.0) == 1
    assert crowded_pairs(_table(), shares, 2, 41.0) == 0
    assert crowded_pairs(_table(), shares, 1, 41.0) == 1


def test_rare_merges_are_a_tenth_of_their_neighbours():
    frequency = np.linspace(200, 100, 150)
    frequency[[20, 90]] = 0.0, 13.0
    frequency[60] = 30.0
    assert np.flatnonzero(rare_merges(frequency)).tolist() == [20, 90]
    assert rarest_frequency(np.r_[np.full(80, 9.0), np.zeros(10), np.full(40, 3.0)]) == 3.0
    assert rarest_frequency(np.zeros(3)) == 0.0


def test_few_counts_are_expected_to_be_rare_by_chance():
    assert expected_rare(np.full(100, 3.0)) == pytest.approx(100 * math.exp(-3))
    assert expected_rare(np.full(100, 500.0)) < 1e-100


def _fit(**changes) -> Fit:
    return Fit(**({"merges": 1000, "impossible": 0, "rare": 0, "expected_rare": 0.0, "crowded": 0, "examples": (),
                   "unexplained": 0.1} | changes))  # fmt: skip


def test_the_alarm_names_its_reasons():
    assert _fit().sentence is None
    assert _fit(rare=10).sentence is None
    assert "30 of 1000 merges (3.0%) are far rarer" in str(_fit(rare=30).sentence)
    assert "12 of them occur in no category" in str(_fit(rare=30, impossible=12).sentence)
    assert "40%" in str(_fit(unexplained=0.4).sentence)


def test_chance_excuses_rare_merges():
    assert _fit(rare=30, crowded=10).sentence is None
    assert _fit(rare=30, expected_rare=20.0).sentence is None
    assert _fit(rare=31, crowded=10).sentence is not None
    assert _fit(rare=5, merges=100).sentence is None
    assert _fit(rare=6, merges=100).sentence is not None
