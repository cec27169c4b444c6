"""Selection, weights and the true mixture of the training data."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from lexmill.tokenizer.counts import COUNTS_SCHEMA
from lexmill.tokenizer.language_buckets import bucket_of, bucket_weights
from lexmill.tokenizer.params import TrainerSpec
from lexmill.tokenizer.words import held_out_words, training_words, words_by_language

ROWS = [
    ("deu_Latn", "news", "train", b"aaa", 10),
    ("deu_Latn", "web", "train", b"bb", 5),
    ("deu_Latn", "web", "valid", b"never", 99),
    ("eng_Latn", "news", "train", b"aaa", 2),
    ("eng_Latn", "news", "train", b"c", 30),
]


def table() -> pa.Table:
    return pa.Table.from_pylist(
        [dict(zip(COUNTS_SCHEMA.names, row, strict=True)) for row in ROWS], COUNTS_SCHEMA
    )


def words(**options: object) -> tuple[dict[bytes, float], object]:
    data = training_words(table(), TrainerSpec(name="t", vocab_size=300, **options))
    return dict(zip(data.words.to_pylist(), (data.counts / data.scale).tolist(), strict=True)), data


def test_only_the_training_split_is_used_and_whole_weights_stay_whole():
    found, data = words()
    assert found == {b"aaa": 12, b"bb": 5, b"c": 30}
    assert data.scale == 1
    assert data.counts.dtype == np.int64


def test_languages_and_domains_select():
    assert words(languages=("eng_Latn",))[0] == {b"aaa": 2, b"c": 30}
    assert words(domains=("web",))[0] == {b"bb": 5}


def test_weights_of_language_and_domain_multiply_and_zero_removes():
    found, data = words(weights={"deu_Latn": 0.5, "web": 3})
    assert found == {b"aaa": 7, b"bb": 7.5, b"c": 30}
    assert data.scale > 1
    assert words(weights={"web": 0})[0] == {b"aaa": 12, b"c": 30}


def test_shares_are_those_of_the_weighted_text():
    _, data = words(weights={"deu_Latn": 2})
    shares = data.shares("language")
    assert shares["deu_Latn"]["bytes"] == pytest.approx(2 * 40 / (2 * 40 + 36))
    assert shares["deu_Latn"]["pairs"] == pytest.approx(2 * 25 / (2 * 25 + 4))
    assert sum(row["bytes"] for row in data.shares("domain").values()) == pytest.approx(1)


@pytest.mark.parametrize("temperature", [1, 2, 5])
def test_temperature_gives_each_language_its_tempered_share_of_the_bytes(temperature):
    _, data = words(sampling_temperature=temperature)
    own = np.array([40, 36]) / 76
    wanted = own ** (1 / temperature) / (own ** (1 / temperature)).sum()
    shares = data.shares("language")
    assert [shares[name]["bytes"] for name in ("deu_Latn", "eng_Latn")] == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"languages": ("fra_Latn",)},
            "language fra_Latn is not in the word counts, which have: deu_Latn, eng_Latn",
        ),
        ({"weights": {"fra_Latn": 2.0}}, "weights name fra_Latn"),
        ({"weights": {"deu_Latn": 0, "eng_Latn": 0}}, "all weights are 0"),
        ({"languages": ("eng_Latn",), "domains": ("web",)}, "no words are left"),
    ],
)
def test_impossible_selections_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        words(**options)


def test_counts_that_cannot_be_exact_are_refused():
    big = pa.Table.from_pylist(
        [{"language": "l", "domain": "d", "split": "train", "word": b"ab", "count": 1 << 60}], COUNTS_SCHEMA
    )
    with pytest.raises(ValueError, match="do not fit 64 bits"):
        training_words(big, TrainerSpec(name="t", vocab_size=300, weights={"l": 3}))


BUCKETS = {"deu_Latn": 600, "nld_Latn": 200, "rus_Cyrl": 100, "python": 100}


def bucket_table() -> pa.Table:
    rows = [(label, "d", "train", b"ab", count) for label, count in BUCKETS.items()]
    return pa.Table.from_pylist(
        [dict(zip(COUNTS_SCHEMA.names, row, strict=True)) for row in rows], COUNTS_SCHEMA
    )


@pytest.mark.parametrize("temperature", [None, 2.0])
def test_buckets_of_related_languages_weigh_alike(temperature):
    spec = TrainerSpec(name="t", vocab_size=300, bucket_weighting=True, sampling_temperature=temperature)
    shares = training_words(bucket_table(), spec).shares("language")
    # three buckets (Germanic in Latin script, Slavic in Cyrillic script, code), the first one of two languages
    own = np.array([600, 200, 100, 100]) / 1000
    wanted = own ** (1 / (temperature or 1)) * np.array([1 / 6, 1 / 6, 1 / 3, 1 / 3])
    assert [shares[name]["bytes"] for name in BUCKETS] == pytest.approx(wanted / wanted.sum(), abs=1e-5)


def test_a_bucket_is_a_family_and_a_script():
    assert bucket_of("srp_Cyrl") == bucket_of("rus_Cyrl") != bucket_of("srp_Latn")
    assert bucket_of("ita_Latn") == bucket_of("ron_Latn") != bucket_of("deu_Latn")
    assert bucket_of("xxx_Latn") == ("xxx", "Latn")
    assert bucket_of("python") == bucket_of("rust")
    assert sum(bucket_weights(list(BUCKETS)).values()) == pytest.approx(1)


def test_words_by_language_add_up_to_all_words():
    spec = TrainerSpec(name="t", vocab_size=300, weights={"deu_Latn": 0.5, "web": 3})
    data, split = training_words(table(), spec), words_by_language(table(), spec)
    assert split.languages == ("deu_Latn", "eng_Latn")
    assert split.scale == data.scale
    added: dict[bytes, int] = {}
    for word, count in zip(split.words.to_pylist(), split.counts.tolist(), strict=True):
        added[word] = added.get(word, 0) + count
    assert added == dict(zip(data.words.to_pylist(), data.counts.tolist(), strict=True))
    german = slice(*split.bounds[:2].tolist())
    assert split.words.to_pylist()[german] == [b"aaa", b"bb"]
    assert (split.counts[german] / split.scale).tolist() == [5, 7.5]


def test_held_out_words_are_those_of_the_split():
    held = held_out_words(table(), ("web",))
    assert (held.languages, held.words.to_pylist(), held.counts.tolist()) == (("deu_Latn",), [b"never"], [99])
    with pytest.raises(ValueError, match="no words are left"):
        held_out_words(table(), ("news",))


def test_counts_whose_bytes_overflow_are_refused():
    rows = [("l", "d", "train", b"abcdefgh" * 4, 1 << 60)]
    big = pa.Table.from_pylist(
        [dict(zip(COUNTS_SCHEMA.names, row, strict=True)) for row in rows], COUNTS_SCHEMA
    )
    with pytest.raises(ValueError, match="do not fit 64 bits"):
        training_words(big, TrainerSpec(name="t", vocab_size=300))


def test_a_weight_that_would_become_nothing_is_refused():
    assert words(weights={"deu_Latn": 1e-6})[0][b"bb"] > 0
    with pytest.raises(ValueError, match="weights lie too far apart: 1e-07"):
        words(weights={"deu_Latn": 1e-7})


def test_a_language_whose_counts_are_all_0_does_not_disturb_the_temperature():
    rows = [("aaa_Latn", "web", "train", b"ab", 7), ("bbb_Latn", "web", "train", b"cd", 0)]
    counts = pa.Table.from_pylist(
        [dict(zip(COUNTS_SCHEMA.names, row, strict=True)) for row in rows], COUNTS_SCHEMA
    )
    data = training_words(counts, TrainerSpec(name="t", vocab_size=300, sampling_temperature=3))
    assert (data.words.to_pylist(), (data.counts / data.scale).tolist()) == ([b"ab"], [7.0])
