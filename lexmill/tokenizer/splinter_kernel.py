"""Taking letters out of words, one after another, by the best scored way (compiled by numba)."""

from __future__ import annotations

import numpy as np
from numba import njit

ROOT = 3  # letters that always stay
WIDTH, DEPTH = 3, 3  # ways tried from each word, and how far ahead


@njit(cache=True)
def _best_step(word, length, scores, middle, ways, kept, first, tried):  # type: ignore[no-untyped-def]  # numba infers types
    """Place of the letter to take out of `word` first, or -1.

    All sequences of at most DEPTH steps are compared by the product of their scores, each step one of the WIDTH best at
    its place (of equal scores the leftmost); ways, kept, first: room for two generations of words, their scores and the
    places of their first steps; tried: room for a word.
    """
    for at in range(length):
        ways[0, 0, at] = word[at]
    kept[0, 0] = 1.0
    first[0, 0] = -1
    now, known = 0, 1
    for depth in range(DEPTH):
        size = length - depth
        if size <= ROOT:
            break
        after, found = 1 - now, 0
        for way in range(known):
            for at in range(size):
                tried[at] = False
            for _ in range(WIDTH):
                best, place = 0.0, -1
                for at in range(size):
                    # the first half of a word is counted from its start, the rest from its end
                    offset = at if at < size - size // 2 else at - size
                    score = scores[size, offset + middle, ways[now, way, at]]
                    if score > best and not tried[at]:
                        best, place = score, at
                if place < 0:
                    break
                tried[place] = True
                for at in range(size - 1):
                    ways[after, found, at] = ways[now, way, at if at < place else at + 1]
                kept[after, found] = kept[now, way] * best
                first[after, found] = place if depth == 0 else first[now, way]
                found += 1
        if found == 0:
            break
        now, known = after, found
    best_way = 0
    for way in range(1, known):
        if kept[now, way] > kept[now, best_way]:
            best_way = way
    return first[now, best_way]


@njit(cache=True, nogil=True)
def reduce_words(letters, offsets, scores):  # type: ignore[no-untyped-def]
    """Take letters out of words as long as a reduction is known and more than ROOT letters are left.

    letters: uint8, letter numbers of all words in a row; offsets: int64[n + 1]; scores: float64[length, offset +
    middle, letter], with middle half of the second dimension, 0 where there is no such reduction.  Returns root
    int64[n], how many letters stay, and out int32[len(letters)]: at the word's place its remaining letters, then the
    reductions `(offset + middle) * letters + letter` in the order in which they put the word together again.
    """
    middle, alphabet = scores.shape[1] // 2, scores.shape[2]
    root, out = np.zeros(len(offsets) - 1, np.int64), np.empty(len(letters), np.int32)
    word = np.empty(scores.shape[0], np.uint8)
    ways = np.empty((2, WIDTH**DEPTH, scores.shape[0]), np.uint8)
    kept, first = np.empty((2, WIDTH**DEPTH)), np.empty((2, WIDTH**DEPTH), np.int64)
    tried = np.empty(scores.shape[0], np.bool_)
    for index in range(len(root)):
        begin, length = offsets[index], offsets[index + 1] - offsets[index]
        for at in range(length):
            word[at] = letters[begin + at]
        while length > ROOT:
            place = _best_step(word, length, scores, middle, ways, kept, first, tried)
            if place < 0:
                break
            offset = place if place < length - length // 2 else place - length
            out[begin + length - 1] = (offset + middle) * alphabet + word[place]
            for at in range(place, length - 1):
                word[at] = word[at + 1]
            length -= 1
        root[index] = length
        for at in range(length):
            out[begin + at] = word[at]
    return root, out
