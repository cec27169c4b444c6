"""Loop of `split_words`, on UTF-8 bytes; the classes are those of `lexmill.corpus.codepoints.word_classes`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from lexmill.corpus.codepoints import DIGIT, FORMAT, INNER, LETTER, MARK, NOTHING, SINGLE
from lexmill.corpus.utf8_kernel import decode

_NONE, _RUN, _ONE = (
    0,
    1,
    2,
)  # the open token: none, a run of letters and digits, one character that takes marks
_SEED = np.uint64(0x9E3779B97F4A7C15)
_FACTOR = np.uint64(0xD1342543DE82EF95)
_SHIFT, _BACK = np.uint64(23), np.uint64(41)


@njit(cache=True, inline="always")
def _stir(state: np.uint64, point: Any) -> np.uint64:
    return ((state << _SHIFT | state >> _BACK) ^ np.uint64(point)) * _FACTOR


@njit(cache=True, inline="always")
def mix(state: np.uint64) -> np.uint64:
    """Finaliser of SplitMix64 (Steele et al. 2014): every bit of the input moves every bit of the output."""
    state = (state ^ state >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ state >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return state ^ state >> np.uint64(31)


@njit(cache=True, nogil=True)
def split_kernel(
    data: np.ndarray,
    texts: np.ndarray,
    classes: np.ndarray,
    folds: np.ndarray,
    rows: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    kind: np.ndarray,
    characters: np.ndarray,
    hashes: np.ndarray,
    folded: np.ndarray,
) -> int:
    """Fill the token arrays (room for a token a byte) and `rows`; returns the number of tokens."""
    token = -1
    for row in range(len(texts) - 1):
        rows[row] = token + 1
        place, stop = texts[row], texts[row + 1]
        state, last = _NONE, NOTHING
        plain, simple = _SEED, _SEED
        while place < stop:
            point, after = decode(data, place, stop)
            group = classes[point]
            joins = False
            if group in (LETTER, DIGIT):
                joins = state == _RUN
            elif group == MARK:
                joins = state != _NONE
            elif (group in (INNER, FORMAT)) and state == _RUN and (last in (LETTER, MARK)):
                joins = after < stop and classes[decode(data, after, stop)[0]] == LETTER
            if joins:
                if kind[token] == 1 and group != DIGIT:
                    kind[token] = 0
            elif group in (NOTHING, FORMAT):
                if state != _NONE:
                    hashes[token], folded[token] = mix(plain), mix(simple)
                state, last, place = _NONE, group, after
                continue
            else:
                if state != _NONE:
                    hashes[token], folded[token] = mix(plain), mix(simple)
                token += 1
                plain, simple = _SEED, _SEED
                start[token], characters[token] = place, 0
                if group in (LETTER, MARK):
                    state, kind[token] = _RUN, 0
                elif group == DIGIT:
                    state, kind[token] = _RUN, 1
                else:
                    state, kind[token] = _ONE, 0 if group == SINGLE else 2
            plain = _stir(plain, point)
            simple = _stir(simple, np.int64(folds[point]) if point < len(folds) else point)
            end[token] = after
            characters[token] += 1
            last, place = group, after
        if state != _NONE:
            hashes[token], folded[token] = mix(plain), mix(simple)
    rows[len(texts) - 1] = token + 1
    return token + 1
