"""The accounting: in = out + drops + edited, for every stage and corpus."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lexmill.corpus.schema import STAGE_REPORT
from lexmill.corpus.tally import STAGES, Tally, dropped, stage_sums

# (corpus, bytes before, bytes after, place of the reason or -1)
rows = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 2**55), st.integers(0, 2**55), st.integers(-1, 1))
)


@given(rows, st.sampled_from(STAGES))
def test_rows_add_up(given_rows: list[tuple[int, int, int, int]], stage: str) -> None:
    corpus, before, after, drop = (np.array(c, np.int64) for c in zip(*given_rows, strict=True)) if given_rows else [
        np.zeros(0, np.int64)
    ] * 4  # fmt: skip
    tally = Tally()
    corpora, reasons = ["a", "b", "c"], ["short", "odd"]
    tally.add_rows(stage, corpora, corpus, before, after, drop, reasons)
    documents, sizes = Counter(), Counter()
    for where, came, left, why in given_rows:
        documents[stage, corpora[where], "in"] += 1
        sizes[stage, corpora[where], "in"] += came
        sizes[stage, corpora[where], "edited"] += came - left
        reason = "out" if why < 0 else reasons[why]
        documents[stage, corpora[where], reason] += 1
        sizes[stage, corpora[where], reason] += left
    assert {key: n for key, n in tally.documents.items() if n} == dict(documents)
    assert {key: n for key, n in tally.bytes.items() if n} == {key: n for key, n in sizes.items() if n}
    balance: Counter[str] = Counter()
    table = tally.table()
    assert table.schema.equals(STAGE_REPORT)
    for row in table.to_pylist():
        balance[row["corpus"]] += row["bytes"] if row["reason"] == "in" else -row["bytes"]
    assert not any(balance.values())


def test_parts_of_a_corpus_sum_to_the_whole() -> None:
    chance = np.random.default_rng(0)
    corpus, before = chance.integers(0, 2, 500), chance.integers(1, 10**6, 500)
    after, drop = before - chance.integers(0, 2, 500), chance.integers(-1, 2, 500)
    whole, parts = Tally(), Tally()
    whole.add_rows("quality", ["a", "b"], corpus, before, after, drop, ["x", "y"])
    for some in np.array_split(np.arange(500), 7):
        parts.add_rows("quality", ["a", "b"], corpus[some], before[some], after[some], drop[some], ["x", "y"])
    assert parts.table().equals(whole.table())


def test_the_table_is_in_the_order_of_the_stages() -> None:
    tally = Tally()
    for stage, corpus, reason in [
        *(("near_dedup", "b", "near_duplicate"), ("near_dedup", "b", "out"), ("near_dedup", "b", "in")),
        *(("read", "b", "in"), ("read", "a", "out"), ("read", "a", "edited"), ("read", "a", "in")),
        ("read", "a", "bad_line"),
    ]:
        tally.add(stage, corpus, reason, 1, 10)
    tally.add("read", "a", "nothing", 0, 0)
    found = [(row["stage"], row["corpus"], row["reason"]) for row in tally.table().to_pylist()]
    assert found == [
        *(("read", "a", reason) for reason in ("in", "bad_line", "edited", "out")),
        ("read", "b", "in"),
        *(("near_dedup", "b", reason) for reason in ("in", "near_duplicate", "out")),
    ]
    assert Tally().table().num_rows == 0
    assert Tally().table().schema.equals(STAGE_REPORT)


def test_sums_over_corpora_and_drops_most_first() -> None:
    tally = Tally()
    for corpus, count in (("a", 3), ("b", 4)):
        for reason in ("in", "out", "edited", "z_often", "a_often"):
            tally.add("quality", corpus, reason, count, 1)
    tally.add("quality", "a", "most", 9, 1)
    assert stage_sums(tally)["quality"]["in"] == 7
    assert list(dropped(stage_sums(tally)["quality"]).items()) == [
        ("most", 9),
        ("a_often", 7),
        ("z_often", 7),
    ]


def test_seconds_add_up_and_are_no_part_of_the_table() -> None:
    tally = Tally()
    tally.time("quality", 1.5)
    tally.time("quality", 0.25)
    with tally.timing("sampling"):
        pass
    assert tally.seconds["quality"] == 1.75
    assert tally.seconds["sampling"] >= 0
    assert tally.table().num_rows == 0
