"""BPE over any alphabet does what its definition says, however its floors fall."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexmill.tokenizer import bpe_symbols
from lexmill.tokenizer.bpe_symbols import learn_symbol_merges
from tests.lexmill.tokenizer.texts import merged

Row = tuple[int, int, int]


def plain_bpe(
    sequences: Sequence[Sequence[int]],
    counts: Sequence[int],
    base: int,
    merges: int,
    floor: int = 1,
    sizes: Sequence[int] | None = None,
    largest: int = 1 << 30,
    classes: Sequence[int] | None = None,
    joined: Sequence[Sequence[int]] = ((0,),),
) -> list[Row]:
    """BPE by its definition: recount everything before every merge."""
    spelled = [list(ids) for ids in sequences]
    size = dict(enumerate(sizes or [1] * base))
    kind = dict(enumerate(classes or [0] * base))
    learned: list[Row] = []
    while len(learned) < merges:
        pairs: Counter[tuple[int, int]] = Counter()
        for ids, count in zip(spelled, counts, strict=True):
            for a, b in pairwise(ids):
                if size[a] + size[b] <= largest and joined[kind[a]][kind[b]] >= 0:
                    pairs[a, b] += count
        best = min(pairs, key=lambda pair: (-pairs[pair], pair), default=None)
        if best is None or pairs[best] < max(1, floor):
            break
        new = base + len(learned)
        size[new], kind[new] = size[best[0]] + size[best[1]], joined[kind[best[0]]][kind[best[1]]]
        learned.append((*best, pairs[best]))
        spelled = [merged(ids, best, new) for ids in spelled]
    return learned


def learn(
    sequences: Sequence[Sequence[int]], counts: Sequence[int], base: int, merges: int, **options
) -> list[Row]:
    symbols = np.array([symbol for ids in sequences for symbol in ids], np.int32)
    offsets = np.cumsum([0, *map(len, sequences)])
    left, right, count = learn_symbol_merges(
        symbols, offsets, np.array(counts, np.int64), base, merges, **options
    )
    assert (left.dtype, right.dtype, count.dtype) == (np.int32, np.int32, np.int64)
    return list(zip(left.tolist(), right.tolist(), count.tolist(), strict=True))


@st.composite
def entries(draw, base):
    rows = draw(
        st.lists(st.tuples(st.lists(st.integers(0, base - 1), max_size=12), st.integers(0, 9)), max_size=14)
    )
    return [ids for ids, _ in rows], [count for _, count in rows]


@pytest.mark.parametrize("first_floor", [1, 4, 64, 1 << 13])
@settings(max_examples=100, deadline=None, derandomize=True)
@given(data=st.data())
def test_merges_equal_the_definition_from_any_first_floor(first_floor, data):
    base = data.draw(st.sampled_from([1, 2, 3, 7]))
    sequences, counts = data.draw(entries(base))
    floor = data.draw(st.integers(0, 4))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bpe_symbols, "_FIRST_FLOOR", first_floor)
        assert learn(sequences, counts, base, 30, min_frequency=floor) == plain_bpe(
            sequences, counts, base, 30, floor
        )


@settings(max_examples=200, deadline=None, derandomize=True)
@given(data=st.data())
def test_sizes_and_classes_forbid_what_the_definition_forbids(data):
    base = 4
    sequences, counts = data.draw(entries(base))
    sizes = data.draw(st.lists(st.integers(1, 3), min_size=base, max_size=base))
    classes = data.draw(st.lists(st.integers(0, 2), min_size=base, max_size=base))
    joined = [[data.draw(st.integers(-1, 2)) for _ in range(3)] for _ in range(3)]
    largest = data.draw(st.integers(2, 9))
    expected = plain_bpe(sequences, counts, base, 30, 1, sizes, largest, classes, joined)
    assert expected == learn(
        sequences,
        counts,
        base,
        30,
        sizes=np.array(sizes, np.int32),
        largest=largest,
        classes=np.array(classes, np.int8),
        joined=np.array(joined, np.int8),
    )


def test_many_occurrences_and_long_runs():
    """More cells than one block, of one pair, with overlaps."""
    random = np.random.default_rng(5)
    sequences = [[0] * 1001, *random.integers(0, 3, (60, 200)).tolist()]
    counts = random.integers(1, 1000, len(sequences)).tolist()
    assert learn(sequences, counts, 3, 120) == plain_bpe(sequences, counts, 3, 120)


def test_a_large_alphabet_takes_no_table_of_all_its_pairs():
    base = 2_000_000
    sequences = [[base - 1, 5, base - 1], [base - 1, 5], [7, 8]]
    assert learn(sequences, [2, 3, 4], base, 9) == [(base - 1, 5, 5), (7, 8, 4), (base, base - 1, 2)]


def test_counts_beyond_32_bits_stay_exact():
    big = 3_000_000_000
    assert learn([[0, 1], [2, 3]], [big, big + 1], 4, 2) == [(2, 3, big + 1), (0, 1, big)]


def test_what_cannot_be_counted_is_refused():
    with pytest.raises(ValueError, match=r"more than 2\^62"):
        learn([[0, 1, 0, 1]], [1 << 61], 2, 1)
    with pytest.raises(ValueError, match="negative"):
        learn([[0, 1]], [-1], 2, 1)
    with pytest.raises(ValueError, match="2 words came with 1 counts"):
        learn([[0], [1]], [1], 2, 1)
    with pytest.raises(ValueError, match=r"outside 0 \.\.\. 1"):
        learn([[0, 2]], [1], 2, 1)
    with pytest.raises(ValueError, match="do not fit 31 bits"):
        learn([[0, 1]], [1], 2, 1 << 31)
