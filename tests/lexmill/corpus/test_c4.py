"""C4's removal of lines."""

from __future__ import annotations

import pyarrow as pa
import pytest

from lexmill.corpus.c4 import c4_lines


def kept(text: str) -> str:
    return c4_lines(pa.array([text], pa.string()))[0].as_py()


@pytest.mark.parametrize(
    ("line", "result"),
    [
        ("This line is a sentence.", "This line is a sentence."),
        ("  Is this one too?  ", "Is this one too?"),
        ('She said "no"', 'She said "no"'),
        ("A heading without a mark", ""),
        ("And so it goes on...", ""),
        ("Two words.", ""),
        ("Please enable JavaScript to continue.", ""),
        ("Read our Privacy Policy before you go.", ""),
        ("This site uses cookies, as others do.", ""),
        ("A fact[1] with[edit] marks [citation needed] here.", "A fact with marks  here."),
        ("A mark at the end is lost with its sentence. [12]", ""),
        ("It holds " + "x" * 1001 + " and ends.", ""),
        ("It holds " + "x" * 1000 + " and ends.", "It holds " + "x" * 1000 + " and ends."),
        ("Lorem ipsum and javascript stay for the rule.", "Lorem ipsum and javascript stay for the rule."),
        ("Privacy policy { here } is for the rule.", "Privacy policy { here } is for the rule."),
        ("我们都是人。", "我们都是人。"),
        ("一二", ""),
        ("ภาษาไทยไม่มีเครื่องหมายจบประโยค", "ภาษาไทยไม่มีเครื่องหมายจบประโยค"),
        ("Это предложение с точкой.", "Это предложение с точкой."),
        ("यह एक वाक्य है।", "यह एक वाक्य है।"),
    ],
)
def test_lines(line: str, result: str) -> None:
    assert kept(line) == result


def test_documents_stay_apart() -> None:
    texts = pa.array(
        ["menu", "One line is here.\nhome\nAnd another one too.", "", None, "Only this one stays.\n"]
    )
    expected = ["", "One line is here.\nAnd another one too.", "", "", "Only this one stays."]
    assert c4_lines(texts).to_pylist() == expected
    assert c4_lines(texts[1:3]).to_pylist() == expected[1:3]
    assert c4_lines(texts[:0]).to_pylist() == []
    again = c4_lines(c4_lines(texts))
    assert again.to_pylist() == expected
    assert again.type == pa.string()
