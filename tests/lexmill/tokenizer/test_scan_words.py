"""The word table against a plain counter."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from lexmill.tokenizer.scan import text_bytes
from lexmill.tokenizer.scan_words import WordTable
from lexmill.tokenizer.split import splitter
from tests.lexmill.tokenizer.texts import real_texts

# Lengths on both sides of 8, of the 15 bytes that fit a slot, and of multiples of 8.
WORD = st.integers(1, 41).flatmap(
    lambda size: st.text(st.sampled_from("abAé漢"), min_size=size, max_size=size)
)
TEXTS = st.lists(
    st.lists(WORD | st.sampled_from([" ", "\n", "1234", "!?"]), max_size=12).map("".join), max_size=6
)


def counted(table: WordTable) -> dict[bytes, int]:
    words, counts = table.words()
    return dict(zip(words.to_pylist(), counts.tolist(), strict=True))


def direct(texts: list[str], pretokenizer: str) -> Counter[bytes]:
    return Counter(piece.encode() for text in texts for piece in splitter(pretokenizer)(text))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(TEXTS, TEXTS)
def test_counts_and_numbers_equal_those_of_a_dictionary(first, second):
    table = WordTable()
    pieces = table.count("gpt4o", *text_bytes(pa.array(first, pa.string())))
    assert pieces == direct(first, "gpt4o").total()
    numbers, bounds = table.number("gpt4o", *text_bytes(pa.array(second, pa.string())))
    assert counted(table) == direct(first + second, "gpt4o")
    known: dict[str, int] = {}
    for piece in (piece for text in first for piece in splitter("gpt4o")(text)):
        known.setdefault(piece, len(known))
    for row, text in enumerate(second):
        expected = [known.setdefault(piece, len(known)) for piece in splitter("gpt4o")(text)]
        assert numbers[bounds[row] : bounds[row + 1]].tolist() == expected
    assert table.words()[0].to_pylist() == [word.encode() for word in known]


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.dictionaries(st.binary(min_size=1, max_size=40), st.integers(1, 1 << 40), min_size=1), TEXTS)
def test_adding_words_adds_their_counts(words, texts):
    table = WordTable()
    table.count("gpt2", *text_bytes(pa.array(texts, pa.string())))
    for _ in range(2):
        table.add(pa.array(list(words), pa.binary()), np.array(list(words.values()), np.int64))
    expected = direct(texts, "gpt2")
    expected.update(words)
    expected.update(words)
    assert counted(table) == expected


def test_a_table_that_grows_many_times_keeps_everything():
    texts = [*real_texts(), " ".join(f"{'x' * (n % 50)}{n:x}" for n in range(10_000))]
    table = WordTable()
    data, offsets = text_bytes(pa.array(texts, pa.string()))
    numbers, _ = table.number("code2", data, offsets)
    assert counted(table) == direct(texts, "code2")
    words = table.words()[0].to_pylist()
    assert b"".join(words[number] for number in numbers) == data.tobytes()


def test_chosen_rows_and_lines():
    texts = ["a b", "c\n\nd e\n", "a b"]
    data, offsets = text_bytes(pa.array(texts, pa.string()))
    table = WordTable()
    assert table.count("gpt2", data, offsets, np.array([2, 1]), by_line=True) == 8
    assert counted(table) == direct(["a b", "c\n", "\n", "d e\n"], "gpt2")
    assert table.count("gpt2", data, offsets, np.array([], np.int64)) == 0


def test_a_huge_word_and_a_million_pieces():
    texts = ["a" * 3_000_000, "b " * 500_000, "é" * 1_000_000]
    table = WordTable()
    table.count("gpt4o", *text_bytes(pa.array(texts, pa.string())))
    assert counted(table) == direct(texts, "gpt4o")
