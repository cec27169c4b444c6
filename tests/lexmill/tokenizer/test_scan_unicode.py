"""The committed character tables are those of Oniguruma, for every scalar value."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from tokenizers import Regex, pre_tokenizers

from lexmill.tokenizer import unicode_data
from lexmill.tokenizer.scan_classes import (
    IDENTIFIER,
    LETTER,
    LOWER,
    MARK,
    NEWLINE,
    NUMBER,
    SPACE,
    UPPER,
    class_table,
    group_table,
)
from lexmill.tokenizer.unicode_groups import groups, runs

SURROGATES = range(0xD800, 0xE000)
SCALARS = [code for code in range(0x110000) if code not in SURROGATES]
ADVICE = "Oniguruma's tables changed: put these strings into lexmill/tokenizer/unicode_data.py"


def matching(expression: str, characters: list[str]) -> set[str]:
    """Those of the characters that Oniguruma matches with the expression."""
    cut = pre_tokenizers.Split(Regex(f"(?:{expression})+"), "removed").pre_tokenize_str
    found: set[str] = set()
    for start in range(0, len(characters), 8192):
        text = "".join(characters[start : start + 8192])
        found |= set(text) - set("".join(piece for piece, _ in cut(text)))
    return found


def written_values(written: str) -> list[str]:
    """One value for each code point of a string of `unicode_data`."""
    return [
        value for value, count in re.findall(r"([A-Za-z]+)(\d*)", written) for _ in range(int(count or 1))
    ]


def as_runs(values: list[str]) -> str:
    edges = [0, *(k for k in range(1, len(values)) if values[k] != values[k - 1]), len(values)]
    spans = ((values[a], b - a) for a, b in pairwise(edges))
    return textwrap.fill(" ".join(name + (str(n) if n > 1 else "") for name, n in spans), 108)


@pytest.mark.parametrize("name", ["CATEGORIES", "SCRIPTS"])
def test_every_scalar_value_has_the_property_that_oniguruma_gives_it(name):
    # Each property divides all code points, so a value that holds for all its characters is right for every one.
    values = written_values(getattr(unicode_data, name))
    assert len(values) == 0x110000
    assert {values[code] for code in SURROGATES} <= {"Cs", "Zzzz"}
    characters: dict[str, list[str]] = {}
    for code in SCALARS:
        characters.setdefault(values[code], []).append(chr(code))
    wrong = {
        character
        for value, members in characters.items()
        for character in set(members) - matching(rf"\p{{{value}}}", members)
    }
    if wrong:
        for value in characters:
            for character in matching(rf"\p{{{value}}}", sorted(wrong)):
                values[ord(character)] = value
        print(f"{ADVICE}\n{name}:\n{as_runs(values)}")
    assert not wrong


@pytest.mark.parametrize(
    ("expression", "bits"),
    [
        (r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", UPPER),
        (r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]", LOWER),
        (r"\p{L}", LETTER),
        (r"\p{M}", MARK),
        (r"\p{N}", NUMBER),
        (r"\s", SPACE),
        (r"[\r\n]", NEWLINE),
        (r"[\p{L}\p{M}\p{N}_]", IDENTIFIER),
    ],
)
def test_class_bits_are_the_character_classes_of_the_patterns(expression, bits):
    members = {chr(code) for code in np.flatnonzero(class_table() & bits).tolist()}
    others = [chr(code) for code in range(0x3100) if chr(code) not in members]
    assert matching(expression, sorted(members)) == members
    assert not matching(expression, others)


def test_runs_cover_all_code_points_without_a_gap():
    found = list(runs())
    assert [run.end for run in found[:-1]] == [run.start for run in found[1:]]
    assert (found[0].start, found[-1].end) == (0, 0x110000)


def test_groups_are_those_that_the_paper_of_script_encoding_counts():
    # Land & Arnett 2025: 155,063 characters, the largest group that is not cut into blocks (Latin letters) has 1,448.
    table = group_table()
    sizes = Counter(table[table > 0].tolist())
    by_group = {group: sizes[number + 1] for number, group in enumerate(groups())}
    assert sum(by_group.values()) == 155_063
    largest = sorted(by_group, key=by_group.__getitem__, reverse=True)[:6]
    assert largest == [
        ("Hani", "LM"),
        ("Hang", "LM"),
        ("Zyyy", "PS"),
        ("Tang", "LM"),
        ("Egyp", "LM"),
        ("Latn", "LM"),
    ]
    assert by_group["Latn", "LM"] == 1448
    assert groups()[table[ord("\n")] - 1] == groups()[table[ord(" ")] - 1] == ("Zyyy", "Z")
    assert groups()[table[0x30FC] - 1] == ("Zinh", "LM")
    assert table[0xE000] == table[0x0378] == 0  # private, unassigned
