"""The inference methods equal plain definitions of them, and the files that hold them encode alike."""

from __future__ import annotations

import itertools
import json
import random
import time

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers

from lexmill.tokenizer.bytelevel import BYTE_OF_ID, to_alphabet
from lexmill.tokenizer.encoders.fast import FileEncoder, encoder_for, proven_encoder
from lexmill.tokenizer.encoders.load import load_encoder
from lexmill.tokenizer.encoders.merges import DropoutEncoder, MergeEncoder, WholeWordEncoder
from lexmill.tokenizer.encoders.vocabulary import METHODS, VocabularyEncoder, unigram_scores
from lexmill.tokenizer.load import model_bytes
from lexmill.tokenizer.specs.bpe import BpeSpec
from lexmill.tokenizer.vessels import fewest_tokens_vessel, longest_prefix_vessel, unigram_vessel
from tests.lexmill.tokenizer.texts import SENTENCES, real_texts, reference_tokenizer

BYTES = [bytes([byte]) for byte in BYTE_OF_ID.tolist()]
SPEC = BpeSpec(name="t", vocab_size=3000)
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
VOCABULARIES = st.lists(st.text("abc", min_size=2, max_size=6), max_size=12, unique=True)
WORDS = st.lists(st.text("abc", max_size=14), max_size=6)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return reference_tokenizer(real_texts(), "gpt4o", 3000)


@pytest.fixture(scope="module")
def tokens(tokenizer) -> list[bytes]:
    return model_bytes(tokenizer)


def from_the_left(word: bytes, vocabulary: set[bytes]) -> list[bytes]:
    if not word:
        return []
    size = max(size for size in range(1, len(word) + 1) if word[:size] in vocabulary)
    return [word[:size], *from_the_left(word[size:], vocabulary)]


def from_the_right(word: bytes, vocabulary: set[bytes]) -> list[bytes]:
    turned = from_the_left(word[::-1], {token[::-1] for token in vocabulary})
    return [part[::-1] for part in turned[::-1]]


def longest_first(word: bytes, vocabulary: set[bytes]) -> list[bytes]:
    if not word:
        return []
    spans = itertools.combinations(range(len(word) + 1), 2)
    start, end = min(
        (span for span in spans if word[slice(*span)] in vocabulary), key=lambda s: (s[0] - s[1], s[0])
    )
    return [
        *longest_first(word[:start], vocabulary),
        word[start:end],
        *longest_first(word[end:], vocabulary),
    ]


def segmentations(word: bytes, vocabulary: set[bytes]) -> list[list[bytes]]:
    if not word:
        return [[]]
    cuts = [size for size in range(1, len(word) + 1) if word[:size] in vocabulary]
    return [[word[:size], *rest] for size in cuts for rest in segmentations(word[size:], vocabulary)]


def fewest(word: bytes, vocabulary: set[bytes]) -> list[bytes]:
    def order(parts: list[bytes]) -> tuple[int, list[int]]:
        return len(parts), [-len(part) for part in reversed(parts)]

    return min(segmentations(word, vocabulary), key=order)


PLAIN = {
    "longest_prefix": from_the_left,
    "longest_suffix": from_the_right,
    "longest_token": longest_first,
    "fewest_tokens": fewest,
}


@settings(max_examples=100, deadline=None, derandomize=True)
@given(VOCABULARIES, WORDS)
def test_methods_equal_their_definitions(longer, words):
    tokens = [*BYTES, b"", *(token.encode() for token in longer)]
    spelled = [word.encode() for word in words]
    for method, plain in PLAIN.items():
        encoder = VocabularyEncoder(tokens, method, "gpt4o")
        ids, bounds = encoder.encode_words(pa.array(spelled, pa.binary()))
        parts = [tokens[index] for index in ids.tolist()]
        for index, word in enumerate(spelled):
            assert parts[bounds[index] : bounds[index + 1]] == plain(word, set(tokens) - {b""}), method


@settings(max_examples=100, deadline=None, derandomize=True)
@given(VOCABULARIES, WORDS, st.integers(0, 10**6), st.booleans())
def test_vessels_of_any_vocabulary_give_the_same_ids(longer, words, seed, ties):
    tokens = [*BYTES, *(token.encode() for token in longer)]
    rng = random.Random(seed)
    scores = [-float(rng.randrange(1, 4)) / 8 if ties else -rng.random() * 12 for _ in tokens]
    likely = unigram_vessel(SPEC, tokens, scores)
    pairs = [
        (VocabularyEncoder(tokens, "longest_prefix", "gpt4o"), longest_prefix_vessel(SPEC, tokens)),
        (VocabularyEncoder(tokens, "fewest_tokens", "gpt4o"), fewest_tokens_vessel(SPEC, tokens)),
        (VocabularyEncoder(tokens, "likelihood", "gpt4o", scores=unigram_scores(likely)), likely),
    ]
    spelled = pa.array([word.encode() for word in words], pa.binary())
    for encoder, vessel in pairs:
        ids, bounds = encoder.encode_words(spelled)
        for index, word in enumerate(words):
            expected = [token.id for token in vessel.model.tokenize(word)]
            assert ids[bounds[index] : bounds[index + 1]].tolist() == expected


def test_vessels_give_the_same_ids_on_real_text(tokens):
    rng = random.Random(1)
    scores = [-rng.random() * 15 for _ in tokens]
    texts = real_texts()
    for encoder, vessel in (
        (VocabularyEncoder(tokens, "longest_prefix", "gpt4o"), longest_prefix_vessel(SPEC, tokens)),
        (VocabularyEncoder(tokens, "fewest_tokens", "gpt4o"), fewest_tokens_vessel(SPEC, tokens)),
        (
            VocabularyEncoder(tokens, "likelihood", "gpt4o", scores=scores),
            unigram_vessel(SPEC, tokens, scores),
        ),
    ):
        assert same_ids(encoder, vessel, texts)


def same_ids(encoder, tokenizer, texts) -> bool:
    ids, bounds = encoder.encode_batch(texts)
    expected = [encoding.ids for encoding in tokenizer.encode_batch(texts, add_special_tokens=False)]
    return [ids[bounds[row] : bounds[row + 1]].tolist() for row in range(len(texts))] == expected


def test_every_method_gives_any_text_back(tokens, tokenizer):
    scores = [-float(index % 17) for index in range(len(tokens))]
    encoders = [
        VocabularyEncoder(tokens, method, "gpt4o", scores=scores if method == "likelihood" else None)
        for method in METHODS
    ]
    encoders += [MergeEncoder(tokenizer, "gpt4o"), DropoutEncoder(tokenizer, "gpt4o", dropout=0.3)]

    @settings(max_examples=100, deadline=None, derandomize=True)
    @given(ANY_TEXT)
    def check(text: str) -> None:
        for encoder in encoders:
            assert encoder.decode(encoder.encode(text)) == text.encode()

    check()


@pytest.mark.parametrize("method", METHODS)
def test_a_word_of_a_megabyte_takes_no_time(tokens, method):
    scores = [-1.5] * len(tokens) if method == "likelihood" else None
    encoder = VocabularyEncoder(tokens, method, "gpt4o", scores=scores)
    noise = random.Random(0).randbytes(1_000_000)
    for word in (b"a" * 1_000_000, b"import " * 142_858, noise):
        started = time.process_time()
        ids, _ = encoder.encode_words(pa.array([word], pa.binary()))
        assert time.process_time() - started < 5
        assert encoder.decode(ids.tolist()) == word


def test_bad_vocabularies_are_refused():
    with pytest.raises(ValueError, match="does not hold all 256 bytes: 1 are missing"):
        VocabularyEncoder(BYTES[1:], "longest_prefix", "gpt4o")
    with pytest.raises(ValueError, match="no inference method 'longest'"):
        VocabularyEncoder(BYTES, "longest", "gpt4o")
    with pytest.raises(ValueError, match="scores are needed by likelihood"):
        VocabularyEncoder(BYTES, "likelihood", "gpt4o")
    with pytest.raises(ValueError, match="scores are needed by likelihood"):
        VocabularyEncoder(BYTES, "fewest_tokens", "gpt4o", scores=[0.0] * 256)
    with pytest.raises(ValueError, match="finite score"):
        VocabularyEncoder(BYTES, "likelihood", "gpt4o", scores=[float("nan")] * 256)
    with pytest.raises(ValueError, match="this model is BPE"):
        unigram_scores(Tokenizer(models.BPE()))


def test_counts_are_lengths_and_texts_do_not_depend_on_each_other(tokenizer):
    encoder = MergeEncoder(tokenizer, "gpt4o")
    texts = ["", *SENTENCES.values(), ""]
    ids, bounds = encoder.encode_batch(texts)
    assert encoder.count_tokens(texts).tolist() == np.diff(bounds).tolist()
    assert [ids[bounds[row] : bounds[row + 1]].tolist() for row in range(len(texts))] == [
        encoder.encode(text) for text in texts
    ]
    assert encoder.encode_batch([])[1].tolist() == [0]


def test_stored_encoders_open_by_name(tokenizer, tokens, tmp_path):
    identity = {
        "pretokenizer": {"name": "gpt4o", "pattern": ""},
        "normalizer": "none",
        "encoder": {"name": "", "settings": {}},
    }
    expected = {
        "merges": MergeEncoder(tokenizer, "gpt4o"),
        "dropout": DropoutEncoder(tokenizer, "gpt4o", dropout=0.2, seed=3),
    }
    for method in METHODS:
        scores = [-1.0] * len(tokens) if method == "likelihood" else None
        expected[method] = VocabularyEncoder(tokens, method, "gpt4o", scores=scores)
    for name, encoder in expected.items():
        vessel = fewest_tokens_vessel(SPEC, tokens) if name in METHODS else tokenizer
        vessel.save(str(tmp_path / "tokenizer.json"))
        identity["encoder"] = {
            "name": name,
            "settings": {"dropout": 0.2, "seed": 3} if name == "dropout" else {},
        }
        (tmp_path / "lexmill.json").write_text(json.dumps(identity))
        text = SENTENCES["deu_Latn"]
        assert load_encoder(tmp_path).encode(text) == encoder.encode(text)


def splits(tokenizer: Tokenizer, pattern: str = r"\p{L}+|\P{L}+") -> Tokenizer:
    """A copy that cuts by another expression."""
    copy = Tokenizer.from_str(tokenizer.to_str())
    copy.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(__import__("tokenizers").Regex(pattern), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    return copy


def test_foreign_files_get_the_fast_encoder_with_their_ids(tokenizer, tokens):
    texts = [*SENTENCES.values(), "<end>", "a\u0301 ﬁ"]
    whole = json.loads(tokenizer.to_str())
    whole["model"]["ignore_merges"] = True
    whole["model"]["vocab"]["Hello"] = 3000  # no merge makes it
    whole["normalizer"] = {"type": "NFC"}
    gpt2 = Tokenizer.from_str(tokenizer.to_str())
    gpt2.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    gpt2.add_special_tokens(["<end>"])
    files = {
        "plain": (tokenizer, MergeEncoder),
        "whole words": (Tokenizer.from_str(json.dumps(whole)), WholeWordEncoder),
        "gpt2": (gpt2, MergeEncoder),
        "own expression": (splits(tokenizer), MergeEncoder),
        "unigram": (fewest_tokens_vessel(SPEC, tokens), VocabularyEncoder),
        "wordpiece": (longest_prefix_vessel(SPEC, tokens), VocabularyEncoder),
    }
    for name, (file, kind) in files.items():
        encoder = encoder_for(file)
        assert type(encoder) is kind, name
        file.encode_special_tokens = True
        assert same_ids(encoder, file, [*texts, "Hello Hello"]), name
        assert type(proven_encoder(file, texts)) is kind
    assert 3000 in encoder_for(files["whole words"][0]).encode("Hello")


def test_files_that_do_more_are_left_to_tokenizers(tokenizer):
    changes = {
        "lowercase": lambda file: setattr(file, "normalizer", normalizers.Lowercase()),
        "prefix space": lambda file: setattr(file, "pre_tokenizer", pre_tokenizers.ByteLevel()),
        "no byte level": lambda file: setattr(file, "pre_tokenizer", pre_tokenizers.Whitespace()),
        "added": lambda file: file.add_tokens([AddedToken("mill")]),
        "truncation": lambda file: file.enable_truncation(4),
        "dropout": lambda file: setattr(file.model, "dropout", 0.5),
    }
    for name, change in changes.items():
        file = Tokenizer.from_str(tokenizer.to_str())
        change(file)
        assert encoder_for(file) is None, name
        assert type(proven_encoder(file, ["a mill"])) is FileEncoder
    file = Tokenizer.from_str(tokenizer.to_str())
    file.add_tokens([AddedToken("mill")])
    encoder = proven_encoder(file, ["a mill"])
    assert encoder.encode("a mill") == file.encode("a mill").ids
    assert encoder.count_tokens(["a mill", ""]).tolist() == [len(file.encode("a mill").ids), 0]


def test_a_fast_encoder_that_differs_is_not_used(tokenizer, monkeypatch):
    other = MergeEncoder(reference_tokenizer(["other text"], "gpt4o", 260), "gpt4o")
    monkeypatch.setattr("lexmill.tokenizer.encoders.fast.encoder_for", lambda _: other)
    assert type(proven_encoder(tokenizer, list(SENTENCES.values()))) is FileEncoder


def test_words_are_their_own_tokens_where_merges_are_ignored():
    vocabulary = {to_alphabet(token): index for index, token in enumerate([*BYTES, b"abc"])}
    file = Tokenizer(models.BPE(vocab=vocabulary, merges=[], ignore_merges=True))
    encoder = WholeWordEncoder(file, r"[ab]+c?|[^ab]+")
    assert encoder.encode("abcab") == [256, vocabulary["a"], vocabulary["b"]]
    assert encoder.encode_words(pa.array([], pa.binary()))[1].tolist() == [0]
