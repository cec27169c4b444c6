"""Picky BPE equals its definition, and does what its paper says."""

from __future__ import annotations

import hashlib
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexmill.tokenizer.algorithms import parse_spec
from lexmill.tokenizer.bytelevel import ID_OF_BYTE
from lexmill.tokenizer.encoders.load import load_encoder
from lexmill.tokenizer.export import write_tokenizer
from lexmill.tokenizer.train import train_tokenizer
from lexmill.tokenizer.trainers import picky
from tests.lexmill.tokenizer.refining import (
    WORDS,
    agreement,
    assert_round_trip,
    event_encoder,
    learn,
    merged,
    real_data,
    small_data,
    words_of,
)

Rows = list[tuple[tuple[bytes, ...], tuple[bytes, ...], int]]


def plain_picky(
    words: dict[str, int], size: int, threshold: float
) -> tuple[Rows, set[bytes], list[list[bytes]]]:
    """The events (spelled), the tokens that live, and the words at the end, recounted before every step."""
    texts = [[int(ID_OF_BYTE[byte]) for byte in word.encode()] for word in words]
    counts = list(words.values())
    spelling = {int(ID_OF_BYTE[byte]): bytes([byte]) for byte in range(256)}
    ids = {data: token for token, data in spelling.items()}
    halves: dict[int, tuple[int, int]] = {}
    live = set(range(256))
    events: Rows = []

    def parts(token: int) -> list[int]:
        return [token] if token in live else [part for half in halves[token] for part in parts(half)]

    def note(source, target, uses: int) -> None:
        events.append((tuple(spelling[i] for i in source), tuple(spelling[i] for i in target), uses))

    while len(live) < size:
        pairs: Counter[tuple[int, int]] = Counter()
        for text, count in zip(texts, counts, strict=True):
            for pair in pairwise(text):
                pairs[pair] += count
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        spelled = spelling[best[0]] + spelling[best[1]]
        token = ids.setdefault(spelled, len(ids))
        spelling[token] = spelled
        halves.setdefault(token, best)
        live.add(token)
        after = [merged(text, best, [token]) for text in texts]
        done = sum(c * (len(a) - len(b)) for a, b, c in zip(texts, after, counts, strict=True))
        texts = after
        note(best, [token], done)
        for half in dict.fromkeys(best):
            left = sum(count * text.count(half) for text, count in zip(texts, counts, strict=True))
            if half >= 256 and done / (left + done * best.count(half)) > threshold:
                live.discard(half)
                into = parts(half)
                texts = [merged(text, [half], into) for text in texts]
                note([half], into, left)
    return events, {spelling[token] for token in live}, [[spelling[i] for i in text] for text in texts]


@settings(max_examples=100, deadline=None, derandomize=True)
@given(WORDS, st.integers(257, 285), st.sampled_from([0.5, 0.6, 0.75, 0.9, 1.0]))
def test_events_tokens_and_words_equal_the_definition(words, size, threshold):
    data, spec = small_data(words, algorithm="picky", vocab_size=size, threshold=threshold)
    learned = learn(data, spec)
    events, live, texts = plain_picky(words, size, threshold)
    encoder = event_encoder(learned, spec)
    table = learned.tables["events"]
    assert table["bytes"].to_pylist() == [b"".join(source) for source, _, _ in events]
    assert [len(ids) for ids in table["source"].to_pylist()] == [len(source) for source, _, _ in events]
    assert table["count"].to_pylist() == [uses for *_, uses in events]
    assert set(encoder.tokens) == live
    spelled = [[encoder.tokens[i] for i in ids] for ids in words_of(encoder, [w.encode() for w in words])]
    whole = [
        [word.encode()] if word.encode() in live else text for word, text in zip(words, texts, strict=True)
    ]
    assert spelled == whole


def test_a_restored_token_keeps_its_id():
    words = {"ab": 3, "abc": 40, "xab": 30, "yab": 20}
    data, spec = small_data(words, algorithm="picky", vocab_size=261, threshold=0.5)
    targets = [tuple(t) for t in learn(data, spec).tables["events"]["target"].to_pylist() if len(t) == 1]
    assert len(set(targets)) < len(targets)


def test_without_removals_the_merges_are_those_of_bpe():
    data, spec = real_data(algorithm="picky", vocab_size=1024, threshold=1)
    found = learn(data, spec).tables["events"]
    bpe = learn(data, parse_spec({"name": "t", "vocab_size": 1024})).tables["merges"]
    pairs = zip(bpe["left_bytes"].to_pylist(), bpe["right_bytes"].to_pylist(), strict=True)
    assert found["bytes"].to_pylist() == [a + b for a, b in pairs]


def test_on_real_text_fewer_tokens_are_rarely_used_and_the_file_agrees_mostly():
    data, spec = real_data(algorithm="picky", threshold=0.8)
    learned = train_tokenizer(data, spec)
    encoder = event_encoder(learned, spec)
    bpe = learn(data, parse_spec({"name": "t", "vocab_size": 2048}))
    assert learned.tokenizer.get_vocab_size() == 2048
    assert learned.details["removed"] > 50
    assert _rare(encoder, data) < _rare(_merges(bpe), data)
    assert agreement(learned, encoder, data) > 0.85
    assert words_of(encoder, encoder.tokens) == [
        [index] for index in range(2048)
    ]  # every token can be reached
    assert_round_trip(encoder, learned)


def test_training_is_deterministic_and_stays_what_it_is():
    data, spec = real_data(algorithm="picky", threshold=0.7)
    first, again = learn(data, spec), learn(data, spec)
    assert first.tables["events"].equals(again.tables["events"])
    assert first.tokenizer.to_str() == again.tokenizer.to_str()
    words = {"mill": 9, "miller": 7, "milling": 5, "grind": 8, "grinding": 6, "grinder": 3, "stone": 4}
    data, spec = small_data(words, algorithm="picky", vocab_size=276, threshold=0.6)
    rows = learn(data, spec).tables["events"].select(["source", "target"]).to_pylist()
    assert hashlib.sha256(repr(rows).encode()).hexdigest()[:16] == "f5cb8eedd1534116"


def test_counts_beyond_32_bits_stay_exact():
    big = 3_000_000_000
    data, spec = small_data({"ab": big, "cd": big + 1}, algorithm="picky", vocab_size=258)
    assert learn(data, spec).tables["events"]["count"].to_pylist() == [big + 1, big]


def test_a_threshold_that_removes_as_fast_as_it_makes_is_an_error(monkeypatch):
    monkeypatch.setattr(picky, "_MERGES_PER_TOKEN", 1)
    data, spec = real_data(algorithm="picky", vocab_size=512, threshold=0.3)
    with pytest.raises(
        ValueError, match=r"threshold 0\.3 removes tokens as fast as they are made \(256 merges for"
    ):
        learn(data, spec)


@pytest.mark.parametrize("algorithm", ["picky", "scaffold"])
def test_a_stored_tokenizer_opens_with_the_same_encoder(tmp_path, algorithm):
    options = {"special_tokens": ("<s>", "</s>"), "pad_to_multiple": 64, "normalizer": "NFC"}
    data, spec = real_data(algorithm=algorithm, vocab_size=700, **options)
    learned = train_tokenizer(data, spec)
    encoder = event_encoder(learned, spec)
    write_tokenizer(learned, spec, data, tmp_path)
    stored = load_encoder(tmp_path)
    assert stored.encode("  Die e\u0301te\u0301s <s>") == encoder.encode("  Die \u00e9t\u00e9s <s>")
    assert list(stored.tokens[:698]) == list(encoder.tokens)
    assert set(stored.tokens[698:]) == {b""}
    words = data.words.words.to_pylist()[:1000]
    assert words_of(stored, words) == words_of(encoder, words)


@pytest.mark.parametrize("threshold", [0, -0.5, 1.5, float("nan")])
def test_a_threshold_outside_0_to_1_is_refused(threshold):
    with pytest.raises(ValueError, match="threshold"):
        parse_spec({"name": "t", "algorithm": "picky", "vocab_size": 300, "threshold": threshold})


def test_too_little_text_is_an_error_that_says_what_to_ask_for():
    data, spec = small_data({"abc": 2}, algorithm="picky", vocab_size=300)
    with pytest.raises(ValueError, match="ask for at most"):
        train_tokenizer(data, spec)


def _merges(learned):
    from lexmill.tokenizer.encoders.merges import MergeEncoder

    return MergeEncoder(learned.tokenizer, "gpt4o")


def _rare(encoder, data) -> int:
    """Tokens, other than bytes, that occur fewer than 3 times in the training words."""
    ids, bounds = encoder.encode_words(data.words.words)
    uses = np.zeros(len(encoder.tokens), np.int64)
    np.add.at(uses, ids, np.repeat(data.words.counts, np.diff(bounds)))
    return int((uses[256:] < 3).sum())
