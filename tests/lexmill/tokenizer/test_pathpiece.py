"""PathPiece: shortest paths, what a token saves on them, and the vocabulary that is left."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexmill.tokenizer.algorithms import parse_spec
from lexmill.tokenizer.arrays import flat_bytes
from lexmill.tokenizer.bytelevel import BYTE_OF_ID
from lexmill.tokenizer.encode import MergeRules
from lexmill.tokenizer.encoders.encoder import WordEncoder
from lexmill.tokenizer.encoders.vocabulary import VocabularyEncoder
from lexmill.tokenizer.load import model_bytes
from lexmill.tokenizer.pathpiece_kernel import path_scores
from lexmill.tokenizer.train import train_tokenizer, training_data
from lexmill.tokenizer.trained import TrainingData
from lexmill.tokenizer.trainers.pathpiece import prune
from lexmill.tokenizer.trie import trie_of
from lexmill.tokenizer.vocabulary import BYTE_TOKENS
from tests.lexmill.tokenizer.vocabulary_data import counts_table, require_exact_export, tokens_of, trained

SMALL_WORDS = st.lists(st.text("abc", min_size=1, max_size=9), min_size=1, max_size=6, unique=True)
SMALL_TOKENS = st.lists(st.text("abc", min_size=2, max_size=5), max_size=12, unique=True)


def scores_of(words: list[bytes], counts: list[int], tokens: list[bytes]) -> tuple[list[int], list[int]]:
    data, offsets = flat_bytes(pa.array(words, pa.binary()))
    scores, uses = path_scores(data, offsets, np.array(counts, np.int64), tuple(trie_of(tokens)), len(tokens))
    return scores.tolist(), uses.tolist()


def plain_path(
    word: bytes, tokens: list[bytes], banned: tuple[int, int] | None = None
) -> list[tuple[int, int]]:
    """The shortest path as (start, stop) edges, of equal ones that with the longest last tokens."""
    best: list[list[tuple[int, int]] | None] = [[]]
    for stop in range(1, len(word) + 1):
        best.append(None)
        for start in range(stop):  # the longest token first
            before, known = best[start], best[stop]
            if before is None or word[start:stop] not in tokens or (start, stop) == banned:
                continue
            if known is None or len(before) + 1 < len(known):
                best[stop] = [*before, (start, stop)]
    path = best[-1]
    assert path is not None
    return path


@given(SMALL_WORDS, SMALL_TOKENS)
@settings(derandomize=True, deadline=None, max_examples=200)
def test_a_tokens_score_is_how_much_longer_paths_are_without_it(words: list[str], more: list[str]) -> None:
    tokens = [*BYTE_TOKENS, *(token.encode() for token in more)]
    expected_scores, expected_uses = [0] * len(tokens), [0] * len(tokens)
    for count, word in enumerate((word.encode() for word in words), 1):
        path = plain_path(word, tokens)
        for start, stop in path:
            index = tokens.index(word[start:stop])
            expected_uses[index] += count
            if stop - start > 1:
                without = len(plain_path(word, tokens, banned=(start, stop)))
                expected_scores[index] += (without - len(path)) * count
    counts = list(range(1, len(words) + 1))
    assert scores_of([word.encode() for word in words], counts, tokens) == (expected_scores, expected_uses)


@given(st.lists(st.binary(min_size=1, max_size=6), min_size=1, max_size=60, unique=True))
@settings(derandomize=True, deadline=None)
def test_the_trie_holds_its_tokens_and_no_others(tokens: list[bytes]) -> None:
    base, check, value = trie_of(tokens)

    def find(word: bytes) -> int:
        node = 0
        for byte in word:
            cell = int(base[node]) + byte
            if check[cell] != node:
                return -1
            node = cell
        return int(value[node])

    assert [find(token) for token in tokens] == list(range(len(tokens)))
    for token in tokens:
        for other in (token[:-1], token + b"\x00", b"\xff" + token):
            assert find(other) == (tokens.index(other) if other in tokens else -1)


def weighted_uses(encoder: WordEncoder, data: TrainingData) -> np.ndarray:
    ids, bounds = encoder.encode_words(data.words.words)
    uses = np.zeros(len(encoder.tokens), np.int64)
    np.add.at(uses, ids, np.repeat(data.words.counts, np.diff(bounds)))
    return uses


def test_the_export_is_exact_and_the_trainer_counted_what_it_gives(tmp_path: Path) -> None:
    learned, spec, data = trained(algorithm="pathpiece", vocab_size=1200)
    require_exact_export(learned, spec, data, tmp_path)
    encoder = VocabularyEncoder(tokens_of(learned), "fewest_tokens", spec.pretokenizer)
    assert weighted_uses(encoder, data).tolist() == learned.tables["tokens"]["count"].to_pylist()


def test_words_take_fewer_tokens_than_with_any_vocabulary_of_bpe_of_that_size() -> None:
    pathpiece, _, data = trained(algorithm="pathpiece", vocab_size=1500)
    bpe, _, _ = trained(algorithm="bpe", vocab_size=1500)
    merged = int(np.dot(MergeRules(bpe.tokenizer).lengths(data.words.words), data.words.counts))
    shortest = VocabularyEncoder(model_bytes(bpe.tokenizer), "fewest_tokens", "gpt4o")
    assert pathpiece.details["tokens_on_train"] < weighted_uses(shortest, data).sum() <= merged


def test_the_order_of_the_words_does_not_matter_and_bytes_stay() -> None:
    table = counts_table(["the other mother bothers another brother; " * 3, "smother them there 12 \xff"])
    spec = parse_spec(
        {"name": "x", "algorithm": "pathpiece", "vocab_size": 262, "max_token_length": 4, "initial": 1.2}
    )
    backwards = table.take(list(range(table.num_rows))[::-1])
    one, other = (train_tokenizer(training_data(each, spec), spec) for each in (table, backwards))
    assert one.tokenizer.to_str() == other.tokenizer.to_str()
    assert tokens_of(one)[:256] == [bytes([byte]) for byte in BYTE_OF_ID.tolist()]
    assert len(tokens_of(one)) == 262
    assert max(map(len, tokens_of(one))) <= 4


def test_a_round_removes_no_more_than_its_share_and_the_cheapest_tokens_go() -> None:
    words = pa.array([b"abab", b"ab", b"abc"], pa.binary())
    start = [*BYTE_TOKENS, b"ab", b"abc", b"bc"]
    tokens, uses, removed = prune(start, words, np.array([10, 10, 1], np.int64), 257, 0.001)
    assert removed == [1, 1]  # one at a time: "bc" saves nothing, "abc" saves 1 token, "ab" 30
    assert tokens[256:] == [b"ab"]
    assert uses[256] == 31


def test_a_text_that_is_too_small_is_refused() -> None:
    with pytest.raises(ValueError, match="vocab_size 5000 cannot be filled"):
        trained(texts=["a few words only"], algorithm="pathpiece", vocab_size=5000)


@pytest.mark.parametrize(
    ("key", "value"), [("initial", 0.5), ("batch", 0), ("batch", 1), ("max_token_length", 1)]
)
def test_parameters_out_of_bounds_are_named(key: str, value: float) -> None:
    with pytest.raises(ValueError, match=key):
        trained(texts=["a"], algorithm="pathpiece", vocab_size=300, **{key: value})


def test_a_very_long_word_takes_no_part() -> None:
    tokens = [*BYTE_TOKENS, *(b"a" * length for length in range(2, 17))]
    scores, uses = scores_of([b"a" * 1_000_000, b"a" * 32], [1, 1], tokens)
    assert uses[-1] == 2
    assert sum(uses) == 2
    assert scores[-1] == 2  # without either of the two tokens of 16 the other word is cut into three


def test_a_long_word_of_short_tokens_costs_no_more_than_many_short_words() -> None:
    tokens = [*BYTE_TOKENS, b"ab"]
    scores_of([b"abab"], [1], tokens)  # compiles
    started = time.process_time()
    scores, uses = scores_of([b"ab" * 30_000], [1], tokens)
    assert time.process_time() - started < 0.5  # the square of its length would be seconds
    assert (scores[-1], uses[-1]) == (30_000, 30_000)
