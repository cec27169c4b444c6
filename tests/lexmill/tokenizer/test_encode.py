"""Merge rules give the ids of `tokenizers`, for any list of merges and any length of word."""

from __future__ import annotations

import random
import time
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models

from lexmill.tokenizer.bytelevel import BYTE_OF_ID, to_alphabet
from lexmill.tokenizer.encode import MergeRules, encode_flat
from tests.lexmill.tokenizer.texts import real_texts, reference_tokenizer, word_counts_of

NONE = 10**9


def byte_bpe(tokens: list[bytes], merges: list[tuple[bytes, bytes]], **options) -> Tokenizer:
    """A BPE model of the 256 bytes, `tokens` and `merges` in the given order."""
    spelled = dict.fromkeys([*(bytes([byte]) for byte in BYTE_OF_ID.tolist()), *tokens])
    vocabulary = {to_alphabet(token): index for index, token in enumerate(spelled)}
    pairs = [(to_alphabet(left), to_alphabet(right)) for left, right in merges]
    return Tokenizer(models.BPE(vocab=vocabulary, merges=pairs, **options))


def random_merges(seed: int, number: int) -> list[tuple[bytes, bytes]]:
    """Merges over three letters, several for one string among them, in an order that no training would give."""
    rng = random.Random(seed)
    known = [b"a", b"b", b"c"]
    merges: dict[tuple[bytes, bytes], None] = {}
    for _ in range(number):
        left, right = rng.choice(known), rng.choice(known)
        if len(left + right) <= 12:
            merges[left, right] = None
            known.append(left + right)
    shuffled = list(merges)
    rng.shuffle(shuffled)
    return shuffled


def merged(word: bytes, merges: list[tuple[bytes, bytes]]) -> list[bytes]:
    """The plain twin: one merge at a time, the lowest rank, the leftmost of equals."""
    rank = {pair: index for index, pair in reversed(list(enumerate(merges)))}
    parts = [word[place : place + 1] for place in range(len(word))]
    while True:
        ranks = [rank.get(pair, NONE) for pair in pairwise(parts)]
        if min(ranks, default=NONE) == NONE:
            return parts
        place = ranks.index(min(ranks))
        parts[place : place + 2] = [parts[place] + parts[place + 1]]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.integers(0, 10**6), st.lists(st.text("abc", max_size=30) | st.text("ab", min_size=65, max_size=200))
)
def test_any_order_of_merges_gives_the_ids_of_tokenizers(seed, texts):
    merges = random_merges(seed, 40)
    tokenizer = byte_bpe([left + right for left, right in merges], merges)
    words = [text.encode() for text in texts]
    ids, bounds = MergeRules(tokenizer).encode(pa.array(words, pa.binary()))
    with_heap = MergeRules(tokenizer).encode_with_dropout(
        pa.array(words, pa.binary()), 1e-300, np.zeros(len(words), np.uint64)
    )
    assert ids.tolist() == with_heap[0].tolist()
    for index, word in enumerate(words):
        own = ids[bounds[index] : bounds[index + 1]].tolist()
        assert own == [token.id for token in tokenizer.model.tokenize(word.decode())]
        parts = merged(word, merges)
        assert own == [tokenizer.token_to_id(part.decode()) for part in parts]


def test_words_of_real_text_get_the_ids_of_tokenizers():
    texts = real_texts()
    tokenizer = reference_tokenizer(texts, "gpt4o", 3000)
    words, _ = word_counts_of(texts, "gpt4o")
    rules = MergeRules(tokenizer)
    ids, bounds = rules.encode(words)
    for index, word in enumerate(words.to_pylist()):
        expected = [token.id for token in tokenizer.model.tokenize(to_alphabet(word))]
        assert ids[bounds[index] : bounds[index + 1]].tolist() == expected
    assert rules.lengths(words).tolist() == np.diff(bounds).tolist()


def test_a_whole_document_as_one_word_gets_the_ids_of_tokenizers_in_no_time():
    texts = real_texts()
    tokenizer = reference_tokenizer(texts, "gpt4o", 3000)
    text = "".join(texts).encode()[:1_000_000]
    rules = MergeRules(tokenizer)
    started = time.process_time()
    ids = rules.encode(pa.array([text, b"a" * 1_000_000], pa.binary()))[0]
    assert time.process_time() - started < 5
    expected = [token.id for token in tokenizer.model.tokenize(to_alphabet(text))]
    assert ids[: len(expected)].tolist() == expected


def test_slices_of_arrow_arrays_and_no_words_at_all():
    rules = MergeRules(byte_bpe([b"ab"], [(b"a", b"b")]))
    words = pa.array(["x", "ab", "", "ba"], pa.string())
    ids, bounds = rules.encode(words.slice(1))
    assert bounds.tolist() == [0, 1, 1, 3]
    assert ids[0] == 256
    assert rules.encode(words.slice(0, 0))[1].tolist() == [0]


def test_merges_of_plain_bytes():
    data = np.frombuffer(b"abab", np.uint8)
    left, right, new = (np.array(ids, np.int32) for ids in ([97], [98], [256]))
    ids, bounds = encode_flat(
        data, np.array([0, 3, 4], np.int64), np.arange(256, dtype=np.int32), left, right, new
    )
    assert ids.tolist() == [256, 97, 98]
    assert bounds.tolist() == [0, 2, 3]


def test_other_models_are_refused():
    with pytest.raises(ValueError, match="this model is Unigram"):
        MergeRules(Tokenizer(models.Unigram([("a", -1.0)], unk_id=None)))
    with pytest.raises(ValueError, match="ignore_merges"):
        MergeRules(byte_bpe([], [], ignore_merges=True))
    with pytest.raises(ValueError, match="dropout"):
        MergeRules(byte_bpe([], [], dropout=0.1))
    with pytest.raises(ValueError, match="all 256 bytes"):
        MergeRules(Tokenizer(models.BPE(vocab={"a": 0}, merges=[])))
