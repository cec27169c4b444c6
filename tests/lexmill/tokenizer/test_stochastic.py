"""Stochastic encoding: the distribution of the papers, the text unharmed, the same for a seed in any order."""

from __future__ import annotations

import random
import time
from collections import Counter
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexmill.tokenizer.encode import MergeRules
from lexmill.tokenizer.encoders.merges import DropoutEncoder, MergeEncoder
from lexmill.tokenizer.load import model_bytes
from lexmill.tokenizer.stochastic import encode_with_dropout, splits_of, stochastok, text_key, word_streams
from tests.lexmill.tokenizer.test_encode import byte_bpe, random_merges
from tests.lexmill.tokenizer.texts import SENTENCES, real_texts, reference_tokenizer

MASK = (1 << 64) - 1
MERGES = [(b"a", b"b"), (b"b", b"a"), (b"ab", b"ab"), (b"aba", b"b"), (b"ab", b"a")]


def mixed(counter: int) -> int:
    """Plain twin of `random_kernel.mixed`."""
    z = (counter + 1) * 0x9E3779B97F4A7C15 & MASK
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
    return z ^ (z >> 31)


def dropped(word: bytes, merges: list[tuple[bytes, bytes]], dropout: float, stream: int) -> list[bytes]:
    """Plain twin: before every merge, places in the order of (rank, place), each left out by chance."""
    rank = {pair: index for index, pair in reversed(list(enumerate(merges)))}
    parts = [word[place : place + 1] for place in range(len(word))]
    draw = 0
    while True:
        places = sorted((rank[pair], place) for place, pair in enumerate(pairwise(parts)) if pair in rank)
        for _, place in places:
            draw += 1
            if (mixed((stream + draw) & MASK) >> 11) / 2**53 >= dropout:
                parts[place : place + 2] = [parts[place] + parts[place + 1]]
                break
        else:
            return parts


def dropped_as_in_the_paper(word: bytes, dropout: float, rng: random.Random) -> tuple[bytes, ...]:
    """Algorithm 1: every possible merge is removed with probability p, then the best one left is applied."""
    rank = {pair: index for index, pair in enumerate(MERGES)}
    parts = [word[place : place + 1] for place in range(len(word))]
    while True:
        places = [
            (rank[pair], place)
            for place, pair in enumerate(pairwise(parts))
            if pair in rank and rng.random() >= dropout
        ]
        if not places:
            return tuple(parts)
        place = min(places)[1]
        parts[place : place + 2] = [parts[place] + parts[place + 1]]


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    st.integers(0, 10**6),
    st.lists(st.text("abc", max_size=80), min_size=1, max_size=4),
    st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]),
    st.integers(0, MASK),
)
def test_dropout_equals_its_plain_twin(seed, texts, dropout, key):
    merges = random_merges(seed, 30)
    tokenizer = byte_bpe([left + right for left, right in merges], merges)
    tokens = model_bytes(tokenizer)
    words = [text.encode() for text in texts]
    ids, bounds = encode_with_dropout(MergeRules(tokenizer), pa.array(words, pa.binary()), dropout, key)
    for index, word in enumerate(words):
        expected = dropped(word, merges, dropout, mixed((key + index) & MASK))
        assert [tokens[own] for own in ids[bounds[index] : bounds[index + 1]].tolist()] == expected


def test_dropout_has_the_distribution_of_the_paper():
    word, times = b"abababba", 20_000
    tokenizer = byte_bpe([left + right for left, right in MERGES], MERGES)
    tokens = model_bytes(tokenizer)
    ids, bounds = encode_with_dropout(MergeRules(tokenizer), pa.array([word] * times, pa.binary()), 0.4, 7)
    flat, ends = ids.tolist(), bounds.tolist()
    ours = Counter(tuple(tokens[own] for own in flat[start:end]) for start, end in pairwise(ends))
    rng = random.Random(1)
    paper = Counter(dropped_as_in_the_paper(word, 0.4, rng) for _ in range(times))
    assert len(paper) > 20
    for outcome, number in paper.items():
        assert abs(ours[outcome] - number) < 5 * (2 * number) ** 0.5 + 10, outcome


def test_dropout_of_nothing_is_merging_and_of_everything_is_bytes():
    texts = real_texts()[:25]
    tokenizer = reference_tokenizer(texts, "gpt4o", 1500)
    plain = MergeEncoder(tokenizer, "gpt4o")
    none, all_ = (DropoutEncoder(tokenizer, "gpt4o", dropout=p) for p in (0.0, 1.0))
    assert none.encode_batch(texts)[0].tolist() == plain.encode_batch(texts)[0].tolist()
    assert len(all_.encode_batch(texts)[0]) == sum(len(text.encode()) for text in texts)
    tenth = DropoutEncoder(tokenizer, "gpt4o", dropout=0.1)
    lengths = [len(encoder.encode_batch(texts)[0]) for encoder in (none, tenth, all_)]
    assert lengths == sorted(set(lengths))


def test_dropout_depends_on_the_seed_and_the_text_alone():
    texts = list(SENTENCES.values())
    tokenizer = reference_tokenizer(texts, "gpt4o", 1000)
    encoder = DropoutEncoder(tokenizer, "gpt4o", dropout=0.2, seed=5)
    alone = [encoder.encode(text) for text in texts]
    ids, bounds = encoder.encode_batch(texts[::-1])
    assert alone[::-1] == [ids[bounds[row] : bounds[row + 1]].tolist() for row in range(len(texts))]
    other = DropoutEncoder(tokenizer, "gpt4o", dropout=0.2, seed=6)
    assert [other.encode(text) for text in texts] != alone
    many = encoder.encode("mill " * 50)
    once = encoder.encode("mill ")
    assert many != once * 50  # each occurrence is cut on its own
    with pytest.raises(ValueError, match="dropout must be between 0 and 1"):
        DropoutEncoder(tokenizer, "gpt4o", dropout=1.5)
    with pytest.raises(ValueError, match="dropout must be between 0 and 1"):
        encode_with_dropout(MergeRules(tokenizer), pa.array([b"a"]), -0.1, 0)


def test_dropout_of_a_megabyte_takes_no_time():
    tokenizer = reference_tokenizer(real_texts(), "gpt4o", 1500)
    text = "".join(real_texts()).encode()[:1_000_000]
    tokens = model_bytes(tokenizer)
    started = time.process_time()
    ids, _ = encode_with_dropout(MergeRules(tokenizer), pa.array([text], pa.binary()), 0.9, 0)
    assert time.process_time() - started < 10
    assert b"".join(tokens[own] for own in ids.tolist()) == text


def test_streams_are_of_the_document_and_the_place():
    streams = word_streams([3, 9], np.array([0, 2, 5], np.int64))
    assert streams.tolist() == [mixed(3), mixed(4), mixed(9), mixed(10), mixed(11)]
    assert text_key(b"a", 0) != text_key(b"a", 1)
    assert text_key(b"a", 0) == 0xE6C632B61E964E1F  # XXH3-64 of "a"


TOKENS = [b"a", b"b", None, b"ab", b"aab", b"aa", b"", b"ba", b"aaab"]


def test_splits_are_all_pairs_of_the_vocabulary():
    splits = splits_of(TOKENS)
    found = {
        token: [
            (TOKENS[splits.left[way]], TOKENS[splits.right[way]])
            for way in range(splits.offsets[index], splits.offsets[index + 1])
        ]
        for index, token in enumerate(TOKENS)
        if token
    }
    assert found == {
        b"a": [],
        b"b": [],
        b"ab": [(b"a", b"b")],
        b"aab": [(b"a", b"ab"), (b"aa", b"b")],
        b"aa": [(b"a", b"a")],
        b"ba": [(b"b", b"a")],
        b"aaab": [(b"a", b"aab"), (b"aa", b"ab")],
    }


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    st.lists(st.sampled_from([0, 1, 3, 4, 5, 7, 8]), max_size=40),
    st.sampled_from([0.0, 0.1, 1.0, 3.0]),
    st.integers(0, MASK),
)
def test_stochastok_spells_the_same_text_and_equals_its_plain_twin(ids, proportion, key):
    splits = splits_of(TOKENS)
    out = stochastok(ids, splits, proportion, key)
    assert b"".join(TOKENS[own] for own in out.tolist()) == b"".join(TOKENS[own] for own in ids)
    assert len(out) <= len(ids) + int(len(ids) * proportion)
    parts = [(own, None) for own in ids]  # the twin keeps tokens by age, and links them
    following = list(range(1, len(ids) + 1))
    for step in range(int(len(ids) * proportion)):
        place = (mixed((key + 2 * step) & MASK) >> 32) * len(parts) >> 32
        own = parts[place][0]
        ways = range(splits.offsets[own], splits.offsets[own + 1])
        if ways:
            way = ways[(mixed((key + 2 * step + 1) & MASK) >> 32) * len(ways) >> 32]
            parts[place] = (int(splits.left[way]), None)
            parts.append((int(splits.right[way]), None))
            following.append(following[place])
            following[place] = len(parts) - 1
    order, place = [], 0
    for _ in parts:
        order.append(parts[place][0])
        place = following[place]
    assert out.tolist() == order


def test_stochastok_draws_places_and_splits_evenly():
    splits = splits_of(TOKENS)
    outcomes = Counter(tuple(stochastok([8, 3], splits, 0.5, key).tolist()) for key in range(8000))
    # half of the draws split the first token, in one of two ways, the other half the second, which has one
    assert set(outcomes) == {(0, 4, 3), (5, 3, 3), (8, 0, 1)}
    assert abs(outcomes[8, 0, 1] - 4000) < 250
    assert abs(outcomes[0, 4, 3] - 2000) < 200


def test_stochastok_is_linear_and_repeats_by_seed():
    ids = np.array([8, 4, 3, 5] * 250_000, np.int32)
    splits = splits_of(TOKENS)
    started = time.process_time()
    out = stochastok(ids, splits, 0.5, 1)
    assert time.process_time() - started < 3
    assert len(out) > len(ids)
    assert out.tolist() == stochastok(ids, splits, 0.5, 1).tolist()
    assert out.tolist() != stochastok(ids, splits, 0.5, 2).tolist()


def test_stochastok_refuses_what_makes_no_sense():
    splits = splits_of(TOKENS)
    assert stochastok([], splits, 1.0, 0).tolist() == []
    with pytest.raises(ValueError, match="proportion must be"):
        stochastok([0], splits, -0.1, 0)
    with pytest.raises(ValueError, match="outside the vocabulary of 9 ids"):
        stochastok([9], splits, 0.1, 0)
