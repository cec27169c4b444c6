"""Unicode scripts as SentencePiece groups them: kana with Han, whatever has no script with Common."""

from __future__ import annotations

from functools import lru_cache

import regex  # type: ignore[import-untyped]

# Names as `regex` knows them, the frequent ones first; Han, kana and Common are apart.
_NAMES = """
Latin Cyrillic Arabic Devanagari Hangul Greek Thai Hebrew Bengali Tamil Telugu Georgian Armenian Gujarati
Kannada Malayalam Gurmukhi Sinhala Khmer Myanmar Ethiopic Tibetan Laoo Oriya Adlam Ahom Anatolianhieroglyphs
Avestan Balinese Bamum Bassavah Batak Bhaiksuki Bopomofo Brahmi Braille Buginese Buhid Canadianaboriginal
Carian Caucasianalbanian Chakma Cham Cherokee Chorasmian Coptic Cuneiform Cypriot Cyprominoan Deseret
Divesakuru Dogra Duployan Egyptianhieroglyphs Elbasan Elymaic Glagolitic Gothic Grantha Gunjalagondi
Hanifirohingya Hanunoo Hatran Imperialaramaic Inscriptionalpahlavi Inscriptionalparthian Javanese Kaithi
Kawi Kayahli Kharoshthi Khitansmallscript Khojki Khudawadi Lepcha Limbu Lineara Linearb Lisu Lycian Lydian
Mahajani Makasar Mandaic Manichaean Marchen Masaramgondi Medefaidrin Meeteimayek Mendekikakui
Meroiticcursive Meroitichieroglyphs Miao Modi Mongolian Mroo Multani Nabataean Nagmundari Nandinagari Newa
Newtailue Nkoo Nushu Nyiakengpuachuehmong Ogham Olchiki Oldhungarian Olditalic Oldnortharabian Oldpermic
Oldpersian Oldsogdian Oldsoutharabian Oldturkic Olduyghur Osage Osmanya Pahawhhmong Palmyrene Paucinhau
Phagspa Phoenician Psalterpahlavi Rejang Runic Samaritan Saurashtra Sharada Shavian Siddham Signwriting
Sogdian Sorasompeng Soyombo Sundanese Sylotinagri Syriac Tagalog Tagbanwa Taile Taitham Taiviet Takri Tangsa
Tangut Thaana Tifinagh Tirhuta Toto Ugaritic Vaii Vithkuqi Wancho Warangciti Yezidi Yiii Zanabazarsquare
"""
_LONG_VOWEL = "\u30fc"  # Common in Unicode, katakana to SentencePiece

# Insides of character classes (`regex` version 1 syntax), one for each group that a piece may not mix with another.
GROUPS = (
    r"\p{Latin}",
    rf"\p{{Han}}\p{{Hiragana}}\p{{Katakana}}{_LONG_VOWEL}",
    *(rf"\p{{sc={name}}}" for name in _NAMES.split()[1:]),
)
COMMON = rf"[\p{{sc=Common}}\p{{sc=Unknown}}--{_LONG_VOWEL}]"

_GROUP = regex.compile("|".join(f"([{group}])" for group in GROUPS), flags=regex.V1)
_INHERITED = regex.compile(r"\p{Inherited}")


@lru_cache(maxsize=1 << 17)
def group_of(character: str) -> int | None:
    """Number of the script group of a character; -1 for Common, None for one that takes its neighbour's script."""
    if _INHERITED.match(character):
        return None
    found = _GROUP.match(character)
    return found.lastindex - 1 if found else -1
