"""The audit finds what is wrong with any tokenizer, and nothing wrong with a sound one."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from lexmill.tokenizer import round_trip
from lexmill.tokenizer.checks import (
    MAX_LOST,
    TokenizerCheckError,
    check_encoder,
    check_tokenizer,
    require_sound,
)
from lexmill.tokenizer.encoders.encoder import Encoder, WordEncoder
from lexmill.tokenizer.encoders.merges import MergeEncoder
from lexmill.tokenizer.encoders.vocabulary import VocabularyEncoder
from lexmill.tokenizer.load import model_bytes
from lexmill.tokenizer.specs.bpe import BpeSpec
from lexmill.tokenizer.vessels import fewest_tokens_vessel, longest_prefix_vessel, unigram_vessel
from tests.lexmill.tokenizer.test_encode import byte_bpe
from tests.lexmill.tokenizer.texts import SENTENCES, real_texts, reference_tokenizer

SPEC = BpeSpec(name="t", vocab_size=1000)


@pytest.fixture(autouse=True)
def _some_scalars(request, monkeypatch):
    """Most tests go through the first 12,288 scalar values only."""
    if "all_scalars" not in request.fixturenames:
        monkeypatch.setattr(round_trip, "_LAST", 0x3000)


@pytest.fixture
def all_scalars() -> None:
    """Asked for by a test that goes through all of Unicode."""


def complete(tokenizer: Tokenizer) -> Tokenizer:
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    tokenizer = reference_tokenizer(list(SENTENCES.values()), "gpt4o", 1000)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def changed(tokenizer: Tokenizer, **model) -> Tokenizer:
    spec = json.loads(tokenizer.to_str())
    spec["model"] |= model
    return Tokenizer.from_str(json.dumps(spec))


def test_a_sound_tokenizer_passes_in_no_time(tokenizer, all_scalars):
    started = time.process_time()
    check = check_tokenizer(tokenizer)
    assert time.process_time() - started < 5
    assert (check.failures, check.model, check.vocabulary) == ([], "BPE", 1000)
    assert check.incomplete  # single bytes of longer characters
    assert require_sound(tokenizer, "t") == check
    assert require_sound(MergeEncoder(tokenizer, "gpt4o"), "t").failures == []


def test_vessels_are_sound(tokenizer):
    tokens = model_bytes(tokenizer)
    for vessel in (fewest_tokens_vessel(SPEC, tokens), longest_prefix_vessel(SPEC, tokens)):
        check = check_tokenizer(vessel)
        assert (check.failures, check.unreachable) == ([], ())


def test_missing_bytes_and_lost_text_are_found():
    tokenizer = complete(Tokenizer(models.BPE()))
    trainer = trainers.BpeTrainer(vocab_size=300, show_progress=False)
    tokenizer.train_from_iterator(["only plain text"], trainer)
    check = check_tokenizer(tokenizer)
    assert 0xC3 in check.missing_bytes
    assert check.lost
    assert check.lost_scalars[:1] == (0,)
    assert len(check.lost_scalars) == MAX_LOST
    with pytest.raises(TokenizerCheckError, match=r"bytes have no token.*1000 or more scalar values do not"):
        require_sound(tokenizer, "t")
    assert "scalar" not in " ".join(check.defects(lossy=True))


def test_unreachable_ids_are_defects_of_merges_alone():
    tokenizer = complete(byte_bpe([b"ab", b"abc"], [(b"a", b"b")]))
    tokenizer.add_tokens([AddedToken("mill", normalized=False)])
    check = check_tokenizer(tokenizer)
    assert check.unreachable == (257,)
    assert check.failures == ["1 ids can never be produced, e.g. 257"]
    assert check.defects(approximate=True) == []
    assert require_sound(tokenizer, "t", approximate=True).notes()[0].startswith("1 of 259 ids can never")
    tokens = [*model_bytes(complete(byte_bpe([b"ab"], []))), b"abb"]
    likely = unigram_vessel(SPEC, tokens, [-1.0] * 257 + [-9.0])
    check = check_tokenizer(likely)
    assert check.unreachable == (257,)
    assert check.failures == []


def test_an_added_token_that_decodes_to_other_bytes_is_found():
    tokenizer = complete(byte_bpe([], []))
    tokenizer.add_tokens([AddedToken("é", normalized=False)])  # read as byte 0xE9 by the byte-level decoder
    assert check_tokenizer(tokenizer).lost_scalars == (0xE9,)


def test_whole_words_and_dropout_make_no_id_unreachable(tokenizer):
    assert check_tokenizer(changed(tokenizer, dropout=0.5)).unreachable == ()
    file = complete(byte_bpe([b"abc"], [], ignore_merges=True))
    assert check_tokenizer(file).unreachable == ()


def test_a_model_that_refuses_unknown_text_is_audited_all_the_same():
    tokenizer = Tokenizer(models.Unigram([("a", -1.0), ("ab", -1.0)], unk_id=None))
    tokenizer.decoder = decoders.Fuse()
    check = check_tokenizer(tokenizer)
    assert check.unreachable == ()
    assert "a" * 1000 not in check.lost
    assert len(check.lost) > 500
    assert ord("a") not in check.lost_scalars
    assert {ord("c"), ord("d")} <= set(check.lost_scalars)


def test_duplicates_are_found():
    spaced = Tokenizer(models.BPE(vocab={"<unk>": 0, "\u2581": 1, " ": 2}, merges=[]))
    spaced.pre_tokenizer = pre_tokenizers.Metaspace()
    assert check_tokenizer(spaced).duplicates == (b" ",)


def test_sentencepiece_style_with_byte_fallback():
    pieces = [("<unk>", 0.0), *((f"<0x{byte:02X}>", -20.0) for byte in range(256))]
    pieces += [("\u2581", -2.0), ("a", -3.0), ("\u2581a", -2.5), ("b", -3.0), ("ab", -8.0)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=0, byte_fallback=True))
    tokenizer.normalizer = normalizers.Replace(" ", "\u2581")
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    tokenizer.add_special_tokens(["<unk>"])
    check = check_tokenizer(tokenizer)
    assert check.missing_bytes == check.duplicates == ()
    assert check.unreachable == (261,)  # a + b is likelier than ab
    assert check.lost_scalars in ((), (0x2581,))
    less = check_tokenizer(changed(tokenizer, vocab=[piece for piece in pieces if piece[0] != "<0xC3>"]))
    assert less.missing_bytes == (0xC3,)
    assert 0xE9 in less.lost_scalars


def test_wordpiece_continuations_are_tested_behind_another_token():
    words = ["[UNK]", "a", "ab", "##b", "##bc", "##c", "z", "##zq"]
    vocabulary = {token: index for index, token in enumerate(words)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.add_special_tokens(["[UNK]"])
    tokenizer.decoder = decoders.WordPiece()
    check = check_tokenizer(tokenizer)
    assert check.unreachable == ()
    assert check.duplicates == ()  # c within a word only
    assert check.lost_scalars
    assert check.missing_bytes == ()


def test_end_of_word_tokens_are_tested_at_the_end():
    vocabulary = {
        token: index for index, token in enumerate(["a", "b", "a</w>", "b</w>", "ab</w>", "ab", "ba</w>"])
    }
    merges = [("a", "b</w>"), ("a", "b")]
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, end_of_word_suffix="</w>"))
    assert check_tokenizer(tokenizer).unreachable == (6,)


def test_tokens_that_the_pretokenizer_cuts_are_noted():
    tokenizer = complete(byte_bpe([b"a1"], [(b"a", b"1")]))
    check = check_tokenizer(tokenizer)
    assert (check.cut, check.failures) == ((256,), [])
    assert check.notes()[-1].startswith("1 of 257 ids spell a text that the pre-tokenizer cuts")


def test_added_tokens_in_the_text_do_not_count_as_loss(tokenizer):
    file = Tokenizer.from_str(tokenizer.to_str())
    file.add_special_tokens(["<end>"])
    file.normalizer = normalizers.NFC()
    assert check_tokenizer(file).failures == []
    assert file.encode_special_tokens is False


class _Forgetful(Encoder):
    """Drops one character; text-level."""

    tokens = tuple(bytes([byte]) for byte in range(256))

    def encode_batch(self, texts):
        found = [np.frombuffer(text.replace("\u0416", "").encode(), np.uint8) for text in texts]
        bounds = np.cumsum([0, *map(len, found)])
        return np.concatenate([np.empty(0, np.uint8), *found]).astype(np.int32), bounds.astype(np.int64)


class _Bytes(WordEncoder):
    """Never uses its last token."""

    def encode_words(self, words):
        data = b"".join(words.to_pylist())
        sizes = [len(word) for word in words.to_pylist()]
        return np.frombuffer(data, np.uint8).astype(np.int32), np.cumsum([0, *sizes]).astype(np.int64)


def test_encoders_are_audited_like_files():
    check = check_encoder(_Forgetful())
    assert check.lost_scalars == (0x416,)
    with pytest.raises(
        TokenizerCheckError, match=r"1 scalar values do not come back from decoding, e\.g\. U\+0416"
    ):
        require_sound(_Forgetful(), "t")
    assert require_sound(_Forgetful(), "t", lossy=True).unreachable == ()
    check = check_encoder(_Bytes([*_Forgetful.tokens, b"ab", b""], "gpt4o"))
    assert (check.unreachable, check.lost, check.lost_scalars) == ((256,), (), ())
    assert check.vocabulary == 258


def test_an_encoder_with_a_normaliser_gives_the_normal_form_back(tokenizer):
    encoder = VocabularyEncoder(model_bytes(tokenizer), "longest_token", "gpt4o", "NFKC")
    assert check_encoder(encoder).failures == []


@pytest.mark.slow
def test_a_vocabulary_of_32k_takes_less_than_two_seconds(all_scalars):
    tokenizer = reference_tokenizer(real_texts(), "gpt4o", 32_768)
    tokenizer.decoder = decoders.ByteLevel()
    started = time.process_time()
    assert check_tokenizer(tokenizer).failures == []
    assert time.process_time() - started < 4
