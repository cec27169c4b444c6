"""SCRIPT-BPE: two symbols for each character, merges that keep characters whole, a file that agrees nearly always."""

from __future__ import annotations

import unicodedata
from collections import Counter
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexmill.tokenizer.algorithms import parse_spec
from lexmill.tokenizer.bytelevel import ID_OF_BYTE
from lexmill.tokenizer.encoders.script import ScriptEncoder
from lexmill.tokenizer.script_encoding import BLOCK, BYTE, INDEX, block_table, script_encoding
from lexmill.tokenizer.specs.script import SCRIPT_SYMBOLS
from lexmill.tokenizer.train import training_data
from tests.lexmill.tokenizer.domain_texts import (
    AWKWARD,
    assert_round_trips,
    counts_of,
    exported,
    learn,
    normal,
)
from tests.lexmill.tokenizer.texts import merged, python_sources

SPEC = parse_spec({"algorithm": "script", "name": "s", "vocab_size": 3000})


@pytest.fixture(scope="module")
def learned():
    return learn(SPEC)


@pytest.fixture(scope="module")
def encoder(learned):
    return ScriptEncoder(learned.tables["merges"], learned.tables["blocks"], "script", "NFC")


def test_the_encoding_has_the_figures_of_the_paper():
    encoding = script_encoding()
    assert encoding.symbols - 256 == SCRIPT_SYMBOLS
    assert encoding.first_block - 256 == 1448  # Latin letters and marks
    table = block_table()
    assert sum(table["end"].to_numpy() - table["start"].to_numpy()) == 155_063
    assert Counter(encoding.classes.tolist()) == {BYTE: 256, INDEX: 1448, BLOCK: 468}


def test_every_character_is_a_block_and_an_index_of_its_own():
    codes = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    words = pa.array([chr(code).encode() for code in codes], pa.binary())
    symbols, offsets = script_encoding().encode(words)
    sizes = np.diff(offsets)
    seen = set()
    for code, at, size in zip(codes, offsets.tolist(), sizes.tolist(), strict=False):
        ids = symbols[at : at + size].tolist()
        if ids[0] < 256:
            assert ids == [int(ID_OF_BYTE[byte]) for byte in chr(code).encode()]
            assert unicodedata.category(chr(code)) in ("Cn", "Co")
        else:
            assert size == 2
            seen.add(tuple(ids))
    assert len(seen) == 155_063
    for code in (0, 10, ord("a"), 0x2FA1D, 0xE0001, ord("語"), ord("ß")):
        block, index = script_encoding().encode(pa.array([chr(code).encode()], pa.binary()))[0].tolist()
        assert script_encoding().character(block, index) == chr(code)
    assert script_encoding().character(256, 257) is None


def test_no_token_cuts_a_character(learned):
    encoding = script_encoding()
    merges = learned.tables["merges"]
    kinds = {"characters": 0, "longer": 0}
    for left, right in zip(merges["left_id"].to_pylist(), merges["right_id"].to_pylist(), strict=True):
        if left < encoding.symbols:
            assert encoding.classes[left] == BLOCK
            assert encoding.classes[right] == INDEX
            kinds["characters"] += 1
        else:
            assert right >= encoding.symbols
            kinds["longer"] += 1
    assert min(kinds.values()) > 50


def test_merges_are_those_of_the_definition(learned):
    """The first merges, by counting symbols anew before each."""
    words = training_data(counts_of("script", "NFC"), SPEC).words
    symbols, offsets = script_encoding().encode(words.words)
    spelled = [symbols[a:b].tolist() for a, b in pairwise(offsets.tolist())]
    encoding, new = script_encoding(), script_encoding().symbols
    found = []
    for _ in range(40):
        pairs: Counter = Counter()
        for ids, count in zip(spelled, words.counts.tolist(), strict=True):
            for left, right in pairwise(ids):
                kinds = [encoding.classes[i] if i < encoding.symbols else 9 for i in (left, right)]
                if kinds in ([BLOCK, INDEX], [9, 9]):
                    pairs[left, right] += count
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        found.append(best)
        spelled = [merged(ids, best, new) for ids in spelled]
        new += 1
    merges = learned.tables["merges"]
    rows = zip(merges["left_id"].to_pylist(), merges["right_id"].to_pylist(), strict=True)
    assert list(rows)[:40] == found


def test_the_file_round_trips_and_differs_only_where_a_character_has_no_token(learned, encoder):
    tokenizer = exported(learned, SPEC)
    assert_round_trips(tokenizer)
    symbols = script_encoding().symbols
    texts = [*AWKWARD, *python_sources()[:1]]
    for text in texts:
        ids, exact = tokenizer.encode(text, add_special_tokens=False).ids, encoder.encode(text)
        assert encoder.decode(exact).decode() == normal(tokenizer, text)
        assert [i for i in ids if i >= symbols] == [i for i in exact if i >= symbols]
    assert len(tokenizer.get_vocab()) == 3000


def test_the_file_agrees_on_most_words(learned, encoder):
    words = training_data(counts_of("script", "NFC"), SPEC).words
    ids, offsets = encoder.encode_words(words.words)
    model, equal = learned.tokenizer.model, 0
    for row, (word, count) in enumerate(zip(words.words.to_pylist(), words.counts.tolist(), strict=True)):
        exact = ids[offsets[row] : offsets[row + 1]].tolist()
        equal += count * ([piece.id for piece in model.tokenize(word.decode())] == exact)
    assert equal > 0.97 * words.counts.sum()


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.text(max_size=30))
def test_any_text_comes_back(encoder, text):
    assert encoder.decode(encoder.encode(text)).decode() == normal(encoder_normalizer(), text)


def encoder_normalizer():
    from tokenizers import Tokenizer, models, normalizers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    return tokenizer


def test_halves_of_characters_decode_to_the_replacement_character(encoder):
    block, index = encoder._encoding.encode(pa.array(["語".encode()], pa.binary()))[0].tolist()
    assert encoder.decode([block, index]).decode() == "語"
    assert encoder.decode([index, block]).decode() == "\ufffd\ufffd"
    assert encoder.decode([block, block, index]).decode() == "\ufffd語"


def test_no_script_pays_for_its_utf8(learned):
    """Of characters that no merge made a token, every one takes two symbols, whatever its UTF-8 takes."""
    encoder = ScriptEncoder(learned.tables["merges"], learned.tables["blocks"], "script", "NFC")
    for text in ("ɸ", "ᚠ", "\U00010330"):
        assert len(encoder.encode(text)) == 2


def test_too_small_a_vocabulary_is_refused():
    with pytest.raises(ValueError, match="the 2172 base symbols"):
        parse_spec({"algorithm": "script", "name": "s", "vocab_size": 2000})
