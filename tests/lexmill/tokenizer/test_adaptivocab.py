"""AdaptiVocab frees the ids of unused tokens for n-grams, and its encoder puts them in place."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models

from lexmill.tokenizer.algorithms import parse_spec
from lexmill.tokenizer.encoders.load import load_encoder
from lexmill.tokenizer.encoders.patches import flat_ngrams
from lexmill.tokenizer.export import write_tokenizer
from lexmill.tokenizer.load import load_tokenizer, token_bytes
from lexmill.tokenizer.patch_kernel import ngram_trie, patch
from lexmill.tokenizer.train import train_tokenizer, training_data
from lexmill.tokenizer.trainers.adaptivocab import choose_ngrams
from lexmill.tokenizer.trainers.superwords import Spans
from tests.lexmill.tokenizer.test_superbpe import learn
from tests.lexmill.tokenizer.texts import python_sources, real_texts
from tests.lexmill.tokenizer.vocabulary_data import HARD_TEXTS, counts_table, write_sequences

SIZE, REPLACED = 2500, 400
DOMAIN = python_sources()[:3]


def adapt(folder, base, texts=None, **changes):
    spec = parse_spec(
        {
            "name": "t",
            "algorithm": "adaptivocab",
            "base": "b",
            "vocab_size": SIZE,
            "replace": REPLACED,
            **changes,
        }
    )
    texts = DOMAIN if texts is None else texts
    sequences = write_sequences(texts, folder / "sequences")
    data = training_data(counts_table(texts), spec, sequences, {"base": base})
    learned = train_tokenizer(data, spec)
    write_tokenizer(learned, spec, data, folder)
    return learned, load_encoder(folder)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    learned, spec, data = learn(
        folder / "s", real_texts(), algorithm="bpe", vocab_size=SIZE, pretokenizer="gpt4o"
    )
    write_tokenizer(learned, spec, data, folder)
    return folder


@pytest.fixture(scope="module")
def adapted(base, tmp_path_factory):
    return adapt(tmp_path_factory.mktemp("adapted"), base)


def test_other_tokens_keep_their_ids(base, adapted):
    before, after = token_bytes(load_tokenizer(base)), list(adapted[1].tokens)
    removed = adapted[0].tables["removed"]["id"].to_pylist()
    assert len(removed) == REPLACED
    assert [index for index, token in enumerate(before) if after[index] != token] == removed
    assert len(set(after)) == SIZE


def test_the_domain_gets_shorter(base, adapted):
    tokenizer = load_tokenizer(base)
    before = sum(len(each.ids) for each in tokenizer.encode_batch(DOMAIN))
    after = len(adapted[1].encode_batch(DOMAIN)[0])
    assert after < 0.85 * before


def test_encoder_equals_its_definition(base, adapted):
    learned, encoder = adapted
    tokenizer = load_tokenizer(base)
    parts = dict(zip(*(learned.tables["removed"][name].to_pylist() for name in ("id", "parts")), strict=True))
    table = learned.tables["ngrams"]
    ngrams = list(zip(table["ids"].to_pylist(), table["new_id"].to_pylist(), strict=True))
    for text in [*HARD_TEXTS, DOMAIN[0][:8000]]:
        ids = [part for index in tokenizer.encode(text).ids for part in parts.get(index, [index])]
        expected, at = [], 0
        while at < len(ids):
            found = next(((ngram, new) for ngram, new in ngrams if ids[at : at + len(ngram)] == ngram), None)
            expected.append(found[1] if found else ids[at])
            at += len(found[0]) if found else 1
        assert encoder.encode(text) == expected
        assert encoder.decode(expected) == text.encode()


def test_the_file_has_the_same_tokens_and_every_text_comes_back(adapted):
    learned, encoder = adapted
    for text in [*HARD_TEXTS, *real_texts()[:25]]:
        ids = learned.tokenizer.encode(text).ids
        assert b"".join(encoder.tokens[index] for index in ids) == text.encode()
        assert learned.tokenizer.decode(ids, skip_special_tokens=False) == text


def test_a_larger_vocabulary_holds_more_ngrams(base, adapted, tmp_path):
    learned, encoder = adapt(tmp_path, base, vocab_size=SIZE + 100)
    assert learned.tables["ngrams"].num_rows == REPLACED + 100
    assert len(encoder.encode_batch(DOMAIN)[0]) < len(adapted[1].encode_batch(DOMAIN)[0])
    assert len(encoder.tokens) == SIZE + 100


def test_training_twice_gives_the_same(base, adapted, tmp_path):
    again, _ = adapt(tmp_path, base)
    assert again.tokenizer.to_str() == adapted[0].tokenizer.to_str()
    assert again.tables == adapted[0].tables


def plain_choice(documents, weights, wanted, longest):
    """Choose by recounting before every choice: the most saved first, then what occurs first."""
    taken = [[False] * len(row) for row in documents]
    starts = np.cumsum([0, *map(len, documents)])
    occurs: dict[tuple[int, ...], list[tuple[int, int]]] = {}
    for number, row in enumerate(documents):
        for size in range(2, longest + 1):
            for at in range(len(row) - size + 1):
                occurs.setdefault(tuple(row[at : at + size]), []).append((number, at))
    occurs = {
        ngram: where
        for ngram, where in occurs.items()
        if all(len(occurs[ngram[:size]]) > 1 for size in range(2, len(ngram) + 1))
    }
    chosen = []
    while len(chosen) < wanted:
        values = {}
        for ngram, where in occurs.items():
            if ngram in [each for each, _ in chosen]:
                continue
            free = sum(weights[n] for n, at in where if not any(taken[n][at : at + len(ngram)]))
            first = int(starts[where[0][0]]) + where[0][1]
            values[ngram] = (-free * (len(ngram) - 1), first, len(ngram))
        values = {ngram: value for ngram, value in values.items() if value[0] < 0}
        if not values:
            break
        best = min(values, key=values.__getitem__)
        count = 0
        for number, at in occurs[best]:
            if not any(taken[number][at : at + len(best)]):
                taken[number][at : at + len(best)] = [True] * len(best)
                count += weights[number]
        chosen.append((best, count))
    return chosen


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(st.lists(st.integers(0, 3), max_size=14), st.integers(1, 5)), min_size=1, max_size=5),
    st.integers(1, 8),
    st.integers(2, 4),
)
def test_ngrams_are_chosen_by_what_they_save(entries, wanted, longest):
    documents, weights = [row for row, _ in entries], [weight for _, weight in entries]
    ids, bounds = flat_ngrams(documents)
    stream = Spans(pa.array([], pa.binary()), ids, bounds, np.array(weights, np.int64), 1)
    tokens = [b"<a>", b"<b>", b"<c>", b"<d>"]
    found = [(ngram.ids, ngram.count) for ngram in choose_ngrams(stream, tokens, [], wanted, longest)]
    assert found == plain_choice(documents, weights, wanted, longest)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    st.lists(st.lists(st.integers(0, 3), min_size=2, max_size=4), max_size=6),
    st.lists(st.lists(st.integers(0, 3), max_size=14), max_size=4),
)
def test_the_first_chosen_ngram_wins(ngrams, documents):
    keys, nodes, rank = ngram_trie(*flat_ngrams(ngrams))
    new = np.arange(100, 100 + len(ngrams), dtype=np.int32)
    ids, bounds = patch(*flat_ngrams(documents), keys, nodes, rank, new, max(map(len, ngrams), default=1))
    for row, (start, stop) in zip(documents, pairwise(bounds.tolist()), strict=True):
        expected, at = [], 0
        while at < len(row):
            ranks = [r for r, ngram in enumerate(ngrams) if row[at : at + len(ngram)] == ngram]
            expected.append(100 + ranks[0] if ranks else row[at])
            at += len(ngrams[ranks[0]]) if ranks else 1
        assert ids[start:stop].tolist() == expected


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pretokenizer": "gpt2"}, "pretokenizer of the base"),
        ({"normalizer": "NFKC"}, "normalizer of the base"),
        ({"vocab_size": 1000}, "vocab_size must be at least 2500"),
        ({"replace": 2400}, "only 2244 of the base are made by merges"),
        ({"texts": ["a b c"], "replace": 5}, "but only 0 occur twice"),
    ],
)
def test_what_cannot_be_is_said(base, tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        adapt(tmp_path, base, **changes)


def test_a_base_of_another_kind_is_refused(tmp_path):
    other = Tokenizer(models.Unigram([("a", -1.0)]))
    other.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(ValueError, match="base cannot be patched"):
        adapt(tmp_path / "out", tmp_path)
