"""Scripts of text: how many letters of each ISO 15924 script, by a table over Unicode code points."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pyarrow as pa
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
_WIDE_INDICES = tuple(SCRIPTS.index(script) for script in WIDE)
# Written without spaces between words, or (Korean) with syllables as characters: mean word lengths say nothing.
UNSPACED = frozenset({"Hans", "Hant", "Jpan", "Kore", "Thai", "Laoo", "Khmr", "Mymr", "Tibt"})
_TABLE_SIZE = (
    0x34000  # all letters lie below; the planes after are private use and tags, and count as no letter
)
# Characters that exist in one orthography only, among the most frequent of Chinese text.
_SIMPLIFIED = set(
    "们这个来说为会时国对发过后样还没开动么实关点种现问无体机长应进经头从业两见车电话东书让门马边写"
)
_TRADITIONAL = set(
    "們這個來說為會時國對發過後樣還沒開動麼實關點種現問無體機長應進經頭從業兩見車電話東書讓門馬邊寫"
)


@lru_cache(maxsize=1)
def script_indices() -> np.ndarray:
    """uint8 (0x34000,): code point -> index in `SCRIPTS`, of letters and marks; the last entry is 0."""
    everything = "".join(chr(c) if not 0xD800 <= c < 0xE000 else " " for c in range(_TABLE_SIZE))
    table = np.zeros(_TABLE_SIZE, np.uint8)
    for index, name in enumerate(_UNICODE_SCRIPTS.values(), start=1):
        for run in regex.finditer(rf"[\p{{Script={name}}}&&[\p{{L}}\p{{M}}]]+", everything, regex.VERSION1):
            table[run.start() : run.end()] = index
    return table


def script_counts(text: str) -> list[int]:
    """Letters and marks of each script, in the order of `SCRIPTS`; index 0 counts all other characters."""
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    # A list: its readers add up a handful of numbers, where numpy's calls cost more than the work.
    return np.bincount(script_indices()[np.minimum(points, _TABLE_SIZE - 1)], minlength=len(SCRIPTS)).tolist()


def script_table(texts: pa.Array) -> np.ndarray:
    """int32 (rows, len(SCRIPTS)): `script_counts` of every text of a string array; null counts as empty."""
    from lexmill.corpus.scripts_kernel import count_scripts
    from lexmill.corpus.textbytes import text_bytes

    data, offsets = text_bytes(texts)
    counts = np.zeros((len(offsets) - 1, len(SCRIPTS)), np.int32)
    count_scripts(data, offsets, script_indices(), counts)
    return counts


def script_shares(counts: np.ndarray, scripts: Sequence[str]) -> np.ndarray:
    """float64 (rows,): `script_share` of every row of a `script_table` in its script; 1.0 for the script ""."""
    letters = counts[:, 1:].sum(axis=1)
    names = np.array(scripts, dtype=object)
    shares = np.ones(len(counts))
    for script in sorted(set(scripts)):
        indices = list(_indices(script))
        rows = np.flatnonzero((names == script) & (letters > 0))
        if indices and len(rows):
            shares[rows] = counts[rows][:, indices].sum(axis=1) / letters[rows]
    return shares


def letter_count(counts: list[int]) -> int:
    """Letters and marks of all scripts of the table."""
    return sum(counts) - counts[0]


@lru_cache(maxsize=256)
def _indices(script: str) -> tuple[int, ...]:
    """Places in `SCRIPTS` of a label's script; none when the table does not know it."""
    members = _COMPOSED.get(script, (script,))
    return tuple(SCRIPTS.index(member) for member in members if member in SCRIPTS)


def script_share(counts: list[int], script: str) -> float:
    """Share of the letters that belong to a label's script (`Jpan` means Han and kana); 1.0 when the script is
    not in the table or there are no letters, since nothing can be said then."""
    letters = letter_count(counts)
    indices = _indices(script)
    return sum(counts[index] for index in indices) / letters if letters and indices else 1.0


def dominant_script(counts: list[int]) -> str:
    """The script with most letters as ISO 15924, `Zyyy` without letters; Han with kana is `Jpan`, Hangul `Kore`."""
    if not letter_count(counts):
        return "Zyyy"
    han, hiragana, katakana, _ = (counts[index] for index in _WIDE_INDICES)
    top = SCRIPTS[max(range(1, len(SCRIPTS)), key=counts.__getitem__)]
    if top in ("Hira", "Kana") or (top == "Hani" and (hiragana + katakana) * 10 > han):
        return "Jpan"
    return "Kore" if top == "Hang" else top


def weighted_length(counts: list[int]) -> int:
    """Characters, with Han, kana and Hangul counted twice."""
    return sum(counts) + sum(counts[index] for index in _WIDE_INDICES)
