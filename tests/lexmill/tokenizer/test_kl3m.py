"""The KL3M presets: strings made by rule, short tokens, padding to a power of two."""

from __future__ import annotations

import pytest

from lexmill.tokenizer.algorithms import parse_spec
from lexmill.tokenizer.domain_tokens import domain_tokens, roman
from lexmill.tokenizer.encoders.added_tokens import AddedTokenEncoder
from lexmill.tokenizer.export import finished_tokenizer
from lexmill.tokenizer.load import token_bytes
from lexmill.tokenizer.specs.domain import RULES
from tests.lexmill.tokenizer.domain_texts import AWKWARD, assert_round_trips, counts_of, exported, learn
from tests.lexmill.tokenizer.texts import python_sources

SPEC = parse_spec(
    {"algorithm": "kl3m", "name": "k", "vocab_size": 2500, "min_frequency": 1, "custom_tokens": ("U.S.C.", "§§ 1")}
)  # fmt: skip


@pytest.fixture(scope="module")
def counts():
    return counts_of("gpt2", "NFKC")


@pytest.fixture(scope="module")
def learned(counts):
    return learn(SPEC, counts)


def test_the_vocabulary_holds_every_string_and_is_as_large_as_asked(learned):
    tokenizer = exported(learned, SPEC)
    assert tokenizer.get_vocab_size() == 4096 == 2500 + len(SPEC.padding)
    strings = set(token_bytes(tokenizer))
    for text in domain_tokens(RULES, SPEC.custom_tokens):
        assert text.encode() in strings or b" " + text.encode() in strings, text
    known = [data for data in token_bytes(tokenizer) if data is not None]
    assert len(known) == len(set(known)) == 2500


def test_texts_come_back_and_the_encoder_is_the_file(learned):
    tokenizer = exported(learned, SPEC)
    assert_round_trips(tokenizer)
    encoder = AddedTokenEncoder(tokenizer, "gpt2", "NFKC")
    texts = [*AWKWARD, "18 U.S.C. §§ 1030(a)(5), 1999. x1999 1999x", "ﬁ<td>ﬁ</td>", *python_sources()[:1]]
    for text in texts:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        assert encoder.encode(text) == ids
        assert encoder.decode(ids).decode() == tokenizer.decode(ids)
    assert encoder.encode_batch(texts)[0].tolist() == [i for text in texts for i in encoder.encode(text)]


def test_strings_of_letters_and_digits_are_found_as_whole_words_only(learned):
    encode = exported(learned, SPEC).encode
    assert "1855" in encode("in 1855,").tokens
    assert "1855" not in encode("x1855").tokens
    assert "</td>" in encode("x</td>x").tokens


def test_strings_by_rule():
    assert [roman(number) for number in (1, 4, 9, 14, 40, 49, 50)] == [
        "I",
        "IV",
        "IX",
        "XIV",
        "XL",
        "XLIX",
        "L",
    ]
    found = domain_tokens(RULES)
    assert len(found) == len(set(found))
    for text in (
        "        ",
        "### ",
        "<table>",
        "</td>",
        '": "',
        "<?xml",
        "1776",
        "2049",
        "999",
        "(z)",
        "(99)",
        "XLIX",
    ):
        assert text in found
    assert not {"1775", "2050", "9", "(100)"} & set(found)
    assert domain_tokens(["years"], ["1800", "x", "more"])[-1] == "more"
    assert len(domain_tokens(["years"], ["1800", "x", "more"])) == 275


@pytest.mark.parametrize(("size", "padding"), [(4096, 0), (4095, 1), (4097, 4095), (300, 212)])
def test_padding_fills_to_a_power_of_two_and_never_doubles(size, padding):
    spec = parse_spec({"algorithm": "kl3m_char", "name": "k", "vocab_size": size})
    assert len(spec.padding) == padding
    assert parse_spec({**spec.model_dump(), "power_of_two": False}).padding == ()


@pytest.mark.parametrize(("options", "longest"), [({}, 3), ({"max_token_length": 5}, 5)])
def test_character_tokens_are_short_and_none_is_dead(options, longest, counts):
    spec = parse_spec({"algorithm": "kl3m_char", "name": "k", "vocab_size": 1000, **options})
    learned = learn(spec, counts)
    tokenizer = finished_tokenizer(learned, spec)
    assert_round_trips(tokenizer)
    tokens = [data for data in token_bytes(tokenizer) if data]
    assert max(map(len, tokens)) == longest
    assert {bytes([byte]) for byte in range(256)} <= set(tokens)  # 0x18 and 0xFF among them
    for token, index in tokenizer.get_vocab(with_added_tokens=False).items():
        assert [piece.id for piece in tokenizer.model.tokenize(token)] == [index]


def test_the_16k_preset_has_tokens_of_four_bytes():
    assert parse_spec({"algorithm": "kl3m_char", "name": "k", "vocab_size": 16384}).longest == 4
    assert parse_spec({"algorithm": "kl3m_char", "name": "k", "vocab_size": 8192}).longest == 3


def test_impossible_parameters_are_refused(counts):
    base = {"algorithm": "kl3m", "name": "k", "vocab_size": 2500}
    for options, message in [
        ({"pad_to_multiple": 8}, "pad_to_multiple needs power_of_two: false"),
        ({"custom_tokens": ("x",)}, "custom_tokens must be"),
        ({"custom_tokens": ("été",)}, "custom_tokens: 'été'"),
        ({"rules": ("dates",)}, "rules"),
    ]:
        with pytest.raises(ValueError, match=message):
            parse_spec({**base, **options})
    with pytest.raises(ValueError, match="vocab_size 1000 is too small for the"):
        learn(parse_spec({**base, "vocab_size": 1000}), counts)


def test_a_special_token_that_is_a_string_of_the_rules_is_refused(counts):
    spec = SPEC.model_copy(update={"special_tokens": ("<td>",)})
    with pytest.raises(ValueError, match="special_tokens: '<td>' is also an ordinary token"):
        finished_tokenizer(learn(spec, counts), spec)
