"""A byte-level BPE file goes on learning: its ids stay, new tokens come behind, and it encodes as it was trained."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

from lexmill.tokenizer.bpe import train_bpe
from lexmill.tokenizer.bpe_characters import OTHER, character_class
from lexmill.tokenizer.bpe_extend import extend, read_rules
from lexmill.tokenizer.bytelevel import CHAR_OF_BYTE, to_alphabet
from lexmill.tokenizer.encode import MergeRules
from lexmill.tokenizer.patterns import pattern_of
from lexmill.tokenizer.specs.bpe import BpeCbSpec, BpeSpec
from lexmill.tokenizer.trained import TrainingData
from lexmill.tokenizer.trainers.bpe import train
from lexmill.tokenizer.words import TrainingWords
from tests.lexmill.tokenizer.texts import SENTENCES, real_texts, reference_tokenizer, word_counts_of


@pytest.fixture
def base(tmp_path):
    """700 tokens, and two special tokens that new ones have to go round."""
    tokenizer = reference_tokenizer(list(SENTENCES.values()), "gpt4o", 700)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<|end|>", "<|tool|>"])
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    return tmp_path


def data_of(texts, files=None):
    words, counts = word_counts_of(texts, "gpt4o")
    return TrainingData(TrainingWords(words, counts, 1, pa.table({})), pa.table({}), files=files or {})


def spec_of(**values):
    return BpeSpec(name="t", base="base", **values)


def test_ids_of_the_base_stay_and_new_ones_follow(base):
    before = Tokenizer.from_file(str(base / "tokenizer.json"))
    learned = train(data_of(real_texts(), {"base": base}), spec_of(vocab_size=1200))
    after = learned.tokenizer
    old, new = before.get_vocab(), after.get_vocab()
    assert {token: new[token] for token in old} == old
    assert sorted(new.values()) == list(range(1200))
    text = "<|end|>" + real_texts()[-1][:20_000] + "<|tool|>"
    ids = after.encode(text)
    assert ids.ids[0] == old["<|end|>"]
    assert ids.ids[-1] == old["<|tool|>"]
    assert len(ids) < len(before.encode(text))
    assert after.decode(ids.ids, skip_special_tokens=False) == text
    assert learned.details == {"merges": 444 + 498, "base": {"tokens": 702, "merges": 444}}
    table = learned.tables["merges"]
    assert table.num_rows == 942
    assert table["count"].null_count == 444
    assert table["new_id"].to_pylist()[444:] == list(range(702, 1200))


def test_special_and_padding_tokens_of_the_spec_take_ids_of_their_own(base):
    spec = spec_of(vocab_size=1000, special_tokens=("<|new|>",), pad_to_multiple=64)
    tokenizer = train(data_of(real_texts(), {"base": base}), spec).tokenizer
    assert tokenizer.get_vocab_size() == 999
    tokenizer.add_special_tokens([*spec.special_tokens, *spec.padding])
    assert sorted(tokenizer.get_vocab().values()) == list(range(1024))
    again = Tokenizer.from_str(tokenizer.to_str())
    assert again.get_vocab() == tokenizer.get_vocab()
    assert again.encode("<|new|>").ids == [999]


def test_the_new_merges_are_those_of_continued_training(base):
    """With our own ids in the base, extending the file is going on from the merge list."""
    words, counts = word_counts_of(real_texts()[:15], "gpt4o")
    first = train_bpe(*word_counts_of(real_texts()[15:20], "gpt4o"), 200)
    expected = train_bpe(words, counts, 300, start=first)
    tokens = [to_alphabet(token) for token in first.token_bytes()]
    pairs = [(tokens[a], tokens[b]) for a, b in zip(first.left.tolist(), first.right.tolist(), strict=True)]
    _save(base, models.BPE(vocab={token: index for index, token in enumerate(tokens)}, merges=pairs))
    rules = read_rules(base, "gpt4o", "none")
    extend(rules, words, counts, 300)
    assert [(a, b) for a, b, _ in rules.merges] == list(
        zip(expected.left.tolist(), expected.right.tolist(), strict=True)
    )
    assert rules.counts == [None] * 200 + expected.count[200:].tolist()
    own = MergeRules(rules.tokenizer())
    assert own.lengths(words).tolist() == [
        len(rules.tokenizer().encode(w.decode())) for w in words.to_pylist()
    ]


def test_a_token_that_no_merge_makes_is_used_again(base):
    """`abc` is in the vocabulary, unreachable; training makes it reachable and takes no second id."""
    vocabulary = {char: index for index, char in enumerate(CHAR_OF_BYTE.values())} | {"abc": 256}
    _save(base, models.BPE(vocab=vocabulary, merges=[]))
    rules = read_rules(base, "gpt4o", "none")
    extend(rules, pa.array([b"abcd", b"abce", b"ab"]), np.array([9, 8, 3]), 3)
    written = {index: token for token, index in rules.vocabulary.items()}
    made = [written[new] for _, _, new in rules.merges]
    assert made == ["ab", "abc", "abcd", "abce"]
    assert [rules.vocabulary[token] for token in made] == [257, 256, 258, 259]
    assert rules.tokenizer().encode("abce").ids == [259]


def test_words_that_are_tokens_are_not_cut_where_the_base_ignores_merges(base):
    vocabulary = {char: index for index, char in enumerate(CHAR_OF_BYTE.values())} | {"abab": 256}
    _save(base, models.BPE(vocab=vocabulary, merges=[], ignore_merges=True))
    rules = read_rules(base, "gpt4o", "none")
    extend(rules, pa.array([b"abab", b"xyz"]), np.array([100, 1]), 1)
    assert [rules.table()[name].to_pylist() for name in ("left_bytes", "right_bytes", "count")] == [
        [b"x"],
        [b"y"],
        [1],
    ]


def test_whole_characters_go_on_too(base):
    texts = [*SENTENCES.values()] * 3
    mixed = {}
    for spec in (BpeSpec, BpeCbSpec):
        learned = train(data_of(texts, {"base": base}), spec(name="t", base="base", vocab_size=900))
        new = learned.tables["merges"].slice(444).to_pylist()
        assert len(new) == 198
        classes = [character_class(row["left_bytes"] + row["right_bytes"]) for row in new]
        mixed[spec] = classes.count(OTHER)
    assert mixed[BpeSpec] > 0 == mixed[BpeCbSpec]


def _save(folder, model, pre_tokenizer=None):
    tokenizer = Tokenizer(model)
    split = pre_tokenizers.Split(Regex(pattern_of("gpt4o")), "isolated")
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizer or pre_tokenizers.Sequence([split, level])
    tokenizer.save(str(folder / "tokenizer.json"))


def test_a_base_that_cuts_otherwise_is_refused(base):
    with pytest.raises(ValueError, match="give pretokenizer 'gpt4o'"):
        read_rules(base, "gpt4", "none")
    with pytest.raises(ValueError, match="give normalizer none"):
        read_rules(base, "gpt4o", "NFC")
    vocabulary = {char: index for index, char in enumerate(CHAR_OF_BYTE.values())}
    _save(base, models.BPE(vocab=vocabulary, merges=[]), pre_tokenizers.ByteLevel(add_prefix_space=False))
    assert read_rules(base, "gpt2", "none").merges == []
    with pytest.raises(ValueError, match="give pretokenizer 'gpt2'"):
        read_rules(base, "gpt4", "none")
    _save(base, models.BPE(vocab=vocabulary, merges=[]), pre_tokenizers.ByteLevel(add_prefix_space=True))
    with pytest.raises(ValueError, match="more than one regular expression"):
        read_rules(base, "gpt2", "none")


def test_a_base_of_another_kind_is_refused(base):
    _save(base, models.Unigram([("a", -1.0)], unk_id=0))
    with pytest.raises(ValueError, match="base is a Unigram tokenizer"):
        read_rules(base, "gpt4o", "none")
    _save(base, models.BPE(vocab={"a": 0}, merges=[]))
    with pytest.raises(ValueError, match="base does not have all 256 bytes"):
        read_rules(base, "gpt4o", "none")
    with pytest.raises(ValueError, match="does not exist"):
        read_rules(base / "missing", "gpt4o", "none")


def test_what_a_user_can_get_wrong(base):
    data = data_of(real_texts()[:5], {"base": base})
    with pytest.raises(ValueError, match="vocab_size 702 leaves no room"):
        train(data, spec_of(vocab_size=702))
    with pytest.raises(
        ValueError, match=r"special_tokens: '<\|end\|>' is a special token of the base already"
    ):
        train(data, spec_of(vocab_size=800, special_tokens=("<|end|>",)))
    with pytest.raises(ValueError, match="tie_break does not go with base"):
        spec_of(vocab_size=800, tie_break="rustbpe")
    file = json.loads((base / "tokenizer.json").read_text("utf-8"))
    file["added_tokens"][0]["content"] = "<|pad_0|>"
    (base / "tokenizer.json").write_text(json.dumps(file), "utf-8")
    with pytest.raises(ValueError, match="base has padding tokens"):
        train(data, spec_of(vocab_size=800, pad_to_multiple=64))
