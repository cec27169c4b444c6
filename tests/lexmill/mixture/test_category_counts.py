"""Counts of categories and documents: equal to a plain recount, and the same text in gives the same bytes out."""

from __future__ import annotations

from collections import Counter

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexmill.mixture.category_counts import count_categories, counted_documents
from lexmill.mixture.sources import TextDocument

WORDS = st.lists(st.sampled_from(["a", "the", "ü", "\U0001f600", "x y"]), max_size=8)


def texts(category, documents):
    return [
        TextDocument(f"{category}:{i}", category, "web", "|".join(words)) for i, words in enumerate(documents)
    ]


def cut(text):
    return text.split("|")


def written(folder, documents):
    folder.mkdir(exist_ok=True)
    rows = count_categories([(name, texts(name, found)) for name, found in documents.items()], cut, folder)
    assert rows == pq.read_metadata(folder / "counts.parquet").num_rows
    return pq.read_table(folder / "counts.parquet")


@settings(max_examples=30, deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=5), st.lists(WORDS, min_size=1, max_size=5))
def test_counts_and_documents_equal_a_recount(tmp_path_factory, first, second):
    folder = tmp_path_factory.mktemp("counts")
    documents = {"b": second, "a": first}
    counted = written(folder, documents)
    expected = Counter()
    for name, found in documents.items():
        for words in found:
            expected.update((name, word.encode()) for word in cut("|".join(words)))
    rows = zip(*(counted[column].to_pylist() for column in ("language", "word", "count")), strict=True)
    assert {(name, word): count for name, word, count in rows} == expected
    back = [(d.unit, d.category, d.source, Counter(d.words)) for d in counted_documents(folder)]
    assert back == [
        (f"{name}:{i}", name, "web", Counter(cut("|".join(words))))
        for name in ("a", "b")
        for i, words in enumerate(documents[name])
    ]


def test_rows_are_sorted_and_totals_add_up(tmp_path):
    counted = written(tmp_path, {"b": [["x", "y", "y"]], "a": [["ü"], ["z", "z", "ü", "ü"]]})
    assert counted["language"].to_pylist() == ["a", "a", "b", "b"]
    assert counted["word"].to_pylist() == ["ü".encode(), b"z", b"y", b"x"]
    (a, b) = pq.read_table(tmp_path / "totals.parquet").to_pylist()
    assert (a["documents"], a["words"], a["characters"], a["bytes"]) == (2, 5, 5, 8)
    assert (b["documents"], b["words"]) == (1, 3)


def test_the_order_of_the_categories_changes_nothing(tmp_path):
    documents = {"a": [["x", "y"]], "b": [["y"]]}
    written(tmp_path / "1", documents)
    written(tmp_path / "2", dict(reversed(documents.items())))
    for name in ("counts", "totals", "documents"):
        one, two = ((tmp_path / n / f"{name}.parquet").read_bytes() for n in "12")
        assert one == two


def test_documents_written_in_several_batches(tmp_path, monkeypatch):
    monkeypatch.setattr("lexmill.mixture.category_counts._BATCH_WORDS", 2)
    written(tmp_path, {"a": [["x", "y"], ["z", "x"], ["w", "x", "y"]], "b": [["y"]]})
    assert pq.read_metadata(tmp_path / "documents.parquet").num_row_groups > 2
    assert [sorted(d.words) for d in counted_documents(tmp_path)] == [
        ["x", "y"],
        ["x", "z"],
        ["w", "x", "y"],
        ["y"],
    ]


def test_an_empty_category_is_named(tmp_path):
    with pytest.raises(ValueError, match="category 'b' is empty"):
        written(tmp_path, {"a": [["x"]], "b": []})
