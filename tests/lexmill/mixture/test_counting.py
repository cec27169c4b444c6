"""The counter equals a brute-force recount: at any step, with overlaps, in batches, and by replicate."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexmill.mixture import counting
from lexmill.mixture.counting import count_pairs
from lexmill.mixture.mergelist import MergeList
from lexmill.mixture.words import word_table
from tests.lexmill.mixture.oracle import counts_before, train, words_of

WORDS = st.dictionaries(
    st.text("ab ", min_size=1, max_size=9).map(str.encode), st.integers(1, 50), min_size=1
)


def _named(result, merges, step, column=0):
    names = [bytes([i]) for i in range(256)] + [a + b for a, b in merges]
    return {(names[a], names[b]): row for (a, b), row in result.at(step, column).items()}


def _expected(merges, table, step):
    n = len(table.categories)
    found: dict = {}
    for c in range(n):
        for pair, count in counts_before(merges, words_of(table, c), step).items():
            found.setdefault(pair, [0] * n)[c] = count
    return found


@settings(max_examples=60, deadline=None)
@given(WORDS, WORDS, st.integers(1, 12))
def test_counts_equal_a_recount_at_every_step(first, second, merges):
    table = word_table([("x", w, c) for w, c in first.items()] + [("y", w, c) for w, c in second.items()])
    learned = train({w: first.get(w, 0) + second.get(w, 0) for w in {**first, **second}}, merges)
    if not learned:
        return
    result = count_pairs(MergeList.from_merges(learned, "test"), table, len(learned))
    for step in range(len(learned)):
        assert _named(result, learned, step) == _expected(learned, table, step)


def test_overlaps_merge_from_the_left():
    table = word_table([("x", b"aaaaa", 3)])
    merges = MergeList.from_merges([(b"a", b"a"), (b"aa", b"aa"), (b"aaaa", b"a")], "test")
    result = count_pairs(merges, table, 3)
    names = [_named(result, merges.merges, step) for step in range(3)]
    assert names == [{(b"a", b"a"): [12]}, {(b"aa", b"aa"): [3], (b"aa", b"a"): [3]}, {(b"aaaa", b"a"): [3]}]


def _random_table(seed: int, words: int = 300):
    rng = np.random.default_rng(seed)
    rows = []
    for category in ("x", "y", "z"):
        letters = np.frombuffer(b"etaoins hr"[: 6 + 2 * "xyz".index(category)], np.uint8)
        for _ in range(words):
            rows.append(
                (category, rng.choice(letters, rng.integers(1, 12)).tobytes(), int(rng.integers(1, 90)))
            )
    return word_table(rows)


def test_batches_and_table_growth_do_not_change_the_result(monkeypatch):
    table = _random_table(1)
    merges = MergeList.from_merges(train(words_of(table, 1), 40), "test")
    whole = count_pairs(merges, table, 40)
    monkeypatch.setattr(counting, "FIRST_SLOTS", 64)
    monkeypatch.setattr(counting, "PIECES_PER_CALL", 7)
    parts = count_pairs(merges, table, 40)
    for step in (0, 7, 39):
        assert parts.at(step) == whole.at(step)


def test_a_restricted_second_pass_counts_replicates_with_the_same_pair_numbers():
    table = _random_table(2)
    merges = MergeList.from_merges(train(words_of(table, 0), 30), "test")
    whole = count_pairs(merges, table, 30)
    weights = np.random.default_rng(0).poisson(1.0, (len(table.count), 3))
    replicates = table.count[:, None] * weights
    again = count_pairs(merges, table, 30, replicates, whole)
    assert (again.left == whole.left).all()
    for column in range(3):
        alone = count_pairs(merges, table, 30, replicates[:, column : column + 1].copy())
        for step in (0, 11, 29):
            got = {p: row for p, row in again.at(step, column).items() if any(row)}
            assert got == alone.at(step)


def test_too_many_merges_are_refused():
    merges = MergeList.from_merges([(b"a", b"b")], "test")
    with pytest.raises(ValueError, match="0 to 2 asked for, but the list has 1"):
        count_pairs(merges, word_table([("x", b"ab", 1)]), 2)


@pytest.mark.parametrize("first", [0, 1, 9, 29])
def test_counting_from_a_later_merge_is_the_end_of_counting_from_the_first(first):
    table = _random_table(3)
    merges = MergeList.from_merges(train(words_of(table, 0), 30), "test")
    whole, late = count_pairs(merges, table, 30), count_pairs(merges, table, 30, first=first)
    for step in range(first, 30):
        assert late.at(step) == whole.at(step)
    assert late.begin.min() == first
    for c in range(len(table.categories)):
        left = counts_before(list(merges.merges), words_of(table, c), first)
        assert late.sizes[c, 0] == sum(left.values())


def test_a_very_long_word_is_counted_in_parts(monkeypatch):
    monkeypatch.setattr(counting, "LONGEST_PIECE", 5)
    merges = MergeList.from_merges([(b"a", b"b"), (b"ab", b"a")], "test")
    long = word_table([("x", b"abaabababab", 2), ("y", b"ba", 1)])
    parts = word_table([("x", b"abaab", 2), ("x", b"ababa", 2), ("x", b"b", 2), ("y", b"ba", 1)])
    for step in (0, 1):
        assert count_pairs(merges, long, 2).at(step) == count_pairs(merges, parts, 2).at(step)
