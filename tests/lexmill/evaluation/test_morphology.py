"""The measures of morphology equal their definitions."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexmill.evaluation import morphology
from lexmill.evaluation.morphology import (
    Consistency,
    edit_distance,
    morphological_consistency,
    morphological_edit_distance,
)

UNITS = st.lists(st.sampled_from("abcdefg"), max_size=5)
PAIRS = st.lists(st.tuples(UNITS, UNITS), min_size=1, max_size=14)


def plain_consistency(morphs, tokens) -> Consistency:
    shared = [
        (bool(set(morphs[i]) & set(morphs[j])), bool(set(tokens[i]) & set(tokens[j])))
        for i, j in combinations(range(len(morphs)), 2)
    ]
    both = sum(m and t for m, t in shared)
    by_morph, by_token = sum(m for m, _ in shared), sum(t for _, t in shared)
    recall, precision = both / by_morph if by_morph else 0.0, both / by_token if by_token else 0.0
    return Consistency(precision, recall, 2 * precision * recall / (precision + recall) if both else 0.0)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(PAIRS, st.integers(1, 5))
def test_consistency_equals_the_count_of_all_pairs(pairs, rows):
    morphs, tokens = [m for m, _ in pairs], [t for _, t in pairs]
    whole = morphology._ROWS
    try:
        morphology._ROWS = rows
        assert morphological_consistency(morphs, tokens) == plain_consistency(morphs, tokens)
    finally:
        morphology._ROWS = whole


def plain_distance(a, b) -> int:
    if not a or not b:
        return len(a) + len(b)
    return min(
        plain_distance(a[1:], b) + 1,
        plain_distance(a, b[1:]) + 1,
        plain_distance(a[1:], b[1:]) + (a[0] != b[0]),
    )


@settings(max_examples=200, deadline=None, derandomize=True)
@given(UNITS, UNITS)
def test_distance_equals_the_recursion(a, b):
    assert edit_distance(a, b) == edit_distance(b, a) == plain_distance(a, b)


def test_units_are_compared_as_wholes_and_the_mean_is_raw():
    morphs, tokens = [["un", "do", "ing"], ["walk", "ed"]], [["und", "o", "ing"], ["walk", "ed"]]
    assert morphological_edit_distance(morphs, tokens) == 1.0
    found = morphological_consistency([["a", "s"], ["b", "s"], ["c"]], [["as"], ["b", "s"], ["c", "s"]])
    assert found == Consistency(0.0, 0.0, 0.0)
    assert morphological_consistency(morphs, morphs) == Consistency(0.0, 0.0, 0.0)  # nothing is shared
    same = [["a", "s"], ["b", "s"]]
    assert morphological_consistency(same, same) == Consistency(1.0, 1.0, 1.0)


@pytest.mark.parametrize("measure", [morphological_edit_distance, morphological_consistency])
def test_no_words_and_unequal_numbers_are_refused(measure):
    with pytest.raises(ValueError, match="0 words"):
        measure([], [])
    with pytest.raises(ValueError, match="1 words came with the tokens of 2"):
        measure([["a"]], [["a"], ["b"]])
