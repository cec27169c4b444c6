"""Windows of documents as language identification reads them: lower case, single spaces, without code and numbers."""

from __future__ import annotations

import numpy as np
from numba import njit

from lexmill.corpus.utf8_kernel import decode

WINDOW = 200  # characters; accuracy grows little beyond
MAX_WINDOWS = 4
WINDOW_BYTES = 4 * WINDOW + 8  # room for one
SPACE, SIMPLIFIED, TRADITIONAL = 1, 2, 4  # bits of the character table
_SNAP_BYTES = 64  # how far a window may move to start with a whole word


@njit(cache=True, nogil=True)
def place_windows(data: np.ndarray, begin: int, end: int) -> tuple[int, np.ndarray]:
    """(how many, int64 (MAX_WINDOWS,) first bytes) of windows spread evenly over data[begin:end], UTF-8."""
    starts = np.zeros(MAX_WINDOWS, np.int64)
    characters = 0
    for at in range(begin, end):
        characters += (data[at] & 0xC0) != 0x80
    count = min(MAX_WINDOWS, max(1, characters // WINDOW))
    starts[0] = begin
    width = (end - begin) * WINDOW // max(characters, 1)
    for number in range(1, count):
        start = begin + number * (end - begin - width) // (count - 1)
        while start < end and (data[start] & 0xC0) == 0x80:
            start += 1
        for at in range(start, min(start + _SNAP_BYTES, end)):
            if data[at] <= 32:
                start = at
                break
        starts[number] = start
    return count, starts


@njit(cache=True, nogil=True)
def read_window(
    data: np.ndarray,
    at: int,
    end: int,
    lower: np.ndarray,
    flags: np.ndarray,
    noise: np.ndarray,
    out: np.ndarray,
) -> int:
    """Copy up to `WINDOW` characters of data[at:end] to `out` (uint8, `WINDOW_BYTES`) and return the bytes written.

    `lower` (int32) and `flags` (uint8) are tables by code point.  ASCII words with a character of `noise` (bool by
    code point) look like code, paths, addresses or numbers and are left out, unless they are half of the window.
    """
    size, used = _copy(data, at, end, lower, flags, noise, True, out)
    if 2 * size < used:
        size, _ = _copy(data, at, end, lower, flags, noise, False, out)
    return size


@njit(cache=True, nogil=True)
def count_scripts(
    text: np.ndarray, size: int, scripts: np.ndarray, flags: np.ndarray, counts: np.ndarray
) -> None:
    """Add characters by script to `counts`, and to its last two places those of simplified and traditional Chinese."""
    at = 0
    while at < size:
        point, at = decode(text, at, size)
        if point < scripts.size:
            counts[scripts[point]] += 1
            if flags[point] & SIMPLIFIED:
                counts[-2] += 1
            elif flags[point] & TRADITIONAL:
                counts[-1] += 1


@njit(cache=True, nogil=True)
def _copy(
    data: np.ndarray,
    at: int,
    end: int,
    lower: np.ndarray,
    flags: np.ndarray,
    noise: np.ndarray,
    skip: bool,
    out: np.ndarray,
) -> tuple[int, int]:
    """(bytes written, bytes read)."""
    begin = at
    size = word = read = 0  # `word` is where the current word starts in `out`
    ascii_only, noisy = True, False
    while at < end and read < WINDOW:
        point, at = decode(data, at, end)
        read += 1
        if point < flags.size and flags[point] & SPACE:
            if noisy and ascii_only and skip:
                size = word
            if size > 0 and out[size - 1] != 32:
                out[size] = 32
                size += 1
            word, ascii_only, noisy = size, True, False
            continue
        if point >= 128:
            ascii_only = False
        elif noise[point]:
            noisy = True
        size = _put(lower[point] if point < lower.size else point, out, size)
    if noisy and ascii_only and skip:
        size = word
    return size, at - begin


@njit(cache=True, nogil=True)
def _put(point: int, out: np.ndarray, size: int) -> int:
    """Append a code point as UTF-8 and return the new size."""
    if point < 0x80:
        out[size] = point
        return size + 1
    if point < 0x800:
        out[size] = 0xC0 | point >> 6
        out[size + 1] = 0x80 | point & 0x3F
        return size + 2
    if point < 0x10000:
        out[size] = 0xE0 | point >> 12
        out[size + 1] = 0x80 | point >> 6 & 0x3F
        out[size + 2] = 0x80 | point & 0x3F
        return size + 3
    out[size] = 0xF0 | point >> 18
    out[size + 1] = 0x80 | point >> 12 & 0x3F
    out[size + 2] = 0x80 | point >> 6 & 0x3F
    out[size + 3] = 0x80 | point & 0x3F
    return size + 4
