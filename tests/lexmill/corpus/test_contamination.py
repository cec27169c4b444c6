"""Evaluation text in documents, by shared n-grams."""

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from lexmill.corpus.contamination import matches, ngram_set
from lexmill.corpus.words import Words, split_words


def words_of(*texts: str) -> Words:
    return split_words(pa.array(texts, pa.string()))


def plain_ngrams(text: str, n: int) -> set[tuple[str, ...]]:
    words = text.lower().split()
    return {tuple(words[i : i + n]) for i in range(len(words) - n + 1)}


SENTENCES = st.lists(st.sampled_from(["a", "B", "b", "12", "34", "ccc"]), max_size=15).map(" ".join)


@settings(max_examples=150, deadline=None)
@given(st.lists(SENTENCES, max_size=4), st.lists(SENTENCES, min_size=1, max_size=5), st.integers(1, 5))
def test_matches_are_those_of_the_twin(evaluation: list[str], texts: list[str], n: int) -> None:
    grams = ngram_set([words_of(*evaluation[:2]), words_of(*evaluation[2:])], n)
    known = set().union(*(plain_ngrams(text, n) for text in evaluation))
    assert len(grams) == len(known)
    assert np.array_equal(grams, np.unique(grams))
    found = matches(words_of(*texts), grams, n)
    assert found.dtype == np.int32
    assert found.tolist() == [len(plain_ngrams(text, n) & known) for text in texts]


def test_case_and_punctuation_are_passed_over_but_numbers_count() -> None:
    grams = ngram_set([words_of("The answer, of course, is 42 apples!")], 5)
    found = matches(
        words_of("the ANSWER of course is 42 apples", "the answer of course is 43 apples", ""), grams, 5
    )
    assert found.tolist() == [3, 1, 0]


def test_rows_of_symbols_or_zeros_do_not_match_one_another() -> None:
    grams = ngram_set([words_of("- " * 40, "1 2 3 4 5 6")], 5)
    assert len(grams) == 2
    assert matches(words_of("- " * 40, "7 8 9 7 8 9"), grams, 5).tolist() == [0, 0]


def test_a_set_of_a_million_hashes_is_searched_exactly() -> None:
    words = words_of(*(f"{chr(97 + i % 26)} {chr(97 + i // 26)} x y z" for i in range(600)))
    own = ngram_set([words], 5)
    noise = np.random.default_rng(0).integers(0, 2**64, 1_000_000, dtype=np.uint64)
    assert matches(words, np.unique(np.concatenate([own, noise])), 5).tolist() == [1] * 600
    assert matches(words, np.setdiff1d(noise, own), 5).tolist() == [0] * 600
    assert matches(words, own[:0], 5).tolist() == [0] * 600
