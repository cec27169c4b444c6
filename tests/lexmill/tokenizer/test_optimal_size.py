"""Vocabulary sizes at which languages take equally many tokens."""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc
import pytest

from lexmill.tokenizer.bpe import train_bpe
from lexmill.tokenizer.counts import count_words
from lexmill.tokenizer.encode import MergeRules
from lexmill.tokenizer.optimal_size import fit_curve, optimal_sizes, solve_curve, tokens_with
from lexmill.tokenizer.params import TrainerSpec
from lexmill.tokenizer.parity import gini
from lexmill.tokenizer.vessels import merges_vessel
from lexmill.tokenizer.words import held_out_words, training_words
from tests.lexmill.tokenizer.texts import SENTENCES, document_batch

LANGUAGES = ("eng_Latn", "fra_Latn", "rus_Cyrl", "tur_Latn", "ell_Grek", "hin_Deva")
SPEC = TrainerSpec(name="x", vocab_size=300)
SIZES = (270, 280, 290, 300, 320)


def counts_of(languages=LANGUAGES):
    rows = [(SENTENCES[label], label, "flores", split) for label in languages for split in ("train", "valid")]
    return count_words([document_batch(rows)], "gpt4o").counts


def test_each_language_gets_the_smallest_size_that_reaches_the_target():
    counts = counts_of()
    table = optimal_sizes(counts, SPEC, ("flores",), SIZES)
    rows = {row["language"]: row for row in table.to_pylist()}
    assert sorted(rows) == sorted(LANGUAGES)
    tokens = np.array([row["tokens"] for row in rows.values()])
    at_one_size = np.array([row["measured"][-1]["tokens"] for row in rows.values()])
    assert gini(tokens) < 0.3 * gini(at_one_size)
    for label, row in rows.items():
        assert row["reached"] == "measured"
        only = TrainerSpec(name="x", vocab_size=300, languages=(label,))
        words = training_words(counts, only)
        held = held_out_words(counts.filter(pc.equal(counts["language"], label)), ("flores",))
        merges = train_bpe(words.words, words.counts, 64)
        exact = [
            tokens_with(merges, size - 256, held.words, held.counts)
            for size in (row["size"] - 1, row["size"])
        ]
        assert exact[1] == row["tokens"] <= row["target"] < exact[0]


def test_a_reference_language_sets_the_target():
    rows = optimal_sizes(counts_of(), SPEC, ("flores",), SIZES, reference=("eng_Latn", 280)).to_pylist()
    english = next(row for row in rows if row["language"] == "eng_Latn")
    assert english["size"] <= 280
    assert english["tokens"] == english["target"]


def test_sizes_beyond_the_measured_ones_follow_the_curve():
    rows = optimal_sizes(counts_of(), SPEC, ("flores",), (270, 275, 280), target=60).to_pylist()
    assert {row["reached"] for row in rows} >= {"extrapolated"}
    for row in rows:
        if row["reached"] == "extrapolated":
            assert row["floor"] + row["amount"] * row["size"] ** -row["decay"] <= 60 * 1.001
            assert row["size"] > 280
    few = optimal_sizes(counts_of(), SPEC, ("flores",), (270, 300, 900), target=1.0).to_pylist()
    assert {(row["reached"], row["size"]) for row in few} == {("exhausted", None)}


def test_tokens_are_those_of_the_encoder():
    counts = counts_of(("eng_Latn",))
    words = training_words(counts, SPEC)
    merges = train_bpe(words.words, words.counts, 30)
    pairs = list(zip(merges.left.tolist(), merges.right.tolist(), strict=True))
    tokenizer = merges_vessel(SPEC, merges.token_bytes(), pairs)
    lengths = MergeRules(tokenizer).lengths(words.words)
    assert tokens_with(merges, 30, words.words, words.counts) == int(lengths @ words.counts)


def test_a_power_law_is_found_again():
    sizes = [512, 1024, 2048, 4096, 8192]
    floor, amount, decay, error = fit_curve([(size, round(1e6 + 4e7 * size**-0.5)) for size in sizes])
    assert (floor, amount, decay) == (
        pytest.approx(1e6, rel=0.01),
        pytest.approx(4e7, rel=0.01),
        pytest.approx(0.5, rel=0.01),
    )
    assert error < 1e-4
    assert solve_curve(1e6, 4e7, 0.5, 1.5e6, 1000) == 6400
    assert solve_curve(1e6, 4e7, 0.5, 1.5e6, 8000) == 8000
    assert solve_curve(1e6, 4e7, 0.5, 1.5e6, 300) is None
    assert solve_curve(1e6, 4e7, 0.5, 1e6, 8000) is None


def test_impossible_questions_are_refused():
    counts = counts_of()
    for options, message in [
        ({"sizes": (300, 400)}, "at least three"),
        ({"sizes": (100, 300, 400)}, "from 257"),
        ({"target": 5.0, "reference": ("eng_Latn", 300)}, "exclude each other"),
        ({"reference": ("xyz_Latn", 300)}, "reference xyz_Latn is not a language"),
        ({"reference": ("eng_Latn", 30)}, "smaller than the 256 bytes"),
        ({"target": 0.0}, "must be positive"),
    ]:
        with pytest.raises(ValueError, match=message):
            optimal_sizes(counts, SPEC, ("flores",), **{"sizes": SIZES, **options})
    no_valid = counts.filter(
        pc.or_(pc.equal(counts["split"], "train"), pc.equal(counts["language"], "eng_Latn"))
    )
    with pytest.raises(ValueError, match="development_domains have no words of split `valid` in ell_Grek"):
        optimal_sizes(no_valid, SPEC, ("flores",), SIZES)
