"""The label of an export is measured: equal files agree wholly, one different word is found, shares are shares."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from tokenizers import Tokenizer

from lexmill.tokenizer import label
from lexmill.tokenizer.encoders.fast import FileEncoder
from lexmill.tokenizer.encoders.merges import MergeEncoder
from lexmill.tokenizer.encoders.vocabulary import VocabularyEncoder
from lexmill.tokenizer.label import measure_agreement
from lexmill.tokenizer.load import model_bytes
from lexmill.tokenizer.specs.bpe import BpeSpec
from lexmill.tokenizer.vessels import fewest_tokens_vessel, longest_prefix_vessel
from tests.lexmill.tokenizer.test_encode import byte_bpe
from tests.lexmill.tokenizer.texts import SENTENCES, real_texts, reference_tokenizer, word_counts_of

MERGES = [(b"a", b"b"), (b"ab", b"c"), (b"b", b"c")]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return reference_tokenizer(real_texts(), "gpt4o", 2000)


@pytest.fixture(scope="module")
def words():
    return word_counts_of(real_texts()[:25], "gpt4o")


def small(merges) -> tuple[MergeEncoder, Tokenizer]:
    tokenizer = byte_bpe([b"ab", b"abc", b"bc"], merges)
    tokenizer.pre_tokenizer = reference_tokenizer(["a"], "gpt4o", 256).pre_tokenizer
    return MergeEncoder(tokenizer, "gpt4o"), tokenizer


def test_a_file_agrees_with_its_own_encoder(tokenizer, words):
    found = measure_agreement(MergeEncoder(tokenizer, "gpt4o"), tokenizer, *words)
    assert found.identical
    assert found == (len(words[0]), 64, 1.0, 1.0, 1.0)


def test_shares_are_of_occurrences():
    exact, _ = small(MERGES)
    _, other = small([MERGES[2], MERGES[0]])  # abc: a|bc instead of abc
    words = pa.array([b"abc", b"ab", b"xy", b"abc"], pa.binary())
    found = measure_agreement(exact, other, words, np.array([1, 5, 4, 2]), texts=["abc", "ab xy"])
    assert found.words == 3
    assert found.agreement == 9 / 12
    assert found.token_ratio == (3 * 2 + 5 + 8) / (3 + 5 + 8)
    assert found.text_agreement == 4 / 5  # ab, space, x, y of abc, ab, space, x, y
    assert not found.identical


def test_one_different_word_of_many_is_found(tokenizer, words):
    spec = json.loads(tokenizer.to_str())
    spec["model"]["merges"].pop()
    other = Tokenizer.from_str(json.dumps(spec))
    found = measure_agreement(MergeEncoder(tokenizer, "gpt4o"), other, *word_counts_of(real_texts(), "gpt4o"))
    assert 0.99 < found.agreement < 1
    assert found.token_ratio > 1


def test_a_file_that_cuts_elsewhere_is_found(tokenizer, words):
    found = measure_agreement(MergeEncoder(tokenizer, "gpt2"), tokenizer, *words)
    assert found.agreement == 1
    assert found.text_agreement < 1
    assert not found.identical


def test_encoders_of_texts_are_compared_on_texts(tokenizer, words):
    fewest = fewest_tokens_vessel(BpeSpec(name="t", vocab_size=2000), model_bytes(tokenizer))
    texts = list(SENTENCES.values())
    same = measure_agreement(FileEncoder(tokenizer), tokenizer, *words, texts=texts)
    assert same == (0, len(texts), 1.0, 1.0, 1.0)
    other = measure_agreement(FileEncoder(fewest), tokenizer, *words, texts=texts)
    by_words = VocabularyEncoder(model_bytes(tokenizer), "fewest_tokens", "gpt4o")
    expected = measure_agreement(by_words, tokenizer, *words, texts=texts)
    assert other.agreement == other.text_agreement == expected.text_agreement
    assert 0.5 < other.agreement < 1
    assert other.token_ratio == sum(len(tokenizer.encode(text).ids) for text in texts) / sum(
        len(fewest.encode(text).ids) for text in texts
    )


def test_a_sample_stands_for_the_rest_and_is_always_the_same(tokenizer, monkeypatch):
    words, counts = word_counts_of(real_texts(), "gpt4o")
    encoder = VocabularyEncoder(model_bytes(tokenizer), "fewest_tokens", "gpt4o")
    whole = measure_agreement(encoder, tokenizer, words, counts)
    monkeypatch.setattr(label, "MAX_WORDS", 2000)
    found = measure_agreement(encoder, tokenizer, words, counts)
    assert found.words == 2000
    assert found.agreement == pytest.approx(whole.agreement, abs=0.02)
    assert found == measure_agreement(encoder, tokenizer, words, counts)


def test_long_words_are_left_out_and_nothing_at_all_is_refused(tokenizer):
    encoder = MergeEncoder(tokenizer, "gpt4o")
    words = pa.array([b"x" * 5000, b"mill"], pa.binary())
    assert measure_agreement(encoder, tokenizer, words, np.array([1, 1])).words == 1
    with pytest.raises(ValueError, match="no held-out words"):
        measure_agreement(encoder, tokenizer, words[:1], np.array([1]))


def test_a_wordpiece_file_does_not_get_texts_with_long_words():
    tokens = [bytes([byte]) for byte in range(256)] + [b"ab"]
    tokenizer = longest_prefix_vessel(BpeSpec(name="t", vocab_size=257), tokens)
    encoder = VocabularyEncoder(tokens, "longest_prefix", "gpt4o")
    words, texts = pa.array([b"abc"], pa.binary()), ["ab ab", "b" + "ab" * 50_000, "x"]
    found = measure_agreement(encoder, tokenizer, words, np.array([1]), texts)
    assert (found.texts, found.identical) == (2, True)
    assert measure_agreement(encoder, tokenizer, words, np.array([1]), texts[1:2]).texts == 0
