"""Replicates that start from the answer end where a fresh solution of theirs does."""

from __future__ import annotations

import numpy as np
import pytest

from lexmill.mixture import program as program_module
from lexmill.mixture.alarm import Fit, expected_rare, rare_merges
from lexmill.mixture.counting import count_pairs
from lexmill.mixture.infer import infer_mixture
from lexmill.mixture.program import MixtureProgram
from lexmill.mixture.replicates import category_sizes, replicate_shares
from lexmill.mixture.separation import frequencies
from lexmill.mixture.simulate import train_mixture
from lexmill.mixture.words import word_table


def zipf_words(letters: bytes, words: int, seed: int) -> list[tuple[bytes, int]]:
    """Random words with frequencies that fall like 1/rank."""
    rng = np.random.default_rng(seed)
    alphabet = np.frombuffer(letters, np.uint8)
    found = {rng.choice(alphabet, rng.integers(2, 9)).tobytes() for _ in range(words)}
    return [(word, 1 + 20_000 // (rank + 5)) for rank, word in enumerate(sorted(found))]


def sampled(words, seed):
    rng = np.random.default_rng(seed)
    return [(word, max(1, int(rng.poisson(count / 20)))) for word, count in words]


def table_of(texts):
    return word_table([(name, word, count) for name, words in texts.items() for word, count in words])


def fresh_shares(merges, words, counts, last):
    """Byte shares of every column by a full recount, solved to optimality."""
    found = []
    for column in range(counts.shape[1]):
        recounted = count_pairs(merges, words, last, counts[:, column : column + 1].copy())
        solution = MixtureProgram(frequencies(recounted)).solve(0, last, 0.0)
        sizes = category_sizes(words, recounted, counts[:, column : column + 1])
        found.append(sizes.byte_shares(solution.shares))
    return np.array(found)


@pytest.mark.parametrize("bundle_from", [0, 10**6])
def test_a_category_that_has_no_share_keeps_the_constraints_that_hold_it_down(bundle_from, monkeypatch):
    monkeypatch.setattr(program_module, "BUNDLE_FROM", bundle_from)
    a, b, z = (
        zipf_words(b"abcdefghijkl", 600, 1),
        zipf_words(b"ghijklmnop", 600, 2),
        zipf_words(b"abXYZWVUT", 600, 3),
    )
    merges, _ = train_mixture(table_of({"a": sampled(a, 4), "b": sampled(b, 5)}), np.array([0.6, 0.4]), 300)
    words = table_of({"a": sampled(a, 6), "b": sampled(b, 7), "z": sampled(z, 8)})
    weights = np.random.default_rng(0).geometric(0.5, (len(words.count), 3)) - 1
    counts = words.count[:, None] * weights * 64 + 1
    whole = count_pairs(merges, words, 200)
    program = MixtureProgram(frequencies(whole))
    program.solve(0, 200, 0.01)
    found = replicate_shares(program, whole, merges, words, counts, 0, 200, 0.01, lambda f: None)
    assert found == pytest.approx(fresh_shares(merges, words, counts, 200), abs=0.02)


@pytest.mark.parametrize("bundle_from", [0, 10**6])
def test_merges_that_vanish_from_a_replicate_bound_nothing(bundle_from, monkeypatch):
    monkeypatch.setattr(program_module, "BUNDLE_FROM", bundle_from)
    a, b, page = (
        zipf_words(b"abcdefghijkl", 500, 1),
        zipf_words(b"ghijklmnop", 500, 2),
        zipf_words(b"ABCDE", 40, 9),
    )
    boiler = [(word, 40 + count // 4) for word, count in page]
    merges, _ = train_mixture(
        table_of({"a": sampled(a, 4) + boiler, "b": sampled(b, 5)}), np.array([0.6, 0.4]), 300
    )
    words = table_of({"a": sampled(a, 6) + boiler, "b": sampled(b, 7)})
    first = MixtureProgram(frequencies(count_pairs(merges, words, 250)))
    first.solve(0, 250, 0.01)
    upper_case = (words.text[words.offsets[:-1]] < ord("a"))[words.entry_words()]
    table = frequencies(count_pairs(merges, words, 250, np.where(upper_case, 0, words.count)[:, None]))
    assert (~table.possible).sum() > 10
    warm = MixtureProgram(table)
    warm.start_from(first)
    found = warm.solve(0, 250, 0.02)
    exact = MixtureProgram(table).solve(0, 250, 0.0)
    assert found.lower_bound <= exact.objective * (1 + 1e-6)
    assert found.objective <= exact.objective * 1.03


@pytest.mark.parametrize(("missing", "alarmed"), [(0.0, False), (0.1, True), (0.7, True), (0.9, True)])
def test_the_alarm_speaks_however_much_is_missing(missing, alarmed):
    a, b, gone = (
        zipf_words(b"abcdefghijkl", 900, 1),
        zipf_words(b"ghijklmnop", 900, 2),
        zipf_words(b"XYZWVU", 900, 3),
    )
    shares = np.array([0.6 * (1 - missing), 0.4 * (1 - missing), missing])
    training = {"a": a, "b": b} | ({"gone": gone} if missing else {})
    merges, _ = train_mixture(table_of(training), shares[: len(training)], 400)
    mixture = infer_mixture(merges, table_of({"a": a, "b": b}), use=len(merges))
    assert (mixture.alarm is not None) == alarmed


def test_merges_that_occur_nowhere_are_not_expected_by_chance():
    counts = np.where(np.arange(400) % 4 == 0, 900.0, 0.0)
    assert rare_merges(counts).sum() == 300
    assert expected_rare(counts) < 1
    silent = Fit(400, 0, 0, 0.0, 0, (), 0.2)
    assert silent.sentence is None
