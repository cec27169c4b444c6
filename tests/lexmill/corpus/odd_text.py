"""Strategies of text with every kind of character that words and measures treat specially."""

from __future__ import annotations

from hypothesis import strategies as st

_SPECIAL = list(
    "\n\n\n  \t.'’·-_#{…•!?。।\u0301\u200d\u200b\u200c\u00ad\u2028\x00\x85\ufffd\U000e0100"
    "aab1٣½Ⅳⓐéßİ日本々ーのกิ์ลາကြမབོд가עברית\U0001f600"
)
characters = st.one_of(st.characters(exclude_categories=("Cs",)), st.sampled_from(_SPECIAL))
odd_text = st.text(characters, max_size=80)
_REPEATED = [
    *("a", "b", "the", "and", "of", "12", "...", "---", "don't", "on-line", "日本", "#", "•", "…"),
    *("\n", "\n\n", "\n- x"),
]
repetitive_text = st.lists(st.sampled_from(_REPEATED), max_size=120).map(" ".join)
any_text = st.one_of(odd_text, repetitive_text)
