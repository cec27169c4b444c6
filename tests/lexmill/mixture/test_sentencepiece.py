"""SentencePiece models: what is read from the wire, the order of pieces, and what is refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexmill.mixture.mergelist import MergeList, MergeListError
from lexmill.mixture.pieces import PieceRules
from lexmill.mixture.sentencepiece import merge_list_of_model, merge_list_of_pieces, read_model
from lexmill.mixture.wire import WireError, fields
from tests.lexmill.mixture import pieces_oracle as oracle

RULES = PieceRules(split_digits=True, allow_whitespace_only_pieces=True, remove_extra_whitespaces=False)
TEXT = " the then  them\n    the   при\n  привет the\n" * 3
MERGES = oracle.train(TEXT, RULES, 25)
SPECIAL = [("<unk>", 2), ("<s>", 3), ("</s>", 3), ("<0x00>", 6), ("<tag>", 4)]
PIECES = [((a + b).replace(" ", "\u2581"), 1) for a, b in MERGES]
CHARACTERS = [(c.replace(" ", "\u2581"), 1) for c in sorted(set(TEXT) - {"\n"}, reverse=True)]
TRAINER = {3: 2, 4: 300, 20: 16, 21: 1, 22: 1, 23: 1, 25: 1, 26: 1, 35: 1}
IDENTITY = oracle.field(1, "identity") + oracle.field(3, 1) + oracle.field(4, 0)
DATA = oracle.model_bytes(SPECIAL + PIECES + CHARACTERS, TRAINER, IDENTITY)


def test_merges_come_in_the_order_of_piece_ids(tmp_path):
    (tmp_path / "tokenizer.model").write_bytes(DATA)
    found = MergeList.load(tmp_path)
    assert [(a.decode(), b.decode()) for a, b in found.merges] == MERGES
    assert found.kind == "sentencepiece"
    assert found.alphabet == tuple(c.encode() for c in sorted(set(TEXT) - {"\n"}))
    assert found.vocabulary == len(SPECIAL + PIECES + CHARACTERS)
    assert (found.manual, found.manual_ranks) == ((b"<tag>",), (4,))
    assert (found.longest, found.normalizer, found.late) == (16, "identity", ())
    assert found.rules is not None
    assert found.rules.record() == {**RULES.record(), "rule_name": "identity"}
    assert found.rules.user_defined == ("<tag>",)


def test_settings_that_are_not_written_have_their_defaults():
    rules = read_model(oracle.model_bytes([("a", 1)], {3: 2})).rules
    assert rules == PieceRules(rule_name="identity")


def test_pieces_that_one_training_cannot_make_are_manual():
    """In one training nothing is late: "<b>" was given by hand although "b>" comes later."""
    found = merge_list_of_pieces(["<b>", "b>", "ab", "\t\t", "<", ">", "a", "b"], "test")
    assert found.merges == ((b"b", b">"), (b"a", b"b"))
    assert found.manual == (b"<b>",)
    assert found.alphabet == (b"<", b">", b"a", b"b")
    assert found.rules is not None
    assert found.rules.user_defined == ("\t\t",)


@pytest.mark.parametrize(("number", "name"), [(1, "Unigram"), (3, "word"), (4, "character"), (9, "type 9")])
def test_other_models_are_refused_by_name(number, name):
    with pytest.raises(MergeListError, match=f"m.model is a SentencePiece {name} model: only BPE"):
        merge_list_of_model(oracle.model_bytes([("a", 1)], {3: number}), "m.model")


def test_the_default_model_type_is_unigram():
    with pytest.raises(MergeListError, match="Unigram"):
        merge_list_of_model(oracle.model_bytes([("a", 1)], {}), "m.model")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (DATA[:-3], "bytes long, but"),
        (DATA[:1], "cut off"),
        (b"\x08" + b"\xff" * 11, "more than 64 bits"),
        (b"\x08" + b"\xff" * 9 + b"\x7f", "more than 64 bits"),
        (b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "bytes long, but"),
        (b"\x0b\x00", "wire type 3"),
        (b"\x02\x00", "field number 0"),
        (b"\x15\x00", "cut off"),
        (oracle.field(2, b""), "no pieces"),
        (oracle.field(1, 7), "a number stands where a message should"),
        (oracle.field(1, oracle.field(1, b"\xff")), "codec"),
        (
            oracle.field(1, oracle.field(1, "a") + oracle.field(3, "b")),
            "something else stands where a small number should",
        ),
        (oracle.field(1, oracle.field(1, "a") + b"\x1d\x00\x00\xc0\x7f"), "something else stands"),  # NaN
        (oracle.model_bytes([("a", 1)], {3: 2, 20: (1 << 64) - 1}), "something else stands"),
    ],
)
def test_damaged_files_are_refused(data, message):
    with pytest.raises(MergeListError, match=f"neither text nor a SentencePiece model .*{message}"):
        merge_list_of_model(data, "m.model")


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data):
    try:
        for _ in fields(data):
            pass
    except WireError:
        pass


@given(st.integers(0, len(DATA) - 1), st.binary(min_size=1, max_size=6))
def test_any_damage_is_refused_or_read(at, data):
    with contextlib.suppress(MergeListError):
        merge_list_of_model(DATA[:at] + data + DATA[at + len(data) :], "m.model")


def test_more_pieces_than_a_vocabulary_has_are_refused_at_once(monkeypatch):
    monkeypatch.setattr("lexmill.mixture.sentencepiece.MAX_TOKENS", 3)
    with pytest.raises(MergeListError, match="more than 3 pieces"):
        merge_list_of_model(DATA, "m.model")


def test_every_truncation_is_refused_or_shorter():
    for size in range(0, len(DATA), 7):
        with contextlib.suppress(MergeListError):
            assert len(merge_list_of_model(DATA[:size], "m")) <= len(MERGES)
