"""Bytes of ids, for byte-level, SentencePiece-style and WordPiece tokenizers; and the checks before storing."""

from __future__ import annotations

import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from lexmill.tokenizer.bytelevel import CHAR_OF_BYTE
from lexmill.tokenizer.checks import TokenizerCheckError, check_tokenizer, require_sound
from lexmill.tokenizer.load import load_tokenizer, token_bytes
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


def test_a_sound_tokenizer_passes():
    assert check_tokenizer(byte_level()).failures == []


def test_missing_bytes_and_lost_text_are_found():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        ["only plain text"], trainers.BpeTrainer(vocab_size=300, show_progress=False)
    )
    check = check_tokenizer(tokenizer)
    assert 0xC3 in check.missing_bytes
    assert check.lost
    with pytest.raises(TokenizerCheckError, match="bytes have no token"):
        require_sound(tokenizer, "t")


def test_unreachable_ids_and_duplicate_strings_are_found():
    vocabulary = {char: index for index, char in enumerate(CHAR_OF_BYTE.values())} | {"abc": 256, "ab": 257}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[("a", "b")]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_tokens([AddedToken("é", normalized=False)])
    assert check_tokenizer(tokenizer).unreachable == (256,)
    vocabulary = {"<unk>": 0, "▁": 1, " ": 2}
    spaced = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    spaced.pre_tokenizer = pre_tokenizers.Metaspace()
    assert check_tokenizer(spaced).duplicates == (b" ",)
