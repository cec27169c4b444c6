"""Replicated word counts: weights of units and sources, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from lexmill.mixture.bootstrap import SOURCE_UNIT, Document, ReplicateError, document_replicates
from lexmill.mixture.words import word_table
from tests.lexmill.mixture.oracle import byte_pairs


def test_documents_of_one_group_get_one_weight():
    table = word_table([("x", b"ab", 1), ("x", b"ef", 1), ("y", b"cd", 1), ("y", b"gh", 1)])
    units = [Document("g", "x", "s", ["ab"]), Document("g", "y", "s", ["cd"])]
    units += [Document("h", "x", "s", ["ef"]), Document("h", "y", "s", ["gh"])]
    ab, cd, ef, gh = document_replicates(table, lambda: units, 60, seed=0).counts  # sorted by word
    assert (ab * gh == ef * cd).all()
    assert (ab != ef).any()


def test_weights_have_mean_one_and_the_variance_of_geometric_times_exponential():
    table = word_table([("x", f"w{i:02}".encode(), 1) for i in range(40)])
    units = [Document(str(i), "x", str(i % 4), [f"w{i:02}"]) for i in range(40)]
    found = document_replicates(table, lambda: units, 4000, seed=0)
    weights = found.counts / SOURCE_UNIT
    assert weights.mean() == pytest.approx(1, abs=0.03)
    # E[G^2] E[S^2] - 1 = 3 * 2 - 1
    assert weights.var(axis=1).mean() == pytest.approx(5, abs=0.5)
    same, other = np.corrcoef(weights)[0, [4, 1]]  # documents 0 and 4 are of one source: 1 / 5
    assert same == pytest.approx(1 / 5, abs=0.07)
    assert other == pytest.approx(0, abs=0.05)
    assert found.sources.tolist() == [4]


def test_sources_of_too_few_units_are_not_counted():
    table = word_table([("x", b"ab", 7), ("y", b"ab", 3)])
    units = [Document(f"a{i}", "x", "large", ["ab"]) for i in range(3)]
    units += [Document(f"b{i}", "x", "second", ["ab"]) for i in range(2)]
    units += [Document("b0", "x", "second", ["ab"]), Document("a0", "x", "third", ["ab"])]
    units += [Document(f"c{i}", "y", "large", ["ab"]) for i in range(3)]
    found = document_replicates(table, lambda: units, 2, seed=0)
    assert found.sources.tolist() == [1, 1]  # `second` has three documents of only two units
    assert found.units.tolist() == [5, 3]


@pytest.mark.parametrize("words", [["ab", "zz"], []])
def test_documents_that_are_not_the_counted_text_are_refused(words):
    table = word_table([("x", b"ab", 1)])
    with pytest.raises(ReplicateError, match="word counts"):
        document_replicates(table, lambda: [Document("a", "x", "s", words)], 2, seed=0)


def test_every_replicate_has_text_of_every_category():
    table = word_table([("x", b"ab", 9), ("y", b"cd", 1), ("z", b"cd", 1), ("one", b"e", 1)])
    units = [Document(f"x{i}", "x", "s", ["ab"]) for i in range(9)]
    units += [Document("shared", name, "s", ["cd"]) for name in "yz"] + [Document("e", "one", "s", ["e"])]
    found = [document_replicates(table, lambda: iter(units), 100, seed=0) for _ in range(2)]
    assert (found[0].counts == found[1].counts).all()
    pairs = dict(zip(table.categories, byte_pairs(table, found[0].counts), strict=True))
    assert (pairs["y"] > 0).all()
    assert pairs["x"].mean() / SOURCE_UNIT == pytest.approx(9, abs=4)
    assert dict(zip(table.categories, found[0].units, strict=True)) == {"one": 0, "x": 9, "y": 1, "z": 1}
