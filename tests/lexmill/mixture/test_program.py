"""The row-and-column-generated program equals the dense one; the certificate holds; exact data give exact shares."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from lexmill.mixture import program as program_module
from lexmill.mixture.counting import count_pairs
from lexmill.mixture.mergelist import MergeList
from lexmill.mixture.program import MixtureProgram, SolverError
from lexmill.mixture.separation import SCALE, frequencies, relative_gap
from lexmill.mixture.words import word_table
from lexmill.tokenizer.bytelevel import from_alphabet
from tests.lexmill.mixture.oracle import byte_pairs, dense_program, train, words_of


def _program(merges, table, steps):
    counts = count_pairs(merges, table, steps)
    return MixtureProgram(frequencies(counts))


def random_case(seed, categories=3, words=40, merges=12, noise=True):
    """Categories over shifted alphabets, and a merge list trained on a mixture of other draws of them."""
    rng = np.random.default_rng(seed)

    def draw(c):
        letters = np.frombuffer(b"abcdefgh"[c : c + 4], np.uint8)
        return {
            rng.choice(letters, rng.integers(2, 7)).tobytes(): int(rng.integers(1, 60)) for _ in range(words)
        }

    sample = [draw(c) for c in range(categories)]
    training = [draw(c) for c in range(categories)] if noise else sample
    weights = rng.dirichlet(np.ones(categories))
    mixed: dict[bytes, float] = {}
    for share, counted in zip(weights, training, strict=True):
        size = sum(n * (len(w) - 1) for w, n in counted.items())
        for word, n in counted.items():
            mixed[word] = mixed.get(word, 0.0) + share * n / size
    table = word_table([(f"c{c}", w, n) for c, counted in enumerate(sample) for w, n in counted.items()])
    return MergeList.from_merges(train(mixed, merges), "test"), table, weights


@pytest.mark.parametrize("seed", range(12))
def test_optimum_equals_the_dense_program(seed):
    merges, table, _ = random_case(seed)
    solution = _program(merges, table, len(merges)).solve(0, len(merges), 0.0)
    expected = dense_program(merges, table, 0, len(merges))
    assert solution.objective / SCALE == pytest.approx(expected, rel=1e-6, abs=1e-10)
    assert solution.lower_bound / SCALE == pytest.approx(expected, rel=1e-6, abs=1e-10)


WORDS = st.dictionaries(
    st.text("abc", min_size=2, max_size=6).map(str.encode), st.integers(1, 30), min_size=2
)


@settings(max_examples=40, deadline=None)
@given(WORDS, WORDS, WORDS, st.integers(1, 8))
def test_optimum_equals_the_dense_program_on_generated_words(first, second, trained, steps):
    learned = train(trained, steps)
    table = word_table([("x", w, n) for w, n in first.items()] + [("y", w, n) for w, n in second.items()])
    assume(learned and all(words_of(table, c) for c in range(2)))
    merges = MergeList.from_merges(learned, "test")
    solution = _program(merges, table, len(merges)).solve(0, len(merges), 0.0)
    expected = dense_program(merges, table, 0, len(merges))
    assert solution.objective / SCALE == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_growing_ranges_and_a_late_start_equal_the_dense_program():
    merges, table, _ = random_case(3, merges=16)
    program = _program(merges, table, 16)
    for first, last in ((0, 4), (0, 10), (0, 16)):
        found = program.solve(first, last, 0.0).objective / SCALE
        assert found == pytest.approx(dense_program(merges, table, first, last), rel=1e-6, abs=1e-10)
    late = _program(merges, table, 16).solve(8, 16, 0.0).objective / SCALE
    assert late == pytest.approx(dense_program(merges, table, 8, 16), rel=1e-6, abs=1e-10)


@pytest.mark.parametrize("gap", [0.3, 0.05])
def test_an_early_stop_keeps_its_certificate(gap):
    merges, table, _ = random_case(5, words=120, merges=40)
    exact = dense_program(merges, table, 0, 40) * SCALE
    solution = _program(merges, table, 40).solve(0, 40, gap)
    assert solution.lower_bound <= exact * (1 + 1e-9) <= solution.objective * (1 + 2e-9)
    assert solution.gap <= gap


def _train_fast(words, vocabulary):
    """The same training by `tokenizers`, for vocabularies that the plain twin is too slow for."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=vocabulary, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator((w.decode() for w, n in words.items() for _ in range(n)), trainer)
    pairs = json.loads(tokenizer.to_str())["model"]["merges"]
    decoded = [(from_alphabet(a), from_alphabet(b)) for a, b in pairs]
    return MergeList.from_merges(decoded, "test")


def test_counting_the_training_data_gives_objective_zero_and_the_exact_shares():
    rng = np.random.default_rng(11)
    multiplier = [3, 1, 7, 2]
    rows, mixed = [], {}
    for c, times in enumerate(multiplier):
        letters = np.frombuffer(b"abcdefghijklmnopqrstuvwx"[3 * c : 3 * c + 15], np.uint8)
        likely = rng.dirichlet(np.ones(len(letters)))
        for _ in range(4000):
            word, n = rng.choice(letters, rng.integers(3, 14), p=likely).tobytes(), int(rng.integers(1, 9))
            rows.append((f"c{c}", word, n))
            mixed[word] = mixed.get(word, 0) + n * times
    table = word_table(rows)
    solution = _program(_train_fast(mixed, 256 + 1200), table, 1200).solve(0, 1200, 0.0)
    true = byte_pairs(table)[:, 0] * multiplier
    assert solution.objective / SCALE < 1e-9
    assert np.log10(np.mean((solution.shares - true / true.sum()) ** 2) + 1e-40) < -9


@pytest.mark.parametrize("gap", [0.0, 0.003])
def test_a_program_started_from_another_finds_the_same_optimum(gap, monkeypatch):
    monkeypatch.setattr(program_module, "BUNDLE_FROM", 0)
    merges, table, _ = random_case(9, words=100, merges=30)
    counts = count_pairs(merges, table, 30)
    first = MixtureProgram(frequencies(counts))
    first.solve(0, 30, gap)
    other = (counts.sizes * np.array([[1.1], [0.9], [1.05]])).astype(np.int64)
    changed = frequencies(replace(counts, sizes=other))
    warm = MixtureProgram(changed)
    warm.start_from(first)
    exact = MixtureProgram(changed).solve(0, 30, 0.0)
    found = warm.solve(0, 30, gap)
    assert found.objective == pytest.approx(exact.objective, rel=max(gap, 1e-6))
    assert found.lower_bound <= exact.objective * (1 + 1e-6)
    assert found.gap <= gap + 1e-6


def test_a_gap_that_stays_open_is_an_error(monkeypatch):
    merges, table, _ = random_case(5)
    program = _program(merges, table, len(merges))
    assert program.solve(0, len(merges), 0.0).gap < 1e-6
    monkeypatch.setattr(program, "_lower_bound", lambda multiplier: 0.0)  # duals that prove nothing
    with pytest.raises(SolverError, match=r"gap 1 with no constraint left to add; 0.05 was asked for"):
        program.solve(0, len(merges), 0.05)


def test_gap_of_a_zero_objective_is_zero():
    assert relative_gap(0.0, 0.0) == 0.0
    assert relative_gap(2.0, 1.0) == 0.5
