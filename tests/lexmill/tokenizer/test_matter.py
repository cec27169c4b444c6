"""MATTER: the words of terms count more, and stay whole."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from lexmill.tokenizer.algorithms import parse_spec
from lexmill.tokenizer.trainers.matter import read_terms, term_counts, word_probabilities
from tests.lexmill.tokenizer.domain_texts import assert_round_trips, counts_of, exported, learn


def spec_of(path, **options):
    return parse_spec({"algorithm": "matter", "name": "m", "vocab_size": 600, "terms": str(path), **options})


@pytest.fixture
def terms(tmp_path):
    path = tmp_path / "terms.txt"
    path.write_text("Straßenverkehrsordnung\t0.999\n\nмельница\nМельница мелет\t0.5\r\n", encoding="utf-8")
    return path


def test_a_term_becomes_one_token_that_plain_counts_split(terms):
    counts = counts_of()
    for strength, tokens in ((0.0, False), (10.0, True)):
        spec = spec_of(terms, strength=strength)
        learned = learn(spec, counts, terms=terms)
        tokenizer = exported(learned, spec)
        assert (len(tokenizer.encode(" Straßenverkehrsordnung").tokens) == 1) == tokens
        assert_round_trips(tokenizer)
    assert learned.details["terms"] == 3
    assert learned.details["term_words"] == 3  # мельница itself is only in the text with a capital


def test_counts_gain_strength_times_the_odds():
    words = pa.array([b" ge", b"ge", b"x"], pa.binary())
    found = term_counts(words, {b" ge": 0.75, b"x": 0.5, b"absent": 0.9}, 4.0, 1024)
    assert found.tolist() == [12 * 1024, 0, 4 * 1024]
    assert found.dtype == np.int64
    assert term_counts(words, {}, 4.0, 1).tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match="strength is too large"):
        term_counts(words, {b"x": 0.999999}, 1e12, 1 << 20)


def test_the_words_of_a_term_are_cut_as_the_text_is(terms):
    found = word_probabilities({"Bose-Einstein condensate": 0.6, "condensate": 0.9}, spec_of(terms))
    assert found == {b"Bose": 0.6, b" Bose": 0.6, b"-Einstein": 0.6, b" condensate": 0.9, b"condensate": 0.9}


def test_a_file_is_read_with_its_probabilities(terms):
    assert read_terms(terms, 0.99) == {
        "Straßenverkehrsordnung": 0.999,
        "мельница": 0.99,
        "Мельница мелет": 0.5,
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"ok\nsteel\t1.0\n", "terms: line 2 of t.txt has the probability '1.0'"),
        (b"steel\tmuch\n", "line 1 of t.txt has the probability 'much'"),
        (b"\n\n", "holds no term"),
        (b"st\xff\n", "not UTF-8 at byte 2"),
        (b"qqqqqq\n", "none of the 1 terms has a word in the training text"),
    ],
)
def test_bad_files_are_refused(tmp_path, content, message):
    path = tmp_path / "t.txt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        learn(spec_of(path), terms=path)
