"""Characters by script and kind, as SCRIPT-BPE groups them (Land & Arnett 2025, arXiv 2505.24689).

A group is a script (four-letter code) and a supercategory: LM (letters and marks), PS (punctuation and symbols), N, Z,
C.  Five characters go elsewhere than Unicode has them, as in sanderland/script_bpe (Apache-2.0): line feed and tab are
spaces, the two long-vowel marks of Japanese are inherited, the Arabic tatweel is Arabic.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from lexmill.tokenizer.unicode_data import CATEGORIES, SCRIPTS

Group = tuple[str, str]  # script, supercategory

MOVED: dict[int, Group] = {
    0x09: ("Zyyy", "Z"),
    0x0A: ("Zyyy", "Z"),
    0x30FC: ("Zinh", "LM"),
    0xFF70: ("Zinh", "LM"),
    0x0640: ("Arab", "LM"),
}
SPACED_SCRIPTS = tuple(
    "Latn Arab Deva Hang Ethi Cyrl Grek Hebr Beng Syrc Orya Taml Telu Guru Gujr Sinh Mlym Armn Knda Geor".split()  # noqa: SIM905
)
"""Scripts whose letters take the single space before them into their piece; (Zyyy, PS) does so too."""

_SUPERCATEGORY = {"L": "LM", "M": "LM", "P": "PS", "S": "PS", "N": "N", "Z": "Z", "C": "C"}


class Run(NamedTuple):
    """Code points `start` to `end` - 1 share a general category and a script."""

    start: int
    end: int
    category: str
    script: str


def runs() -> Iterator[Run]:
    """All code points in order, by runs of equal category and script."""
    scripts = _expanded(SCRIPTS)
    script, script_end = next(scripts)
    start = 0
    for category, end in _expanded(CATEGORIES):
        while start < end:
            if start == script_end:
                script, script_end = next(scripts)
            stop = min(end, script_end)
            yield Run(start, stop, category, script)
            start = stop


def _expanded(written: str) -> Iterator[tuple[str, int]]:
    """(value, end of its run) of a string of `unicode_data`."""
    end = 0
    for value, count in re.findall(r"([A-Za-z]+)(\d*)", written):
        end += int(count or 1)
        yield value, end


def supercategory(category: str) -> str | None:
    """LM, PS, N, Z or C of a general category; None for what has no meaning of its own (Cn, Co, Cs)."""
    return None if category in ("Cn", "Co", "Cs") else _SUPERCATEGORY[category[0]]


@lru_cache(maxsize=1)
def group_runs() -> tuple[tuple[int, int, Group | None], ...]:
    """(first code point, end, group) of all code points in order; None for unassigned, private and surrogate ones."""
    found: list[tuple[int, int, Group | None]] = []
    for run in runs():
        kind = supercategory(run.category)
        group = None if kind is None else (run.script, kind)
        moved = [code for code in MOVED if run.start <= code < run.end]
        start = run.start
        for code in sorted(moved):
            found += [(start, code, group), (code, code + 1, MOVED[code])]
            start = code + 1
        found.append((start, run.end, group))
    return tuple(entry for entry in found if entry[0] < entry[1])


@lru_cache(maxsize=1)
def groups() -> tuple[Group, ...]:
    """Every group that has a character, in the order of its first one."""
    return tuple(dict.fromkeys(group for _, _, group in group_runs() if group is not None))
