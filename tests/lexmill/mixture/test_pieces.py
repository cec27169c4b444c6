"""SentencePiece's rules: our cuts and pair mask together count exactly the pairs its trainer would."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexmill.mixture.mergelist import MergeList
from lexmill.mixture.pieces import PieceRules, piece_cutter, rules_of_pieces
from lexmill.mixture.symbols import possible_pairs
from tests.lexmill.mixture import pieces_oracle as oracle

SAMPLE = """the then  them 12 a1 x2б привет при 漢字 漢ーカ (the) "пре"
    if  the:    then  the
        return  12   при"""
ATOMS = [*"abthe б漢ー1.", "  ", "\n", "\t", "the", " при", "12"]
RULES = {
    "default": PieceRules(),
    "llama": PieceRules(split_digits=True, allow_whitespace_only_pieces=True),
    "numbers": PieceRules(split_by_number=False),
    "no scripts": PieceRules(split_by_unicode_script=False, split_digits=True),
    "across spaces": PieceRules(split_by_whitespace=False),
    "short": PieceRules(max_sentencepiece_length=3, allow_whitespace_only_pieces=True),
}


def _rules(name):
    return replace(RULES[name], add_dummy_prefix=False, remove_extra_whitespaces=False)


def _merge_list(name):
    rules = _rules(name)
    merges = oracle.train(SAMPLE, rules, 40)
    characters = sorted(set(SAMPLE + "abб漢ー1 .y") - {"\n"})
    made = MergeList.from_merges(
        [(a.encode(), b.encode()) for a, b in merges], "test", alphabet=tuple(c.encode() for c in characters)
    )
    return merges, replace(made, rules=rules, longest=rules.max_sentencepiece_length)


LISTS = {name: _merge_list(name) for name in RULES}


@pytest.mark.parametrize("name", RULES)
@settings(max_examples=60, deadline=None)
@given(
    text=st.lists(
        st.sampled_from([*"abthe б漢ー1.", "  ", "\n", "\t", "the", " при", "12"]), max_size=24
    ).map("".join)
)
def test_pairs_are_those_of_the_trainer(name, text):
    merges, listed = LISTS[name]
    rules = _rules(name)
    assert "".join(piece_cutter(rules, lambda line: [line])(text)) == text
    ours = oracle.pair_counts(piece_cutter(rules, lambda line: [line])(text), merges)
    words = [word for line in text.split("\n") for word in oracle.words_of_line(line, rules)]
    theirs = oracle.pair_counts(words, merges)
    assert _possible(ours, listed) == {p: n for p, n in theirs.items() if oracle.valid(p[0] + p[1], rules)}


def _possible(counts: Counter[tuple[str, str]], merges: MergeList) -> dict[tuple[str, str], int]:
    tokens = [*merges.alphabet, *(a + b for a, b in merges.merges)]
    ids = {token.decode(): i for i, token in enumerate(tokens)}
    pairs = [pair for pair in counts if pair[0] in ids and pair[1] in ids]  # a tab has no id
    assert all("\t" in "".join(pair) for pair in counts if pair not in pairs)
    left, right = (np.array([ids[pair[side]] for pair in pairs], np.int32) for side in (0, 1))
    mask = possible_pairs(merges, left, right)
    return {pair: counts[pair] for pair, keep in zip(pairs, mask, strict=True) if keep}


def test_a_combining_mark_stays_with_its_letter_and_kana_with_han():
    cut = piece_cutter(PieceRules(add_dummy_prefix=False), lambda line: [line])
    assert cut("e\u0301б 漢字のカー.") == ["e\u0301", "б", " 漢字のカー", "."]


def test_prefix_spaces_and_suffix_mode():
    def whole(line):
        return [line]

    assert piece_cutter(PieceRules(), whole)(" a  b \nc") == [" a", " b", "\n", " c"]
    assert piece_cutter(PieceRules(treat_whitespace_as_suffix=True), whole)("a b") == ["a ", "b "]


def test_user_defined_pieces_are_never_joined_with_anything():
    rules = PieceRules(
        add_dummy_prefix=False, remove_extra_whitespaces=False, user_defined=("<b>", "  ", "    ", "")
    )
    cut = piece_cutter(rules, lambda line: [line])
    assert cut("ab<b>cd     ef") == ["ab", "<", "b", ">", "cd", " ", " ", " ", " ", " ef"]


def test_rules_are_read_from_the_pieces():
    latin = [a + b for a in "abcdefghijklmnopqrstuvwxyz" for b in "abcdefghijklmnopqrstuvwxyz"]
    pieces = latin + [" " + p for p in latin] + [p + "s" for p in latin] + ["при", "  ", "    "]
    found = rules_of_pieces(pieces)
    assert found.split_by_unicode_script
    assert found.split_digits
    assert found.split_by_whitespace
    assert found.allow_whitespace_only_pieces
    assert found.max_sentencepiece_length == 4
    broken = rules_of_pieces([*pieces, *(f"a{n}" for n in range(10, 60)), *(f"б{p}" for p in latin[:50])])
    assert not broken.split_by_unicode_script
    assert not broken.split_digits
    assert rules_of_pieces([*pieces, "x1"]).split_digits  # one token added by hand is no other rule
    assert not rules_of_pieces(pieces[:100]).split_by_unicode_script  # too few to tell
    assert not rules_of_pieces([*pieces, *(f"{p} {p}" for p in latin[:50])]).split_by_whitespace
