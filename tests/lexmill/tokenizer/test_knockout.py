"""BPE-knockout equals its definition, and hides fewer morph boundaries than BPE."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexmill.evaluation.morphology import morphological_edit_distance
from lexmill.tokenizer.algorithms import parse_spec
from lexmill.tokenizer.bpe import train_bpe
from lexmill.tokenizer.bytelevel import ID_OF_BYTE
from lexmill.tokenizer.encoders.merges import MergeEncoder
from lexmill.tokenizer.morphs import cut_words
from lexmill.tokenizer.train import train_tokenizer
from lexmill.tokenizer.trainers.knockout import blame
from tests.lexmill.tokenizer.refining import (
    agreement,
    assert_round_trip,
    event_encoder,
    learn,
    merged,
    real_data,
    real_morphs,
    small_data,
    words_of,
)

CASES = st.dictionaries(
    st.text("abc", min_size=1, max_size=9), st.sets(st.integers(1, 8)), min_size=1, max_size=8
)


def plain_blame(merges, words: dict[str, tuple[int, ...]]) -> tuple[list[int], list[int]]:
    """N and B of every merge, by doing the merges one after another."""
    closed, hidden = Counter(), Counter()
    pairs = list(zip(merges.left.tolist(), merges.right.tolist(), strict=True))
    length = [len(token) for token in merges.token_bytes()]
    for word, ends in words.items():
        ids = [int(ID_OF_BYTE[byte]) for byte in word.encode()]
        for step, pair in enumerate(pairs):
            at = 0
            done = merged(ids, pair, [256 + step])
            for token in done:
                if token == 256 + step:
                    closed[step] += 1
                    hidden[step] += at + length[pair[0]] in ends
                at += length[token]
            ids = done
    return [closed[step] for step in range(len(pairs))], [hidden[step] for step in range(len(pairs))]


@settings(max_examples=80, deadline=None, derandomize=True)
@given(CASES)
def test_blame_equals_the_definition(cases):
    words = {word: tuple(sorted(end for end in ends if end < len(word))) for word, ends in cases.items()}
    data, _ = small_data({f" {word}" if len(word) % 2 else word: 2 for word in words} | {"cab-": 3})
    merges = train_bpe(data.words.words, data.words.counts, 20)
    cuts = cut_words(data.words.words, words)
    shifted = {
        piece: tuple(end + piece.startswith(" ") for end in words[piece.strip(" -")])
        for piece in (word.decode() for word in data.words.words.to_pylist())
        if piece.strip(" -") in words
    }
    closed, hidden = blame(merges, data.words.words, cuts)
    assert (closed.tolist(), hidden.tolist()) == plain_blame(merges, shifted)


def files(tmp_path, lines: dict[str, str]):
    path = tmp_path / "m.tsv"
    path.write_text("".join(f"{word}\t{morphs}\n" for word, morphs in lines.items()))
    return {"morphs": path}


def test_a_merge_over_a_boundary_is_taken_out_and_its_parts_are_merged_by_what_used_it(tmp_path):
    lines = {"undo": "un do", "undone": "un done", "ndx": "ndx"}
    words = {"undo": 30, "undone": 20, "ndx": 50}
    data, spec = small_data(
        words, files(tmp_path, lines), algorithm="knockout", vocab_size=259, morphs="m.tsv"
    )
    learned = learn(data, spec)
    encoder = event_encoder(learned, spec)
    rows = learned.tables["events"].to_pylist()
    spelled = [[encoder.tokens[i] for i in row["source"]] for row in rows]
    assert b"nd" not in encoder.tokens  # "nd" closes a boundary in two of three words
    assert [b"n", b"d", b"x"] in spelled
    assert learned.details["knocked_out"] >= 1
    assert learned.details["largest_merge"] == 3
    assert len(encoder.tokens) == 259


def test_on_real_text_tokens_come_closer_to_morphs_and_the_file_agrees_mostly(tmp_path):
    lines = real_morphs()
    data, spec = real_data(files(tmp_path, lines), algorithm="knockout", morphs="m.tsv")
    learned = train_tokenizer(data, spec)
    encoder = event_encoder(learned, spec)
    assert learned.tokenizer.get_vocab_size() == 2048
    assert learned.details["knocked_out"] > 20
    plain = MergeEncoder(learn(data, parse_spec({"name": "t", "vocab_size": 2048})).tokenizer, "gpt4o")
    distances = [
        morphological_edit_distance(
            [[m.encode() for m in morphs.split()] for morphs in lines.values()],
            [[e.tokens[i] for i in ids] for ids in words_of(e, [word.encode() for word in lines])],
        )
        for e in (encoder, plain)
    ]
    assert distances[0] < distances[1]
    assert agreement(learned, encoder, data) > 0.85
    assert_round_trip(encoder, learned)
    again = learn(data, spec)
    assert again.tables["events"].equals(learned.tables["events"])
    assert again.tokenizer.to_str() == learned.tokenizer.to_str()


def test_without_boundaries_nothing_is_knocked_out(tmp_path):
    data, spec = small_data(
        {"abab": 3, "ab": 2},
        files(tmp_path, {"abab": "abab"}),
        algorithm="knockout",
        vocab_size=258,
        morphs="m",
    )
    learned = learn(data, spec)
    assert learned.details["knocked_out"] == 0
    plain = MergeEncoder(learn(data, parse_spec({"name": "t", "vocab_size": 258})).tokenizer, "gpt4o")
    assert words_of(event_encoder(learned, spec), [b"abab", b"ba"]) == words_of(plain, [b"abab", b"ba"])


def test_bad_values_and_too_little_text():
    for blamed in (0, 1.5):
        with pytest.raises(ValueError, match="blame"):
            parse_spec(
                {"name": "t", "algorithm": "knockout", "vocab_size": 300, "morphs": "m", "blame": blamed}
            )
    with pytest.raises(ValueError, match="morphs"):
        parse_spec({"name": "t", "algorithm": "knockout", "vocab_size": 300})


def test_too_little_text_gives_fewer_tokens(tmp_path):
    given_files = files(tmp_path, {"abc": "a bc"})
    data, spec = small_data({"abc": 2}, given_files, algorithm="knockout", vocab_size=300, morphs="m")
    learned = learn(data, spec)
    assert learned.tokenizer.get_vocab_size() < 300
    assert np.all(np.diff(learned.tables["events"]["event"].to_numpy()) == 1)
