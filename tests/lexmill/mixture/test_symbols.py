"""Words as symbols of the alphabet, against a loop over characters."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexmill.mixture.mergelist import MergeList
from lexmill.mixture.symbols import possible_pairs, symbols_of
from lexmill.mixture.words import word_table

ALPHABET = ("é", "a", "漢", " ", "\U00010348")
MERGES = MergeList.from_merges(
    [(b" ", b"a"), (b" a", "é".encode())], "test", alphabet=tuple(c.encode() for c in ALPHABET)
)


@given(
    st.lists(
        st.text(alphabet=[*ALPHABET, "x", "ß"], min_size=1, max_size=8), min_size=1, max_size=6, unique=True
    )
)
def test_words_are_cut_at_characters_outside_the_alphabet(words):
    table = word_table([("c", word.encode(), 1) for word in words])
    found = symbols_of(MERGES, table)
    expected = []
    for number in range(len(table.offsets) - 1):
        word = table.text[table.offsets[number] : table.offsets[number + 1]].tobytes().decode()
        for piece in "".join(c if c in ALPHABET else "x" for c in word).split("x"):
            if piece:
                expected.append((number, [ALPHABET.index(c) for c in piece]))
    pieces = [found.symbol[a:b].tolist() for a, b in zip(found.offsets, found.offsets[1:], strict=False)]
    assert list(zip(found.word.tolist(), pieces, strict=True)) == expected
    assert found.symbol.dtype == np.int32
    assert found.base == len(ALPHABET)


def test_bytes_are_taken_as_they_are():
    table = word_table([("c", b"\xff\x00abc", 1), ("c", b"d", 2)])
    found = symbols_of(MergeList.from_merges([(b"a", b"b")], "test"), table)
    assert found.symbol is table.text
    assert found.offsets is table.offsets
    assert found.word.tolist() == [0, 1]
    assert found.base == 256


def test_a_word_that_is_not_utf8_is_refused():
    with pytest.raises(ValueError, match="not UTF-8 at byte 0"):
        symbols_of(MERGES, word_table([("c", b"\xff", 1)]))


def test_ids_follow_the_alphabet():
    left, right = MERGES.token_ids()
    assert left.tolist() == [3, 5]
    assert right.tolist() == [1, 0]


def test_listed_merges_are_possible_whatever_the_length():
    short = replace(MERGES, longest=2)
    left, right = np.array([3, 5, 5], np.int32), np.array([1, 0, 1], np.int32)
    assert possible_pairs(short, left, right).tolist() == [True, True, False]
    assert possible_pairs(MERGES, left, right).all()
