"""Byte-level BPE learns what `tokenizers` learns, or what rustbpe learns, and goes on from where it stopped."""

from __future__ import annotations

import hashlib
import json
import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexmill.tokenizer.bpe import ALPHABETS, MergeList, train_bpe
from lexmill.tokenizer.bpe_characters import JOINED, OTHER, WHOLE, character_class
from lexmill.tokenizer.bytelevel import ID_OF_BYTE, to_alphabet
from tests.lexmill.tokenizer.test_bpe_symbols import plain_bpe
from tests.lexmill.tokenizer.texts import real_texts, reference_tokenizer, word_counts_of

# Blocks that hold no unassigned code point that could get a name later.
_NAMED = (
    (0x20, 0x7F),
    (0xA0, 0x250),
    (0x391, 0x3CA),
    (0x410, 0x450),
    (0x5D0, 0x5EB),
    (0x905, 0x93A),
    (0xE01, 0xE2F),
    (0x3041, 0x3097),
    (0x2190, 0x2200),
    (0x1F600, 0x1F641),
)


def character_names() -> list[str]:
    """The same text with every Python: characters of ten blocks of Unicode, with their names."""
    characters = (chr(code) for start, stop in _NAMED for code in range(start, stop))
    return [
        f"{char} is {unicodedata.name(char).lower()}\n" for char in characters if unicodedata.name(char, "")
    ]


def rows(merges: MergeList) -> list[tuple[int, int, int]]:
    return list(zip(merges.left.tolist(), merges.right.tolist(), merges.count.tolist(), strict=True))


def learned(words: list[bytes], counts: list[int], merges: int, **options) -> list[tuple[int, int, int]]:
    return rows(train_bpe(pa.array(words, pa.binary()), np.array(counts, np.int64), merges, **options))


WORDS = st.lists(
    st.tuples(st.text("ab", min_size=1, max_size=14) | st.text("aé☃😀 ", max_size=9), st.integers(0, 9)),
    max_size=12,
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    WORDS,
    st.integers(0, 4),
    st.sampled_from([2, 3, 5, 1000]),
    st.sampled_from(["hf", "rustbpe"]),
    st.booleans(),
)
def test_merges_equal_the_definition(entries, floor, longest, tie_break, whole):
    table = {word.encode(): count for word, count in entries}
    words, counts = list(table), list(table.values())
    id_of_byte = np.argsort(ALPHABETS[tie_break])
    classes = [character_class(bytes([byte])) for byte in ALPHABETS[tie_break].tolist()]
    rule = (classes, JOINED.tolist()) if whole else ()
    expected = plain_bpe(
        [id_of_byte[list(word)].tolist() for word in words], counts, 256, 40, floor, None, longest, *rule
    )
    options = {"min_frequency": floor, "max_token_length": longest, "tie_break": tie_break}
    assert learned(words, counts, 40, whole_characters=whole, **options) == expected


def test_counts_beyond_32_bits_stay_exact():
    big = 3_000_000_000
    assert learned([b"ab", b"cd"], [big, big + 1], 2) == [
        (int(ID_OF_BYTE[ord("c")]), int(ID_OF_BYTE[ord("d")]), big + 1),
        (int(ID_OF_BYTE[ord("a")]), int(ID_OF_BYTE[ord("b")]), big),
    ]


def test_order_of_the_words_does_not_matter():
    words, counts = word_counts_of(real_texts()[:12], "gpt4o")
    turned = train_bpe(words.take(pa.array(range(len(words) - 1, -1, -1))), counts[::-1].copy(), 300)
    assert rows(train_bpe(words, counts, 300)) == rows(turned)


def test_too_large_counts_and_unequal_lengths_are_refused():
    with pytest.raises(ValueError, match=r"more than 2\^62"):
        learned([b"abcd"], [1 << 61], 1)
    with pytest.raises(ValueError, match="negative"):
        learned([b"ab"], [-1], 1)
    with pytest.raises(ValueError, match="2 words came with 1 counts"):
        learned([b"a", b"b"], [1], 1)


def test_no_words_no_merges():
    assert learned([], [], 5) == []
    assert learned([b"a", b""], [5, 5], 5) == []


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


def test_golden_lists_of_the_peers():
    """What tokenizers 0.23.3 and rustbpe 0.1.0 learn from the same 1,036 documents: full of equal counts."""
    words, counts = word_counts_of(character_names(), "gpt4")
    ours = train_bpe(words, counts, 768)
    tokens = [to_alphabet(data) for data in ours.token_bytes()]
    pairs = zip(ours.left.tolist(), ours.right.tolist(), strict=True)
    listed = "\n".join(f"{tokens[left]} {tokens[right]}" for left, right in pairs)
    assert _digest(listed) == "3ad78fb4590413b7dd0b802ad69f88b0ae7c6f0d19c34266f69274311aeb7667"

    ranks = train_bpe(words, counts, 768, tie_break="rustbpe").token_bytes()
    listed = "\n".join(token.hex() for token in ranks)
    assert _digest(listed) == "14287b13e5309bf1838ea56235ea0e855deb56ca129b94c95280e848b34f25b6"
    assert set(ranks) != set(ours.token_bytes())  # the tie-break decides more than the order


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("tie_break", ["hf", "rustbpe"])
@pytest.mark.parametrize("whole", [False, True])
def test_going_on_equals_never_having_stopped(tie_break, whole):
    words, counts = word_counts_of(real_texts()[:14], "gpt4o")
    options = {"tie_break": tie_break, "whole_characters": whole}
    full = train_bpe(words, counts, 900, **options)
    part = MergeList(full.left[:350], full.right[:350], full.count[:350], full.alphabet)
    again = train_bpe(words, counts, 550, whole_characters=whole, start=part)
    assert rows(again) == rows(full)
    assert again.token_bytes() == full.token_bytes()


def test_what_was_learned_elsewhere_comes_first():
    words, counts = word_counts_of(real_texts()[:10], "gpt4o")
    others = train_bpe(*word_counts_of(real_texts()[10:18], "gpt4o"), 100)
    result = train_bpe(words, counts, 50, start=others)
    assert rows(result)[:100] == rows(others)
    assert len(result) == 150
    assert len(set(result.token_bytes())) == 406  # no token twice


def test_no_token_holds_part_of_a_character_beside_another():
    words, counts = word_counts_of(real_texts(), "gpt4o")
    plain, whole = (train_bpe(words, counts, 4000, whole_characters=on) for on in (False, True))
    mixed = [token for token in whole.token_bytes()[256:] if character_class(token) == OTHER]
    assert not mixed
    assert any(character_class(token) == OTHER for token in plain.token_bytes()[256:])


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
@settings(derandomize=True, deadline=None)
def test_classes_of_characters_and_their_parts(text):
    data = text.encode()
    assert character_class(data) == WHOLE
    first = text[0].encode()
    for size in range(1, len(first)):
        assert character_class(first[:size]) == len(first) - size
        assert JOINED[len(first) - size, character_class(first[size : size + 1])] == len(first) - size - 1
        assert character_class(first[size:] + b"a") == OTHER
    assert character_class(b"\xc0") == character_class(b"\xff") == character_class(b"\x80\x80") == OTHER
