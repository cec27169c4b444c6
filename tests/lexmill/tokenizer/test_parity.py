"""Parity-aware BPE: the kernel follows the definition, and languages pay alike."""

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
from lexmill.tokenizer.bytelevel import ID_OF_BYTE
from lexmill.tokenizer.counts import count_words
from lexmill.tokenizer.optimal_size import tokens_with
from lexmill.tokenizer.parity import gini, train_parity
from lexmill.tokenizer.train import training_data
from lexmill.tokenizer.words import held_out_words, words_by_language
from tests.lexmill.tokenizer.domain_texts import assert_round_trips, exported, learn
from tests.lexmill.tokenizer.texts import SENTENCES, document_batch, merged

NAMES = ("aaa_Latn", "bbb_Latn", "ccc_Latn")


def table_of(rows):
    names = ("language", "domain", "split", "word", "count")
    return pa.Table.from_pylist(
        [dict(zip(names, row, strict=True)) for row in rows],
        pa.schema(
            list(zip(names, (pa.string(), pa.string(), pa.string(), pa.binary(), pa.int64()), strict=True))
        ),
    )


def plain_parity(train, dev, merges, floor, first, window, alpha, ratios):
    """By the definition: recount everything before every merge.  train, dev: {language: {word: count}}."""
    languages = sorted(train)
    texts = {(kind, name): [([int(ID_OF_BYTE[b]) for b in w], c) for w, c in words.items()]
             for kind, part in (("train", train), ("dev", dev or {})) for name, words in part.items()}  # fmt: skip
    amounts = {name: sum(len(word) * count for word, count in train[name].items()) for name in languages}
    out: list[tuple[int, int, int]] = []
    chosen: list[int] = []

    def pairs_of(parts):
        found: Counter = Counter()
        for ids, count in parts:
            for pair in pairwise(ids):
                found[pair] += count
        return found

    def best_of(parts):
        pairs = pairs_of(parts)
        best = min(pairs, key=lambda pair: (-pairs[pair], pair), default=None)
        return (best, pairs[best]) if best is not None and pairs[best] >= floor else None

    while len(out) < merges:
        if len(out) < first:
            found, language = best_of([e for name in languages for e in texts["train", name]]), -1
        else:
            costs = []
            for name in languages:
                tokens = sum(len(ids) * count for ids, count in texts["dev" if dev else "train", name])
                costs.append(
                    float(tokens) if dev else tokens * (ratios.get(name, 1.0) / max(amounts[name], 1.0))
                )
            order = sorted(range(len(languages)), key=lambda index: -costs[index])
            recent = Counter(chosen[-window:] if window else [])
            allowed = [index for index in order if recent[index] <= alpha * window / len(languages)]
            found, language = None, -1
            for candidates in (allowed, order):
                for index in candidates:
                    found, language = best_of(texts["train", languages[index]]), index
                    if found:
                        break
                if found:
                    break
        if not found:
            break
        pair, _ = found
        new = 256 + len(out)
        out.append((*pair, language))
        if language >= 0:
            chosen.append(language)
        texts = {key: [(merged(ids, pair, new), n) for ids, n in parts] for key, parts in texts.items()}
    return out


LANGUAGE = st.dictionaries(st.text("abc", min_size=1, max_size=7), st.integers(1, 5), min_size=1, max_size=4)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.lists(st.tuples(LANGUAGE, LANGUAGE), min_size=2, max_size=3),
    st.booleans(),
    st.integers(1, 3),
    st.sampled_from([0, 0, 3]),
    st.sampled_from([0, 3, 4]),
)
def test_merges_equal_the_definition(parts, with_dev, floor, first, window):
    names = NAMES[: len(parts)]
    train = {
        name: {w.encode(): c for w, c in part[0].items()} for name, part in zip(names, parts, strict=True)
    }
    dev = {name: {w.encode(): c for w, c in part[1].items()} for name, part in zip(names, parts, strict=True)}
    rows = [(n, "d", "train", w, c) for n, words in train.items() for w, c in words.items()]
    rows += [(n, "d", "valid", w, c) for n, words in dev.items() for w, c in words.items()]
    table = table_of(rows)
    spec = parse_spec({"algorithm": "parity", "name": "p", "vocab_size": 300})
    ratios = {} if with_dev else {"aaa_Latn": 2.0}
    found = train_parity(
        training_data(table, spec).words, words_by_language(table, spec),
        held_out_words(table, ("d",)) if with_dev else None, 12, first, floor, ratios, window, 1.5,
    )  # fmt: skip
    rows = zip(found.merges.left.tolist(), found.merges.right.tolist(), found.chosen.tolist(), strict=True)
    wanted = plain_parity(train, dev if with_dev else None, 12, floor, first, window, 1.5, ratios)
    assert list(rows) == wanted


def parallel_counts() -> pa.Table:
    """The same sentence in eleven languages; English has fifty times as much text as any other."""
    chosen = [label for label in SENTENCES if "_" in label][:11]
    rows = [(SENTENCES[label], label, "flores", split) for label in chosen for split in ("train", "valid")]
    return count_words([document_batch(rows + 50 * [rows[0]])], "gpt4o").counts


def test_token_costs_are_more_equal_than_with_plain_bpe():
    counts = parallel_counts()
    options = {"algorithm": "parity", "name": "p", "vocab_size": 400, "min_frequency": 1}
    spec = parse_spec({**options, "development_domains": ("flores",)})
    development = held_out_words(counts, ("flores",))
    data = training_data(counts, spec)

    def costs(merges):
        spans = zip(development.bounds[:-1], development.bounds[1:], strict=True)
        return np.array([
            tokens_with(merges, len(merges), development.words.slice(a, b - a), development.counts[a:b])
            for a, b in spans
        ])  # fmt: skip

    plain = costs(train_bpe(data.words.words, data.words.counts, spec.merges))
    learned = train_parity(data.words, words_by_language(counts, spec), development, spec.merges, 0, 1)
    fair = costs(learned.merges)
    assert fair.tolist() == learned.costs.tolist()
    assert gini(fair) < 0.5 * gini(plain)
    hybrid = train_parity(data.words, words_by_language(counts, spec), development, spec.merges, 72, 1)
    assert gini(fair) < gini(hybrid.costs) < gini(plain)


def test_all_merges_global_is_plain_bpe():
    counts = parallel_counts()
    spec = parse_spec({"algorithm": "parity", "name": "p", "vocab_size": 356, "global_merges": 100})
    found = train_parity(training_data(counts, spec).words, words_by_language(counts, spec), None, 100, 100)
    words = training_data(counts, spec).words
    plain = train_bpe(words.words, words.counts, 100, 2)
    assert found.merges.left.tolist() == plain.left.tolist()
    assert found.merges.right.tolist() == plain.right.tolist()


def test_the_file_round_trips_and_the_same_counts_give_the_same_file():
    spec = parse_spec(
        {"algorithm": "parity", "name": "p", "vocab_size": 420, "min_frequency": 1, "window": 20,
         "development_domains": ("flores",)}
    )  # fmt: skip
    learned = learn(spec, parallel_counts())
    assert_round_trips(exported(learned, spec))
    assert learned.tokenizer.to_str() == learn(spec, parallel_counts()).tokenizer.to_str()
    assert set(learned.tables["merges"]["language"].to_pylist()) > {"eng_Latn", "rus_Cyrl"}
    assert len(set(exported(learned, spec).get_vocab())) == 420


def test_gini():
    assert gini(np.array([3, 3, 3])) == 0
    assert gini(np.array([0, 0, 0, 8])) == pytest.approx(0.75)
    assert gini(np.array([1, 3])) == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"development_domains": ()}, "development_domains is empty"),
        ({"development_domains": ("a",), "ratios": {"x": 1.0}}, "exclude each other"),
        ({"development_domains": ("a",), "domains": ("b",)}, "development_domains names a"),
        ({"ratios": {"x": 0.0}}, "ratios must be positive"),
        ({"global_merges": 45}, "global_merges 45 is more than the 44 merges"),
    ],
)
def test_impossible_parameters_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        parse_spec({"algorithm": "parity", "name": "p", "vocab_size": 300, **options})


def test_missing_languages_are_named():
    counts = parallel_counts()
    spec = parse_spec({"algorithm": "parity", "name": "p", "vocab_size": 300, "ratios": {"xyz_Latn": 1.0}})
    with pytest.raises(ValueError, match="ratios name xyz_Latn"):
        learn(spec, counts)
    spec = parse_spec(
        {"algorithm": "parity", "name": "p", "vocab_size": 300, "development_domains": ("flores",)}
    )
    more = pa.concat_tables([counts, table_of([("ccc_Latn", "flores", "train", b"word", 3)])])
    with pytest.raises(ValueError, match="development_domains have no words of split `valid` in ccc_Latn"):
        learn(spec, more)
