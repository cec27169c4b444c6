"""ByteSpan: how predictable bytes are, the spans they form, and the vocabulary made of them."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexmill.tokenizer.bpe import train_bpe
from lexmill.tokenizer.params import BYTES
from lexmill.tokenizer.span_kernel import count_spans, span_starts, spell_spans
from lexmill.tokenizer.trainers.bytespan import frequent_spans, predict
from lexmill.tokenizer.trie import trie_of
from lexmill.tokenizer.vocabulary import BYTE_TOKENS
from tests.lexmill.tokenizer.texts import real_texts, word_counts_of
from tests.lexmill.tokenizer.vocabulary_data import require_exact_export, tokens_of, trained

SMALL_WORDS = st.lists(st.text("abc", min_size=1, max_size=7), min_size=1, max_size=8, unique=True)


def plain_chances(words: list[str], counts: list[int], scale: int, order: int) -> list[float]:
    """Interpolated Witten-Bell by its definition: a context is a string, `^` is the start of the word."""
    follows: dict[str, Counter[str]] = {}
    for word, count in zip(words, counts, strict=True):
        for at, byte in enumerate(word):
            before = "^" + word[:at]
            for size in range(min(order, len(before) + 1)):
                follows.setdefault(before[len(before) - size :], Counter())[byte] += count
    found = []
    for word in words:
        for at, byte in enumerate(word):
            before, chance = "^" + word[:at], Fraction(1, 256)
            for size in range(min(order, len(before) + 1)):
                seen = follows[before[len(before) - size :]]
                own = max(0, seen[byte] - scale)
                around = max(own, sum(seen.values()) - scale)
                kinds = len(seen) - (own == 0)
                if around + kinds:
                    chance = (Fraction(own, scale) + kinds * chance) / (Fraction(around, scale) + kinds)
            found.append(float(chance))
    return found


@given(SMALL_WORDS, st.integers(1, 5), st.integers(1, 3))
@settings(derandomize=True, deadline=None, max_examples=200)
def test_chances_are_those_of_the_definition(words: list[str], order: int, scale: int) -> None:
    counts = [1 + 3 * index for index in range(len(words))]
    column = pa.array([word.encode() for word in words], pa.binary())
    chance = predict(column, np.array(counts, np.int64), scale, order).chance
    assert np.allclose(chance, plain_chances(words, counts, scale, order), rtol=1e-12)


@given(SMALL_WORDS, st.booleans(), st.floats(0, 1.1), st.integers(2, 5), st.randoms(use_true_random=False))
@settings(derandomize=True, deadline=None, max_examples=200)
def test_spans_are_those_of_the_definition(
    words: list[str], falling: bool, bound: float, longest: int, rng
) -> None:  # type: ignore[no-untyped-def]
    text = "".join(words)
    chance = [rng.choice((0.1, 0.3, 0.5, 0.9)) for _ in text]
    offsets = np.cumsum([0, *map(len, words)]).astype(np.int64)
    counts = np.arange(1, len(words) + 1, dtype=np.int64)
    data = np.frombuffer(text.encode(), np.uint8)
    starts = span_starts(np.array(chance), offsets, falling, bound, longest)
    expected: list[list[str]] = []
    place = 0
    for word in words:
        spans: list[str] = []
        for at, letter in enumerate(word):
            rises = at > 0 and chance[place] > chance[place - 1]
            if at and len(spans[-1]) < longest and (chance[place] > bound or (falling and rises)):
                spans[-1] += letter
            else:
                spans.append(letter)
            place += 1
        expected.append(spans)
    total: Counter[str] = Counter()
    for count, spans in enumerate(expected, 1):
        for span in spans:
            total[span] += count
    places, lengths, found = count_spans(data, offsets, counts, starts)
    rows = zip(places.tolist(), lengths.tolist(), found.tolist(), strict=True)
    assert {text[place : place + length]: count for place, length, count in rows} == total
    vocabulary = [*BYTE_TOKENS, *sorted(span.encode() for span in total if len(span) > 1 and total[span] > 2)]
    ids, bounds = spell_spans(data, offsets, starts, tuple(trie_of(vocabulary)))
    for index, spans in enumerate(expected):
        spelled = [vocabulary[number].decode() for number in ids[bounds[index] : bounds[index + 1]]]
        assert spelled == [
            piece for span in spans for piece in ([span] if span.encode() in vocabulary else list(span))
        ]


def test_many_distinct_spans_are_counted_apart() -> None:
    words = [index.to_bytes(3, "big") for index in range(100_000)]
    predicted = predict(pa.array(words, pa.binary()), np.ones(len(words), np.int64), 1, 1)
    starts = span_starts(np.ones(len(predicted.data)), predicted.offsets, False, 0.5, 16)
    assert frequent_spans(predicted, starts, 1) == words


@pytest.mark.parametrize("constraint", ["monotonic", "combined", "threshold"])
def test_the_export_is_exact(tmp_path: Path, constraint: str) -> None:
    learned, spec, data = trained(
        algorithm="bytespan", vocab_size=1000, constraint=constraint, min_frequency=5
    )
    require_exact_export(learned, spec, data, tmp_path)
    assert learned.details["spans"] == 372
    assert learned.details["merged_spans"] == 372


def test_spans_begin_where_the_text_is_least_predictable() -> None:
    """Goriely et al. 2025: surprisal peaks at the first bytes of units, and falls inside them."""
    words, counts = word_counts_of(real_texts(), "gpt4o")
    predicted = predict(words, counts, 1, 5)
    starts = span_starts(predicted.chance, predicted.offsets, True, 2.0, 16)
    weights = np.repeat(predicted.counts, np.diff(predicted.offsets))
    surprisal = -np.log2(predicted.chance)
    assert np.average(surprisal[starts], weights=weights[starts]) > 1.5 * np.average(
        surprisal[~starts], weights=weights[~starts]
    )
    inside = np.flatnonzero(~starts)
    assert (surprisal[inside] < surprisal[inside - 1]).all()
    assert np.average(surprisal, weights=weights) < 3  # a useful model: 8 bits without one


def test_without_spans_it_is_bpe() -> None:
    learned, _, data = trained(algorithm="bytespan", vocab_size=700, proportion=0)
    merges = train_bpe(data.words.words, data.words.counts, 700 - BYTES, 0, 16)
    assert tokens_of(learned) == merges.token_bytes()
    assert learned.details["spans"] == 0


def test_only_spans_while_there_are_enough() -> None:
    learned, spec, _ = trained(algorithm="bytespan", vocab_size=400, proportion=1, constraint="monotonic")
    assert learned.details["spans"] == 144
    assert learned.details["merged_spans"] == 0
    assert max(map(len, tokens_of(learned))) <= spec.max_token_length  # type: ignore[attr-defined]
    scarce, _, _ = trained(algorithm="bytespan", vocab_size=400, proportion=1, min_frequency=3000)
    assert scarce.details["spans"] < 144
    assert len(tokens_of(scarce)) == 400


def test_weights_of_the_same_ratio_give_the_same_tokens() -> None:
    one, _, _ = trained(algorithm="bytespan", vocab_size=500)
    half, _, data = trained(algorithm="bytespan", vocab_size=500, weights={"xx": 0.5}, min_frequency=10)
    assert data.words.scale > 1
    assert (
        len(set(tokens_of(one)) & set(tokens_of(half))) > 450
    )  # an occurrence is half as much: near, not equal


@pytest.mark.parametrize(
    ("key", "value"), [("quantile", 0), ("proportion", 1.5), ("order", 0), ("constraint", "rising")]
)
def test_parameters_out_of_bounds_are_named(key: str, value: float | str) -> None:
    with pytest.raises(ValueError, match=key):
        trained(texts=["a"], algorithm="bytespan", vocab_size=300, **{key: value})


def test_a_text_that_is_too_small_is_refused() -> None:
    with pytest.raises(ValueError, match="vocab_size 5000 cannot be filled"):
        trained(texts=["a few words only"], algorithm="bytespan", vocab_size=5000)
