"""Cutting as the file says: equal to what `tokenizers` does with the same components."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, normalizers, pre_tokenizers

from lexmill.mixture.cutting import _SHARED_SYNTAX, CutterError, cutting_label, text_cutter
from lexmill.mixture.mergelist import MergeList
from lexmill.mixture.pieces import PieceRules
from lexmill.tokenizer.patterns import GPT2, GPT4, PATTERNS
from lexmill.tokenizer.split import SplitError, splitter

LIST = MergeList.from_merges([(b"t", b"h")], "tokenizer.json")
QWEN = GPT4.replace(r"\p{N}{1,3}", r"\p{N}")
BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
ATOMS = ["it's", " été", "  ", "\n", "漢字", "12345", "\u0295", "\u088f", "!?", "ﬁ", "e\u0301", "\U0001f9ff"]
TEXT = st.lists(st.sampled_from(ATOMS)).map("".join)


def _split(pattern, behavior="Isolated", invert=False):
    return {"type": "Split", "pattern": {"Regex": pattern}, "behavior": behavior, "invert": invert}


def _sequence(*parts):
    return {"type": "Sequence", "pretokenizers": list(parts)}


def _with(pretokenizer, normalizer=None):
    return replace(
        LIST, pretokenizer=json.dumps(pretokenizer), normalizer=json.dumps(normalizer) if normalizer else None
    )


def _isolated(pattern):
    cut = pre_tokenizers.Split(Regex(pattern), "isolated").pre_tokenize_str
    return lambda text: [piece for piece, _ in cut(text)] if text else []


COMPONENTS = {
    "byte level": ({**BYTES, "use_regex": True}, GPT2),
    "gpt4": (_sequence(_split(GPT4), BYTES), GPT4),
    "gpt4 inverted": (_sequence(_split(GPT4, "Removed", True), BYTES), GPT4),
    "qwen": (_sequence(_split(QWEN), BYTES), QWEN),
    "possessive": (_sequence(_split(r"\p{L}++|\s++"), BYTES), r"\p{L}++|\s++"),
    "gaps": (_sequence(_split(r"\p{L}+"), BYTES), r"\p{L}+"),
    "groups": (_sequence(_split(r"(\p{L}+)|\s+"), BYTES), r"(\p{L}+)|\s+"),
}


@pytest.mark.parametrize("name", COMPONENTS)
@settings(max_examples=40, deadline=None)
@given(text=TEXT)
def test_single_patterns_cut_as_tokenizers_does(name, text):
    component, pattern = COMPONENTS[name]
    assert text_cutter(_with(component))(text) == _isolated(pattern)(text)


@settings(max_examples=40, deadline=None)
@given(text=TEXT)
def test_a_sequence_runs_in_tokenizers_and_comes_back_as_characters(text):
    stages = _sequence(_split(r"\p{N}{1,3}"), _split("[一-龥]+"), _split(r" ?\p{L}+"), BYTES)
    expected = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(p), "isolated") for p in (r"\p{N}{1,3}", "[一-龥]+", r" ?\p{L}+")]
    ).pre_tokenize_str(text)
    assert text_cutter(_with(stages))(text) == [piece for piece, _ in expected]


def test_a_prefix_space_is_added():
    assert text_cutter(_with({**BYTES, "use_regex": True, "add_prefix_space": True}))("ab cd") == [
        " ab",
        " cd",
    ]


def test_metaspace_becomes_spaces():
    meta = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True}
    assert text_cutter(_with(meta))("ab cd") == [" ab", " cd"]


def test_the_normaliser_of_the_file_runs_first():
    assert text_cutter(_with(_sequence(_split(GPT4), BYTES), {"type": "NFKC"}))("ﬁ e\u0301") == ["fi", " é"]
    assert text_cutter(_with(_sequence(_split(GPT4), BYTES), {"type": "NFKC"}), None, "none")("ﬁ") == ["ﬁ"]
    assert text_cutter(LIST, "gpt2", "NFC")("e\u0301 1") == ["é", " 1"]


def test_bare_patterns_and_formats():
    tekken = replace(LIST, kind="tekken", pretokenizer=r"\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s+")
    assert text_cutter(tekken)("ab12 !") == ["ab", "1", "2", " !"]
    assert text_cutter(replace(LIST, kind="vocab.bpe"))("it's 1") == splitter("gpt2")("it's 1")
    assert cutting_label(replace(LIST, kind="vocab.bpe"))["pretokenizer_from"] == "format"
    ours = replace(LIST, kind="merges.parquet", pretokenizer=PATTERNS["gpt4o"], normalizer="NFC")
    assert text_cutter(ours)("e\u0301tA 1") == splitter("gpt4o")("étA 1")
    assert cutting_label(ours) == {
        "pretokenizer": "gpt4o", "pretokenizer_from": "file", "normalizer": "NFC", "normalizer_from": "file",
    }  # fmt: skip


def test_sentencepiece_models_are_cut_by_their_rules():
    model = replace(LIST, kind="sentencepiece", rules=PieceRules(), normalizer="identity", alphabet=(b"a",))
    assert text_cutter(model)("the été  б2\nx") == [" the", " été", " б", "2", "\n", " x"]
    assert cutting_label(model)["pretokenizer"]["split_by_unicode_script"] is True
    assert text_cutter(model, r"\w+|\s")("ab c") == ["ab", " ", "c"]


def test_converted_sentencepiece_normalisers_run_line_by_line():
    space = {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}
    both = {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "\u2581"}, space]}
    rules = PieceRules(add_dummy_prefix=False, remove_extra_whitespaces=False)
    made = replace(LIST, rules=rules, normalizer=json.dumps(both), alphabet=(b"a",))
    assert text_cutter(made)("ab  c\nd") == [" ab", " ", " c", "\n", " d"]
    assert cutting_label(made)["pretokenizer_from"] == "vocabulary"


@pytest.mark.parametrize(
    ("merges", "arguments", "message"),
    [
        (replace(LIST, kind="tiktoken"), (), "tiktoken file does not say how text is cut .* --pretokenizer"),
        (LIST, (), "tokenizer.json file does not say"),
        (LIST, ("gpt9",), "'gpt9' is unknown"),
        (LIST, ("a(",), "not a valid regular expression"),
        (LIST, ("gpt2", "lower"), "normalizer 'lower' is unknown: give one of none, NFC, NFKC"),
        (_with({"type": "Nonsense"}), (), "cannot read the pre_tokenizer"),
        (_with({**BYTES, "use_regex": True}, {"type": "Nonsense"}), (), "cannot read the normalizer"),
        (replace(LIST, kind="tekken", pretokenizer="a("), (), "own pattern cannot be used"),
    ],
)
def test_what_cannot_be_cut_is_said(merges, arguments, message):
    with pytest.raises(CutterError, match=message):
        text_cutter(merges, *arguments)


def test_a_damaged_normaliser_table_is_said():
    def model(table):
        return replace(LIST, kind="sentencepiece", rules=PieceRules(charsmap=table))

    with pytest.raises(CutterError, match="table cannot be read"):
        text_cutter(model(b"abc"))
    with pytest.raises(CutterError, match="fails on the normaliser"):
        text_cutter(model(b"\x04\0\0\0abcd"))("ab")  # `tokenizers` panics on it


def test_the_label_names_a_table_by_its_digest():
    rules = PieceRules(charsmap=b"abc", rule_name="nmt_nfkc")
    label = cutting_label(replace(LIST, kind="sentencepiece", rules=rules, normalizer="nmt_nfkc"))
    assert label["normalizer"] == "nmt_nfkc"
    assert label["normalizer_table"] == "ba7816bf8f01cfea"
    assert normalizers.NFKC().normalize_str("ﬁ") == "fi"


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"^ab|\p{L}|\s", "ab\nab"),
        (r" ?\p{L}*", "abc, def"),
        (r"(?=\S)\p{L}*|,|\s", "abc, def"),
        (r"(?i:i)+|\p{L}|\p{M}", "iIİı"),
        (r"(?i:\p{Lu})+|a", "aBc"),
        (r"a{3,1}|\s", "aaa a"),
    ],
)
def test_patterns_that_two_engines_read_differently_run_in_one(pattern, text):
    found = text_cutter(_with(_sequence(_split(pattern), BYTES)))(text)
    assert found == _isolated(pattern)(text)
    assert "" not in found


@pytest.mark.parametrize("pattern", [GPT2, GPT4, PATTERNS["gpt4o"], QWEN])
def test_the_patterns_in_use_run_fast(pattern):
    assert _SHARED_SYNTAX.fullmatch(pattern)


def test_panics_become_errors():
    """`tokenizers` panics on a table that it cannot read, and where a pattern is tried in too many ways."""
    table = {"type": "Precompiled", "precompiled_charsmap": "/////w=="}
    with pytest.raises(CutterError, match="cannot read the normalizer"):
        text_cutter(_with(_sequence(_split(GPT4), BYTES), table))
    hard = r"(a+)+b|\s|\S"
    nested = _with(_sequence(_split(r"(?:a|aa)+b|(?:a|aa)+c"), BYTES))
    for cut in (text_cutter(nested), text_cutter(LIST, hard)):
        with pytest.raises(CutterError, match="cannot be run on a text of 400 characters"):
            cut("a" * 400)
    with pytest.raises(SplitError, match="400 characters"):
        splitter(hard)("a" * 400)
