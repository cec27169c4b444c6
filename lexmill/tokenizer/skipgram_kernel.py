"""Skip-gram embeddings with negative sampling over documents of token ids (compiled by numba).

Mikolov et al. 2013 (arXiv 1310.4546), as `gensim` runs it: a window of random width, frequent tokens passed over at
random (1e-3), noise by frequency^0.75, a rate that falls linearly.  The negatives of a token are shared by its whole
window (Ji et al. 2016, arXiv 1604.04661), which turns vector products into small matrix products.  One thread, and sums
in one order: the same seed gives the same numbers.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from lexmill.tokenizer.random_kernel import below, mixed, unit

RATE, LAST_RATE = np.float32(0.025), np.float32(0.0001)
FREQUENT = 1e-3


@njit(cache=True, nogil=True)
def alias_table(weights):  # type: ignore[no-untyped-def]  # numba infers types
    """Walker's tables to draw from float64 weights: (keep float64[n], other int32[n])."""
    size = len(weights)
    share = weights * (size / weights.sum())
    other = np.arange(size).astype(np.int32)
    small, large = np.empty(size, np.int64), np.empty(size, np.int64)
    smalls = larges = 0
    for index in range(size):
        if share[index] < 1:
            small[smalls] = index
            smalls += 1
        else:
            large[larges] = index
            larges += 1
    while smalls and larges:
        smalls -= 1
        less, more = small[smalls], large[larges - 1]
        other[less] = more
        share[more] -= 1 - share[less]
        if share[more] < 1:
            larges -= 1
            small[smalls] = more
            smalls += 1
    return share, other


@njit(cache=True, nogil=True)
def document_tokens(words, cut_ids, cut_bounds, tokens, places):  # type: ignore[no-untyped-def]
    """Write the tokens of one document and their places in the cut of the distinct words; returns how many.

    words: int32 word ids; cut_ids, cut_bounds: of `ablation_kernel.cut_words`; tokens int32, places int64: the output.
    """
    used = 0
    for word in words:
        for place in range(cut_bounds[word], cut_bounds[word + 1]):
            tokens[used], places[used] = cut_ids[place], place
            used += 1
    return used


@njit(cache=True, nogil=True)
def longest_document(ids, offsets, cut_bounds):  # type: ignore[no-untyped-def]
    """(Tokens of the longest document, tokens of all documents)."""
    longest = total = 0
    for document in range(len(offsets) - 1):
        size = 0
        for at in range(offsets[document], offsets[document + 1]):
            size += cut_bounds[ids[at] + 1] - cut_bounds[ids[at]]
        longest, total = max(longest, size), total + size
    return longest, total


@njit(cache=True)
def _learn_window(inputs, outputs, tokens, first, last, centre, chosen, rate, near):  # type: ignore[no-untyped-def]
    """One step: predict `chosen` (the centre, then negatives) from each token of its window."""
    here, turned, change, dots, slope, sigmoid = near
    width, dimensions = len(chosen), inputs.shape[1]
    for row in range(width):
        source, line = outputs[chosen[row]], here[row]
        for d in range(dimensions):
            line[d] = source[d]
            turned[d, row] = line[d]
            change[row, d] = 0
    for at in range(first, last):
        if at == centre:
            continue
        vector = inputs[tokens[at]]
        for row in range(width):
            dots[row] = 0
        for d in range(0, dimensions, 4):  # four at a time: fewer trips of the sums to memory
            a, b, c, e = vector[d], vector[d + 1], vector[d + 2], vector[d + 3]
            u, v, w, x = turned[d], turned[d + 1], turned[d + 2], turned[d + 3]
            for row in range(width):
                dots[row] += (a * u[row] + b * v[row]) + (c * w[row] + e * x[row])
        for row in range(width):
            dot = min(max(dots[row], np.float32(-5.99)), np.float32(5.99))
            target = np.float32(1) if row == 0 else np.float32(0)
            gain = (target - sigmoid[np.int64((dot + np.float32(6)) * np.float32(128))]) * rate
            dots[row] = gain if row == 0 or chosen[row] != chosen[0] else np.float32(0)  # drew the centre
        for d in range(dimensions):
            slope[d] = 0
        for row in range(width):
            gain, line, grow = dots[row], here[row], change[row]
            for d in range(dimensions):
                slope[d] += gain * line[d]
                grow[d] += gain * vector[d]
        for d in range(dimensions):
            vector[d] += slope[d]
    for row in range(width):
        target_row, grow = outputs[chosen[row]], change[row]
        for d in range(dimensions):
            target_row[d] += grow[d]


@njit(cache=True, nogil=True)
def learn_embeddings(ids, offsets, chance, cut, uses, settings, seed):  # type: ignore[no-untyped-def]
    """Embeddings float32[tokens, dimensions], dimensions rounded up to a multiple of 8 (the rest is 0).

    ids int32, offsets int64[n + 1]: word ids of the documents; chance: float64[n], how likely an epoch takes a
    document; cut: (ids, bounds) of `cut_words`; uses: int64[tokens], occurrences; settings: (dimensions, window,
    negatives, epochs); seed: uint64.
    """
    dimensions, window, negatives, epochs = settings
    count = len(uses)
    padded = (dimensions + 7) // 8 * 8
    inputs, outputs = np.zeros((count, padded), np.float32), np.zeros((count, padded), np.float32)
    counter = seed
    for token in range(count):
        for d in range(dimensions):
            inputs[token, d] = (unit(mixed(counter)) - 0.5) / dimensions
            counter += np.uint64(1)
    keep, other = alias_table((uses.astype(np.float64)) ** 0.75)
    total_uses = max(1, uses.sum())
    longest, total = longest_document(ids, offsets, cut[1])
    buffer, places = np.empty(longest, np.int32), np.empty(longest, np.int64)
    chosen = np.empty(negatives + 1, np.int32)
    sigmoid = (1 / (1 + np.exp(-((np.arange(1536) + 0.5) / 128 - 6)))).astype(np.float32)
    near = (
        np.empty((negatives + 1, padded), np.float32),
        np.empty((padded, negatives + 1), np.float32),
        np.empty((negatives + 1, padded), np.float32),
        np.empty(negatives + 1, np.float32),
        np.empty(padded, np.float32),
        sigmoid,
    )
    done = 0
    for _ in range(epochs):
        for document in range(len(offsets) - 1):
            size = document_tokens(
                ids[offsets[document] : offsets[document + 1]], cut[0], cut[1], buffer, places
            )
            progress = np.float32(done) / np.float32(max(1, total * epochs))
            rate = max(LAST_RATE, RATE - (RATE - LAST_RATE) * progress)
            done += size
            counter += np.uint64(1)
            if unit(mixed(counter)) >= chance[document]:
                continue
            kept = 0
            for at in range(size):
                share = uses[buffer[at]] / (total_uses * FREQUENT)
                counter += np.uint64(1)
                if share <= 1 or unit(mixed(counter)) < np.sqrt(1 / share) + 1 / share:
                    buffer[kept] = buffer[at]
                    kept += 1
            for at in range(kept):
                counter += np.uint64(1)
                reach = 1 + below(mixed(counter), window)
                chosen[0] = buffer[at]
                for row in range(1, negatives + 1):
                    counter += np.uint64(1)
                    drawn = below(mixed(counter), count)
                    counter += np.uint64(1)
                    chosen[row] = drawn if unit(mixed(counter)) < keep[drawn] else other[drawn]
                first, last = max(0, at - reach), min(kept, at + reach + 1)
                _learn_window(inputs, outputs, buffer, first, last, at, chosen, rate, near)
    return inputs
