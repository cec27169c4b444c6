"""The scanners cut where the exported expressions cut, on every character and on real text."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, pre_tokenizers

from lexmill.tokenizer.patterns import COVERING, PATTERNS
from lexmill.tokenizer.scan import RULES, scan, scan_text
from lexmill.tokenizer.split import disputed
from tests.lexmill.tokenizer.texts import SENTENCES, real_texts

TRICKY = st.text(
    st.sampled_from("aAzZéÉßſKİıǅʕ०१Ⅷ'’sStTlLmMdDvVeErR /-_.,:;!?ीมあ漢アー👍\u0640")
    | st.sampled_from("\t\n\r\x0b\x0c\x1c\x85\xa0\u2003\u200d\u0301\u088f\u0c5c\ue000 12345")
    | st.characters(exclude_categories=["Cs"]),
    max_size=60,
)
EXPRESSIONS = {pattern: name for name, pattern in reversed(PATTERNS.items())}  # distinct ones
NAMES = sorted(EXPRESSIONS.values())


@lru_cache(maxsize=32)
def oracle(name: str) -> Callable[[str], list[tuple[str, tuple[int, int]]]]:
    return pre_tokenizers.Split(Regex(PATTERNS[name]), "isolated").pre_tokenize_str


def expected(name: str, texts: list[str]) -> list[list[str]]:
    cut = oracle(name)
    return [[piece for piece, _ in cut(text)] if text else [] for text in texts]


def scanned(name: str, texts: list[str]) -> list[list[str]]:
    data, starts, bounds = scan(name, pa.array(texts, pa.string()))
    raw, cuts = data.tobytes(), starts.tolist()
    pieces = [raw[a:b].decode() for a, b in pairwise(cuts)]
    return [pieces[a:b] for a, b in pairwise(bounds.tolist())]


def assert_equal_cuts(name: str, texts: list[str]) -> None:
    for text, ours, theirs in zip(texts, scanned(name, texts), expected(name, texts), strict=True):
        assert ours == theirs, (name, text[:200])


def in_contexts(codes: list[int]) -> list[str]:
    """Every character beside letters, digits, spaces, quotes, symbols and itself."""
    contexts = (
        "a{0}b A{0}B 1{0}2",
        " {0} '{0}x '{0}{0} !{0}! ",
        "é{0}{0}\n{0}\r{0}/",
        "漢{0}あ {0}\u0301{0}S",
    )
    return [
        "".join(context.format(chr(code)) for code in codes[start : start + 64])
        for start in range(0, len(codes), 64)
        for context in contexts
    ]


def test_every_named_pattern_has_a_scanner():
    assert list(RULES) == list(PATTERNS)


@pytest.mark.parametrize("name", NAMES)
def test_any_text(name):
    @settings(max_examples=120, deadline=None, derandomize=True)
    @given(st.lists(TRICKY, max_size=4))
    def check(texts: list[str]) -> None:
        assert_equal_cuts(name, texts)

    check()


@pytest.mark.parametrize("name", NAMES)
def test_real_text_of_many_scripts_and_code(name):
    assert_equal_cuts(name, [*SENTENCES.values(), "\n".join(SENTENCES.values()), *real_texts()[20:24]])


@pytest.mark.parametrize("name", NAMES)
def test_characters_of_all_kinds_in_many_contexts(name):
    codes = [*range(0x300), *range(0x300, 0x30000, 113)]
    assert_equal_cuts(name, in_contexts([code for code in codes if not 0xD800 <= code < 0xE000]))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_scalar_value_in_many_contexts(name):
    codes = [code for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    for start in range(0, len(codes), 1 << 15):
        assert_equal_cuts(name, in_contexts(codes[start : start + (1 << 15)]))


@pytest.mark.parametrize("name", ["gpt4", "gpt4o"])
def test_letters_that_fold_into_contractions(name):
    letters = regex.findall(r"\p{L}", "".join(map(chr, range(0x20000))))
    texts = ["".join(f"'{a} x'l{a} " for a in letters[start : start + 512]) for start in range(0, 60000, 512)]
    texts = [text for text in texts if not disputed(text)]
    assert len(texts) > 100
    assert scanned(name, texts) == [regex.findall(PATTERNS[name], text) for text in texts]


@pytest.mark.parametrize("name", sorted(COVERING & set(NAMES) - {"script"}))
def test_the_regex_library_is_another_oracle_where_the_tables_agree(name):
    generator = random.Random(5)
    alphabet = "abAB 'sT.,/_!12\n\r\t éЖж漢あ\u0301"
    texts = ["".join(generator.choices(alphabet, k=200)) for _ in range(200)]
    assert scanned(name, texts) == [regex.findall(PATTERNS[name], text) for text in texts]


@pytest.mark.parametrize("name", NAMES)
def test_binary_noise_read_as_latin_1(name):
    noise = np.random.default_rng(3).integers(0, 256, 20_000, np.uint8).tobytes().decode("latin-1")
    assert_equal_cuts(name, [noise])


@pytest.mark.parametrize("name", NAMES)
def test_long_runs_are_cut_alike_and_in_linear_time(name):
    units = ("a", "A", "1", " ", "\n", "!", "\u0301", "漢", "aA", "漢A", " \n", "' ", "!/\n", "\ue000 ")
    assert_equal_cuts(name, [unit * 1000 for unit in units])
    scan_text(name, b"a")
    started = time.process_time()
    for unit in units:
        assert scan_text(name, unit.encode() * 300_000)[-1] == len(unit.encode()) * 300_000
    assert time.process_time() - started < 20  # a quadratic one would take hours


def test_digits_from_the_right_are_the_threes_of_a_written_number():
    for length in range(1, 304):
        pieces = scanned("gpt4_r2l", ["7" * length])[0]
        assert ",".join(pieces) == f"{int('7' * length):,}"
    assert [len(piece) for piece in scanned("gpt4o_r2l", ["7" * 307])[0]] == [3, 3, *[1], *[3] * 100]


def test_script_chunks():
    # The rules of Land & Arnett 2025, section 3: one script, a space with the word, inherited marks, Han with Hiragana.
    assert scanned("script", ["Hello wörld, да\u0301 漢字ひらカー"])[0] == [
        "Hello",
        " wörld",
        ",",
        " да\u0301",
        " ",
        "漢字ひら",
        "カー",
    ]
    assert scanned("script", ["a  b\n\tc"])[0] == ["a", "  ", "b", "\n\t", "c"]
    assert scanned("script", ["\ue000a\ue000b \ue000c"])[0] == ["\ue000a\ue000b", " \ue000c"]


def test_empty_and_sliced_input():
    assert scan_text("gpt4o", b"") == [0]
    data, starts, bounds = scan("gpt4o", pa.array(["x", "", "a b", None], pa.string()).slice(1))
    assert bounds.tolist() == [0, 0, 2, 2]
    assert [data[a:b].tobytes() for a, b in pairwise(starts)] == [b"a", b" b"]
    assert scan("gpt2", pa.array([], pa.string()))[2].tolist() == [0]


def test_bytes_that_are_not_utf_8_are_refused():
    broken = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(np.array([0, 2], np.int32)), pa.py_buffer(b"\xe3\x81")]
    )
    with pytest.raises(ValueError, match="UTF8"):
        scan("gpt4o", broken)
