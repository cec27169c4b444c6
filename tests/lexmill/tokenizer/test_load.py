"""Bytes of ids, for byte-level, SentencePiece-style and WordPiece tokenizers."""

from __future__ import annotations

import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from lexmill.tokenizer.bytelevel import CHAR_OF_BYTE
from lexmill.tokenizer.load import load_tokenizer, model_bytes, token_bytes
from tests.lexmill.tokenizer.texts import SENTENCES, reference_tokenizer


def byte_level() -> Tokenizer:
    tokenizer = reference_tokenizer(list(SENTENCES.values()), "gpt4o", 400)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def test_byte_level_ids_spell_the_encoded_text():
    tokenizer = byte_level()
    tokenizer.add_special_tokens(["<end>"])
    tokenizer.add_tokens([AddedToken("wörd", normalized=False)])
    spelled = token_bytes(tokenizer)
    for text in SENTENCES.values():
        assert b"".join(spelled[index] or b"?" for index in tokenizer.encode(text).ids) == text.encode()
    assert spelled[tokenizer.token_to_id("<end>")] is None
    assert spelled[tokenizer.token_to_id("wörd")] == "wörd".encode()


def test_sentencepiece_marks_are_spaces_and_byte_tokens_are_bytes():
    vocabulary = {"<unk>": 0, "▁": 1, "a": 2, "▁a": 3, "<0xE2>": 4, "é": 6}
    tokenizer = Tokenizer(
        models.BPE(vocab=vocabulary, merges=[("▁", "a")], byte_fallback=True, unk_token="<unk>")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.add_special_tokens(["<unk>"])
    assert token_bytes(tokenizer) == [None, b" ", b"a", b" a", b"\xe2", None, "é".encode()]


def test_wordpiece_drops_its_continuation_prefix():
    tokenizer = Tokenizer(models.WordPiece({"[UNK]": 0, "ab": 1, "##c": 2}, unk_token="[UNK]"))
    assert token_bytes(tokenizer)[1:] == [b"ab", b"c"]


def test_missing_and_broken_files_are_named(tmp_path):
    with pytest.raises(ValueError, match="does not exist"):
        load_tokenizer(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ValueError, match="that `tokenizers` can read"):
        load_tokenizer(tmp_path)


def test_continuations_of_a_byte_level_wordpiece_are_bytes():
    vocabulary = {char: index for index, char in enumerate(CHAR_OF_BYTE.values())} | {"##ab": 256, "##": 257}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.decoder = decoders.ByteLevel()
    assert token_bytes(tokenizer)[256:] == [b"ab", b"##"]


def test_bytes_of_the_model_leave_added_tokens_out():
    tokenizer = byte_level()
    size = tokenizer.get_vocab_size()
    tokenizer.add_special_tokens(["<end>"])
    tokenizer.add_tokens([AddedToken("w\u00f6rd", normalized=False)])
    assert model_bytes(tokenizer) == token_bytes(tokenizer)[:size]
    assert model_bytes(Tokenizer(models.BPE(vocab={"a": 0, "b": 2}, merges=[]))) == [b"a", b"", b"b"]


def test_an_id_that_no_table_can_hold_is_an_error(tmp_path):
    text = Tokenizer(models.BPE({"a": 0, "b": 1}, [])).to_str().replace('"b":1', '"b":4294967295')
    (tmp_path / "tokenizer.json").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="has a token with id 4294967295"):
        load_tokenizer(tmp_path)
