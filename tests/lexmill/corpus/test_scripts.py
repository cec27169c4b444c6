"""Counting scripts over a batch."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexmill.corpus.scripts import SCRIPTS, script_counts, script_share, script_shares, script_table
from tests.lexmill.corpus.odd_text import odd_text


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(odd_text, st.sampled_from(["Latn", "Jpan", "Kore", "Hans", "Thai", "Goth", ""])), max_size=6
    )
)
def test_a_batch_is_its_texts(rows: list[tuple[str, str]]) -> None:
    texts = [text for text, _ in rows]
    scripts = [script for _, script in rows]
    table = script_table(pa.array(texts, pa.string()))
    assert table.shape == (len(rows), len(SCRIPTS))
    assert table.tolist() == [script_counts(text) for text in texts]
    expected = [script_share(script_counts(text), script) for text, script in rows]
    assert script_shares(table, scripts).tolist() == expected


def test_private_use_and_variation_selectors_are_no_letters() -> None:
    assert script_counts("\U000e0100\U000f0000\U0010ffff") == [3, *[0] * (len(SCRIPTS) - 1)]
    assert script_table(pa.array([None, "é\U0010ffff"]))[:, :2].tolist() == [[0, 0], [1, 1]]


def test_shares() -> None:
    table = script_table(pa.array(["Привет abc", "漢字かな", "123"]))
    assert script_shares(table, ["Cyrl", "Jpan", "Latn"]) == pytest.approx([6 / 9, 1.0, 1.0])
