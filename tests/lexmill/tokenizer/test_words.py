"""Selection, weights and the true mixture of the training data."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from lexmill.tokenizer.counts import COUNTS_SCHEMA
from lexmill.tokenizer.params import TokenizerParams
from lexmill.tokenizer.words import training_words

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
    data = training_words(table(), TokenizerParams(name="t", vocab_size=300, **options))
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
        training_words(big, TokenizerParams(name="t", vocab_size=300, weights={"l": 3}))
