"""Scripts of text: how many letters of each ISO 15924 script, by a table over Unicode code points."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import regex  # type: ignore[import-untyped]

# ISO 15924 code -> Unicode script names.  A label's script may be a set of scripts (Japanese, Korean, Chinese).
_UNICODE_SCRIPTS = {
    **{
        "Latn": "Latin",
        "Cyrl": "Cyrillic",
        "Grek": "Greek",
        "Hebr": "Hebrew",
        "Arab": "Arabic",
        "Hani": "Han",
    },
    **{"Hira": "Hiragana", "Kana": "Katakana", "Hang": "Hangul", "Deva": "Devanagari", "Beng": "Bengali"},
    **{"Guru": "Gurmukhi", "Gujr": "Gujarati", "Orya": "Oriya", "Taml": "Tamil", "Telu": "Telugu"},
    **{
        "Knda": "Kannada",
        "Mlym": "Malayalam",
        "Sinh": "Sinhala",
        "Thai": "Thai",
        "Laoo": "Lao",
        "Tibt": "Tibetan",
    },
    **{"Mymr": "Myanmar", "Khmr": "Khmer", "Geor": "Georgian", "Armn": "Armenian", "Ethi": "Ethiopic"},
    **{"Thaa": "Thaana", "Olck": "Ol_Chiki", "Mong": "Mongolian", "Syrc": "Syriac", "Cher": "Cherokee"},
    **{
        "Tfng": "Tifinagh",
        "Bopo": "Bopomofo",
        "Cans": "Canadian_Aboriginal",
        "Yiii": "Yi",
        "Java": "Javanese",
    },
}
SCRIPTS = ("Zyyy", *_UNICODE_SCRIPTS)  # index 0: no letter, or a letter of another script
_COMPOSED = {
    "Jpan": ("Hani", "Hira", "Kana"),
    "Kore": ("Hang", "Hani"),
    "Hans": ("Hani", "Bopo"),
    "Hant": ("Hani", "Bopo"),
}
WIDE = ("Hani", "Hira", "Kana", "Hang")  # a character says about as much as two alphabetic ones
# Written without spaces between words.
UNSPACED = frozenset({"Hans", "Hant", "Jpan", "Thai", "Laoo", "Khmr", "Mymr", "Tibt"})
_TABLE_SIZE = 0x32000  # all letters lie below; the planes after are private use and tags
# Characters that exist in one orthography only, among the most frequent of Chinese text.
_SIMPLIFIED = set(
    "们这个来说为会时国对发过后样还没开动么实关点种现问无体机长应进经头从业两见车电话东书让门马边写"
)
_TRADITIONAL = set(
    "們這個來說為會時國對發過後樣還沒開動麼實關點種現問無體機長應進經頭從業兩見車電話東書讓門馬邊寫"
)


@lru_cache(maxsize=1)
def _table() -> np.ndarray:
    """uint8 array: code point -> index in `SCRIPTS`, of letters and marks."""
    points = [chr(c) for c in range(_TABLE_SIZE) if not 0xD800 <= c < 0xE000]
    everything = "".join(points)
    table = np.zeros(_TABLE_SIZE, np.uint8)
    for index, name in enumerate(_UNICODE_SCRIPTS.values(), start=1):
        for run in regex.finditer(rf"[\p{{Script={name}}}&&[\p{{L}}\p{{M}}]]+", everything, regex.VERSION1):
            table[[ord(c) for c in run.group()]] = index
    return table


def script_counts(text: str) -> np.ndarray:
    """int64 array over `SCRIPTS`: letters and marks of each script; index 0 counts all other characters."""
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    return np.bincount(_table()[np.minimum(points, _TABLE_SIZE - 1)], minlength=len(SCRIPTS))


def script_share(counts: np.ndarray, script: str) -> float:
    """Share of the letters that belong to a label's script (`Jpan` means Han and kana); 1.0 when the script is
    not in the table or there are no letters, since nothing can be said then."""
    members = _COMPOSED.get(script, (script,))
    letters = int(counts[1:].sum())
    if not letters or any(member not in SCRIPTS for member in members):
        return 1.0
    return sum(int(counts[SCRIPTS.index(member)]) for member in members) / letters


def dominant_script(counts: np.ndarray) -> str:
    """The script with most letters as ISO 15924, `Zyyy` without letters; Han with kana is `Jpan`, Hangul `Kore`."""
    if not counts[1:].any():
        return "Zyyy"
    by_script = {script: int(counts[SCRIPTS.index(script)]) for script in ("Hani", "Hira", "Kana", "Hang")}
    kana = by_script["Hira"] + by_script["Kana"]
    top = SCRIPTS[1 + int(counts[1:].argmax())]
    if top in ("Hira", "Kana") or (top == "Hani" and kana * 10 > by_script["Hani"]):
        return "Jpan"
    return "Kore" if top == "Hang" else top


def chinese_script(text: str) -> str:
    """`Hant` when characters of traditional orthography outnumber the simplified ones, else `Hans`."""
    simplified = sum(character in _SIMPLIFIED for character in text)
    traditional = sum(character in _TRADITIONAL for character in text)
    return "Hant" if traditional > simplified else "Hans"


def weighted_length(counts: np.ndarray) -> int:
    """Characters, with Han, kana and Hangul counted twice."""
    return int(counts.sum()) + sum(int(counts[SCRIPTS.index(script)]) for script in WIDE)
