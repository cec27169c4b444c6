"""Numbering and counting pieces while text is cut: a flat open-addressing table of words (compiled by numba).

A slot is four unsigned 64-bit values: two that say which word it is, its count, its number.  A word of at most 15
bytes is its own key: 8 bytes in the first value, 7 in the second, the length in the top byte of the second.  A longer
word has its hash in the first, and in the second `_LONG` and its place in the arena, where its length and its bytes
stand in units of 8 bytes.  The second value of a free slot is 0.

The tables never grow here: where something is full a kernel stops in front of a piece and says what, the caller makes
room and calls again.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from lexmill.tokenizer.scan_kernel import cut, line_end

DONE, SLOTS_FULL, ARENA_FULL, NUMBERS_FULL = range(4)
# Places in `state`: next row, byte in it (-1: its beginning), words, values used in the arena, pieces; the last keeps
# the compiler from dropping reads ahead.
ROW, BYTE, WORDS, ARENA, PIECES, TOUCHED = range(6)
WIDTH = 4  # values of a slot

_INLINE = 15  # bytes
_AT_ONCE = 256  # pieces that are cut before they are looked up
_LONG = np.uint64(1 << 63)
_NOT_LONG = np.uint64((1 << 63) - 1)
_A, _B = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD1342543DE82EF95)
_ZERO, _ONE = np.uint64(0), np.uint64(1)
_BYTE = np.uint64(8)
_HIGH = np.uint64(32)
_TOP = np.uint64(56)


@njit(cache=True, inline="always")
def _eight(data, at):  # type: ignore[no-untyped-def]  # numba infers types
    """Eight bytes as one value, the first lowest; compiles to a single load (unsigned indices cannot be negative)."""
    i = np.uint64(at)
    low = (
        np.uint64(data[i])
        | np.uint64(data[i + np.uint64(1)]) << np.uint64(8)
        | np.uint64(data[i + np.uint64(2)]) << np.uint64(16)
        | np.uint64(data[i + np.uint64(3)]) << np.uint64(24)
    )
    high = (
        np.uint64(data[i + np.uint64(4)])
        | np.uint64(data[i + np.uint64(5)]) << np.uint64(8)
        | np.uint64(data[i + np.uint64(6)]) << np.uint64(16)
        | np.uint64(data[i + np.uint64(7)]) << np.uint64(24)
    )
    return low | high << _HIGH


@njit(cache=True, inline="always")
def _part(data, at, length):  # type: ignore[no-untyped-def]
    """`length` < 8 bytes as one value."""
    if at + 8 <= len(data):
        return _eight(data, at) & ((_ONE << np.uint64(8 * length)) - _ONE)
    value = _ZERO
    for k in range(length):
        value |= np.uint64(data[at + k]) << np.uint64(8 * k)
    return value


@njit(cache=True, inline="always")
def _mixed(first, second, seed):  # type: ignore[no-untyped-def]
    value = (first ^ seed) * _A
    value = (value ^ value >> _HIGH ^ second) * _B
    return value ^ value >> _HIGH


@njit(cache=True)
def _hash_long(data, at, length, seed):  # type: ignore[no-untyped-def]
    value = np.uint64(length)
    for k in range(at, at + length - 7, 8):
        value = _mixed(_eight(data, k), value, seed)
    rest = length & 7
    return _mixed(_part(data, at + length - rest, rest), value, seed)


@njit(cache=True)
def _same(data, at, length, arena, place):  # type: ignore[no-untyped-def]
    """Whether a long word equals the one in the arena."""
    if arena[place] != np.uint64(length):
        return False
    for k in range(length >> 3):
        if _eight(data, at + 8 * k) != arena[place + 1 + k]:
            return False
    rest = length & 7
    return rest == 0 or _part(data, at + length - rest, rest) == arena[place + 1 + (length >> 3)]


@njit(cache=True)
def _store(data, at, length, arena, place):  # type: ignore[no-untyped-def]
    arena[place] = np.uint64(length)
    for k in range(length >> 3):
        arena[place + 1 + k] = _eight(data, at + 8 * k)
    rest = length & 7
    if rest:
        arena[place + 1 + (length >> 3)] = _part(data, at + length - rest, rest)


@njit(cache=True, inline="always")
def _key(data, at, length, seed):  # type: ignore[no-untyped-def]
    """The first and the second value of a word's slot; of a long word without its place in the arena."""
    if length > _INLINE:
        return _hash_long(data, at, length, seed), _LONG
    if length < 8:
        return _part(data, at, length), np.uint64(length) << _TOP
    return _eight(data, at), _part(data, at + 8, length - 8) | np.uint64(length) << _TOP


@njit(cache=True, inline="always")
def _add(data, at, length, first, second, count, slots, arena, state, seed):  # type: ignore[no-untyped-def]
    """Add `count` to the word of a key and return (its number, DONE), or (0, what is full)."""
    long = length > _INLINE
    mask = np.int64(len(slots) // WIDTH - 1)
    slot = np.int64(_mixed(first, second, seed) & np.uint64(mask))
    while True:
        base = slot * WIDTH
        found = slots[base + 1]
        if found == _ZERO:
            break
        if slots[base] == first and (
            found & _LONG and _same(data, at, length, arena, np.int64(found & _NOT_LONG))
            if long
            else found == second
        ):
            slots[base + 2] += np.uint64(count)
            return np.int64(slots[base + 3]), DONE
        slot = (slot + 1) & mask
    if state[WORDS] * 3 > mask * 2:
        return np.int64(0), SLOTS_FULL
    if long:
        place = state[ARENA]
        if place + 2 + (length >> 3) > len(arena):
            return np.int64(0), ARENA_FULL
        _store(data, at, length, arena, place)
        second |= np.uint64(place)
        state[ARENA] = place + 1 + ((length + 7) >> 3)
    number = state[WORDS]
    slots[base], slots[base + 1] = first, second
    slots[base + 2], slots[base + 3] = np.uint64(count), np.uint64(number)
    state[WORDS] = number + 1
    return number, DONE


@njit(cache=True, nogil=True)
def add_pieces(  # type: ignore[no-untyped-def]
    data,
    offsets,
    rows,
    by_line,
    tables,
    form,
    digits,
    contractions,
    slots,
    arena,
    state,
    numbers,
    bounds,
    seed,
):
    """Cut rows of text and add every piece to the table; DONE, or what is full.

    data: uint8, offsets: int64[n + 1], rows: int64, numbers of rows in the order in which they are read; tables ...
    contractions: as `scan_kernel.cut`; by_line: each line with its line feed is cut on its own; slots, arena:
    uint64; state: int64[6], see ROW; numbers: int32, gets the number of every piece, unless it is empty; bounds:
    int64[len(rows) + 1], gets the piece at which each row begins.
    """
    numbering = len(numbers) > 0
    ends = np.empty(_AT_ONCE, np.int64)
    keys = np.empty((_AT_ONCE, 2), np.uint64)
    touched = _ZERO
    while state[ROW] < len(rows):
        row = rows[state[ROW]]
        end = offsets[row + 1]
        at = state[BYTE]
        if at < 0:
            at = offsets[row]
            bounds[state[ROW]] = state[PIECES]
        while at < end:
            stop = line_end(data, at, end) if by_line else end
            while at < stop:
                found = cut(data, at, stop, tables, form, digits, contractions, ends)
                start = at
                for k in range(found):  # reads every slot ahead, so that many can come from memory at a time
                    keys[k, 0], keys[k, 1] = _key(data, start, ends[k] - start, seed)
                    slot = _mixed(keys[k, 0], keys[k, 1], seed) & np.uint64(len(slots) // WIDTH - 1)
                    touched |= slots[slot * np.uint64(WIDTH)]
                    start = ends[k]
                for k in range(found):
                    if numbering and state[PIECES] == len(numbers):
                        state[BYTE] = at
                        return NUMBERS_FULL
                    number, full = _add(
                        data, at, ends[k] - at, keys[k, 0], keys[k, 1], 1, slots, arena, state, seed
                    )
                    if full:
                        state[BYTE] = at
                        return full
                    if numbering:
                        numbers[state[PIECES]] = number
                    state[PIECES] += 1
                    at = ends[k]
        state[ROW] += 1
        state[BYTE] = -1
    bounds[len(rows)] = state[PIECES]
    state[TOUCHED] = np.int64(touched >> _ONE)
    return DONE


@njit(cache=True, nogil=True)
def add_words(data, offsets, counts, slots, arena, state, seed):  # type: ignore[no-untyped-def]
    """Add whole words with their counts (int64) to the table; DONE, or what is full."""
    while state[ROW] < len(counts):
        row = state[ROW]
        length = offsets[row + 1] - offsets[row]
        first, second = _key(data, offsets[row], length, seed)
        _, full = _add(data, offsets[row], length, first, second, counts[row], slots, arena, state, seed)
        if full:
            return full
        state[ROW] = row + 1
    return DONE


@njit(cache=True, nogil=True)
def move(slots, into, seed):  # type: ignore[no-untyped-def]
    """Put the words of a table into a larger, empty one."""
    mask = np.int64(len(into) // WIDTH - 1)
    for base in range(0, len(slots), WIDTH):
        second = slots[base + 1]
        if second == _ZERO:
            continue
        key = _LONG if second & _LONG else second
        slot = np.int64(_mixed(slots[base], key, seed) & np.uint64(mask))
        while into[slot * WIDTH + 1] != _ZERO:
            slot = (slot + 1) & mask
        into[slot * WIDTH : slot * WIDTH + WIDTH] = slots[base : base + WIDTH]


@njit(cache=True, nogil=True)
def measure(slots, arena, offsets, counts):  # type: ignore[no-untyped-def]
    """Fill counts (int64[words]) and offsets (int64[words + 1]) of the words by their numbers."""
    for base in range(0, len(slots), WIDTH):
        second = slots[base + 1]
        if second == _ZERO:
            continue
        number = np.int64(slots[base + 3])
        counts[number] = np.int64(slots[base + 2])
        length = arena[np.int64(second & _NOT_LONG)] if second & _LONG else second >> _TOP
        offsets[number + 1] = np.int64(length)
    for number in range(len(counts)):
        offsets[number + 1] += offsets[number]


@njit(cache=True, nogil=True)
def spell(slots, arena, offsets, data):  # type: ignore[no-untyped-def]
    """Fill the bytes of the words by their numbers; offsets as from `measure`."""
    for base in range(0, len(slots), WIDTH):
        second = slots[base + 1]
        if second == _ZERO:
            continue
        number = np.int64(slots[base + 3])
        start, length = offsets[number], offsets[number + 1] - offsets[number]
        place = np.int64(second & _NOT_LONG) + 1
        for k in range(length):
            short = slots[base] if k < 8 else second
            value = arena[place + (k >> 3)] if second & _LONG else short
            data[start + k] = np.uint8(value >> np.uint64(8 * (k & 7)) & np.uint64(0xFF))
