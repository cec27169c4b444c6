"""Quality measures, against plain Python made from the papers' definitions."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lexmill.corpus.measures import MEASURES, measure
from lexmill.corpus.scripts import letter_count, script_counts, weighted_length
from lexmill.corpus.words import split_words
from tests.lexmill.corpus import quality_oracle
from tests.lexmill.corpus.odd_text import any_text


def measured(*texts: str, **arguments: object) -> list[dict[str, int]]:
    array = pa.array(texts, pa.string())
    return measure(array, split_words(array), **arguments).to_pylist()


@settings(max_examples=400, deadline=None)
@given(st.lists(any_text, min_size=1, max_size=5))
@example(
    [
        "a\n\n\na\n\na",
        "",
        "x" * 30 + "\n" + "x" * 31,
        "-----\n-----\n----",
        "... .... ......",
        "a. ...\n…\n...x",
    ]
)
@example(["a b c d e " * 7, "a b " * 30 + "c", "the The be"])
def test_same_as_the_definitions(texts: list[str]) -> None:
    for text, found in zip(texts, measured(*texts), strict=True):
        counts = script_counts(text)
        expected = quality_oracle.measures(text) | {
            "script_letters": letter_count(counts),
            "wide": weighted_length(counts) - len(text),
        }
        assert {name: found[name] for name in expected} == expected, repr(text)


@settings(max_examples=50, deadline=None)
@given(st.lists(any_text, min_size=1, max_size=6))
def test_a_document_does_not_depend_on_its_batch(texts: list[str]) -> None:
    assert measured(*texts) == [measured(text)[0] for text in texts]


def test_types_and_nulls() -> None:
    texts = pa.array([None, "a b", None])
    batch = measure(texts, split_words(texts))
    assert batch.schema == MEASURES
    assert [sum(row.values()) > 0 for row in batch.to_pylist()] == [False, True, False]
    assert measure(texts[:0], split_words(texts[:0])).num_rows == 0
    large = texts.cast(pa.large_string())
    assert measure(large, split_words(large)).equals(batch)


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("", 0),
        ("One. Two! Three? Four", 4),
        ('He said "no." Then 3.14 came... and went.', 3),
        ("Title\nBody one. Body two.", 3),
        ("一つ。二つ！三つ", 3),
        ("एक। दो।", 2),
        ("「はい。」と言った。", 2),
    ],
)
def test_sentences(text: str, sentences: int) -> None:
    assert measured(text)[0]["sentences"] == sentences


def test_english_words() -> None:
    (row,) = measured("The and WITH this other words, go here; café don't 'the'")
    assert (row["latin_words"], row["english_words"], row["english_kinds"]) == (11, 4, 4)
    (row,) = measured("the the the there therefore")
    assert (row["latin_words"], row["english_words"], row["english_kinds"]) == (5, 4, 2)


@pytest.mark.parametrize(
    ("text", "visible"),
    [
        ("plain  text\n", "plain text "),
        ("<p class='a'>Hi <b>there</b></p>", "Hi there"),
        ("a<!-- <b> x > -- -->b", "ab"),
        ("<script>if (a < b) { '</b>' }</script>x<STYLE>p > a {}</style >y", "xy"),
        ("1 < 2 é<", "1 < 2 é<"),
        ("<p unfinished", ""),
        ("<script>never closed", ""),
        ("<br/><?php x ?>z", "z"),
    ],
)
def test_visible_text(text: str, visible: str) -> None:
    assert measured(text)[0]["visible_characters"] == len(visible)


def test_stop_words_by_language() -> None:
    lists = {"eng_Latn": ("the", "of", "l"), "zho_Hans": ("我们", "的", "我你"), "deu_Latn": ()}
    texts = ["the of the", "The OF", "我们的我的", "the of"]
    labels = ["eng_Latn", "eng_Latn", "zho_Hans", "fra_Latn"]
    assert [r["stop_words"] for r in measured(*texts, languages=labels, stop_words=lists)] == [2, 0, 2, 0]
    assert [r["stop_words"] for r in measured(*texts, "to be")] == [2, 0, 0, 2, 2]
    assert measured("x", languages=[None])[0]["stop_words"] == 0


def test_gopher_repetition_by_hand() -> None:
    (row,) = measured("one two one two one two three")
    assert row["top_2gram_characters"] == 3 * len("one two")
    assert row["top_3gram_characters"] == 2 * len("one two one")
    (row,) = measured("a b c d e f a b c d e g")
    assert row["duplicate_5gram_characters"] == 5
    assert row["duplicate_6gram_characters"] == 0
    (row,) = measured("x " * 12)  # the scan steps over what it has counted
    assert row["duplicate_5gram_characters"] == 10
