"""Cuts equal those of `tokenizers`' Split + ByteLevel, for every pattern and all of Unicode."""

from __future__ import annotations

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, normalizers, pre_tokenizers

from lexmill.tokenizer.bytelevel import BYTE_OF_ID, from_alphabet, to_alphabet
from lexmill.tokenizer.patterns import PATTERNS, pattern_of, pretokenizer_label
from lexmill.tokenizer.split import disputed, normalize, split_long, splitter
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


@pytest.mark.parametrize("pretokenizer", [*PATTERNS, *OTHERS])
def test_real_text_is_cut_as_tokenizers_cuts_it(pretokenizer):
    for text in real_texts()[:24]:
        assert splitter(pretokenizer)(text) == cut_by_reference(pretokenizer, text)


@pytest.mark.parametrize("pretokenizer", list(PATTERNS))
def test_any_text_is_cut_as_tokenizers_cuts_it(pretokenizer):
    @settings(max_examples=400, deadline=None, derandomize=True)
    @given(TRICKY)
    def check(text: str) -> None:
        pieces = splitter(pretokenizer)(text)
        assert "".join(pieces) == text
        assert pieces == cut_by_reference(pretokenizer, text)
        assert list(split_long(pretokenizer, text)) == pieces

    check()


def test_the_two_engines_agree_on_every_scalar_value_that_is_not_listed_as_disputed():
    codes = [code for code in range(1, 0x110000) if not 0xD800 <= code <= 0xDFFF]
    for start in range(0, len(codes), 4096):
        text = "".join(char for char in map(chr, codes[start : start + 4096]) if not disputed(char))
        for expression in (
            r"\p{L}",
            r"\p{N}",
            r"\p{M}",
            r"\p{Lu}",
            r"\p{Lt}",
            r"\p{Ll}",
            r"\p{Lm}",
            r"\p{Lo}",
            r"\s",
        ):
            kept = pre_tokenizers.Split(Regex(expression + "+"), "removed").pre_tokenize_str(text)
            assert "".join(piece for piece, _ in kept) == regex.sub(expression + "+", "", text), (
                expression,
                start,
            )


def test_normalisers_are_those_of_tokenizers():
    for text in real_texts():
        assert normalize("none")(text) == text
        assert normalize("NFC")(text) == normalizers.NFC().normalize_str(text)
        assert normalize("NFKC")(text) == normalizers.NFKC().normalize_str(text)


def test_million_repeats_are_cut_at_once():
    for text in ("a" * 1_000_000, " " * 1_000_000, "A" * 1_000_000, "\n" * 1_000_000):
        assert sum(map(len, split_long("gpt4o", text))) == 1_000_000


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


def test_labels_are_short_and_depend_on_the_expression():
    assert pretokenizer_label("gpt4o") == "gpt4o"
    assert pretokenizer_label(r"\s+") != pretokenizer_label(r"\S+")
    assert regex.fullmatch("regex[0-9a-f]{8}", pretokenizer_label(r"\s+"))
