"""Unigram: the kernels do what the definition says, the model is as good as that of `tokenizers`."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, trainers

from lexmill.tokenizer.algorithms import parse_spec
from lexmill.tokenizer.bytelevel import CHAR_OF_BYTE
from lexmill.tokenizer.trie import trie_of
from lexmill.tokenizer.unigram import flat_words, seed_pieces, train_unigram
from lexmill.tokenizer.unigram_kernel import best_uses, expected_counts, lattice, pruning_losses, without
from lexmill.tokenizer.vocabulary import BYTE_TOKENS
from tests.lexmill.tokenizer.domain_texts import assert_round_trips, counts_of, exported, learn
from tests.lexmill.tokenizer.texts import real_texts, reference_pretokenizer, word_counts_of


def segmentations(word: bytes, pieces: dict[bytes, float]) -> list[list[bytes]]:
    """All ways to spell a word in pieces."""
    if not word:
        return [[]]
    return [
        [word[:size], *rest]
        for size in range(1, len(word) + 1)
        if word[:size] in pieces
        for rest in segmentations(word[size:], pieces)
    ]


WORDS = st.lists(st.tuples(st.text("abc", min_size=1, max_size=7), st.integers(1, 9)), min_size=1, max_size=5)
PIECES = st.lists(st.text("abc", min_size=2, max_size=4), max_size=6, unique=True)


def problem(entries, extra, seed):
    table = {word.encode(): count for word, count in entries}
    pieces = [b"a", b"b", b"c", *(piece.encode() for piece in extra)]
    scores = np.log(np.random.default_rng(seed).dirichlet(np.ones(len(pieces))) + 1e-6)
    data, offsets = flat_words(pa.array(table, pa.binary()))
    first, edges = lattice(data, offsets, tuple(trie_of(pieces)))
    sizes = np.array([len(piece) for piece in pieces], np.int32)
    counts = np.array(list(table.values()), np.float64)
    return table, pieces, scores, sizes, data, offsets, counts, first, edges


@settings(max_examples=100, deadline=None, derandomize=True)
@given(WORDS, PIECES, st.integers(0, 99), st.sampled_from([0.0, 2.0, 1e4, -1e4]))
def test_expected_counts_are_those_over_all_segmentations(entries, extra, seed, tilt):
    table, pieces, scores, sizes, _, offsets, counts, first, edges = problem(entries, extra, seed)
    of = dict(zip(pieces, scores.tolist(), strict=True))
    wanted: Counter[bytes] = Counter()
    likelihood = 0.0
    for word, count in table.items():
        ways = segmentations(word, of)
        weights = [math.exp(sum(of[piece] for piece in way)) for way in ways]
        likelihood += count * math.log(sum(weights))
        for way, weight in zip(ways, weights, strict=True):
            for piece in way:
                wanted[piece] += count * weight / sum(weights)
    # a tilt far off makes the products overflow or vanish: the logarithms take over
    expected, total = expected_counts(offsets, counts, first, edges, scores, sizes, tilt)
    assert expected == pytest.approx([wanted[piece] for piece in pieces], abs=1e-9)
    assert total == pytest.approx(likelihood)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(WORDS, PIECES, st.integers(0, 99))
def test_uses_and_losses_follow_the_best_segmentations(entries, extra, seed):
    table, pieces, scores, sizes, data, offsets, counts, first, edges = problem(entries, extra, seed)
    of = dict(zip(pieces, scores.tolist(), strict=True))
    uses = best_uses(offsets, counts, first, edges, scores, sizes)
    assert uses.sum() >= counts.sum()
    for (
        word,
        count,
    ) in table.items():  # one word alone: the score of the path is that of the best segmentation
        own_data, own_offsets = flat_words(pa.array([word], pa.binary()))
        own_first, own_edges = lattice(own_data, own_offsets, tuple(trie_of(pieces)))
        own = best_uses(own_offsets, np.ones(1), own_first, own_edges, scores, sizes)
        best = max(sum(of[piece] for piece in way) for way in segmentations(word, of))
        assert float(own @ scores) == pytest.approx(best)
        assert int(own @ sizes) == len(word)
        assert count > 0
    text = data.tobytes()
    places = np.array([-1 if len(piece) == 1 else text.find(piece) for piece in pieces], np.int64)
    # a piece that spans two words of the data is not a place to measure it at
    word_of = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    inside = [
        place < 0 or word_of[place] == word_of[place + size - 1]
        for place, size in zip(places.tolist(), sizes.tolist(), strict=True)
    ]
    places[~np.array(inside)] = -1
    losses = pruning_losses(places, first, edges, scores, sizes, uses)
    total = uses.sum()
    by_piece = dict(zip(pieces, uses.tolist(), strict=True))
    for number, piece in enumerate(pieces):
        if places[number] < 0:
            assert losses[number] == np.inf
            continue
        others = [way for way in segmentations(piece, of) if way != [piece]]
        best = max(sum(of[part] for part in way) for way in others)
        if uses[number] == 0 or best > of[piece]:
            assert losses[number] == -1
            continue
        possible = []
        for way in others:
            if sum(of[part] for part in way) == pytest.approx(best):
                spread = sum(math.log(by_piece[part] + uses[number]) for part in way)
                spread -= len(way) * math.log(total + uses[number] * (len(way) - 1))
                possible.append(uses[number] / total * (math.log(uses[number] / total) - spread))
        assert any(losses[number] == pytest.approx(value) for value in possible)


def test_dropped_pieces_leave_the_lattice():
    data, offsets = flat_words(pa.array([b"abab"], pa.binary()))
    first, edges = lattice(data, offsets, tuple(trie_of([b"a", b"b", b"ab"])))
    kept = without(first, edges, np.array([0, 1, -1], np.int32))
    assert kept.tolist() == [0, 1, 0, 1]
    assert first.tolist() == [0, 1, 2, 3, 4]


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.text("aбc", min_size=1, max_size=6), st.integers(1, 4)), min_size=1, max_size=6))
def test_seeds_are_the_frequent_sequences_of_whole_characters(entries):
    table = dict(entries)
    counter: Counter[str] = Counter()
    for word, count in table.items():
        for start in range(len(word)):
            for stop in range(start + 1, min(len(word), start + 4) + 1):
                counter[word[start:stop]] += count
    wanted = {}
    for text, count in counter.items():
        followed = any(counter[text + char] == count for char in "aбc") and len(text) < 4
        if count >= 2 and len(text.encode()) > 1 and (not followed or len(text) == 1):
            wanted[text.encode()] = count
    words = pa.array([word.encode() for word in table], pa.binary())
    seeds = seed_pieces(words, np.array(list(table.values()), np.int64), 1, 1000, 4)
    data = flat_words(words)[0].tobytes()
    found = [
        data[at : at + size] for at, size in zip(seeds.places.tolist(), seeds.sizes.tolist(), strict=True)
    ]
    assert dict(zip(found, seeds.counts.tolist(), strict=True)) == wanted


def test_the_training_is_as_good_as_that_of_tokenizers():
    texts = real_texts()[:24]
    words, counts = word_counts_of(texts, "gpt4o")
    pieces, _ = train_unigram(words, counts, 1, 1500)
    reference = Tokenizer(models.Unigram())
    reference.pre_tokenizer = reference_pretokenizer("gpt4o")
    trainer = trainers.UnigramTrainer(
        vocab_size=1500,
        initial_alphabet=list(CHAR_OF_BYTE.values()),
        show_progress=False,
        special_tokens=[],
    )
    reference.train_from_iterator(texts, trainer)
    spec = parse_spec({"algorithm": "unigram", "name": "u", "vocab_size": 1500})
    ours = exported(learn(spec, _table(words, counts)), spec)
    assert ours.get_vocab_size() == len(pieces) == 1500
    tokens = [sum(len(tokenizer.encode(text).ids) for text in texts) for tokenizer in (ours, reference)]
    assert tokens[0] <= 1.03 * tokens[1]


def _table(words: pa.Array, counts: np.ndarray) -> pa.Table:
    columns = {
        name: ["eng_Latn" if name == "language" else "train"] * len(words)
        for name in ("language", "domain", "split")
    }
    return pa.table({**columns, "word": words, "count": counts})


def test_the_export_round_trips_and_no_learned_piece_cuts_a_character():
    spec = parse_spec({"algorithm": "unigram", "name": "u", "vocab_size": 700})
    learned = learn(spec)
    assert_round_trips(exported(learned, spec))
    pieces = learned.tables["pieces"]["bytes"].to_pylist()
    assert tuple(pieces[:256]) == BYTE_TOKENS
    for piece in pieces[256:]:
        piece.decode()
    scores = learned.tables["pieces"]["score"].to_pylist()[256:]
    assert scores == sorted(scores, reverse=True)


def test_weights_are_honoured_and_the_same_counts_give_the_same_model():
    spec = {"algorithm": "unigram", "name": "u", "vocab_size": 350}
    table = counts_of()
    plain, again = (learn(parse_spec(spec), table) for _ in range(2))
    assert plain.tokenizer.to_str() == again.tokenizer.to_str()
    no_code = learn(parse_spec({**spec, "weights": {"python": 0}}), table)
    assert b" method" not in no_code.tables["pieces"]["bytes"].to_pylist()
    assert b" method" in plain.tables["pieces"]["bytes"].to_pylist()
    # all weights times 3 is the same text three times
    tripled = table.set_column(4, "count", pa.array(table["count"].to_numpy() * 3))
    scaled = parse_spec({**spec, "weights": {"prose": 3, "python": 3}})
    assert learn(scaled, table).tables["pieces"] == learn(parse_spec(spec), tripled).tables["pieces"]


def test_a_text_with_too_few_pieces_is_refused():
    spec = parse_spec({"algorithm": "unigram", "name": "u", "vocab_size": 90_000})
    with pytest.raises(ValueError, match="vocab_size 90000 cannot be filled"):
        learn(spec)
