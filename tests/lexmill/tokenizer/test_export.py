"""Exported tokenizers load in every client, encode alike, and say what they were trained on."""

from __future__ import annotations

import json
from itertools import pairwise

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from lexmill.tokenizer.bytelevel import to_alphabet
from lexmill.tokenizer.counts import count_words
from lexmill.tokenizer.encode import MergeRules
from lexmill.tokenizer.encoders.load import load_encoder
from lexmill.tokenizer.export import write_tokenizer
from lexmill.tokenizer.load import load_tokenizer, token_bytes
from lexmill.tokenizer.specs.bpe import BpeSpec
from lexmill.tokenizer.train import train_tokenizer, training_data
from tests.lexmill.tokenizer.texts import SENTENCES, document_batch, python_sources, real_texts

SPECIAL = ("<s>", "</s>", "<pad>", "<|tool|>")


@pytest.fixture(scope="module")
def counts():
    rows = [(text, language, "web", "train") for language, text in SENTENCES.items()]
    rows += [(text, "python", "code", "train") for text in python_sources()[:3]]
    return count_words([document_batch(rows)], "gpt4o").counts


def store(counts, folder, **keys) -> Tokenizer:
    """Train from word counts and write the files."""
    spec = BpeSpec(name="t", **keys)
    data = training_data(counts, spec)
    return write_tokenizer(train_tokenizer(data, spec), spec, data, folder)


@pytest.fixture(scope="module")
def folder(counts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer")
    store(counts, folder, vocab_size=2000, special_tokens=SPECIAL)
    return folder


def test_any_text_comes_back(folder):
    tokenizer = load_tokenizer(folder)

    @settings(max_examples=300, deadline=None, derandomize=True)
    @given(st.text(st.characters(exclude_categories=["Cs"])))
    def check(text: str) -> None:
        assert tokenizer.decode(tokenizer.encode(text).ids, skip_special_tokens=False) == text

    check()


def test_transformers_gives_the_same_ids_and_roles(folder):
    transformers = pytest.importorskip("transformers")
    loaded = transformers.AutoTokenizer.from_pretrained(str(folder))
    own = load_tokenizer(folder)
    assert (loaded.bos_token, loaded.eos_token, loaded.pad_token) == SPECIAL[:3]
    assert len(loaded) == 2000
    for text in [*real_texts()[:20], "a <s> b</s>"]:
        assert loaded(text, add_special_tokens=True)["input_ids"] == own.encode(text).ids
        assert loaded.decode(own.encode(text).ids) == text


def test_special_tokens_come_last_and_only_when_asked(folder, counts, tmp_path):
    own = load_tokenizer(folder)
    assert [own.token_to_id(token) for token in SPECIAL] == [1996, 1997, 1998, 1999]
    assert json.loads((folder / "special_tokens_map.json").read_text())["additional_special_tokens"] == [
        "<|tool|>"
    ]
    plain = store(counts, tmp_path, vocab_size=400)
    assert plain.get_added_tokens_decoder() == {}
    assert not (tmp_path / "special_tokens_map.json").exists()


def test_the_same_training_gives_the_same_bytes(counts, folder, tmp_path):
    store(counts, tmp_path, vocab_size=2000, special_tokens=SPECIAL)
    names = sorted(path.name for path in folder.iterdir())
    assert names == sorted(path.name for path in tmp_path.iterdir())
    for name in names:
        assert (tmp_path / name).read_bytes() == (folder / name).read_bytes()


def test_merge_table_spells_the_vocabulary(folder):
    table = pq.read_table(folder / "merges.parquet").to_pylist()
    spelled = token_bytes(load_tokenizer(folder))
    assert len(table) == 2000 - 256 - len(SPECIAL)
    for step, row in enumerate(table):
        assert row["step"] == step
        assert row["new_id"] == 256 + step
        assert spelled[row["new_id"]] == row["left_bytes"] + row["right_bytes"]
        assert spelled[row["left_id"]] == row["left_bytes"]
    assert all(earlier["count"] >= later["count"] for earlier, later in pairwise(table))


def test_identity_holds_the_true_mixture(folder, counts):
    data = json.loads((folder / "lexmill.json").read_text())["training_data"]
    rows = counts.to_pylist()
    size = sum(len(row["word"]) * row["count"] for row in rows)
    python = sum(len(row["word"]) * row["count"] for row in rows if row["language"] == "python")
    assert data["languages"]["python"]["bytes"] == pytest.approx(python / size)
    assert data["domains"]["code"]["bytes"] == pytest.approx(python / size)
    assert sum(share["pairs"] for share in data["languages"].values()) == pytest.approx(1)


def test_merge_rules_give_the_ids_of_tokenizers(folder, counts):
    own = load_tokenizer(folder)
    words = counts["word"].combine_chunks()
    ids, bounds = MergeRules(own).encode(words)
    for index, word in enumerate(words.to_pylist()):
        expected = [token.id for token in own.model.tokenize(to_alphabet(word))]
        assert ids[bounds[index] : bounds[index + 1]].tolist() == expected


def test_a_vocabulary_larger_than_the_text_allows_says_what_is_possible(counts, tmp_path):
    small = counts.slice(0, 3)
    with pytest.raises(ValueError, match="ask for at most") as caught:
        store(small, tmp_path, vocab_size=5000)
    assert list(tmp_path.iterdir()) == []
    possible = int(str(caught.value).split("ask for at most ")[1].split(",")[0])
    assert store(small, tmp_path, vocab_size=possible).get_vocab_size() == possible


def test_a_special_token_that_is_an_ordinary_token_is_refused(counts, tmp_path):
    with pytest.raises(ValueError, match="'a' is also an ordinary token"):
        store(counts, tmp_path, vocab_size=300, special_tokens=("a",))
    assert list(tmp_path.iterdir()) == []


def test_normaliser_and_own_expression_reach_the_file(counts, tmp_path):
    store(counts, tmp_path, vocab_size=300, pretokenizer=r"\p{N}|[^\p{N}]+", normalizer="NFKC")
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert tokenizer.decode(tokenizer.encode("ﬁ ①②").ids) == "fi 12"
    assert (
        json.loads((tmp_path / "lexmill.json").read_text())["pretokenizer"]["pattern"] == r"\p{N}|[^\p{N}]+"
    )


def test_padding_fills_the_vocabulary_up_to_a_multiple(counts, tmp_path):
    tokenizer = store(counts, tmp_path, vocab_size=401, special_tokens=("<s>",), pad_to_multiple=64)
    assert tokenizer.get_vocab_size() == 448
    assert tokenizer.token_to_id("<|pad_0|>") == 401
    assert tokenizer.encode("a <|pad_0|>").ids[-1] == 401  # a special token like the others
    assert load_encoder(tmp_path).encode("<|pad_0|>") != [401]


def test_the_stored_encoder_gives_the_ids_of_the_file(folder):
    encoder, file = load_encoder(folder), load_tokenizer(folder)
    for text in real_texts():
        assert encoder.encode(text) == file.encode(text).ids
        assert encoder.decode(encoder.encode(text)) == text.encode()


def test_a_folder_without_a_known_encoder_is_refused(folder, tmp_path):
    with pytest.raises(ValueError, match="give the folder of a tokenizer that Lexmill trained"):
        load_encoder(tmp_path)
    identity = json.loads((folder / "lexmill.json").read_text())
    for encoder in ("a sentence", {"name": "unheard"}, None):
        (tmp_path / "lexmill.json").write_text(json.dumps(identity | {"encoder": encoder}))
        with pytest.raises(ValueError, match=r"names the encoder .*; known are: merges"):
            load_encoder(tmp_path)
