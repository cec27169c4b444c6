"""The whole inference on small text: shares in bytes, evidence, alarm, intervals, determinism, errors."""

from __future__ import annotations

import numpy as np
import pytest

from lexmill.mixture.answer import alarm_sentence
from lexmill.mixture.bootstrap import ReplicateError, document_replicates, intervals
from lexmill.mixture.infer import MixtureInputError, infer_mixture, signal_merges
from lexmill.mixture.mergelist import MergeList
from lexmill.mixture.words import word_table
from tests.lexmill.mixture.oracle import train

LETTERS = {"x": "etaoinshr", "y": "aeioultnm", "z": "шщыэюялнт"}
SHARES = {"x": 0.6, "y": 0.3, "z": 0.1}


def _language(name: str, seed: int = 0) -> list[str]:
    """A lexicon of 250 words over the language's letters, sorted by falling frequency."""
    rng = np.random.default_rng(ord(name) + 1000 * seed)
    letters = list(LETTERS[name])
    weights = 1 / np.arange(1, len(letters) + 1)
    return ["".join(rng.choice(letters, rng.integers(2, 8), p=weights / weights.sum())) for _ in range(250)]


def _documents(name: str, seed: int, count: int = 60) -> list[list[str]]:
    rng = np.random.default_rng(seed * 100 + ord(name))
    lexicon = _language(name)
    weights = 1 / np.arange(1, len(lexicon) + 1)
    return [[" " + w for w in rng.choice(lexicon, 120, p=weights / weights.sum())] for _ in range(count)]


def _counts(documents: list[list[str]]) -> dict[bytes, int]:
    found: dict[bytes, int] = {}
    for document in documents:
        for word in document:
            found[word.encode()] = found.get(word.encode(), 0) + 1
    return found


@pytest.fixture(scope="module")
def case():
    mixed: dict[bytes, float] = {}
    for name, share in SHARES.items():
        counted = _counts(_documents(name, 1))
        size = sum(len(w) * n for w, n in counted.items())
        for word, n in counted.items():
            mixed[word] = mixed.get(word, 0.0) + share * n / size
    merges = MergeList.from_merges(train(mixed, 150), "test")
    sample = {name: _documents(name, 2) for name in SHARES}
    return merges, sample


def _table(sample, names):
    return word_table([(name, w, n) for name in names for w, n in _counts(sample[name]).items()])


def _units(sample):
    return [(f"{name}{i}", name, d) for name, documents in sample.items() for i, d in enumerate(documents)]


def test_shares_are_found_in_bytes_with_intervals_and_evidence(case):
    merges, sample = case
    table = _table(sample, SHARES)
    replicates = document_replicates(table, lambda: _units(sample), 8, seed=3)
    mixture = infer_mixture(merges, table, use=150, replicates=replicates, seed=3)
    found = {s.category: s for s in mixture.shares}
    assert sum(s.bytes for s in mixture.shares) == pytest.approx(1)
    for name, share in SHARES.items():
        assert found[name].bytes == pytest.approx(share, abs=0.04)
        assert 0 <= found[name].lower < found[name].bytes < found[name].upper <= 1
    assert mixture.gap <= 0.01
    assert mixture.alarm is None
    assert mixture.curve[-1].merges == 150
    assert [p.merges for p in mixture.curve] == [100, 150]
    raises = [e for e in mixture.evidence if e.category == "z" and e.direction == "raises"]
    assert raises
    cyrillic = "".join(LETTERS["z"]).encode()
    assert any(set(raises[0].merge) <= set(cyrillic + b" ") for _ in raises)


def test_pairs_and_bytes_differ_by_the_categories_bytes_per_pair(case):
    merges, sample = case
    table = _table(sample, SHARES)
    mixture = infer_mixture(merges, table, use=150)
    ratio = table.category_bytes()[:, 0] / table.category_pairs()[:, 0]
    expected = np.array([s.pairs for s in mixture.shares]) * ratio
    assert [s.bytes for s in mixture.shares] == pytest.approx(list(expected / expected.sum()))


def test_a_missing_category_raises_the_alarm(case):
    merges, sample = case
    complete = infer_mixture(merges, _table(sample, ["x", "y", "z"]), use=150)
    lacking = infer_mixture(merges, _table(sample, ["x", "y"]), use=150)
    assert complete.alarm is None
    assert lacking.alarm is not None
    assert "occur in no category" in lacking.alarm
    assert len(lacking.impossible) > len(complete.impossible)


def test_the_same_input_gives_the_same_answer(case):
    merges, sample = case
    table = _table(sample, SHARES)
    answers = []
    for _ in range(2):
        replicates = document_replicates(table, lambda: _units(sample), 3, seed=1)
        answers.append(infer_mixture(merges, table, use=60, replicates=replicates))
    assert answers[0] == answers[1]


def test_documents_of_one_group_get_one_weight():
    table = word_table([("x", b"ab", 1), ("y", b"cd", 1)])
    units = [("group", "x", ["ab"]), ("group", "y", ["cd"])]
    replicates = document_replicates(table, lambda: units, 50, seed=0).counts
    assert (replicates[0] == replicates[1]).all()
    assert replicates.std() > 0


@pytest.mark.parametrize("documents", [[("a", "x", ["ab", "zz"])], [("a", "x", [])]])
def test_documents_that_are_not_the_counted_text_are_refused(documents):
    table = word_table([("x", b"ab", 1)])
    with pytest.raises(ReplicateError, match="word counts"):
        document_replicates(table, lambda: documents, 2, seed=0)


def test_every_replicate_has_text_of_every_category():
    table = word_table([("x", b"ab", 9), ("y", b"cd", 1), ("z", b"cd", 1), ("one", b"e", 1)])
    units = [(f"x{i}", "x", ["ab"]) for i in range(9)] + [
        ("shared", "y", ["cd"]),
        ("shared", "z", ["cd"]),
        ("e", "one", ["e"]),
    ]
    found = [document_replicates(table, lambda: iter(units), 100, seed=0) for _ in range(2)]
    assert (found[0].counts == found[1].counts).all()
    pairs = dict(zip(table.categories, table.category_pairs(found[0].counts), strict=True))
    assert (pairs["y"] > 0).all()
    assert (pairs["y"] == pairs["z"]).all()  # documents of one group keep one weight
    assert pairs["x"].mean() == pytest.approx(9, abs=1.5)
    assert dict(zip(table.categories, found[0].units, strict=True)) == {"one": 0, "x": 9, "y": 1, "z": 1}


@pytest.mark.parametrize("few", [{"z": 1}, {"y": 2, "z": 2}], ids=["one document", "twice two documents"])
def test_a_category_of_few_documents_has_no_interval_and_the_others_do(case, few):
    merges, sample = case
    sample = {name: documents[: few.get(name)] for name, documents in sample.items()}
    table = _table(sample, SHARES)
    replicates = document_replicates(table, lambda: _units(sample), 20, seed=0)
    assert (table.category_pairs(replicates.counts) > 0).all()
    mixture = infer_mixture(merges, table, use=60, replicates=replicates)
    assert mixture.without_interval == tuple(few)
    assert f"No interval for {', '.join(few)}: fewer than 3 independent documents" in mixture.covers
    for share in mixture.shares:
        if share.category in few:
            assert share.lower is share.upper is None
        else:
            assert 0 <= share.lower < share.bytes < share.upper <= 1


def test_the_intervals_say_what_they_rest_on(case):
    merges, sample = case
    table = _table(sample, SHARES)
    replicates = document_replicates(table, lambda: _units(sample), 2, seed=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lexmill.mixture.infer.REPLICATE_MERGES", 30)
        mixture = infer_mixture(merges, table, use=60, start_merge=10, replicates=replicates)
    assert "answer from merges 10 to 59, but its width" in mixture.covers
    assert "look at merges 10 to 39 only" in mixture.covers
    assert "not calibrated" in mixture.covers
    assert infer_mixture(merges, table, use=60).covers.startswith("No replicates were made")


def test_intervals_stay_between_zero_and_one():
    lower, upper = intervals(np.array([0.01, 0.99]), np.array([[0.0, 1.0], [0.1, 0.9], [0.2, 0.8]]))
    assert lower[0] == 0
    assert upper[1] == 1
    assert (intervals(np.array([0.5]), np.empty((0, 1)))[0] == 0.5).all()


def test_auto_stops_where_the_sample_has_no_signal():
    counts = np.r_[np.full(400, 90.0), np.full(600, 3.0)]
    assert signal_merges(counts, 0) == 400
    assert signal_merges(counts[:150], 0) == 150


def test_wrong_input_is_named(case):
    merges, sample = case
    with pytest.raises(MixtureInputError, match="at least two categories"):
        infer_mixture(merges, _table(sample, ["x"]))
    with pytest.raises(MixtureInputError, match="category single has no pair"):
        infer_mixture(merges, word_table([("x", b"ab", 1), ("single", b"a", 9)]))
    with pytest.raises(MixtureInputError, match="999 merges asked for, but the tokenizer has 150"):
        infer_mixture(merges, _table(sample, SHARES), use=999)
    with pytest.raises(MixtureInputError, match="start_merge 150 leaves no merge"):
        infer_mixture(merges, _table(sample, SHARES), start_merge=150)


def test_alarm_sentence_names_its_reasons():
    assert alarm_sentence(0, 1000, 0.1) is None
    assert "30 of 1000 merges (3.0%) occur in no category" in str(alarm_sentence(30, 1000, 0.1))
    assert "40%" in str(alarm_sentence(0, 1000, 0.4))
