"""The baselines against plain Python."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexmill.mixture.baselines import (
    bytes_per_token,
    efficiency_shares,
    fit_efficiency,
    string_counts,
    token_class_shares,
)
from lexmill.mixture.mergelist import MergeList
from lexmill.mixture.words import word_table


def _occurrences(string: bytes, word: bytes) -> int:
    return sum(word.startswith(string, i) for i in range(len(word)))


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(
        st.tuples(
            st.sampled_from("xy"),
            st.binary(min_size=1, max_size=9).map(lambda b: bytes(c % 3 + 97 for c in b)),
        ),
        st.integers(1, 50),
        min_size=1,
        max_size=12,
    ),
    st.sets(st.text("abc", min_size=1, max_size=5), min_size=1, max_size=12),
)
def test_strings_are_counted_as_by_plain_search(rows, strings):
    table = word_table([(name, word, n) for (name, word), n in rows.items()])
    wanted = sorted(s.encode() for s in strings)
    found = string_counts(wanted, table)
    for s, string in enumerate(wanted):
        for c, category in enumerate(table.categories):
            expected = sum(n * _occurrences(string, w) for (name, w), n in rows.items() if name == category)
            assert found[s, c] == expected


def test_bytes_per_token_counts_the_tokens_that_the_merges_leave():
    merges = MergeList.from_merges([(b"a", b"b"), (b"ab", b"c")], "test")
    table = word_table([("x", b"abc", 2), ("x", b"aab", 1), ("y", b"zz", 3)])
    # x: abc is 1 token twice, aab is a+ab; y: 2 tokens three times
    assert bytes_per_token(merges, table).tolist() == [9 / 4, 1.0]


def test_efficiency_recovers_a_log_log_line():
    shares = [np.array([0.2, 0.8]), np.array([0.5, 0.5]), np.array([0.05, 0.95])]
    efficiency = [np.exp((np.log(s) - 0.3) / 4) for s in shares]
    model = fit_efficiency(efficiency, shares)
    assert model == pytest.approx((0.3, 4.0))
    assert efficiency_shares(efficiency[2], model) == pytest.approx(shares[2])


def test_tokens_vote_for_the_category_where_they_are_most_frequent_per_byte():
    merges = MergeList.from_merges([(b"a", b"b"), (b"c", b"d"), (b"ab", b"ab"), (b"q", b"q")], "test")
    # `ab` is more often in y, but y is ten times as large; qq occurs nowhere
    table = word_table([("x", b"abab", 5), ("y", b"ab", 10), ("y", b"cdcdzzzz", 25)])
    assert token_class_shares(merges, table).tolist() == pytest.approx([2 / 3, 1 / 3])


def test_no_token_anywhere_is_a_uniform_guess():
    merges = MergeList.from_merges([(b"q", b"q")], "test")
    table = word_table([("x", b"ab", 1), ("y", b"ab", 1)])
    assert token_class_shares(merges, table).tolist() == [0.5, 0.5]
