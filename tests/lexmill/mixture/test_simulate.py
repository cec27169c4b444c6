"""Simulated mixtures: halves, exact weights, what a simulation says, and its errors."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from lexmill.mixture.bootstrap import SOURCE_UNIT, Document, document_replicates, weigh_rows
from lexmill.mixture.simulate import METHODS, SimulationError, halves_of, simulate, train_mixture
from lexmill.mixture.simulate_halves import half_rows, half_words
from lexmill.mixture.words import word_table
from tests.lexmill.mixture.oracle import train

ALPHABETS = {"en": "etaoin", "fr": "eaisnu", "ru": "оеаинт", "el": "αοιετσ"}


def _documents(each: int = 40, length: int = 150) -> list[Document]:
    """Text of random words by language, from two sources with different lexicons; every tenth unit is a group."""
    found = []
    for number, (name, letters) in enumerate(ALPHABETS.items()):
        rng = np.random.default_rng(number)
        lexicon = ["".join(rng.choice(list(letters), rng.integers(2, 7))) for _ in range(300)]
        chances = 1 / np.arange(1, len(lexicon) + 1)
        for i in range(each):
            order = lexicon if i % 2 else lexicon[::-1]
            text = " ".join(rng.choice(order, length, p=chances / chances.sum()))
            unit = f"group{i}" if i % 10 == 0 else f"{name}{i}"
            found.append(Document(unit, name, f"source{i % 2}", [text]))
    return found


def _cut(text: str) -> list[str]:
    return [" " + word for word in text.split()]


@pytest.fixture(scope="module")
def halves():
    return halves_of(_documents(), _cut, seed=1)


def _plain(documents: list[Document], names: list[str]) -> Counter[tuple[str, bytes]]:
    return Counter(
        (d.category, w.encode()) for d in documents if d.category in names for t in d.words for w in _cut(t)
    )


def _rows(table) -> Counter[tuple[str, bytes]]:
    text = table.text.tobytes()
    words = [text[a:b] for a, b in zip(table.offsets[:-1], table.offsets[1:], strict=True)]
    entries = zip(table.entry_words(), table.row_category, table.count, strict=True)
    return Counter({(table.categories[c], words[w]): int(n) for w, c, n in entries})


def test_the_halves_are_disjoint_by_unit_and_hold_everything(halves):
    assert halves.categories == tuple(sorted(ALPHABETS))
    assert not set(halves.train.unit.tolist()) & set(halves.sample.unit.tolist())
    chosen = [0, 3]
    names = [halves.categories[c] for c in chosen]
    tables = [half_words(halves, half, chosen) for half in (halves.train, halves.sample)]
    assert sum(map(_rows, tables), Counter()) == _plain(_documents(), names)
    for table, sizes in zip(tables, (halves.train_bytes, halves.sample_bytes), strict=True):
        assert table.category_bytes()[:, 0].tolist() == sizes[chosen].tolist()


def test_words_and_texts_give_the_same_halves(halves):
    cut = [d._replace(words=[w for t in d.words for w in _cut(t)]) for d in _documents()]
    again = halves_of(cut, None, seed=1)
    assert again.text.tobytes() == halves.text.tobytes()
    assert (again.sample.word == halves.sample.word).all()
    whole = halves_of([d._replace(words=d.words[0]) for d in _documents()], _cut, seed=1)
    assert (whole.train.count == halves.train.count).all()


def test_replicates_of_a_half_are_those_of_its_documents(halves):
    chosen = [1, 2]
    table = half_words(halves, halves.sample, chosen)
    kept = set(halves.sample.unit.tolist())
    units = list(dict.fromkeys(d.unit for d in _documents()))
    documents = [
        d._replace(words=[w for t in d.words for w in _cut(t)])
        for d in _documents()
        if units.index(d.unit) in kept
    ]
    direct = document_replicates(table, lambda: documents, 5, seed=3)
    found = weigh_rows(table, lambda: half_rows(halves, halves.sample, chosen, table), 5, seed=3)
    assert (found.counts == direct.counts).all()
    assert found.units.tolist() == direct.units.tolist()


def test_training_at_exact_shares_is_plain_bpe_of_the_weighted_words():
    table = word_table([("x", b"abab", 5), ("x", b"abc", 7), ("y", b"bcbc", 9), ("y", b"xyz", 4)])
    merges, exact = train_mixture(table, np.array([0.3, 0.7]), 3)
    assert exact == pytest.approx([0.3, 0.7], abs=1e-12)
    size = table.category_bytes()[:, 0]
    weight = dict(zip("xy", np.array([0.3, 0.7]) / size, strict=True))
    plain = {
        b"abab": 5 * weight["x"],
        b"abc": 7 * weight["x"],
        b"bcbc": 9 * weight["y"],
        b"xyz": 4 * weight["y"],
    }
    assert list(merges.merges) == train(plain, 3)  # the fourth is a tie


def test_a_simulation_finds_its_mixtures_better_than_the_baselines(halves):
    found = simulate(halves, 4, 3, 400, seed=2, bootstrap=8)
    summary = found.summary()
    assert summary["trials"] == 4
    assert set(summary["log10_mse"]) == set(METHODS)
    means = {method: value["mean"] for method, value in summary["log10_mse"].items()}
    assert all(means["mixture"] < means[other] - 0.5 for other in METHODS if other != "mixture")
    assert summary["coverage"]["intervals"] == 12
    assert summary["coverage"]["hits"] >= 8
    for row in found.rows:
        assert sum(c["truth"] for c in row["categories"].values()) == pytest.approx(1)
        assert {"train", "count", "solve", "bootstrap", "baselines"} <= set(row["seconds"])


def _without_seconds(simulation):
    return [{key: value for key, value in row.items() if key != "seconds"} for row in simulation.rows]


def test_the_same_seed_gives_the_same_rows_and_a_trial_does_not_depend_on_the_others(halves):
    two = _without_seconds(simulate(halves, 2, 2, 300, seed=5, bootstrap=2, merges=30))
    assert two == _without_seconds(simulate(halves, 2, 2, 300, seed=5, bootstrap=2, merges=30))
    one = _without_seconds(simulate(halves, 1, 2, 300, seed=5, bootstrap=2, merges=30))
    assert one[0]["log10_mse"].pop("efficiency") is None  # there is no other trial to learn from
    two[0]["log10_mse"].pop("efficiency")
    assert one[0] == two[0]
    other = _without_seconds(simulate(halves, 1, 2, 300, seed=6, bootstrap=2, merges=30))
    assert other[0]["categories"] != one[0]["categories"]


def test_other_sources_make_the_answer_worse(halves):
    same = simulate(halves, 4, 3, 400, seed=2).summary()["log10_mse"]["mixture"]["mean"]
    shifted = simulate(halves, 4, 3, 400, seed=2, other_sources=True).summary()
    assert shifted["log10_mse"]["mixture"]["mean"] > same
    assert shifted["coverage"]["share"] is None


def test_without_replicates_there_is_no_coverage(halves):
    row = simulate(halves, 1, 2, 300, merges=30).rows[0]
    assert row["intervals"] == row["hits"] == 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"trials": 0}, "0 trials asked for"),
        ({"categories": 5}, "mixtures of 5 categories asked for, but there are 4"),
        ({"categories": 1}, "give 2 to 4"),
        ({"vocab_size": 256}, "a vocabulary of 256 has no room for a merge"),
        ({"merges": 0}, "0 merges asked for"),
    ],
)
def test_settings_that_do_not_fit_are_named(halves, settings, message):
    with pytest.raises(SimulationError, match=message):
        simulate(halves, **({"trials": 1, "categories": 2, "vocab_size": 300} | settings))


def test_a_category_of_one_unit_cannot_be_halved():
    documents = [*_documents(), Document("alone", "tr", "s", ["text"])]
    with pytest.raises(SimulationError, match="category tr has text in only one of the two random halves"):
        halves_of(documents, _cut, seed=0)
    with pytest.raises(SimulationError, match="no documents with words"):
        halves_of([], _cut, seed=0)


def test_weights_of_documents_multiply_their_words(halves):
    weights = np.full(len(halves.train.unit), SOURCE_UNIT)
    table, weighted = (half_words(halves, halves.train, [0, 1], w) for w in (None, weights))
    assert (weighted.count == SOURCE_UNIT * table.count).all()


@pytest.mark.slow
@pytest.mark.parametrize("other_sources", [False, True])
def test_nine_intervals_in_ten_hold_the_truth(halves, other_sources):
    coverage = simulate(halves, 20, 4, 456, seed=7, bootstrap=20, other_sources=other_sources).summary()[
        "coverage"
    ]
    assert coverage["intervals"] == 80
    assert 0.8 <= coverage["share"] <= 1.0
