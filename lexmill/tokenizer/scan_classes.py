"""Tables that the scanners look characters up in, by code point."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from lexmill.tokenizer.unicode_groups import SPACED_SCRIPTS, group_runs, groups, runs

# Bits of a character's class, for the character classes of the named patterns.
UPPER = 1  # Lu Lt Lm Lo M: may stand in the upper part of a word of GPT-4o
LOWER = 2  # Ll Lm Lo M: may stand in its lower part
LETTER = 4  # L
MARK = 8  # M
NUMBER = 16  # N
SPACE = 32  # White_Space
NEWLINE = 64  # carriage return and line feed
IDENTIFIER = 128  # L M N and the underscore

# Values of `group_table` and bits of `group_traits`: what a group does when chunks of SCRIPT-BPE are made.
SKIPPED = 0  # without a group: stays with what is before it
INHERITED = 1  # stays with what is before it
SPACED = 2  # takes the single space before it

_CLASSES = {
    "Lu": UPPER | LETTER,
    "Lt": UPPER | LETTER,
    "Ll": LOWER | LETTER,
    "Lm": UPPER | LOWER | LETTER,
    "Lo": UPPER | LOWER | LETTER,
    **dict.fromkeys(("Mn", "Mc", "Me"), UPPER | LOWER | MARK),
    **dict.fromkeys(("Nd", "Nl", "No"), NUMBER),
    **dict.fromkeys(("Zs", "Zl", "Zp"), SPACE),
}
_SPACE_CONTROLS = (9, 10, 11, 12, 13, 0x85)


@lru_cache(maxsize=1)
def class_table() -> np.ndarray:
    """uint8[0x110000]: the class bits of every code point."""
    spans = [(run.end - run.start, _CLASSES.get(run.category, 0)) for run in runs()]
    lengths, values = np.array(spans).T
    table = np.repeat(values, lengths).astype(np.uint8)
    table[table & (LETTER | MARK | NUMBER) != 0] |= IDENTIFIER
    table[ord("_")] |= IDENTIFIER
    table[list(_SPACE_CONTROLS)] |= SPACE
    table[[10, 13]] |= NEWLINE
    return _fixed(table)


@lru_cache(maxsize=1)
def group_table() -> np.ndarray:
    """uint16[0x110000]: 1 + the number in `unicode_groups.groups` of every code point's group, SKIPPED without one."""
    number = {group: index + 1 for index, group in enumerate(groups())}
    spans = [(end - start, number[group] if group else SKIPPED) for start, end, group in group_runs()]
    lengths, values = np.array(spans).T
    table = np.repeat(values, lengths).astype(np.uint16)
    return _fixed(table)


@lru_cache(maxsize=1)
def group_traits() -> np.ndarray:
    """uint8[groups + 1]: the bits INHERITED and SPACED of every value of `group_table`."""
    traits = [
        INHERITED * (script == "Zinh")
        + SPACED * ((kind == "LM" and script in SPACED_SCRIPTS) or (script, kind) == ("Zyyy", "PS"))
        for script, kind in groups()
    ]
    return _fixed(np.array([0, *traits], np.uint8))


@lru_cache(maxsize=1)
def group_partners() -> np.ndarray:
    """uint16[groups + 1]: the group that stays together with a group although its script is another; 0 for none.

    Han and Hiragana, each kind with its like.
    """
    number = {group: index + 1 for index, group in enumerate(groups())}
    other = {"Hani": "Hira", "Hira": "Hani"}
    partners = [number.get((other.get(script, ""), kind), 0) for script, kind in groups()]
    return _fixed(np.array([0, *partners], np.uint16))


def _fixed(table: np.ndarray) -> np.ndarray:
    """The same array, which nobody may change."""
    table.flags.writeable = False
    return table
