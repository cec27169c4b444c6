"""The numba trainer learns what the definition says, and what `tokenizers` learns."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexmill.tokenizer.bpe import MergeList, train_bpe
from lexmill.tokenizer.bytelevel import ID_OF_BYTE, to_alphabet
from tests.lexmill.tokenizer.texts import real_texts, reference_tokenizer, word_counts_of


def plain_bpe(
    words: list[bytes], counts: list[int], merges: int, floor: int = 1, longest: int = 1 << 30
) -> list[tuple[int, int, int]]:
    """BPE by its definition: recount everything before every merge."""
    spelled = [[int(ID_OF_BYTE[byte]) for byte in word] for word in words]
    length = dict.fromkeys(range(256), 1)
    learned: list[tuple[int, int, int]] = []
    while len(learned) < merges:
        pairs: Counter[tuple[int, int]] = Counter()
        for ids, count in zip(spelled, counts, strict=True):
            for pair in pairwise(ids):
                if length[pair[0]] + length[pair[1]] <= longest:
                    pairs[pair] += count
        best = min(pairs, key=lambda pair: (-pairs[pair], pair), default=None)
        if best is None or pairs[best] < max(1, floor):
            break
        new = 256 + len(learned)
        length[new] = length[best[0]] + length[best[1]]
        learned.append((*best, pairs[best]))
        spelled = [_merged(ids, best, new) for ids in spelled]
    return learned


def _merged(ids: list[int], pair: tuple[int, int], new: int) -> list[int]:
    out: list[int] = []
    index = 0
    while index < len(ids):
        if tuple(ids[index : index + 2]) == pair:
            out.append(new)
            index += 2
        else:
            out.append(ids[index])
            index += 1
    return out


def rows(merges: MergeList) -> list[tuple[int, int, int]]:
    return list(zip(merges.left.tolist(), merges.right.tolist(), merges.count.tolist(), strict=True))


def learn(words: list[bytes], counts: list[int], merges: int, **options: int) -> list[tuple[int, int, int]]:
    return rows(train_bpe(pa.array(words, pa.binary()), np.array(counts, np.int64), merges, **options))


WORDS = st.lists(
    st.tuples(st.text("ab", min_size=1, max_size=14) | st.text("abcde ", max_size=9), st.integers(0, 9)),
    max_size=12,
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(WORDS, st.integers(0, 4), st.sampled_from([2, 3, 5, 1000]))
def test_merges_equal_the_definition(entries, floor, longest):
    table = {word.encode(): count for word, count in entries}
    words, counts = list(table), list(table.values())
    expected = plain_bpe(words, counts, 40, floor, longest)
    assert learn(words, counts, 40, min_frequency=floor, max_token_length=longest) == expected


def test_overlapping_runs_are_merged_from_the_left():
    assert learn([b"aaaaa"], [3], 9) == plain_bpe([b"aaaaa"], [3], 9)
    assert learn([b"abababa", b"aa"], [3, 8], 9) == plain_bpe([b"abababa", b"aa"], [3, 8], 9)


def test_counts_beyond_32_bits_stay_exact():
    big = 3_000_000_000
    assert learn([b"ab", b"cd"], [big, big + 1], 2) == [
        (int(ID_OF_BYTE[ord("c")]), int(ID_OF_BYTE[ord("d")]), big + 1),
        (int(ID_OF_BYTE[ord("a")]), int(ID_OF_BYTE[ord("b")]), big),
    ]


def test_order_of_the_words_does_not_matter():
    words, counts = word_counts_of(real_texts()[:12], "gpt4o")
    turned = train_bpe(words.take(pa.array(range(len(words) - 1, -1, -1))), counts[::-1].copy(), 300)
    assert rows(train_bpe(words, counts, 300)) == rows(turned)


def test_too_large_counts_and_unequal_lengths_are_refused():
    with pytest.raises(ValueError, match=r"more than 2\^62"):
        learn([b"abcd"], [1 << 61], 1)
    with pytest.raises(ValueError, match="negative"):
        learn([b"ab"], [-1], 1)
    with pytest.raises(ValueError, match="2 words came with 1 counts"):
        learn([b"a", b"b"], [1], 1)


def test_no_words_no_merges():
    assert learn([], [], 5) == []
    assert learn([b"a", b""], [5, 5], 5) == []


@pytest.mark.parametrize(
    ("pretokenizer", "vocab_size", "options"),
    [
        ("gpt4o", 8192, {}),
        ("gpt2", 4096, {"min_frequency": 3}),
        ("gpt4", 2048, {"max_token_length": 6}),
    ],
)
def test_merges_equal_those_of_tokenizers(pretokenizer, vocab_size, options):
    texts = real_texts()
    words, counts = word_counts_of(texts, pretokenizer)
    ours = train_bpe(words, counts, vocab_size - 256, **options)
    theirs = dict(options)
    if "max_token_length" in theirs:
        theirs["max_token_length"] += 1  # exclusive there
    reference = json.loads(reference_tokenizer(texts, pretokenizer, vocab_size, **theirs).to_str())["model"]
    tokens = [to_alphabet(data) for data in ours.token_bytes()]
    pairs = [[tokens[a], tokens[b]] for a, b in zip(ours.left.tolist(), ours.right.tolist(), strict=True)]
    assert pairs == reference["merges"]
    assert {token: index for index, token in enumerate(tokens)} == reference["vocab"]
