"""Leaf pruning equals its definition, and leaves a valid BPE."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexmill.tokenizer.algorithms import parse_spec
from lexmill.tokenizer.bpe import MergeList, train_bpe
from lexmill.tokenizer.bytelevel import to_alphabet
from lexmill.tokenizer.encoders.merges import MergeEncoder
from lexmill.tokenizer.train import train_tokenizer
from lexmill.tokenizer.trainers.leaf import pruned
from lexmill.tokenizer.usage import merge_encode, occurrences
from tests.lexmill.tokenizer.refining import WORDS, learn, real_data, small_data, words_of


def plain_pruning(merges: MergeList, uses: list[int], size: int) -> list[bytes]:
    """What the merges that stay spell: the least used leaf goes, the youngest of equals."""
    spelled = merges.token_bytes()
    halves = {
        256 + i: pair for i, pair in enumerate(zip(merges.left.tolist(), merges.right.tolist(), strict=True))
    }
    use = dict(enumerate(uses))
    while len(halves) > size:
        needed = {half for pair in halves.values() for half in pair}
        token = min((t for t in halves if t not in needed), key=lambda t: (use[t], -t))
        for half in halves.pop(token):
            use[half] += use[token]
    return [spelled[token] for token in halves]


@settings(max_examples=80, deadline=None, derandomize=True)
@given(WORDS, st.integers(0, 20))
def test_pruning_equals_the_definition(words, size):
    data, _ = small_data(words)
    merges = train_bpe(data.words.words, data.words.counts, 24)
    ids, bounds = merge_encode(data.words.words, merges)
    uses = occurrences(ids, bounds, data.words.counts, 256 + len(merges))
    counted: Counter[int] = Counter()
    for index, count in enumerate(data.words.counts.tolist()):
        for token in ids[bounds[index] : bounds[index + 1]].tolist():
            counted[token] += count
    assert uses.tolist() == [counted[token] for token in range(256 + len(merges))]
    left = pruned(merges, uses, size)
    assert left.token_bytes()[256:] == plain_pruning(merges, uses.tolist(), size)


def test_what_is_left_is_a_valid_bpe_and_every_token_can_be_reached():
    data, spec = real_data(algorithm="leaf", overshoot=2.0)
    learned = train_tokenizer(data, spec)
    assert learned.details == {"merges": 1792, "pruned": 1792}
    encoder = MergeEncoder(learned.tokenizer, spec.pretokenizer)
    assert words_of(encoder, encoder.tokens) == [[index] for index in range(2048)]
    words = data.words.words.to_pylist()[:500]
    model = learned.tokenizer.model
    assert words_of(encoder, words) == [[t.id for t in model.tokenize(to_alphabet(word))] for word in words]


def test_a_step_of_merges_that_all_words_leave_behind_is_kept_while_it_is_needed():
    data, spec = small_data({"abcd": 9, "xy": 5, "zz": 1}, algorithm="leaf", vocab_size=260, overshoot=1.5)
    tokens = MergeEncoder(learn(data, spec).tokenizer, "gpt4o").tokens[256:]
    assert b"abcd" in tokens
    assert b"zz" not in tokens


def test_training_is_deterministic_and_close_to_bpe_on_its_own_text():
    data, spec = real_data(algorithm="leaf")
    assert learn(data, spec).tokenizer.to_str() == learn(data, spec).tokenizer.to_str()
    plain = MergeEncoder(learn(data, parse_spec({"name": "t", "vocab_size": 2048})).tokenizer, "gpt4o")
    leaf = MergeEncoder(learn(data, spec).tokenizer, "gpt4o")
    sums = [int(np.dot(encoder.lengths(data.words.words), data.words.counts)) for encoder in (leaf, plain)]
    assert 0.97 < sums[0] / sums[1] < 1.03


def test_large_uses_stay_exact():
    big = (1 << 53) + 1
    ids, bounds = np.array([7, 7], np.int32), np.array([0, 1, 2], np.int64)
    assert occurrences(ids, bounds, np.array([big, big + 1]), 8)[7] == 2 * big + 1


@pytest.mark.parametrize("overshoot", [1, 0.5, 17])
def test_an_overshoot_outside_1_to_16_is_refused(overshoot):
    with pytest.raises(ValueError, match="overshoot"):
        parse_spec({"name": "t", "algorithm": "leaf", "vocab_size": 300, "overshoot": overshoot})


def test_too_little_text_gives_fewer_tokens():
    data, spec = small_data({"abc": 2}, algorithm="leaf", vocab_size=300)
    assert learn(data, spec).tokenizer.get_vocab_size() == 258
    assert pa.types.is_int64(learn(data, spec).tables["merges"]["count"].type)
