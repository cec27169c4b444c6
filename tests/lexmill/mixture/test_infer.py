"""The whole inference on small text: shares in bytes, evidence, alarm, intervals, determinism, errors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lexmill.mixture.bootstrap import Document, document_replicates
from lexmill.mixture.infer import MixtureInputError, infer_mixture, signal_merges
from lexmill.mixture.mergelist import MergeList
from lexmill.mixture.words import word_table
from tests.lexmill.mixture.oracle import byte_pairs, train

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
    return [
        Document(f"{name}{i}", name, "one", d)
        for name, documents in sample.items()
        for i, d in enumerate(documents)
    ]


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
    ratio = table.category_bytes()[:, 0] / byte_pairs(table)[:, 0]
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


@pytest.mark.parametrize("few", [{"z": 1}, {"y": 2, "z": 2}], ids=["one document", "twice two documents"])
def test_a_category_of_few_documents_has_no_interval_and_the_others_do(case, few):
    merges, sample = case
    sample = {name: documents[: few.get(name)] for name, documents in sample.items()}
    table = _table(sample, SHARES)
    replicates = document_replicates(table, lambda: _units(sample), 20, seed=0)
    assert (byte_pairs(table, replicates.counts) > 0).all()
    mixture = infer_mixture(merges, table, use=60, replicates=replicates)
    assert mixture.without_interval == tuple(few)
    assert f"No interval for {', '.join(few)}: fewer than 3 independent documents" in mixture.covers
    for share in mixture.shares:
        if share.category in few:
            assert share.lower is share.upper is None
        else:
            assert 0 <= share.lower < share.bytes < share.upper <= 1


def test_the_intervals_say_what_they_rest_on(case, monkeypatch):
    merges, sample = case
    table = _table(sample, SHARES)
    units = [
        unit._replace(source=str(i % 2) if unit.category == "x" else "one")
        for i, unit in enumerate(_units(sample))
    ]
    replicates = document_replicates(table, lambda: units, 2, seed=1)
    monkeypatch.setattr("lexmill.mixture.infer.REPLICATE_MERGES", 30)
    mixture = infer_mixture(merges, table, use=60, start_merge=10, replicates=replicates)
    assert "Its width comes from merges 10 to 39, its centre from merges 10 to 59." in mixture.covers
    assert "For x it also covers another mix of the counted sources" in mixture.covers
    assert "nor other sources than the one of y, z." in mixture.covers
    assert mixture.several_sources == ("x",)
    assert mixture.covers.endswith("of 5 programming languages 43 of 50 did.")
    assert infer_mixture(merges, table, use=60).covers.startswith("No replicates were made")


def test_the_replicates_look_at_as_many_merges_as_the_answer(case):
    merges, sample = case
    table = _table(sample, SHARES)
    replicates = document_replicates(table, lambda: _units(sample), 2, seed=1)
    mixture = infer_mixture(merges, table, use=60, replicates=replicates)
    assert mixture.replicate_merges == 60
    assert "Its width comes from" not in mixture.covers


def test_a_category_without_a_merge_of_its_own_may_have_any_small_share(case):
    merges, sample = case
    alone = {**sample, "w": [["".join(chr(ord(c) + 600) for c in word) for word in d] for d in sample["x"]]}
    table = word_table([(name, w, n) for name in alone for w, n in _counts(alone[name]).items()])
    replicates = document_replicates(table, lambda: _units(alone), 8, seed=1)
    mixture = infer_mixture(merges, table, use=100, replicates=replicates)
    share = next(s for s in mixture.shares if s.category == "w")
    assert mixture.invisible == ("w",)
    assert share.lower == 0.0
    # a pair of w as frequent as in x must stay rarer than the last merges
    assert 0.01 < share.upper < 0.2
    assert "No merge comes mainly from w" in mixture.covers


def test_two_categories_of_the_same_text_are_named(case):
    merges, sample = case
    twins = {**sample, "twin": sample["x"]}
    table = word_table([(name, w, n) for name in twins for w, n in _counts(twins[name]).items()])
    mixture = infer_mixture(merges, table, use=60)
    assert mixture.alike == (("twin", "x"),)
    assert infer_mixture(merges, _table(sample, SHARES), use=60).alike == ()


def test_without_replicates_there_are_no_bounds(case):
    merges, sample = case
    mixture = infer_mixture(merges, _table(sample, SHARES), use=60)
    assert all(share.lower is share.upper is None for share in mixture.shares)
    assert mixture.without_interval == ()


def test_an_alarm_takes_the_place_of_the_measured_coverage(case):
    merges, sample = case
    missing = {name: documents for name, documents in sample.items() if name != "x"}
    table = _table(missing, list(missing))
    replicates = document_replicates(table, lambda: _units(missing), 2, seed=1)
    mixture = infer_mixture(merges, table, use=100, replicates=replicates)
    assert mixture.alarm is not None
    assert mixture.covers.endswith("no interval covers that.")


def test_late_merges_are_no_evidence(case):
    merges, sample = case
    table = _table(sample, SHARES)
    whole = infer_mixture(merges, table, use=60)
    late = (5, 6, 40)
    mixture = infer_mixture(replace(merges, late=late), table, use=60)
    assert {e.step for e in whole.evidence} & set(late)
    assert not {e.step for e in mixture.evidence} & set(late)
    assert mixture.fit.merges == whole.fit.merges - len(late)
    with pytest.raises(MixtureInputError, match="all merges from 0 to 59 are out of order"):
        infer_mixture(replace(merges, late=tuple(range(60))), table, use=60)


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
