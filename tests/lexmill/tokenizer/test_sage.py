"""SaGe: cuts and ablations, embeddings, what a token saves, and the vocabulary that is left."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexmill.tokenizer.ablation_kernel import FAR, ablate_words, cut_words
from lexmill.tokenizer.algorithms import parse_spec
from lexmill.tokenizer.arrays import flat_bytes, read_only
from lexmill.tokenizer.load import model_bytes
from lexmill.tokenizer.random_kernel import below, mixed, unit
from lexmill.tokenizer.sage_kernel import PAD, ablation_scores
from lexmill.tokenizer.sample import random_stream
from lexmill.tokenizer.skipgram_kernel import FREQUENT, LAST_RATE, RATE, alias_table, learn_embeddings
from lexmill.tokenizer.train import train_tokenizer, training_data
from lexmill.tokenizer.trainers.sage import schedule
from lexmill.tokenizer.trie import trie_of
from lexmill.tokenizer.vocabulary import BYTE_TOKENS
from tests.lexmill.tokenizer.texts import SENTENCES
from tests.lexmill.tokenizer.vocabulary_data import (
    counts_table,
    require_exact_export,
    tokens_of,
    trained,
    write_sequences,
)

SMALL_WORDS = st.lists(st.text("abc", min_size=1, max_size=9), min_size=1, max_size=6, unique=True)
SMALL_TOKENS = st.lists(st.text("abc", min_size=2, max_size=5), max_size=12, unique=True)
FAST = {"dimensions": 8, "negatives": 3, "steps": 3, "embeddings": 2, "epochs": 1}

Cuts = tuple[np.ndarray, np.ndarray, np.ndarray]


def cut(words: list[bytes], tokens: list[bytes]) -> tuple[Cuts, Cuts]:
    data, offsets = flat_bytes(pa.array(words, pa.binary()))
    ids, bounds, lengths = cut_words(data, offsets, tuple(trie_of(tokens)))
    return (ids, bounds, lengths), ablate_words(data, offsets, tuple(trie_of(tokens)), bounds, lengths)


def plain_cut(word: bytes, tokens: list[bytes], shorter_than: int = 1 << 30) -> list[bytes]:
    """The longest tokens from the left; the first one shorter than a bound."""
    pieces: list[bytes] = []
    while word:
        longest = min(len(word), shorter_than - 1)
        piece = next(word[:size] for size in range(longest, 0, -1) if word[:size] in tokens)
        pieces.append(piece)
        word, shorter_than = word[len(piece) :], 1 << 30
    return pieces


def plain_ablation(word: bytes, tokens: list[bytes], index: int) -> tuple[list[bytes], int]:
    """What stands in place of the token, and how many tokens it replaces."""
    pieces = plain_cut(word, tokens)
    start = sum(map(len, pieces[:index]))
    ends = {sum(map(len, pieces[:count])): count for count in range(len(pieces) + 1)}
    new: list[bytes] = []
    for piece in plain_cut(word[start:], tokens, shorter_than=len(pieces[index])):
        new.append(piece)
        start += len(piece)
        if ends.get(start, 0) > index:
            break
    return new, ends[start] - index


@given(SMALL_WORDS, SMALL_TOKENS)
@settings(derandomize=True, deadline=None, max_examples=200)
def test_cuts_and_ablations_are_those_of_the_definition(words: list[str], more: list[str]) -> None:
    tokens = [*BYTE_TOKENS, *(token.encode() for token in more)]
    (ids, bounds, lengths), (new_ids, starts, span) = cut([word.encode() for word in words], tokens)
    for index, word in enumerate(word.encode() for word in words):
        pieces = [tokens[number] for number in ids[bounds[index] : bounds[index + 1]]]
        assert pieces == plain_cut(word, tokens)
        assert lengths[bounds[index] : bounds[index + 1]].tolist() == [len(piece) for piece in pieces]
        for at, piece in enumerate(pieces):
            place = bounds[index] + at
            replaced = [tokens[number] for number in new_ids[starts[place] : starts[place + 1]]]
            expected = plain_ablation(word, tokens, at) if len(piece) > 1 else ([], 0)
            assert (replaced, int(span[place])) == expected


def test_a_run_that_never_meets_its_first_cut_again_is_bounded() -> None:
    tokens = [*BYTE_TOKENS, *(b"a" * length for length in range(2, 17))]
    (ids, _, _), (_, starts, span) = cut([b"a" * 100_000], tokens)
    assert len(ids) == 6250
    assert np.diff(starts).max() == FAR
    assert span.max() <= FAR + 1


@given(st.lists(st.integers(0, 50), min_size=1, max_size=40).filter(any))
@settings(derandomize=True, deadline=None)
def test_the_alias_table_draws_by_weight(weights: list[int]) -> None:
    keep, other = alias_table(np.array(weights, np.float64))
    share = np.minimum(keep, 1.0)
    np.add.at(share, other, 1 - np.minimum(keep, 1.0))
    assert np.allclose(share / len(weights), np.array(weights) / sum(weights))


def plain_embeddings(
    documents: list[list[int]], uses: list[int], shape: tuple[int, int, int, int], seed: int
) -> np.ndarray:
    """Skip-gram with negative sampling, by its definition, with the kernel's random numbers."""
    dimensions, window, negatives, epochs = shape
    counter = int(seed)

    def draw() -> np.uint64:
        nonlocal counter
        counter += 1
        return np.uint64(mixed(np.uint64(counter)))

    counter -= 1  # the first numbers are drawn before the counter moves
    count = len(uses)
    inputs = np.array([[(unit(draw()) - 0.5) / dimensions for _ in range(dimensions)] for _ in range(count)])
    outputs = np.zeros((count, dimensions))
    keep, other = alias_table(np.array(uses, np.float64) ** 0.75)
    counter += 1
    done, total = 0, sum(map(len, documents)) * epochs
    for _ in range(epochs):
        for document in documents:
            rate = max(LAST_RATE, RATE - (RATE - LAST_RATE) * done / total)
            done += len(document)
            draw()
            kept = []
            for token in document:
                share = uses[token] / (sum(uses) * FREQUENT)
                number = draw()
                if share <= 1 or unit(number) < math.sqrt(1 / share) + 1 / share:
                    kept.append(token)
            for at, token in enumerate(kept):
                reach = 1 + below(draw(), window)
                chosen = [token]
                for _ in range(negatives):
                    drawn = below(draw(), count)
                    chosen.append(drawn if unit(draw()) < keep[drawn] else int(other[drawn]))
                fixed, change = outputs.copy(), np.zeros_like(outputs)
                for context in [
                    *range(max(0, at - reach), at),
                    *range(at + 1, min(len(kept), at + reach + 1)),
                ]:
                    vector = inputs[kept[context]].copy()
                    for row, output in enumerate(chosen):
                        if row and output == token:
                            continue
                        gain = (float(row == 0) - 1 / (1 + math.exp(-vector @ fixed[output]))) * rate
                        inputs[kept[context]] += gain * fixed[output]
                        change[output] += gain * vector
                outputs += change
    return inputs


def test_embeddings_are_those_of_skip_gram_with_negative_sampling() -> None:
    rng = np.random.default_rng(0)
    documents = [rng.integers(0, 12, 40).tolist() for _ in range(6)]
    uses = np.bincount(np.concatenate(documents), minlength=13)
    flat = np.concatenate(documents).astype(np.int32)
    offsets = np.arange(0, 241, 40, dtype=np.int64)
    same = (np.arange(13, dtype=np.int32), np.arange(14, dtype=np.int64))  # a word is one token
    vectors = learn_embeddings(read_only(flat), offsets, np.ones(6), same, uses, (6, 3, 4, 2), np.uint64(5))
    expected = plain_embeddings(documents, uses.tolist(), (6, 3, 4, 2), 5)
    assert vectors.shape == (13, 8)
    assert not vectors[:, 6:].any()
    assert (
        np.abs(vectors[:, :6] - expected).max() < 2e-3 * np.abs(expected).max()
    )  # a table of sigmoids, 32 bits


def plain_score(vectors: np.ndarray, tokens: list[int], left: int, right: int) -> float:
    inside = range(left, len(tokens) - right)
    return sum(
        math.log1p(math.exp(-float(vectors[tokens[a]] @ vectors[tokens[b]])))
        for a in range(len(tokens))
        for b in range(a + 1, min(len(tokens), a + PAD + 1))
        if a in inside or b in inside
    )


def test_a_tokens_score_is_what_its_contexts_lose_without_it() -> None:
    words, tokens = [b"abc", b"b", b"cab", b"abab"], [*BYTE_TOKENS, b"ab", b"abc", b"ca"]
    vectors = np.random.default_rng(1).normal(size=(len(tokens), 8)).astype(np.float32)
    documents, units = [[0, 1, 2, 3, 0], [3, 3], [1]], [2, 1, 7]
    (ids, bounds, _), ablated = cut(words, tokens)
    flat = np.concatenate(documents).astype(np.int32)
    scores, uses = ablation_scores(
        read_only(flat),
        np.array([0, 5, 7, 8], np.int64),
        np.array(units, np.int64),
        (ids, bounds),
        ablated,
        vectors,
    )
    expected, seen = np.zeros(len(tokens)), np.zeros(len(tokens), np.int64)
    for document, unit_ in zip(documents, units, strict=True):
        places = [place for word in document for place in range(bounds[word], bounds[word + 1])]
        line = [int(ids[place]) for place in places]
        for at, place in enumerate(places):
            seen[line[at]] += unit_
            if not ablated[2][place]:
                continue
            after = at + int(ablated[2][place])
            before, behind = line[max(0, at - PAD) : at], line[after : after + PAD]
            new = ablated[0][ablated[1][place] : ablated[1][place + 1]].tolist()
            around = len(before), len(behind)
            loss = plain_score(vectors, [*before, *new, *behind], *around)
            loss -= plain_score(vectors, [*before, *line[at:after], *behind], *around)
            expected[line[at]] += unit_ * loss
    assert uses.tolist() == seen.tolist()
    assert np.allclose(scores, expected, rtol=1e-5)
    assert not scores[:256].any()


def test_the_export_is_exact_and_the_seed_decides(tmp_path: Path) -> None:
    texts = [*SENTENCES.values()] * 3
    learned, spec, data = trained(tmp_path, texts, algorithm="sage", vocab_size=420, **FAST)
    require_exact_export(learned, spec, data, tmp_path / "files")
    again, _, _ = trained(tmp_path, texts, algorithm="sage", vocab_size=420, **FAST)
    assert again.tokenizer.to_str() == learned.tokenizer.to_str()
    other, _, _ = trained(tmp_path, texts, algorithm="sage", vocab_size=420, seed=1, **FAST)
    assert tokens_of(other) != tokens_of(learned)


def test_its_tokens_are_longer_than_those_of_bpe(tmp_path: Path) -> None:
    """Yehezkel & Pinter 2023 find that contexts keep whole units and drop the steps on the way to them."""
    sage, _, _ = trained(tmp_path, algorithm="sage", vocab_size=800, **FAST)
    bpe, _, _ = trained(algorithm="bpe", vocab_size=800)
    merged = [data for data in model_bytes(bpe.tokenizer) if len(data) > 1]
    assert np.mean([len(token) for token in tokens_of(sage)[256:]]) > 1.1 * np.mean([len(t) for t in merged])


def test_documents_without_a_weight_are_not_read(tmp_path: Path) -> None:
    """Two languages' documents; with one of them at weight 0 the vocabulary is that of the other alone."""
    one, two = [SENTENCES["eng_Latn"]] * 20, [SENTENCES["rus_Cyrl"]] * 20
    counts = pa.concat_tables([counts_table(one, language="en"), counts_table(two, language="ru")])
    for name, texts, language in (("en", one, "en"), ("ru", two, "ru")):
        write_sequences(texts, tmp_path / name, language=language)
    write_sequences([*one, *two], tmp_path / "both", language="en")
    settings_ = {"name": "x", "algorithm": "sage", "vocab_size": 290, **FAST}
    alone = parse_spec({**settings_, "languages": ("en",)})
    weighted = parse_spec({**settings_, "weights": {"ru": 0}})
    expected = train_tokenizer(training_data(counts, alone, tmp_path / "en"), alone)
    found = train_tokenizer(training_data(counts, weighted, tmp_path / "en"), weighted)
    assert tokens_of(found) == tokens_of(expected)
    with pytest.raises(ValueError, match="no document of the training data"):
        train_tokenizer(training_data(counts, weighted, tmp_path / "ru"), weighted)


def test_sequences_are_needed() -> None:
    with pytest.raises(ValueError, match="sage needs word sequences"):
        trained(None, ["some words"], algorithm="sage", vocab_size=258)


def test_the_schedule_leads_to_the_size_in_equal_shares() -> None:
    assert schedule(16000, 1000, 4) == [8000, 4000, 2000, 1000]
    assert schedule(1000, 1000, 4) == []
    assert schedule(1002, 1000, 8) == [1001, 1000]


def test_streams_of_random_numbers_are_apart() -> None:
    streams = {int(random_stream(seed, index)) for seed in (0, 1, 2**32 - 1) for index in range(1000)}
    assert len(streams) == 3000
