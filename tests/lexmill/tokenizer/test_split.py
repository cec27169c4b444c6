"""Cuts equal those of `tokenizers`' Split + ByteLevel, for every pattern and all of Unicode."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import normalizers, pre_tokenizers

from lexmill.tokenizer.bytelevel import BYTE_OF_ID, from_alphabet, to_alphabet
from lexmill.tokenizer.patterns import PATTERNS, pattern_of, pretokenizer_label, pretokenizer_names
from lexmill.tokenizer.scan_classes import SPACE, class_table
from lexmill.tokenizer.split import SplitError, disputed, normalize, splitter
from lexmill.tokenizer.unicode_groups import runs
from tests.lexmill.tokenizer.texts import real_texts, reference_pretokenizer

OTHERS = (r"\p{N}|\s+", r"\w+|[^\w\s]+", r"\h+", "x*")
TRICKY = st.text(
    st.sampled_from("aAzZéÉßſKİıǅʕ०१Ⅷ'’sStTlLmMdDvVeErR /-_.,:;!?ीมあ漢👍")
    | st.sampled_from("\t\n\r\x0b\x0c\x1c\x85\xa0\u2003\u200d\u0301\u088f\u0c5c")
    | st.characters(exclude_categories=["Cs"]),
    max_size=60,
)


def cut_by_reference(pretokenizer: str, text: str) -> list[str]:
    pieces = reference_pretokenizer(pretokenizer).pre_tokenize_str(text)
    data = [from_alphabet(piece) for piece, _ in pieces]
    return [piece.decode() for piece in data if piece is not None]


@pytest.mark.parametrize("pretokenizer", ["gpt2", "gpt4o", *OTHERS])
def test_real_text_is_cut_as_tokenizers_cuts_it(pretokenizer):
    for text in real_texts()[:24]:
        assert splitter(pretokenizer)(text) == cut_by_reference(pretokenizer, text)


@pytest.mark.parametrize("pretokenizer", ["gpt2", "gpt4o", *OTHERS[:2]])
def test_any_text_is_cut_as_tokenizers_cuts_it(pretokenizer):
    @settings(max_examples=150, deadline=None, derandomize=True)
    @given(TRICKY)
    def check(text: str) -> None:
        pieces = splitter(pretokenizer)(text)
        assert "".join(pieces) == text
        assert pieces == cut_by_reference(pretokenizer, text)

    check()


def test_the_regex_package_agrees_on_every_scalar_value_that_is_not_listed_as_disputed():
    # The runs are Oniguruma's (test_scan_unicode.py).
    of_category: dict[str, str] = {}
    for run in runs():
        if run.category != "Cs":
            characters = "".join(map(chr, range(run.start, run.end)))
            of_category[run.category] = of_category.get(run.category, "") + characters
    for category, characters in of_category.items():
        strange = regex.sub(rf"\p{{{category}}}+", "", characters)
        if category[0] in "LNM":  # every category by itself
            assert all(map(disputed, strange)), category
        else:
            assert all(map(disputed, regex.findall(r"[\p{L}\p{M}\p{N}]", characters))), category
    everything = "".join(of_category.values())
    spaces = {chr(code) for code in np.flatnonzero(class_table() & SPACE).tolist()}
    assert set(regex.findall(r"\s", everything)) == spaces


def test_normalisers_are_those_of_tokenizers():
    for text in real_texts():
        assert normalize("none")(text) == text
        assert normalize("NFC")(text) == normalizers.NFC().normalize_str(text)
        assert normalize("NFKC")(text) == normalizers.NFKC().normalize_str(text)


@pytest.mark.parametrize("name", ["NFC", "NFKC"])
def test_what_is_taken_as_normalised_already_is_left_alone_by_tokenizers(name):
    change = {"NFC": normalizers.NFC, "NFKC": normalizers.NFKC}[name]()
    codes = [
        code for code in range(0x110000) if not 0xD800 <= code <= 0xDFFF and not 0x31350 < code < 0xE0000
    ]
    for context in ("{}", "a{}\u0323\u0301", "\u1100{}\u11a8"):
        texts = (context.format(chr(code)) for code in codes)
        kept = "\n".join(text for text in texts if unicodedata.is_normalized(name, text))
        assert change.normalize_str(kept) == kept
    assert normalize(name)("e\u0301ﬁ") == change.normalize_str("e\u0301ﬁ")


def test_million_repeats_are_cut_at_once():
    for text in ("a" * 1_000_000, " " * 1_000_000, "A" * 1_000_000, "\n" * 1_000_000):
        assert splitter("gpt4o")(text) == [text]


def test_text_that_cannot_be_cut_is_refused():
    with pytest.raises(SplitError, match="cannot be run on a text of 400 characters"):
        splitter(r"(a+)+b|\s|\S")("a" * 400)
    with pytest.raises(ValueError, match="surrogates"):
        splitter("gpt4o")("\ud800")
    assert splitter("gpt4o")("") == splitter(r"\s+")("") == []


def test_byte_alphabet_is_the_one_of_tokenizers():
    assert {to_alphabet(bytes([byte])) for byte in range(256)} == set(pre_tokenizers.ByteLevel.alphabet())
    ordered = [to_alphabet(bytes([byte])) for byte in BYTE_OF_ID.tolist()]
    assert ordered == sorted(ordered)
    assert from_alphabet("日") is None


def test_unknown_names_and_bad_expressions_are_refused():
    with pytest.raises(ValueError, match="'gpt5' is unknown: give one of gpt2, gpt4, gpt4o"):
        pattern_of("gpt5")
    with pytest.raises(ValueError, match="not a valid regular expression"):
        pattern_of("(?:[")


def test_names_are_those_of_the_patterns():
    assert pretokenizer_names() == tuple(PATTERNS)
    assert {"gpt2", "gpt4", "gpt4o", "llama3", "qwen", "tekken", "superbpe", "superbpe2"} <= set(PATTERNS)


def test_patterns_say_what_their_sources_say():
    assert PATTERNS["llama3"] == PATTERNS["gpt4"]
    assert PATTERNS["qwen"] == PATTERNS["gpt4"].replace(r"\p{N}{1,3}", r"\p{N}")
    assert PATTERNS["superbpe"] == PATTERNS["gpt4o"].replace("(?i:'s|'t|'re|'ve|'m|'ll|'d)?", "")
    assert PATTERNS["tekken"] == PATTERNS["superbpe"].replace(r"\p{N}{1,3}", r"\p{N}")


CODE = "if (x_1>=10){\n\tself.foo(y)\n}\n"


@pytest.mark.parametrize(
    ("name", "pieces"),
    [
        ("code0", "if| (|x|_|1|>|=|10|)|{|\n|\t|self|.|foo|(|y|)|\n|}|\n"),
        ("code1", "if| (|x|_|1|>=|10|){|\n|\t|self|.|foo|(|y|)|\n|}|\n"),
        ("code2", "if| (x_1|>=10|){|\n|\t|self|.foo|(y|)|\n|}|\n"),
        ("code3", "if (x_1>=10){\n|\tself.foo(y)\n|}\n"),
        ("superbpe2", "if (x_|1|>=|10|){\n|\tself.foo(y)\n}\n"),
    ],
)
def test_levels_of_code_and_stretches(name, pieces):
    assert splitter(name)(CODE) == pieces.split("|")


def test_labels_are_short_and_depend_on_the_expression():
    assert pretokenizer_label("gpt4o") == "gpt4o"
    assert pretokenizer_label(r"\s+") != pretokenizer_label(r"\S+")
    assert regex.fullmatch("regex[0-9a-f]{8}", pretokenizer_label(r"\s+"))
