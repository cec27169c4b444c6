"""Tokenizer measures equal a plain recount with `tokenizers` itself; fairness measures have known values."""

from __future__ import annotations

import functools

import pyarrow as pa
import pytest
from pydantic import ValidationError

from lexmill.evaluation.parallel import gini, parallel_lengths, premium
from lexmill.evaluation.params import EvaluationParams
from lexmill.evaluation.segment import has_words, words_of
from lexmill.evaluation.tokenizers import (
    RESULT_SCHEMA,
    Measured,
    document_lengths,
    evaluate_parallel,
    evaluate_tokenizer,
)
from lexmill.tokenizer.encoders.fast import FileEncoder
from lexmill.tokenizer.encoders.merges import MergeEncoder
from tests.lexmill.tokenizer.texts import SENTENCES, python_sources, reference_tokenizer

LANGUAGES = ("eng_Latn", "deu_Latn", "rus_Cyrl", "hin_Deva", "zho_Hans")


@pytest.fixture(scope="module")
def measured():
    return Measured("t", MergeEncoder(reference(), "gpt4o"), 1200)


@functools.cache
def reference():
    """The same tokenizer in `tokenizers` itself."""
    return reference_tokenizer([*SENTENCES.values(), python_sources()[0]], "gpt4o", 1200)


@pytest.fixture(scope="module")
def documents():
    rows = [
        {"text": SENTENCES[language] * times, "language": language, "domain": domain, "group": f"g{times}"}
        for language in LANGUAGES
        for times, domain in ((1, "news"), (2, "web"))
    ]
    return pa.Table.from_pylist(rows)


def value(rows, metric, language="all", domain="all"):
    (row,) = [r for r in rows if (r["metric"], r["language"], r["domain"]) == (metric, language, domain)]
    return row["value"]


def test_ratios_equal_a_recount(measured, documents):
    rows = evaluate_tokenizer(measured, documents)
    pa.Table.from_pylist(rows, RESULT_SCHEMA)
    encode = reference().encode
    for language in LANGUAGES:
        texts = [SENTENCES[language], SENTENCES[language] * 2]
        ids = [index for text in texts for index in encode(text).ids]
        assert value(rows, "tokens", language) == len(ids)
        assert value(rows, "bytes_per_token", language) == sum(len(t.encode()) for t in texts) / len(ids)
        assert value(rows, "characters_per_token", language) == sum(map(len, texts)) / len(ids)
        assert value(rows, "vocabulary_utilisation", language) == len(set(ids)) / 1200
        if has_words(language):
            words = [word for text in texts for word in words_of(text)]
            kept = sum(len(encode(" " + word).ids) == 1 for word in words)
            assert value(rows, "fertility", language) == len(ids) / len(words)
            assert value(rows, "single_token_retention", language) == kept / len(words)
            assert kept < len(words)
            assert kept or language != "eng_Latn"


def test_any_encoder_of_texts_gives_the_same_figures(measured, documents):
    other = Measured("t", FileEncoder(reference()), 1200)
    assert evaluate_tokenizer(other, documents) == evaluate_tokenizer(measured, documents)
    assert evaluate_parallel(other, documents, "eng_Latn") == evaluate_parallel(
        measured, documents, "eng_Latn"
    )


def test_figures_do_not_depend_on_how_many_texts_are_encoded_at_a_time(measured, documents, monkeypatch):
    expected = evaluate_tokenizer(measured, documents)
    monkeypatch.setattr("lexmill.evaluation.tokenizers._BATCH", 50)
    assert evaluate_tokenizer(measured, documents) == expected


def test_domains_and_the_whole_are_sums_not_means(measured, documents):
    rows = evaluate_tokenizer(measured, documents)
    size = sum(len(text.encode()) for text in documents["text"].to_pylist())
    assert value(rows, "bytes_per_token") == size / value(rows, "tokens")
    assert value(rows, "tokens", "deu_Latn") == sum(
        value(rows, "tokens", "deu_Latn", domain) for domain in ("news", "web")
    )


def test_scripts_without_word_boundaries_have_no_fertility(measured, documents):
    rows = evaluate_tokenizer(measured, documents)
    chinese = {row["metric"] for row in rows if row["language"] == "zho_Hans"}
    assert not chinese & {"fertility", "single_token_retention"}
    words = sum(len(words_of(SENTENCES[language])) * 3 for language in LANGUAGES if has_words(language))
    tokens = sum(value(rows, "tokens", language) for language in LANGUAGES if has_words(language))
    assert value(rows, "fertility") == tokens / words


def test_words_keep_inner_apostrophes_and_hyphens():
    assert words_of("It's a well-known «œuvre», 42 x") == ["It's", "a", "well-known", "œuvre", "42", "x"]


def test_document_lengths_equal_encoding(measured):
    texts = list(SENTENCES.values())
    assert document_lengths(measured, texts) == [len(reference().encode(text).ids) for text in texts]
    assert document_lengths(measured, ["", "a"]) == [0, 1]


def test_premium_is_a_ratio_of_sums_over_common_groups(measured, documents):
    rows, groups = evaluate_parallel(measured, documents, "eng_Latn")
    length = {language: len(reference().encode(SENTENCES[language]).ids) for language in LANGUAGES}
    twice = {language: len(reference().encode(SENTENCES[language] * 2).ids) for language in LANGUAGES}
    expected = (length["hin_Deva"] + twice["hin_Deva"]) / (length["eng_Latn"] + twice["eng_Latn"])
    assert value(rows, "premium", "hin_Deva") == expected
    assert groups == dict.fromkeys(sorted(set(LANGUAGES) - {"eng_Latn"}), 2)
    premiums = [row["value"] for row in rows if row["metric"] == "premium"]
    assert value(rows, "premium_gini") == pytest.approx(gini([1.0, *premiums]))
    assert evaluate_parallel(measured, documents, "fra_Latn") == ([], {})


def test_groups_with_two_documents_of_a_language_are_left_out():
    lengths = parallel_lengths(
        ["a", "a", "a", "b", "b", None], ["x", "x", "y", "x", "y", "x"], [1, 2, 3, 4, 0, 9]
    )
    assert lengths == {"x": {"b": 4}, "y": {"a": 3}}


def test_interval_covers_the_value_and_shrinks_with_more_groups():
    few = premium({str(i): 10 + i % 7 for i in range(10)}, {str(i): 5 + i % 3 for i in range(10)})
    many = premium({str(i): 10 + i % 7 for i in range(1000)}, {str(i): 5 + i % 3 for i in range(1000)})
    assert few.lower <= few.value <= few.upper
    assert many.upper - many.lower < few.upper - few.lower
    assert premium({str(i): 6 for i in range(9)}, {str(i): 3 for i in range(9)}) == (2.0, 2.0, 2.0)
    assert premium({"a": 1}, {"b": 1}) is None
    assert premium({"a": 3}, {"a": 2, "b": 1}) == (1.5, None, None)


@pytest.mark.parametrize(
    ("costs", "expected"),
    [([1, 1, 1], 0), ([1, 1, 2], 1 / 6), ([4, 1, 2], 2 / 7), ([1, 10], 9 / 22)],
)
def test_gini_has_its_known_values(costs, expected):
    assert gini(costs) == pytest.approx(expected)


def test_gini_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one cost"):
        gini([])


def test_parameters_refuse_unknown_splits():
    assert EvaluationParams().splits == ("valid", "test")
    for splits in ((), ("valid", "valid"), ("dev",)):
        with pytest.raises(ValidationError):
            EvaluationParams(splits=splits)
