"""Files that carry a vocabulary: any text comes back, long words too, and every client reads them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from lexmill.tokenizer.bytelevel import BYTE_OF_ID
from lexmill.tokenizer.specs.bpe import BpeSpec
from lexmill.tokenizer.vessels import (
    byte_level,
    fewest_tokens_vessel,
    longest_prefix_vessel,
    merges_vessel,
    unigram_vessel,
)
from tests.lexmill.tokenizer.texts import SENTENCES

SPEC = BpeSpec(name="t", vocab_size=300)
TOKENS = [
    *(bytes([byte]) for byte in BYTE_OF_ID.tolist()),
    *(b"mi", b"ll", b"mill", b" mill"),
    "ühle".encode(),
    "的".encode()[:2],
]
MERGES = [
    (TOKENS.index(b"m"), TOKENS.index(b"i")),
    (TOKENS.index(b"l"), TOKENS.index(b"l")),
    (TOKENS.index(b"mi"), TOKENS.index(b"ll")),
    (TOKENS.index(b" "), TOKENS.index(b"mill")),
]
VESSELS = {
    "merges": lambda: merges_vessel(SPEC, TOKENS, MERGES),
    "fewest": lambda: fewest_tokens_vessel(SPEC, TOKENS),
    "unigram": lambda: unigram_vessel(SPEC, TOKENS, [-0.1 * index for index in range(len(TOKENS))]),
    "prefix": lambda: longest_prefix_vessel(SPEC, TOKENS),
}


@pytest.mark.parametrize("name", VESSELS)
def test_any_text_comes_back_from_the_file(name, tmp_path):
    path = str(tmp_path / "tokenizer.json")
    VESSELS[name]().save(path)
    tokenizer = Tokenizer.from_file(path)

    @settings(max_examples=100, deadline=None, derandomize=True)
    @given(st.text(st.characters(exclude_categories=["Cs"])))
    def check(text: str) -> None:
        assert tokenizer.decode(tokenizer.encode(text).ids) == text

    check()
    for text in [*SENTENCES.values(), "x" * 600, " mill" * 150]:
        assert tokenizer.decode(tokenizer.encode(text).ids) == text
    assert tokenizer.encode(" mill").ids == [TOKENS.index(b" mill")]
    assert tokenizer.get_vocab_size() == len(TOKENS)


@pytest.mark.parametrize("name", VESSELS)
def test_transformers_reads_the_file(name, tmp_path):
    transformers = pytest.importorskip("transformers")
    tokenizer = VESSELS[name]()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}')
    loaded = transformers.AutoTokenizer.from_pretrained(str(tmp_path))
    for text in SENTENCES.values():
        assert loaded(text, add_special_tokens=False)["input_ids"] == tokenizer.encode(text).ids
        assert loaded.decode(tokenizer.encode(text).ids) == text


def test_the_specs_normaliser_and_another_expression_reach_the_file():
    spec = BpeSpec(name="t", vocab_size=300, normalizer="NFKC")
    tokenizer = byte_level(Tokenizer(fewest_tokens_vessel(SPEC, TOKENS).model), spec, r"\p{N}|[^\p{N}]+")
    assert tokenizer.decode(tokenizer.encode("ﬁ ①②").ids) == "fi 12"
    assert [piece for piece, _ in tokenizer.pre_tokenizer.pre_tokenize_str("a b1")] == ["aĠb", "1"]


def test_a_token_too_long_for_the_file_is_refused():
    unigram_vessel(SPEC, [*TOKENS, b"a" * (1 << 14)], [-1.0] * (len(TOKENS) + 1))
    with pytest.raises(ValueError, match=r"a token of 200,000 bytes .* pretokenizer"):
        unigram_vessel(SPEC, [*TOKENS, b"a" * 200_000], [-1.0] * (len(TOKENS) + 1))
