"""Repair of wrongly decoded text: what is repaired, and that clean text stays."""

from __future__ import annotations

import ftfy
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from ftfy.badness import is_bad
from hypothesis import given, settings
from hypothesis import strategies as st

from lexmill.corpus.mojibake import badness_pattern, repaired
from tests.lexmill.corpus.test_identify import ARTICLE_1

WRONG = ("latin-1", "sloppy-windows-1252", "sloppy-windows-1254", "sloppy-windows-1250", "macroman", "cp437")
TEXTS = ("Größe – über „Straßen“ in Österreich", "L’élève a mangé à Noël, déjà vu…", "Příliš žluťoučký kůň úpěl",
         "Árvíztűrő tükörfúrógép", "¿Dónde está el baño? ¡Aquí!")  # fmt: skip


@pytest.mark.parametrize("encoding", WRONG)
def test_mojibake_is_repaired(encoding: str) -> None:
    broken = []
    for text in TEXTS:
        try:
            broken.append((text, text.encode().decode(encoding)))
        except UnicodeDecodeError:  # a byte that this encoding has no character for
            continue
    assert len(broken) >= 3
    found = repaired(pa.array([wrong for _, wrong in broken])).to_pylist()
    assert found == [text for text, _ in broken]


def test_clean_text_stays() -> None:
    clean = [
        *ARTICLE_1.values(),
        *TEXTS,
        "",
        "plain ascii",
        "5 µm ± 2 °C, £3, «да», “ok” — ½",
    ]
    array = pa.array([*clean, None])
    assert repaired(array) is array
    assert repaired(pa.array([], pa.string())).to_pylist() == []


def test_only_the_broken_line_of_the_broken_text_changes() -> None:
    text = "Ein Ohm ist Ω.\nDas CafÃ© ist zu 😀.\n"
    texts = pa.array(["gut", None, text, "Größe"])
    assert repaired(texts).to_pylist() == ["gut", None, "Ein Ohm ist Ω.\nDas Café ist zu 😀.\n", "Größe"]
    assert repaired(texts.slice(2, 1)).to_pylist() == ["Ein Ohm ist Ω.\nDas Café ist zu 😀.\n"]
    assert repaired(texts.cast(pa.large_string())).type == pa.large_string()


odd = st.text(
    st.one_of(st.characters(exclude_categories=("Cs",)), st.sampled_from("ÃÂâ€™œÐÑŸ ©¼½¾à²\u0080\u0085аЂв"))
)


@settings(max_examples=400, deadline=None)
@given(odd)
def test_the_scan_finds_what_ftfy_finds_bad(text: str) -> None:
    scanned = pc.match_substring_regex(pa.array([text]), badness_pattern())[0].as_py()
    assert scanned == bool(is_bad(text))
    assert repaired(pa.array([text]))[0].as_py() == "\n".join(map(ftfy.fix_encoding, text.split("\n")))
