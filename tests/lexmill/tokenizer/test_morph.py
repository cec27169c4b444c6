"""MorphBPE: no merge crosses a morph boundary; morphs from files and from Morfessor."""

from __future__ import annotations

import gzip
from collections import Counter

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from lexmill.evaluation.morphology import morphological_consistency
from lexmill.tokenizer.algorithms import parse_spec
from lexmill.tokenizer.encoders.merges import MergeEncoder
from lexmill.tokenizer.morfessor_morphs import morfessor_morphs
from lexmill.tokenizer.morphs import core, cut_words, read_morphs
from lexmill.tokenizer.train import train_tokenizer
from lexmill.tokenizer.trainers.morph import cut_units
from tests.lexmill.tokenizer.refining import counts_table, learn, real_data, real_morphs, small_data, words_of

STEMS = ("walk", "talk", "play", "work", "look", "call", "open", "turn", "paint", "clean")
ENDINGS = ("", "s", "ed", "ing", "er", "ers")


def verbs() -> dict[str, list[str]]:
    return {stem + ending: [stem, *([ending] if ending else [])] for stem in STEMS for ending in ENDINGS}


@pytest.fixture
def morph_file(tmp_path):
    path = tmp_path / "morphs.tsv"
    path.write_text("".join(f"{word}\t{' '.join(morphs)}\n" for word, morphs in verbs().items()), "utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (" walking", "walking"),
        ("(re)done!", "re)done"),
        (" it's", "it's"),
        ("42", ""),
        ("", ""),
        (" नमस्ते।", "नमस्ते"),
        ("шёл,", "шёл"),
    ],
)
def test_the_word_lies_between_the_first_and_the_last_letter(text, found):
    start, stop = core(text)
    assert text[start:stop] == found


def test_a_file_is_read_plain_and_compressed(tmp_path):
    text = "walking\twalk ing\tV;V.PTCP\r\n\nбратьев\tбрат ь ев\na\ta\nwalking\tw alking\n".encode()
    plain = tmp_path / "m.tsv"
    plain.write_bytes(b"\xef\xbb\xbf" + text)
    (tmp_path / "m.tsv.gz").write_bytes(gzip.compress(text))
    (tmp_path / "m.tsv.zst").write_bytes(zstandard.compress(text))
    expected = {"walking": (4,), "братьев": (4, 5), "a": ()}
    assert [read_morphs(path) for path in sorted(tmp_path.iterdir())] == [expected] * 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a\ta\nwalking\twalk in\n", r"m\.tsv:2: the morphs 'walk in' do not spell 'walking'"),
        (b"walking walk ing\n", r"m\.tsv:1 is not a word, a tab and its morphs"),
        (b"walking\t \n", r"m\.tsv:1 is not a word"),
        (b"a\ta\n\xff\xfe\t\n", r"m\.tsv:2 is not UTF-8"),
        (b"\n\n", "holds no words"),
        (b"a\t" + b"a" * 70000, r"m\.tsv:1 is longer than"),
    ],
)
def test_a_bad_line_is_named(tmp_path, content, message):
    path = tmp_path / "m.tsv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_morphs(path)


@pytest.mark.parametrize("name", ["m.gz", "m.zst"])
def test_a_damaged_file_is_named(tmp_path, name):
    whole = gzip.compress(b"a\ta\n" * 999) if name.endswith("gz") else zstandard.compress(b"a\ta\n" * 999)
    for content in (whole[:-9], b"neither"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=f"{name} cannot be read"):
            read_morphs(tmp_path / name)
    with pytest.raises(ValueError, match="cannot be read"):
        read_morphs(tmp_path / "missing")


def test_words_are_found_as_written_and_in_lower_case():
    words = counts_table({" Walking": 1, "«walking»": 1, "walk": 1, "7": 1, " WALKING.": 1, "ẞİwalking": 1})[
        "word"
    ]
    cuts = cut_words(words.combine_chunks(), {"walking": (4,), "7": (), "ẞi̇walking": (1,)})
    assert cuts.known.tolist() == [True, True, False, False, True, False]
    units, counts = cut_units(words.combine_chunks(), np.array([3, 1, 1, 1, 1, 1]), cuts)
    assert dict(zip([u.decode() for u in units.to_pylist()], counts.tolist(), strict=True)) == {
        " Walk": 3, "ing": 3, "«walk": 1, "ing»": 1, "walk": 1, "7": 1, " WALK": 1, "ING.": 1, "ẞİwalking": 1
    }  # fmt: skip


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    st.lists(st.lists(st.text("abé", min_size=1, max_size=4), min_size=1, max_size=4), min_size=1, max_size=8)
)
def test_pieces_are_the_morphs(analyses):
    words = {"".join(morphs): morphs for morphs in analyses}
    column = counts_table(dict.fromkeys(words, 2))["word"].combine_chunks()
    ends = {word: tuple(np.cumsum([len(m) for m in morphs]).tolist()[:-1]) for word, morphs in words.items()}
    units, counts = cut_units(column, np.full(len(words), 2), cut_words(column, ends))
    expected = Counter(morph.encode() for morphs in words.values() for morph in morphs)
    assert dict(zip(units.to_pylist(), counts.tolist(), strict=True)) == {
        m: 2 * n for m, n in expected.items()
    }


def test_merges_stay_inside_morphs_and_tokens_follow_them(morph_file):
    words = {f" {word}": 5 + index % 7 for index, word in enumerate(verbs())}
    data, spec = small_data(words, {"morphs": morph_file}, algorithm="morph", vocab_size=295, morphs="m.tsv")
    learned = train_tokenizer(data, spec)
    encoder = MergeEncoder(learned.tokenizer, "gpt4o")
    units = {f" {stem}" for stem in STEMS} | set(ENDINGS)
    assert all(any(token.decode() in unit for unit in units) for token in encoder.tokens[256:])
    assert learned.details["morphs"] == {"known_words": 60, "cut_words": 50}


def test_on_real_text_tokens_are_more_consistent_with_morphs(tmp_path):
    lines = real_morphs()
    path = tmp_path / "m.tsv"
    path.write_text("".join(f"{word}\t{morphs}\n" for word, morphs in lines.items()))
    data, spec = real_data({"morphs": path}, algorithm="morph", morphs="m.tsv")
    plain = parse_spec({"name": "t", "vocab_size": 2048})
    f1 = []
    for one in (spec, plain):
        encoder = MergeEncoder(learn(data, one).tokenizer, "gpt4o")
        tokens = words_of(encoder, [word.encode() for word in lines])
        f1.append(morphological_consistency([morphs.split() for morphs in lines.values()], tokens).f1)
    assert f1[0] > 1.1 * f1[1]


def test_training_is_deterministic_and_words_without_analysis_are_unconstrained(morph_file):
    data, spec = real_data({"morphs": morph_file}, algorithm="morph", vocab_size=600, morphs="m.tsv")
    first = learn(data, spec)
    assert first.tables["merges"].equals(learn(data, spec).tables["merges"])
    plain = learn(data, parse_spec({"name": "t", "vocab_size": 600})).tables["merges"]
    morph = first.tables["merges"]
    assert len(set(morph["left_bytes"].to_pylist()) & set(plain["left_bytes"].to_pylist())) > 100


def test_a_file_that_knows_no_training_word_is_an_error(tmp_path):
    (tmp_path / "m.tsv").write_text("quux\tqu ux\n")
    files = {"morphs": tmp_path / "m.tsv"}
    data, spec = small_data({"walk": 3}, files, algorithm="morph", morphs="m.tsv")
    with pytest.raises(ValueError, match=r"morphs holds none of the training words"):
        learn(data, spec)


def test_morfessor_finds_stems_and_endings_each_language_on_its_own():
    types = {"a": dict.fromkeys(verbs(), 9), "b": {"walks": 10, "bb": 1}, "c": {}}
    found = morfessor_morphs(types, 1000, lambda part, message: None)
    assert found == morfessor_morphs(types, 1000, lambda part, message: None)
    right = sum(
        found[word] == (() if len(morphs) == 1 else (len(morphs[0]),)) for word, morphs in verbs().items()
    )
    assert right > 45
    assert found["walks"] == ()  # most frequent in b, which has nothing to compare it with
    assert set(found) == {*verbs(), "bb"}


def test_morfessor_leaves_the_common_random_numbers_as_they_were():
    import random

    random.seed(5)
    expected = random.random()
    random.seed(5)
    morfessor_morphs({"a": {"walks": 1, "walk": 1}}, 100, lambda part, message: None)
    assert random.random() == expected


def test_morfessor_is_no_file_and_an_empty_name_is_refused():
    spec = parse_spec({"name": "t", "algorithm": "morph", "vocab_size": 300, "morphs": "morfessor"})
    assert spec.sources() == {}
    assert spec.model_copy(update={"morphs": "m.tsv"}).sources() == {"morphs": "m.tsv"}
    with pytest.raises(ValueError, match="morphs is empty"):
        parse_spec({"name": "t", "algorithm": "morph", "vocab_size": 300, "morphs": " "})
    data, spec = small_data(dict.fromkeys(verbs(), 4), algorithm="morph", vocab_size=285, morphs="morfessor")
    assert train_tokenizer(data, spec).tokenizer.get_vocab_size() == 285
