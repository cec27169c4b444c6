"""Splinter: reductions, the rewriting of every text and back, and the encoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexmill.tokenizer.arrays import read_only
from lexmill.tokenizer.encoders.load import load_encoder
from lexmill.tokenizer.export import write_tokenizer
from lexmill.tokenizer.splinter import ALPHABETS, Reductions, learn_reductions, swap_final
from lexmill.tokenizer.splinter_kernel import DEPTH, ROOT, WIDTH, reduce_words
from lexmill.tokenizer.trainers.splinter import letter_runs
from tests.lexmill.tokenizer.texts import SENTENCES
from tests.lexmill.tokenizer.vocabulary_data import HARD_TEXTS, trained

ROOTS = ["כתב", "למד", "שמר", "זכר", "פקד", "סגר", "רקד", "גדל", "דרש", "חשב"]
PATTERNS = [
    "{}{}{}",
    "{}ו{}{}",
    "{}{}ו{}",
    "ה{}{}{}",
    "מ{}{}{}",
    "מ{}{}{}ים",
    "{}{}{}ים",
    "{}{}{}תי",
    "ל{}{}ו{}",
    "ת{}{}{}ו",
    "{}{}{}י",
    "{}{}{}ת",
]
WORDS = [swap_final(swap_final(pattern.format(*root))) for root in ROOTS for pattern in PATTERNS]
HEBREW = [" ".join(WORDS)] * 12


@pytest.fixture(scope="module")
def hebrew() -> Reductions:
    return learn_reductions("hebrew", dict.fromkeys(WORDS, 12), 10)


@pytest.fixture(scope="module")
def malay() -> Reductions:
    words = [
        "makan",
        "makanan",
        "memakan",
        "dimakan",
        "pemakan",
        "makankan",
        "minum",
        "minuman",
        "diminum",
        "peminum",
    ]
    shorter = [word[:at] + word[at + 1 :] for word in words for at in range(len(word))]
    return learn_reductions("malay", dict.fromkeys([*words, *shorter], 10), 10)


def test_words_of_one_root_share_its_letters(hebrew: Reductions) -> None:
    """Gazit et al. 2025: templatic words become their root, then what the template adds."""
    templates = ["ה{}{}{}", "{}{}ו{}", "{}ו{}{}", "{}{}{}ים", "מ{}{}{}"]
    plain = [root for root in ROOTS if not set(root) & set("המלתוי")]  # no letter could be a template's
    written = [hebrew.rewrite([" " + template.format(*root) for template in templates]) for root in plain]
    assert len(plain) == 6
    for root, words in zip(plain, written, strict=True):
        assert [word[1:4] for word in words] == [root] * 5
        assert [word[4:] for word in words] == [word[4:] for word in written[0]]  # the same characters


def test_only_long_enough_runs_of_the_alphabet_are_rewritten(hebrew: Reductions) -> None:
    untouched = ["כתב", "abcd", " 1234", "", "א" * 33, "הכָתב", "…"]
    assert hebrew.rewrite(untouched) == untouched
    assert hebrew.rewrite(["הכתב"])[0].startswith("\U000f0001כתב")
    assert hebrew.rewrite([" הכתב,הלמד"]) == [
        " " + hebrew.rewrite([" הכתב"])[0][1:] + "," + hebrew.rewrite([" הלמד"])[0][1:]
    ]


SOME = st.one_of(
    st.sampled_from(WORDS),
    st.text("כתבהוימןנ", max_size=7),
    st.sampled_from(["makanan", "diminum", "Makan", "minumanmakan"]),
    st.text("\U000f0000\U000f0001\U000f0002\U000f0003\U000f0010\U000ffffd\U0010fffd\ue000 a\n", max_size=4),
    st.text(max_size=3),
)


@given(st.lists(SOME, max_size=12))
@settings(derandomize=True, deadline=None, max_examples=300)
def test_every_text_comes_back_wherever_it_is_cut(
    hebrew: Reductions, malay: Reductions, pieces: list[str]
) -> None:
    for reductions in (hebrew, malay):
        assert reductions.restore("".join(reductions.rewrite(pieces))) == "".join(pieces)


@given(st.text("\U000f0000\U000f0001\U000f0002\U000f0003\U000ff000כתבa \udc80", max_size=12))
@settings(derandomize=True, deadline=None)
def test_restoring_anything_else_never_fails(hebrew: Reductions, text: str) -> None:
    assert isinstance(hebrew.restore(text), str)


def plain_reduce(word: str, reductions: Reductions) -> tuple[str, list[tuple[int, str]]]:
    """The letters that stay, and the reductions in the order in which they put the word together again."""
    alphabet, taken = ALPHABETS[reductions.alphabet], []

    def steps(word: str) -> list[tuple[float, int, str]]:
        scores = reductions.by_length.get(len(word), {})
        found = []
        for at, letter in enumerate(word):
            offset = at if at < len(word) - len(word) // 2 else at - len(word)
            if (score := scores.get((offset, alphabet.index(letter)))) is not None:
                found.append((score, offset, word[:at] + word[at + 1 :]))
        return sorted(found, key=lambda step: -step[0])[:WIDTH]

    while len(word) > ROOT:
        ways: list[tuple[float, tuple[int, str] | None, str]] = [(1.0, None, word)]
        for depth in range(DEPTH):
            if len(word) - depth <= ROOT:
                break
            longer = [
                (score * step, first or (offset, rest), rest)
                for score, first, before in ways
                for step, offset, rest in steps(before)
            ]
            ways = longer or ways
            if not longer:
                break
        best = max(ways, key=lambda way: way[0])[1]
        if best is None:
            break
        offset, rest = best
        taken.append((offset, word[offset]))
        word = rest
    return word, taken[::-1]


@given(st.lists(st.text("abc", min_size=1, max_size=8), min_size=1, max_size=30), st.integers(0, 9))
@settings(derandomize=True, deadline=None)
def test_the_kernel_takes_letters_out_as_the_definition_says(words: list[str], seed: int) -> None:
    rng = np.random.default_rng(seed)
    keys = [(offset, letter) for offset in range(-4, 4) for letter in (26, 27, 28)]
    scores = {
        length: {key: float(rng.random()) for key in keys if rng.random() < 0.6} for length in range(4, 9)
    }
    reductions = Reductions("malay", scores, tuple(keys))
    letters = read_only(np.frombuffer("".join(words).encode(), np.uint8) - ord("a") + 26)
    offsets = np.cumsum([0, *map(len, words)]).astype(np.int64)
    roots, out = reduce_words(letters, offsets, reductions._scores())
    for index, word in enumerate(words):
        root, taken = plain_reduce(word, reductions)
        cells = out[offsets[index] : offsets[index + 1]].tolist()
        alphabet = ALPHABETS["malay"]
        assert "".join(alphabet[cell] for cell in cells[: roots[index]]) == root
        assert [(cell // 52 - 16, alphabet[cell % 52]) for cell in cells[roots[index] :]] == taken


def test_the_encoder_gives_every_text_back_and_the_file_is_its_inner_half(tmp_path: Path) -> None:
    texts = [*HEBREW, *SENTENCES.values()]
    learned, spec, data = trained(texts=texts, algorithm="splinter", vocab_size=330, alphabet="hebrew")
    tokenizer = write_tokenizer(learned, spec, data, tmp_path)
    encoder = load_encoder(tmp_path)
    for text in [*HARD_TEXTS, HEBREW[0], "\U000f0001".join(WORDS[:20])]:
        ids = encoder.encode(text)
        assert encoder.decode(ids) == text.encode()
        assert isinstance(encoder.decode(ids[1:-1]), bytes)
        assert tokenizer.decode(tokenizer.encode(text).ids, skip_special_tokens=False) == text
    assert encoder.encode(HEBREW[0]) != tokenizer.encode(HEBREW[0]).ids
    again, _, _ = trained(texts=texts, algorithm="splinter", vocab_size=330, alphabet="hebrew")
    assert again.tokenizer.to_str() == learned.tokenizer.to_str()
    assert again.tables["reductions"].equals(learned.tables["reductions"])


def test_runs_are_counted_over_all_pretokens() -> None:
    _, _, data = trained(texts=[" הכתב,הכתב (הכתב)"], algorithm="bpe", vocab_size=256)
    pretokens = [word.decode() for word in data.words.words.to_pylist()]
    assert letter_runs(pretokens, data.words, "hebrew") == {"הכתב": 3}


def test_hebrew_final_letters_are_swapped_and_back() -> None:
    assert swap_final("מלכים") == "מלכימ"
    assert swap_final("מלכימ") == "מלכים"
    assert swap_final("") == ""


def test_a_text_without_such_words_is_refused() -> None:
    with pytest.raises(ValueError, match="no word of alphabet arabic"):
        trained(texts=HEBREW, algorithm="splinter", vocab_size=300, alphabet="arabic")
    with pytest.raises(ValueError, match="alphabet"):
        trained(texts=HEBREW, algorithm="splinter", vocab_size=300, alphabet="greek")
