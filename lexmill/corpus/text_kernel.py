"""Loop over the characters of texts: counts of characters, sentences, lines and paragraphs."""

from __future__ import annotations

import numpy as np
from numba import njit

from lexmill.corpus.codepoints import ALPHABETIC, NUMBER, SCRIPT_LETTER, SPACE, TERMINAL, WIDE
from lexmill.corpus.repetition_kernel import repeated, table_mask
from lexmill.corpus.utf8_kernel import decode

TEXT_COUNTS = (
    *("characters", "alphabetic", "numeric", "space", "script_letters", "wide", "replacement"),
    *("hashes", "ellipses", "braces", "newlines", "space_words", "sentences", "longest_line"),
    *("lines", "bullet_lines", "ellipsis_lines", "terminal_lines", "short_lines"),
    *("repeated_lines", "repeated_line_characters"),
    *("paragraphs", "repeated_paragraphs", "repeated_paragraph_characters"),
)
SHORT_LINE = 30  # characters (FineWeb)
# Places in `TEXT_COUNTS`.
_CHARACTERS, _ALPHABETIC, _NUMERIC, _SPACE, _SCRIPT_LETTERS, _WIDE, _REPLACEMENT = range(7)
_HASHES, _ELLIPSES, _BRACES, _NEWLINES, _SPACE_WORDS, _SENTENCES, _LONGEST = range(7, 14)
_LINES, _BULLETS, _ELLIPSIS_LINES, _TERMINAL_LINES, _SHORT = range(14, 19)
_REPEATED_LINES, _PARAGRAPHS = 19, 21
_NO_CHARACTER = -1
_FACTOR = np.uint64(0xD1342543DE82EF95)
_SHIFT, _BACK = np.uint64(23), np.uint64(41)


@njit(cache=True, inline="always")
def _stir(state: np.uint64, value: np.uint64) -> np.uint64:
    return ((state << _SHIFT | state >> _BACK) ^ (value + np.uint64(1))) * _FACTOR


@njit(cache=True, inline="always")
def _closes(point: int) -> bool:
    """Whether a character may stand between the end of a sentence and the space after it: quotes and brackets."""
    if point < 0x80:
        return point == 34 or point == 39 or point == 41 or point == 93
    return point == 0xBB or point == 0x2019 or point == 0x201D or 0x3009 <= point <= 0x300F or point == 0xFF09


@njit(cache=True, inline="always")
def _count_symbol(point: int, dots: int, out: np.ndarray) -> bool:
    """Count the symbols that rules name; whether an ellipsis ends at this character (`dots` full stops in a row)."""
    if point == 46:
        out[_ELLIPSES] += dots % 3 == 0
        return dots >= 3
    if point == 35:
        out[_HASHES] += 1
    elif point == 123:
        out[_BRACES] += 1
    elif point == 0xFFFD:
        out[_REPLACEMENT] += 1
    elif point == 0x2026:
        out[_ELLIPSES] += 1
        return True
    return False


@njit(cache=True)
def _count_line(
    data: np.ndarray, place: int, stop: int, flags: np.ndarray, out: np.ndarray
) -> tuple[int, int, np.uint64, bool]:
    """Count one line; returns (place after it, characters without the line feed, hash, whether it is visible)."""
    size = dots = 0
    first = last = _NO_CHARACTER
    ellipsis = ended = unspaced_end = unfinished = False
    spaced = True
    line = np.uint64(0)
    while place < stop:
        point, place = decode(data, place, stop)
        if point == 10:
            out[_NEWLINES] += 1
            break
        size += 1
        last = point
        line = _stir(line, np.uint64(point))
        flag = flags[point]
        if flag & SPACE:
            out[_SPACE] += 1
            spaced, dots = True, 0
            if ended:
                out[_SENTENCES] += 1
                ended = unfinished = False
            continue
        out[_SPACE_WORDS] += spaced
        spaced = False
        if first == _NO_CHARACTER:
            first = point
        out[_ALPHABETIC] += flag & ALPHABETIC != 0
        out[_NUMERIC] += flag & NUMBER != 0
        out[_SCRIPT_LETTERS] += flag & SCRIPT_LETTER != 0
        out[_WIDE] += flag & WIDE != 0
        if flag & TERMINAL:
            ended, unspaced_end = True, point >= 0x80
        elif ended and not _closes(point):
            out[_SENTENCES] += unspaced_end  # a full stop of its own code point needs no space after it
            ended = False
        unfinished = True
        if flag == 0 or flag & TERMINAL:
            dots = dots + 1 if point == 46 else 0
            ellipsis = _count_symbol(point, dots, out)
        else:
            dots, ellipsis = 0, False
    out[_SENTENCES] += unfinished
    out[_CHARACTERS] += size
    out[_LONGEST] = max(out[_LONGEST], size)
    visible = first != _NO_CHARACTER
    if visible:
        out[_LINES] += 1
        out[_BULLETS] += first == 0x2022 or first == 45
        out[_ELLIPSIS_LINES] += ellipsis
        out[_TERMINAL_LINES] += flags[last] & TERMINAL != 0
        out[_SHORT] += size <= SHORT_LINE
    return place, size, line, visible


@njit(cache=True, nogil=True)
def count_texts(data: np.ndarray, texts: np.ndarray, flags: np.ndarray, counts: np.ndarray) -> None:
    """Add to int64 `counts` (rows, len(TEXT_COUNTS)), zeros at first; `flags` as `character_flags` gives them."""
    most = _most_lines(data, texts)
    table = table_mask(most) + 1
    keys, numbers, stamps = np.empty(table, np.uint64), np.empty(table, np.int32), np.zeros(table, np.int64)
    lines, line_sizes = np.empty(most, np.uint64), np.empty(most, np.int64)
    parts, part_sizes = np.empty(most, np.uint64), np.empty(most, np.int64)
    for row in range(len(texts) - 1):
        out = counts[row]
        place, stop = texts[row], texts[row + 1]
        kept = part = part_size = 0
        while place < stop:
            place, size, line, visible = _count_line(data, place, stop, flags, out)
            if visible:
                lines[kept], line_sizes[kept] = line, size
                kept += 1
            if size:
                parts[part] = _stir(parts[part], line) if part_size else line
                part_size += size + (part_size > 0)
            if part_size and (size == 0 or place >= stop):
                part_sizes[part] = part_size
                part += 1
                part_size = 0
        out[_CHARACTERS] += out[_NEWLINES]
        out[_SPACE] += out[_NEWLINES]
        items, size = repeated(lines, line_sizes, kept, keys, numbers, stamps, 2 * row + 1)
        out[_REPEATED_LINES], out[_REPEATED_LINES + 1] = items, size
        items, size = repeated(parts, part_sizes, part, keys, numbers, stamps, 2 * row + 2)
        out[_PARAGRAPHS], out[_PARAGRAPHS + 1], out[_PARAGRAPHS + 2] = part, items, size


@njit(cache=True)
def _most_lines(data: np.ndarray, texts: np.ndarray) -> int:
    """Lines of the text with most."""
    most = 1
    for row in range(len(texts) - 1):
        lines = 1
        for place in range(texts[row], texts[row + 1]):
            lines += data[place] == 10
        most = max(most, lines)
    return most
