"""Documents become spans of tokens as the definition says, and no shortcut changes what is learned from them."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexmill.tokenizer.algorithms import parse_spec
from lexmill.tokenizer.bpe import train_bpe
from lexmill.tokenizer.bpe_symbols import learn_symbol_merges
from lexmill.tokenizer.split import splitter
from lexmill.tokenizer.superword_kernel import random_bounds, runs_of
from lexmill.tokenizer.train import training_data
from lexmill.tokenizer.trainers import superwords
from lexmill.tokenizer.trainers.superbpe import superword_classes
from lexmill.tokenizer.trainers.superwords import (
    Spans,
    cut_spans,
    encode_words,
    learn_across,
    read_documents,
    token_spans,
)
from tests.lexmill.tokenizer.texts import SENTENCES, python_sources
from tests.lexmill.tokenizer.vocabulary_data import counts_table, write_sequences

SMALL = st.lists(st.text("ab(:. 1\n\té", max_size=24), min_size=1, max_size=6)
WIDE = ["superbpe2", "code3", r"a+|\s"]


def documents_of(texts: list[str], pretokenizer: str) -> Spans:
    number: dict[str, int] = {}
    ids = [
        [number.setdefault(piece, len(number)) for piece in splitter(pretokenizer)(text)] for text in texts
    ]
    bounds = np.cumsum([0, *map(len, ids)]).astype(np.int64)
    flat = np.array([index for row in ids for index in row], np.int32)
    words = pa.array([word.encode() for word in number], pa.binary())
    return Spans(words, flat, bounds, np.arange(1, len(texts) + 1), 1)


def rows(spans: Spans) -> list[list[int]]:
    return [spans.ids[a:b].tolist() for a, b in pairwise(spans.bounds)]


def spelled(spans: Spans) -> list[bytes]:
    words = spans.words.to_pylist()
    return [b"".join(words[index] for index in row) for row in rows(spans)]


def check_spans(texts: list[str], wide: str) -> None:
    expected: Counter[bytes] = Counter()
    for weight, text in enumerate(texts, 1):
        for piece in splitter(wide)(text):
            expected[piece.encode()] += weight
    spans = cut_spans(documents_of(texts, "superbpe"), wide)
    found: Counter[bytes] = Counter()
    for text, count in zip(spelled(spans), spans.counts.tolist(), strict=True):
        found[text] += count
    assert found == expected


@settings(max_examples=60, deadline=None, derandomize=True)
@given(SMALL, st.sampled_from(WIDE))
def test_spans_are_the_pieces_of_the_wide_pattern(texts, wide):
    check_spans(texts, wide)


@pytest.mark.parametrize("wide", WIDE)
def test_spans_of_real_text(wide, monkeypatch):
    monkeypatch.setattr(superwords, "_BLOCK", 3000)  # several blocks
    check_spans([*SENTENCES.values(), python_sources()[0][:20_000]], wide)


def check_tokens(texts: list[str], wide: str, merges: int) -> int:
    """Tokens of the spans against each span encoded as one word; returns how many spans words alone get wrong."""
    documents = documents_of(texts, "superbpe")
    counts = np.bincount(documents.ids, minlength=len(documents.words)).astype(np.int64)
    learned = train_bpe(documents.words, counts, merges)
    spans = cut_spans(documents, wide)
    whole, offsets = encode_words(pa.array(spelled(spans), pa.binary()), learned)
    alone, ends = encode_words(spans.words, learned)
    wrong = 0
    for number, row in enumerate(rows(token_spans(spans, learned))):
        assert row == whole[offsets[number] : offsets[number + 1]].tolist()
        own = [token for piece in rows(spans)[number] for token in alone[ends[piece] : ends[piece + 1]]]
        wrong += own != row
    return wrong


@settings(max_examples=60, deadline=None, derandomize=True)
@given(SMALL, st.sampled_from(WIDE), st.integers(0, 30))
def test_spans_are_encoded_as_one_word(texts, wide, merges):
    check_tokens(texts, wide, merges)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.text("ab", max_size=30), min_size=1, max_size=4), st.integers(1, 20))
def test_runs_that_merges_cross_are_encoded_as_one_word(texts, merges):
    documents = documents_of(texts, r"[ab]{1,3}")
    counts = np.bincount(documents.ids, minlength=len(documents.words)).astype(np.int64)
    learned = train_bpe(documents.words, counts, merges)
    whole, offsets = encode_words(pa.array(spelled(documents), pa.binary()), learned)
    found = rows(token_spans(documents, learned))
    assert found == [whole[a:b].tolist() for a, b in pairwise(offsets)]


def test_real_text_has_merges_that_cross_words():
    texts = [*SENTENCES.values(), python_sources()[3][:60_000]]
    assert check_tokens(texts, "code3", 1200) > 0
    check_tokens(texts, "superbpe2", 1200)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(st.lists(st.integers(0, 5), max_size=12), st.integers(0, 9)), min_size=1, max_size=8),
    st.integers(0, 12),
    st.integers(1, 4),
    st.sampled_from([0, 1]),
)
def test_splitting_at_rare_pairs_changes_no_merge(sequences, merges, floor, candidates):
    ids = np.array([index for row, _ in sequences for index in row], np.int32)
    bounds = np.cumsum([0, *(len(row) for row, _ in sequences)]).astype(np.int64)
    counts = np.array([count for _, count in sequences], np.int64)
    spans = Spans(pa.array([b"x"] * 6, pa.binary()), ids, bounds, counts, 1)
    classes, joined = superword_classes([b" a", b"a", b":", b" ", b"b ", b"c"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(superwords, "_CANDIDATES", candidates)
        patch.setattr(superwords, "_PLACES", 16)
        found = learn_across(spans, 6, merges, floor, classes, joined)
    expected = learn_symbol_merges(ids, bounds, counts, 6, merges, floor, classes=classes, joined=joined)
    assert [column.tolist() for column in found] == [column.tolist() for column in expected]


TOKEN = st.text("ab :", min_size=1, max_size=6).map(str.encode)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(TOKEN, TOKEN, st.integers(1, 4))
def test_classes_say_what_may_be_joined(left, right, most):
    classes, joined = superword_classes([left, right, left + right], most)

    def allowed(token: bytes) -> bool:
        return b": " not in token and len([part for part in token.split(b" ") if part]) <= most

    found = joined[classes[0], classes[1]]
    if allowed(left) and allowed(right) and allowed(left + right):
        assert found == classes[2]
    else:
        assert found == -1


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.lists(st.lists(st.integers(0, 4), max_size=9), max_size=5))
def test_runs_are_maximal_stretches_of_whole_words(documents):
    token_of = np.array([7, -1, 3, 4, -1], np.int32)
    expected, owner = [], []
    for number, row in enumerate(documents):
        run: list[int] = []
        for token in [*(int(token_of[word]) for word in row), -1]:
            if token >= 0:
                run.append(token)
            else:
                if len(run) > 1:
                    expected.append(run)
                    owner.append(number)
                run = []
    ids = np.array([word for row in documents for word in row], np.int32)
    bounds = np.cumsum([0, *map(len, documents)]).astype(np.int64)
    runs, ends, span = runs_of(ids, bounds, token_of)
    assert [runs[a:b].tolist() for a, b in pairwise(ends)] == expected
    assert span.tolist() == owner


def test_random_chunks_have_every_length_alike():
    bounds = np.array([0, 3000, 3000, 3001, 40_000], np.int64)
    chunks, span = random_bounds(bounds, 2, 5, 1)
    assert set(bounds.tolist()) <= set(chunks.tolist())
    assert np.array_equal(np.searchsorted(bounds, chunks[:-1], side="right") - 1, span)
    lengths = Counter(np.diff(chunks).tolist())
    assert set(lengths) - {1} == {2, 3, 4, 5}
    assert lengths[1] <= 3  # what is left at the end of a span
    assert all(abs(lengths[size] / len(span) - 0.25) < 0.02 for size in (2, 3, 4, 5))
    assert np.array_equal(chunks, random_bounds(bounds, 2, 5, 1)[0])
    assert not np.array_equal(chunks, random_bounds(bounds, 2, 5, 2)[0])


def test_a_sample_stands_for_all_documents(tmp_path):
    texts = [text for text in SENTENCES.values() for _ in range(4)]
    spec = parse_spec({"name": "t", "algorithm": "superbpe", "vocab_size": 400, "weights": {"xx": 0.5}})
    counts = counts_table(texts, "superbpe")
    whole = read_documents(
        training_data(counts, spec, write_sequences(texts, tmp_path / "a", "superbpe")), spec
    )
    part = read_documents(
        training_data(counts, spec, write_sequences(texts[::4], tmp_path / "b", "superbpe")), spec
    )
    assert set((2 * whole.counts).tolist()) == {whole.scale}
    assert len(part.counts) == len(texts) // 4
    assert set(part.counts.tolist()) == {2 * part.scale}


def test_missing_sequences_are_named():
    spec = parse_spec({"name": "t", "algorithm": "superbpe", "vocab_size": 400})
    with pytest.raises(ValueError, match="needs word sequences"):
        read_documents(training_data(counts_table(["a b"], "superbpe"), spec), spec)
