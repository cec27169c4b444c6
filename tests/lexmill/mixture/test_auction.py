"""The auction equals an assignment solver, its bounds always hold, and the bundle method equals the simplex."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from lexmill.mixture import program as program_module
from lexmill.mixture.auction import best_matching
from lexmill.mixture.bundle import BundleError, minimise
from lexmill.mixture.counting import count_pairs
from lexmill.mixture.program import MixtureProgram
from lexmill.mixture.separation import SCALE, frequencies
from tests.lexmill.mixture.oracle import dense_program
from tests.lexmill.mixture.test_program import random_case


def violations(table, shares, first, last):
    """Every constraint's violation written out, float64 (steps, pairs)."""
    own = table.own @ shares
    found = np.zeros((table.steps, table.pairs))
    for s in range(len(table.pair)):
        entries = slice(table.start[s], table.start[s + 1])
        level = float(shares[table.member[entries]] @ table.value[entries])
        for t in range(max(first, table.begin[s]), min(last, table.end[s])):
            if table.possible[t]:
                found[t, table.pair[s]] = max(0.0, level - own[t])
    return found


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), first=st.integers(0, 5))
def test_the_auction_finds_the_best_matching(seed, first):
    merges, words, _ = random_case(seed)
    last = len(merges)
    table = frequencies(count_pairs(merges, words, last))
    shares = np.random.default_rng(seed).dirichlet(np.ones(table.categories))
    weight = violations(table, shares, first, last)
    rows, columns = linear_sum_assignment(weight, maximize=True)
    expected = weight[rows, columns].sum()
    increment = 1e-4 * SCALE
    found, cover = best_matching(table, shares, first, last, increment)
    value = found.gradient @ shares
    assert value == pytest.approx(weight[found.step, found.pair].sum())
    assert len(set(found.step)) == len(found.step)
    assert len(set(found.pair)) == len(found.pair)
    assert value <= expected * (1 + 1e-9) <= cover.cost * (1 + 1e-9) + 1e-9
    assert cover.cost - value <= increment * max(len(found.step), 1) * (1 + 1e-9)
    # the slacks satisfy every constraint
    assert (cover.step_slack[:, None] + cover.pair_slack[None] >= weight - 1e-6).all()


@pytest.mark.parametrize("seed", range(8))
def test_the_bundle_method_reaches_the_dense_optimum(seed):
    merges, words, _ = random_case(seed)
    table = frequencies(count_pairs(merges, words, len(merges)))
    uniform = np.full(table.categories, 1 / table.categories)
    expected = dense_program(merges, words, 0, len(merges)) * SCALE
    shares, cover, lower, matchings, weights = minimise(table, 0, len(merges), 1e-3, uniform)
    assert shares.sum() == pytest.approx(1.0)
    assert (shares >= 0).all()
    assert lower <= expected * (1 + 1e-6) + 1e-3
    assert expected <= cover.cost * (1 + 1e-6) + 1e-3
    assert cover.cost - lower <= 1.001e-3 * cover.cost + 1e-6
    assert weights.sum() == pytest.approx(1.0)
    assert len(weights) == len(matchings)


@pytest.mark.parametrize("seed", range(4))
def test_both_methods_give_the_same_program(seed, monkeypatch):
    merges, words, _ = random_case(seed, categories=5, words=120, merges=40)
    table = frequencies(count_pairs(merges, words, len(merges)))
    exact = MixtureProgram(table).solve(0, len(merges), 0.0)
    monkeypatch.setattr(program_module, "BUNDLE_FROM", 0)
    growing = MixtureProgram(table)
    for last in (10, 25, len(merges)):  # earlier matchings stay valid bounds
        found = growing.solve(0, last, 0.005)
    assert found.gap <= 0.005
    assert found.lower_bound <= exact.objective * (1 + 1e-6)
    assert exact.lower_bound <= found.objective * (1 + 1e-6)
    # the multipliers prove the bound: row and column sums at most 1, and no mixture costs less
    assert np.bincount(found.cut_step, found.multiplier).max() <= 1 + 1e-9
    assert np.bincount(found.cut_pair, found.multiplier).max() <= 1 + 1e-9
    assert -(found.multiplier @ found.cut_row).max() == pytest.approx(found.lower_bound)


def test_the_simplex_method_takes_over_where_matchings_do_not_close_the_gap(monkeypatch):
    merges, words, _ = random_case(3)
    table = frequencies(count_pairs(merges, words, len(merges)))
    monkeypatch.setattr(program_module, "BUNDLE_FROM", 0)
    monkeypatch.setattr("lexmill.mixture.bundle.MAX_MATCHINGS", 1)
    with pytest.raises(BundleError, match=r"gap .* after 4 matchings; 1e-09 was asked for"):
        minimise(table, 0, len(merges), 1e-9, np.full(3, 1 / 3))
    found = MixtureProgram(table).solve(0, len(merges), 1e-9)
    assert found.objective == pytest.approx(
        MixtureProgram(table).solve(0, len(merges), 0.0).objective, rel=1e-6
    )
