"""Where a piece ends, for every named pattern: hand-written matching of UTF-8 bytes (compiled by numba).

Each pattern is of one of a few forms, whose function finds the end of the piece that begins at byte `at` of a text that
ends at byte `end`.  No piece depends on what is before it, so a text is cut by going from end to end, and cutting can
stop and go on anywhere between two.  Every form takes time linear in the text: a character is read a bounded number of
times.  The bytes must be valid UTF-8, of which `at` and `end` are boundaries.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from lexmill.tokenizer.scan_classes import (
    IDENTIFIER,
    INHERITED,
    LETTER,
    LOWER,
    MARK,
    NEWLINE,
    NUMBER,
    SPACE,
    SPACED,
    UPPER,
)

# Forms.
GPT2, LETTERS, CASED, STRETCHES, SYMBOL, SYMBOLS, IDENTIFIERS, LINES, SCRIPTS = range(9)
# Digits: 0 a whole run, 1 or 3 at most so many, FROM_THE_RIGHT threes counted from the end of the run.
FROM_THE_RIGHT = -3
_LONGEST_RUN = 303  # digits up to which threes are counted from the right

_SPACE_BYTE, _QUOTE, _SLASH, _LF = 0x20, 0x27, 0x2F, 0x0A
_SYMBOL = LETTER | NUMBER | SPACE  # what a symbol is not: [^\s\p{L}\p{N}]
_MARKED_SYMBOL = LETTER | MARK | NUMBER | SPACE  # [^\s\p{L}\p{M}\p{N}]
_NO_IDENTIFIER = IDENTIFIER | SPACE  # [^\s\p{L}\p{M}\p{N}_]


@njit(cache=True, forceinline=True)
def _look_up(data, at, table):  # type: ignore[no-untyped-def]  # numba infers types
    """(the table's value for the character at `at`, where the next one is)."""
    lead = np.int64(data[at])
    if lead < 0x80:
        return np.int64(table[lead]), at + 1
    second = np.int64(data[at + 1]) & 0x3F
    if lead < 0xE0:
        return np.int64(table[(lead & 0x1F) << 6 | second]), at + 2
    third = np.int64(data[at + 2]) & 0x3F
    if lead < 0xF0:
        return np.int64(table[(lead & 0x0F) << 12 | second << 6 | third]), at + 3
    fourth = np.int64(data[at + 3]) & 0x3F
    return np.int64(table[(lead & 0x07) << 18 | second << 12 | third << 6 | fourth]), at + 4


@njit(cache=True, forceinline=True)
def _run(data, at, end, classes, mask):  # type: ignore[no-untyped-def]
    """Behind the characters from `at` on that have a bit of `mask`."""
    while at < end:
        found, behind = _look_up(data, at, classes)
        if not found & mask:
            break
        at = behind
    return at


@njit(cache=True, forceinline=True)
def _run_without(data, at, end, classes, mask):  # type: ignore[no-untyped-def]
    """Behind the characters from `at` on that have no bit of `mask`."""
    while at < end:
        found, behind = _look_up(data, at, classes)
        if found & mask:
            break
        at = behind
    return at


@njit(cache=True, forceinline=True)
def _breaks(data, at, end, slash):  # type: ignore[no-untyped-def]
    r"""Behind `[\r\n]*`, or `[\r\n/]*`."""
    while at < end and (data[at] == 10 or data[at] == 13 or (slash and data[at] == _SLASH)):
        at += 1
    return at


@njit(cache=True, forceinline=True)
def _spaces(data, start, end, classes, lines):  # type: ignore[no-untyped-def]
    r"""Behind `\s*[\r\n]+|\s+(?!\S)|\s+`, without the first part where not `lines`."""
    at = last = last_break = start
    while at < end:
        found, behind = _look_up(data, at, classes)
        if not found & SPACE:
            break
        last, at = at, behind
        if found & NEWLINE:
            last_break = at
    if lines and last_break > start:
        return last_break
    if at < end and last > start:  # the last of several spaces is left to what follows
        return last
    return at


@njit(cache=True, forceinline=True)
def _contraction(data, at, end, fold):  # type: ignore[no-untyped-def]
    """Behind `'s|'t|'re|'ve|'m|'ll|'d`, in either case (and with the long s) where `fold`; `at` where none is there."""
    if at + 1 >= end or data[at] != _QUOTE:
        return at
    first = np.int64(data[at + 1])
    if fold:
        if first == 0xC5 and data[at + 2] == 0xBF:  # U+017F, whose folded form is s
            return at + 3
        first |= 0x20
    if first == 0x73 or first == 0x74 or first == 0x6D or first == 0x64:  # s t m d
        return at + 2
    if at + 2 < end and (first == 0x72 or first == 0x76 or first == 0x6C):  # r v l
        second = np.int64(data[at + 2])
        second = second | 0x20 if fold else second
        if second == (0x6C if first == 0x6C else 0x65):  # ll, re, ve
            return at + 3
    return at


@njit(cache=True, forceinline=True)
def _digits(data, at, end, classes, most):  # type: ignore[no-untyped-def]
    """Behind the digits that make one piece; `most` as in `scan.Rule.digits`."""
    if most == 0:
        return _run(data, at, end, classes, NUMBER)
    if most == FROM_THE_RIGHT:
        most = _first_group(data, at, end, classes)
    while most > 0 and at < end:
        found, behind = _look_up(data, at, classes)
        if not found & NUMBER:
            break
        at = behind
        most -= 1
    return at


@njit(cache=True, forceinline=True)
def _first_group(data, at, end, classes):  # type: ignore[no-untyped-def]
    """How many digits go first so that threes follow to the end of the run; 3 where it is too long to see its end."""
    count = 0
    while at < end and count <= _LONGEST_RUN:
        found, behind = _look_up(data, at, classes)
        if not found & NUMBER:
            break
        at = behind
        count += 1
    return 3 if count > _LONGEST_RUN else (count - 1) % 3 + 1


@njit(cache=True, forceinline=True)
def _cased_word(data, start, end, classes):  # type: ignore[no-untyped-def]
    """Behind `U*L+`, or where that is not there `U+L*`, for the upper and the lower class, which overlap.

    `U*` takes all it can and gives back only as far as the last character that is in both.
    """
    at = both = start
    while at < end:
        found, behind = _look_up(data, at, classes)
        if not found & UPPER:
            if found & LOWER:
                return _run(data, behind, end, classes, LOWER)
            break
        at = behind
        if found & LOWER:
            both = at
    return both if both > start else at


@njit(cache=True, forceinline=True)
def _plain(data, at, end, classes, letters, symbols, lines):  # type: ignore[no-untyped-def]
    r"""Runs of letters, digits or symbols, each with a space before it where there is one; else spaces.

    `symbols`: bits that a symbol lacks, 0 where every symbol is alone.
    """
    found, behind = _look_up(data, at, classes)
    if data[at] == _SPACE_BYTE and behind < end:
        following, next_behind = _look_up(data, behind, classes)
        if not following & SPACE:
            found, behind = following, next_behind
    if found & letters:
        return _run(data, behind, end, classes, letters)
    if found & NUMBER:
        return _run(data, behind, end, classes, NUMBER)
    if found & SPACE:
        return _spaces(data, at, end, classes, lines)
    return _run_without(data, behind, end, classes, symbols) if symbols else behind


@njit(cache=True, forceinline=True)
def _prefixed(data, at, end, classes, cased, digits, contractions):  # type: ignore[no-untyped-def]
    """The forms of GPT-4 (`cased` False) and GPT-4o: words with one other character before them."""
    if not cased and contractions:
        behind = _contraction(data, at, end, True)
        if behind > at:
            return behind
    word = UPPER | LOWER if cased else LETTER
    found, behind = _look_up(data, at, classes)
    if found & NUMBER:
        return _digits(data, at, end, classes, digits)
    start = at
    following = 0
    if not found & word:
        if behind < end:
            following, _ = _look_up(data, behind, classes)
        if found & NEWLINE or not following & word:
            return _symbols_or_spaces(data, at, behind, end, classes, found, following, cased)
        start = behind
    if not cased:
        return _run(data, start, end, classes, LETTER)
    behind = _cased_word(data, start, end, classes)
    return _contraction(data, behind, end, True) if contractions else behind


@njit(cache=True, forceinline=True)
def _symbols_or_spaces(data, at, behind, end, classes, found, following, slash):  # type: ignore[no-untyped-def]
    r"""Behind ` ?[^\s\p{L}\p{N}]+[\r\n]*` (or `[\r\n/]*`), or spaces; what follows the first character is no word."""
    if found & SPACE and (data[at] != _SPACE_BYTE or behind >= end or following & _SYMBOL):
        return _spaces(data, at, end, classes, True)
    return _breaks(data, _run_without(data, behind, end, classes, _SYMBOL), end, slash)


@njit(cache=True, forceinline=True)
def _cut_out(data, at, end, classes):  # type: ignore[no-untyped-def]
    r"""Behind `\p{N}{1,3}| ?[^\s\p{L}\p{N}]{2,}[\r\n/]*| +(?!\S)`; `at` where it does not match."""
    found, behind = _look_up(data, at, classes)
    if found & NUMBER:
        return _digits(data, at, end, classes, 3)
    if found & LETTER or behind >= end:
        return behind if data[at] == _SPACE_BYTE else at
    first = at
    if data[at] == _SPACE_BYTE:
        first = behind
        found, behind = _look_up(data, behind, classes)
    if not found & _SYMBOL and behind < end:
        found, behind = _look_up(data, behind, classes)
        if not found & _SYMBOL:
            return _breaks(data, _run_without(data, behind, end, classes, _SYMBOL), end, True)
    if first == at:  # no space
        return at
    while first < end and data[first] == _SPACE_BYTE:
        first += 1
    if first == end:
        return first
    found, _ = _look_up(data, first, classes)
    return first if found & SPACE else first - 1


@njit(cache=True, forceinline=True)
def _stretch(data, at, end, classes):  # type: ignore[no-untyped-def]
    """Behind what `_cut_out` matches, or before the next place where it does."""
    behind = _cut_out(data, at, end, classes)
    if behind > at:
        return behind
    while at < end:
        _, at = _look_up(data, at, classes)
        if at < end and _cut_out(data, at, end, classes) > at:
            break
    return at


@njit(cache=True, forceinline=True)
def _identifiers(data, at, end, classes):  # type: ignore[no-untyped-def]
    """Symbols with the identifier behind them, either alone, or spaces."""
    first = at
    if data[at] == _SPACE_BYTE and at + 1 < end:
        found, _ = _look_up(data, at + 1, classes)
        first = at if found & SPACE else at + 1
    behind = _run_without(data, first, end, classes, _NO_IDENTIFIER)
    behind = _run(data, behind, end, classes, IDENTIFIER)
    return behind if behind > first else _spaces(data, at, end, classes, True)


@njit(cache=True, forceinline=True)
def line_end(data, at, end):  # type: ignore[no-untyped-def]
    """Behind the next line feed, or `end`."""
    while at < end:
        at += 1
        if data[at - 1] == _LF:
            break
    return at


@njit(cache=True, forceinline=True)
def _chunk(data, at, end, groups, traits, partners):  # type: ignore[no-untyped-def]
    """Characters of one group and what stays with them; a single space joins the group behind it that takes one."""
    group, behind = _look_up(data, at, groups)
    space = data[at] == _SPACE_BYTE
    while behind < end and not group:  # at the beginning of a text
        space = data[behind] == _SPACE_BYTE
        group, behind = _look_up(data, behind, groups)
    if space:
        following, next_behind = group, behind
        while next_behind < end:
            following, next_behind = _look_up(data, next_behind, groups)
            if following:
                break
        if traits[following] & SPACED:
            group, behind = following, next_behind
    partner = partners[group] if partners[group] else group
    while behind < end:
        following, next_behind = _look_up(data, behind, groups)
        if following and following != group and following != partner and not traits[following] & INHERITED:
            break
        behind = next_behind
    return behind


# One loop for each form, so that each compiles to code of its own.
@njit(cache=True)
def _cut_letters(data, at, end, classes, digits, contractions, ends):  # type: ignore[no-untyped-def]
    pieces = 0
    while at < end and pieces < len(ends):
        at = ends[pieces] = _prefixed(data, at, end, classes, False, digits, contractions)
        pieces += 1
    return pieces


@njit(cache=True)
def _cut_cased(data, at, end, classes, digits, contractions, ends):  # type: ignore[no-untyped-def]
    pieces = 0
    while at < end and pieces < len(ends):
        at = ends[pieces] = _prefixed(data, at, end, classes, True, digits, contractions)
        pieces += 1
    return pieces


@njit(cache=True)
def _cut_others(data, at, end, tables, form, ends):  # type: ignore[no-untyped-def]
    classes, groups, traits, partners = tables
    pieces = 0
    while at < end and pieces < len(ends):
        if form == GPT2:
            behind = _contraction(data, at, end, False)
            if behind == at:
                behind = _plain(data, at, end, classes, LETTER, _SYMBOL, False)
        elif form in (SYMBOL, SYMBOLS):
            symbols = _MARKED_SYMBOL if form == SYMBOLS else 0
            behind = _plain(data, at, end, classes, LETTER | MARK, symbols, True)
        elif form == STRETCHES:
            behind = _stretch(data, at, end, classes)
        elif form == IDENTIFIERS:
            behind = _identifiers(data, at, end, classes)
        elif form == LINES:
            behind = line_end(data, at, end)
        else:
            behind = _chunk(data, at, end, groups, traits, partners)
        at = ends[pieces] = behind
        pieces += 1
    return pieces


@njit(cache=True)
def cut(data, at, end, tables, form, digits, contractions, ends):  # type: ignore[no-untyped-def]
    """Fill `ends` (int64) with the ends of the pieces of a text, from byte `at` to byte `end`; how many were found.

    data: uint8; tables: (`class_table`, `group_table`, `group_traits`, `group_partners`) of `scan_classes`; form,
    digits, contractions: fields of `scan.Rule`.  Where `ends` is full, the text goes on at the last of them.
    """
    if form == LETTERS:
        return _cut_letters(data, at, end, tables[0], digits, contractions, ends)
    if form == CASED:
        return _cut_cased(data, at, end, tables[0], digits, contractions, ends)
    return _cut_others(data, at, end, tables, form, ends)
