from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import normalizers

from lexmill.evaluation.models import (
    Estimate,
    LossyTokenizerError,
    Scores,
    bits_per_byte,
    bits_per_byte_difference,
    cut_windows,
    encode_losslessly,
    generate,
    score_documents,
    total_bits_per_byte,
)
from lexmill.training.llama import Llama
from lexmill.training.vocabulary import END_OF_TEXT, make_vocabulary
from tests.lexmill.training.tiny import TINY, sentences, train_tokenizer, vocabulary

WORDS = vocabulary(sentences("eng_Latn"), 320)
TEXTS = [" ".join(sentences("eng_Latn")[i : i + n]) for i, n in ((0, 1), (3, 2), (9, 9), (30, 4), (50, 1))]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Tiny models are fastest on one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def model(seed: int = 1) -> Llama:
    made = Llama(TINY, 320, seed=seed)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(seed)) * 0.2)
    return made


def brute_force(llama: Llama, tokens: list[int], window: int) -> float:
    """Token by token: the cost of each, given exactly the context that its window gives it."""
    sequence = [WORDS.separator, *tokens]
    stride = window // 2
    total = 0.0
    for position in range(len(tokens)):  # predicts sequence[position + 1]
        start = 0 if position < window else (position - window) // stride * stride + stride
        logits = llama(torch.tensor([sequence[start : position + 1]]))[0, -1]
        total -= float(logits.log_softmax(dim=0)[sequence[position + 1]])
    return total


@pytest.mark.parametrize("window", [64, 16, 10])
def test_windows_add_up_to_a_token_by_token_pass(window: int) -> None:
    llama = model()
    scores = score_documents(llama, WORDS, TEXTS, window)
    encoded = [WORDS.tokenizer.encode(text).ids for text in TEXTS]
    assert max(map(len, encoded)) > window  # some document needs several windows
    with torch.no_grad():
        expected = [brute_force(llama, tokens, window) for tokens in encoded]
    np.testing.assert_allclose(scores.nats, expected, rtol=1e-4)
    assert scores.tokens.tolist() == [len(tokens) for tokens in encoded]
    assert scores.bytes.tolist() == [len(text.encode()) for text in TEXTS]


@given(st.lists(st.integers(0, 40), max_size=5), st.integers(2, 12))
def test_every_token_is_scored_once_and_windows_are_short(lengths: list[int], length: int) -> None:
    documents = [[100 * d + i for i in range(n)] for d, n in enumerate(lengths)]
    windows = cut_windows(documents, -1, length)
    scored = [token for w in windows for token in w.targets[len(w.targets) - w.scored :]]
    assert scored == [token for document in documents for token in document]
    for window in windows:
        assert len(window.inputs) == len(window.targets) <= length
        context = len(window.inputs) - window.scored + 1
        assert window.inputs[0] == -1 or context >= min(length // 2, length - 1)


def test_batches_do_not_change_the_score() -> None:
    llama = model()
    together = score_documents(llama, WORDS, TEXTS * 40, 16).nats
    alone = [score_documents(llama, WORDS, [text], 16).nats[0] for text in TEXTS]
    np.testing.assert_allclose(together, alone * 40, rtol=1e-5)


def test_a_uniform_model_costs_log_vocabulary_a_token() -> None:
    llama = model()
    with torch.no_grad():
        llama.model.embed_tokens.weight.zero_()
    scores = score_documents(llama, WORDS, TEXTS, 16)
    expected = math.log2(320) * scores.tokens.sum() / scores.bytes.sum()
    assert total_bits_per_byte(scores) == pytest.approx(expected, rel=1e-6)


def test_a_tokenizer_that_changes_the_text_is_refused() -> None:
    tokenizer = train_tokenizer(sentences("fra_Latn"), 300)
    tokenizer.normalizer = normalizers.NFC()
    changing = make_vocabulary(tokenizer, {})
    assert encode_losslessly(changing, ["été"])
    with pytest.raises(LossyTokenizerError, match=r"spells 5 bytes for the 7 of .* the first 0 right"):
        encode_losslessly(changing, ["e\u0301te\u0301"])


def test_a_tokenizer_that_keeps_only_the_length_is_refused() -> None:
    tokenizer = train_tokenizer(sentences("fra_Latn"), 300)
    tokenizer.normalizer = normalizers.Lowercase()
    with pytest.raises(
        LossyTokenizerError, match="spells 9 bytes for the 9 of 'la Rivage', the first 3 right"
    ):
        encode_losslessly(make_vocabulary(tokenizer, {}), ["la rivage", "la Rivage"])


def test_text_that_spells_a_special_token_is_scored() -> None:
    (tokens,) = encode_losslessly(WORDS, [f"use {END_OF_TEXT} here"])
    assert WORDS.separator not in tokens


def test_one_document_has_no_interval() -> None:
    one = np.array([80])
    estimate = bits_per_byte(Scores(one * math.log(2), one, one * 2))
    assert estimate == Estimate(pytest.approx(0.5), None, None, None)


def test_the_interval_covers_a_known_ratio() -> None:
    rng = np.random.default_rng(0)
    hits = 0
    for trial in range(60):
        size = rng.integers(50, 500, 150)
        nats = size * math.log(2) * rng.gamma(20, 0.1, 150)  # mean ratio 2.0
        estimate = bits_per_byte(Scores(nats, size, size), seed=trial)
        hits += estimate.lower <= 2.0 <= estimate.upper
        assert estimate.lower < estimate.value < estimate.upper
        assert (estimate.upper - estimate.lower) / 2 == pytest.approx(1.96 * estimate.standard_error, rel=0.2)
    assert hits >= 52


def test_a_paired_difference_is_sharper_than_two_intervals() -> None:
    rng = np.random.default_rng(0)
    size = rng.integers(50, 500, 200)
    nats = size * rng.gamma(4, 0.4, 200)
    first, second = Scores(nats, size, size), Scores(nats * 0.99, size, size)
    difference = bits_per_byte_difference(second, first)
    assert difference.upper < 0
    assert difference.value == pytest.approx(-0.01 * total_bits_per_byte(first))
    assert difference.standard_error < 0.1 * bits_per_byte(first).standard_error
    with pytest.raises(ValueError, match="same documents"):
        bits_per_byte_difference(first, Scores(nats[:9], size[:9], size[:9]))


def test_generation_is_seeded_and_stops_at_the_longest_context() -> None:
    llama = model()
    first = generate(llama, WORDS, "The river", 20, seed=1)
    assert (
        first == generate(llama, WORDS, "The river", 20, seed=1) != generate(llama, WORDS, "The river", 20, 2)
    )
    generate(llama, WORDS, "The river " * 8, 500, seed=1)  # must not pass max_position_embeddings
