"""Segmentations of words by the tokens of a vocabulary, on its byte trie (see `trie_kernel`).

Every kernel gets words as uint8 data and int64 offsets[n + 1], and the trie as int32 base, check, value.  Every one
that segments expects each single byte to be a token, so that every word has a segmentation.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from lexmill.tokenizer.trie_kernel import child


@njit(cache=True, nogil=True)
def whole_words(data, offsets, base, check, value):  # type: ignore[no-untyped-def]
    """The id of every word that is a token, -1 of the others; int32[n]."""
    out = np.full(len(offsets) - 1, -1, np.int32)
    for word in range(len(out)):
        node = np.int64(0)
        for place in range(offsets[word], offsets[word + 1]):
            node = child(base, check, node, data[place])
            if node < 0:
                break
        if node > 0:
            out[word] = value[node]
    return out


@njit(cache=True, nogil=True)
def longest_from_the_left(data, offsets, base, check, value):  # type: ignore[no-untyped-def]
    """Take the longest token that starts where the last one ended; ids int32 and int64 offsets[n + 1]."""
    out = np.empty(offsets[-1] - offsets[0], np.int32)
    bounds = np.zeros(len(offsets), np.int64)
    used = 0
    for word in range(len(offsets) - 1):
        place, end = offsets[word], offsets[word + 1]
        while place < end:
            node, at, after = np.int64(0), place, place + 1
            while at < end:
                node = child(base, check, node, data[at])
                if node < 0:
                    break
                at += 1
                if value[node] >= 0:
                    out[used], after = value[node], at
            used += 1
            place = after
        bounds[word + 1] = used
    return out[:used], bounds


@njit(cache=True, nogil=True)
def longest_from_the_right(data, offsets, base, check, value):  # type: ignore[no-untyped-def]
    """The same from the end of each word, with a trie of reversed tokens."""
    out = np.empty(offsets[-1] - offsets[0], np.int32)
    bounds = np.zeros(len(offsets), np.int64)
    used = 0
    for word in range(len(offsets) - 1):
        start, place = offsets[word], offsets[word + 1]
        first = used
        while place > start:
            node, at, after = np.int64(0), place, place - 1
            while at > start:
                node = child(base, check, node, data[at - 1])
                if node < 0:
                    break
                at -= 1
                if value[node] >= 0:
                    out[used], after = value[node], at
            used += 1
            place = after
        low, high = first, used - 1
        while low < high:
            out[low], out[high] = out[high], out[low]
            low += 1
            high -= 1
        bounds[word + 1] = used
    return out[:used], bounds


@njit(cache=True, nogil=True)
def best_path(data, offsets, base, check, value, scores):  # type: ignore[no-untyped-def]
    """The segmentation of the largest sum of scores (float64, by id), of equals the one with the longest last token.

    The sums are made from the left and compared exactly like those of `tokenizers`' Unigram model.  With equal scores
    this is the fewest tokens.  Returns ids int32 and int64 offsets[n + 1].
    """
    out = np.empty(offsets[-1] - offsets[0], np.int32)
    bounds = np.zeros(len(offsets), np.int64)
    longest = 0
    for word in range(len(offsets) - 1):
        longest = max(longest, offsets[word + 1] - offsets[word])
    best = np.zeros(longest + 1, np.float64)
    token, began = np.empty(longest + 1, np.int32), np.empty(longest + 1, np.int64)
    used = 0
    for word in range(len(offsets) - 1):
        start, size = offsets[word], offsets[word + 1] - offsets[word]
        began[: size + 1] = -1
        for left in range(size):
            node = np.int64(0)
            for right in range(left + 1, size + 1):
                node = child(base, check, node, data[start + right - 1])
                if node < 0:
                    break
                own = value[node]
                if own >= 0:
                    total = scores[own] + best[left]
                    if began[right] < 0 or total > best[right]:
                        best[right], began[right], token[right] = total, left, own
        count, place = 0, size
        while place > 0:
            count += 1
            place = began[place]
        place = size
        for index in range(used + count - 1, used - 1, -1):
            out[index] = token[place]
            place = began[place]
        used += count
        bounds[word + 1] = used
    return out[:used], bounds
