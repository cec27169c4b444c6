"""The benchmark's peer is a fair one: it counts exactly, and reaches the optimum of the full linear program."""

from __future__ import annotations

import numpy as np
import pytest
from reference_mixture import CategoryCounts, count_category, solve_reference

from lexmill.mixture.counting import count_pairs
from lexmill.mixture.mergelist import MergeList
from lexmill.mixture.program import MixtureProgram
from lexmill.mixture.separation import SCALE, frequencies
from lexmill.mixture.words import WordTable, word_table
from tests.lexmill.mixture.oracle import byte_pairs, counts_before, train, words_of


def _corpus(seed: int, categories: int, words: int) -> WordTable:
    """Random words of a few letters, so that runs and overlaps are frequent; every category with its own letters."""
    rng = np.random.default_rng(seed)
    rows = []
    for c in range(categories):
        letters = np.frombuffer(b"aabcdefgh"[: 4 + c], np.uint8)
        for _ in range(words):
            word = rng.choice(letters, rng.integers(1, 9)).tobytes()
            rows.append((f"c{c}", word, int(rng.integers(1, 40))))
    return word_table(rows)


def _learned(table: WordTable, merges: int) -> MergeList:
    total: dict[bytes, int] = {}
    for c in range(len(table.categories)):
        for word, count in words_of(table, c).items():
            total[word] = total.get(word, 0) + count * (c + 1)
    return MergeList.from_merges(train(total, merges), "test")


def _count(table: WordTable, merges: MergeList, category: int) -> CategoryCounts:
    words = words_of(table, category)
    lengths = [len(word) for word in words]
    left, right = merges.token_ids()
    return count_category(
        np.frombuffer(b"".join(words), np.uint8), np.concatenate([[0], np.cumsum(lengths)]),
        np.array(list(words.values())), left, right,
    )  # fmt: skip


def _replay(counts: CategoryCounts, step: int) -> dict[tuple[int, int], int]:
    """The counts before merge `step`, from the changes up to there."""
    found: dict[tuple[int, int], int] = {}
    for i in range(counts.start[step + 1]):
        found[int(counts.key[i]) >> 32, int(counts.key[i]) & 0xFFFFFFFF] = int(counts.value[i])
    return {pair: count for pair, count in found.items() if count}


@pytest.mark.parametrize("seed", [0, 1])
def test_counts_equal_a_recount_before_every_merge(seed: int) -> None:
    table = _corpus(seed, 2, 200)
    merges = _learned(table, 40)
    names = [bytes([i]) for i in range(256)] + [a + b for a, b in merges.merges]
    for c in range(2):
        counts = _count(table, merges, c)
        assert counts.pairs == byte_pairs(table)[c, 0]
        for step in range(len(merges)):
            expected = counts_before(merges.merges, words_of(table, c), step)
            replayed = {(names[a], names[b]): n for (a, b), n in _replay(counts, step).items()}
            assert replayed == expected


def test_only_changed_pairs_are_written() -> None:
    table = _corpus(2, 2, 100)
    counts = _count(table, _learned(table, 20), 0)
    state: dict[int, int] = {}
    for step in range(20):
        for i in range(counts.start[step], counts.start[step + 1]):
            assert state.get(int(counts.key[i]), 0 if step else None) != counts.value[i]
            state[int(counts.key[i])] = int(counts.value[i])


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_the_loop_reaches_the_optimum_of_the_full_program(seed: int) -> None:
    training, sample = _corpus(seed, 3, 300), _corpus(seed + 100, 3, 300)
    merges = _learned(training, 60)
    left, right = merges.token_ids()
    theirs = solve_reference(
        [_count(sample, merges, c) for c in range(3)], left, right,
        scale=SCALE, tolerance=1e-6, solver_tolerance=1e-9,
    )  # fmt: skip
    counts = count_pairs(merges, sample, len(merges))
    ours = MixtureProgram(frequencies(counts)).solve(0, len(merges), 0.0)
    assert theirs.finished
    assert theirs.reached == len(merges)
    assert theirs.epochs > 1  # otherwise nothing of the loop was tried
    assert theirs.objective == pytest.approx(ours.objective / SCALE, rel=1e-6)
    assert theirs.shares == pytest.approx(ours.shares, abs=1e-5)


def test_the_loop_stops_at_its_time_limit() -> None:
    table = _corpus(6, 3, 300)
    merges = _learned(_corpus(106, 3, 300), 60)
    left, right = merges.token_ids()
    stopped = solve_reference([_count(table, merges, c) for c in range(3)], left, right, limit_seconds=0.0)
    assert not stopped.finished
    assert stopped.epochs == 0
