"""Keys of exact duplicates beside their plain-Python twin."""

import unicodedata

import numpy as np
import pyarrow as pa
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from lexmill.corpus.exact import text_keys


def plain(text: str) -> str:
    """What two texts must share to be the same, for texts in a normal form."""
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return " ".join(decomposed.split())


def keys(texts: list[str], code: bool = False) -> list[tuple[int, ...]]:
    return [tuple(key) for key in text_keys(pa.array(texts, pa.string()), np.full(len(texts), code)).tolist()]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Straße  42", "STRASSE 42"),
        ("ﬁle", "FILE"),
        ("　全角　ＡＢＣ", "全角 abc"),
        ("Ὀδυσσεύς", "ὈΔΥΣΣΕΎΣ"),
        ("\n a\t\u00a0b \r\n", "A B"),
        ("한국어", unicodedata.normalize("NFC", unicodedata.normalize("NFD", "한국어"))),
        ("½ ㈝", "1⁄2 (오전)"),
    ],
)
def test_texts_that_read_the_same_share_a_key(one: str, other: str) -> None:
    first, second = keys([one, other])
    assert (first == second) == (plain(one) == plain(other))
    assert first == second


@pytest.mark.parametrize(("one", "other"), [("ab c", "a bc"), ("a", "b"), ("é", "e"), ("", "a"), ("a.", "a")])
def test_texts_that_read_otherwise_do_not(one: str, other: str) -> None:
    first, second = keys([one, other])
    assert first != second


def test_code_is_compared_as_it_is_but_for_its_ends() -> None:
    a, b, c, d = keys(
        ["\n  def f():\n\treturn 1\n", "def f():\n\treturn 1", "def F():\n\treturn 1", "def f():\n return 1"],
        True,
    )
    assert a == b
    assert len({b, c, d}) == 3


def test_keys_are_stable_and_do_not_depend_on_the_batch() -> None:
    texts = ["Ein Text", "", "ein text ", "別の文", "Ein Text"]
    whole = keys(texts)
    assert whole == [keys([text])[0] for text in texts]
    sliced = text_keys(pa.array(["x", *texts]).slice(1), np.zeros(5, bool))
    assert [tuple(key) for key in sliced.tolist()] == whole
    assert whole[0] == whole[2] == whole[4]
    digest = xxhash.xxh3_128_intdigest("ein text".encode("utf-32-le"))
    assert whole[0] == (digest >> 64, digest % 2**64)


def test_no_character_grows_beyond_the_room_for_it() -> None:
    """Every code point, many times each: the kernel writes into an array of fixed size."""
    points = [p for p in range(0x34000) if not 0xD800 <= p < 0xE000]
    texts = [chr(p) * 3 for p in points]
    found = text_keys(pa.array(texts, pa.string()), np.zeros(len(texts), bool))
    assert len(np.unique(found, axis=0)) > 190_000
    worst = text_keys(pa.array(["\u321d" * 5000, "(오전)" * 5000]), np.zeros(2, bool))
    assert worst[0].tolist() == worst[1].tolist()


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.text(alphabet=st.characters(exclude_categories=["Cs", "Mn"]), max_size=12), min_size=2, max_size=8
    )
)
def test_equal_exactly_where_the_twin_is(texts: list[str]) -> None:
    texts = [unicodedata.normalize("NFC", text).replace("\ufdfa", "") for text in texts]
    texts += [text.upper() for text in texts] + [f" {text}\n" for text in texts]
    texts = [unicodedata.normalize("NFC", text) for text in texts]
    twins = [plain(text) for text in texts]
    assert len(set(zip(twins, keys(texts), strict=True))) == len(set(keys(texts))) == len(set(twins))
