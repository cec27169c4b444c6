"""What a text loses when a token is not there, by the skip-gram likelihood of its contexts (compiled by numba)."""

from __future__ import annotations

import numpy as np
from numba import njit

from lexmill.tokenizer.skipgram_kernel import document_tokens, longest_document

PAD = 2  # tokens of context on each side


@njit(cache=True, inline="always")
def _dot(a, b):  # type: ignore[no-untyped-def]  # numba infers types
    """Scalar product of rows whose length is a multiple of 8, always added in the same order."""
    zero = np.float32(0)
    s0, s1, s2, s3, s4, s5, s6, s7 = zero, zero, zero, zero, zero, zero, zero, zero
    for d in range(0, len(a), 8):
        s0 += a[d] * b[d]
        s1 += a[d + 1] * b[d + 1]
        s2 += a[d + 2] * b[d + 2]
        s3 += a[d + 3] * b[d + 3]
        s4 += a[d + 4] * b[d + 4]
        s5 += a[d + 5] * b[d + 5]
        s6 += a[d + 6] * b[d + 6]
        s7 += a[d + 7] * b[d + 7]
    return np.float64(((s0 + s4) + (s2 + s6)) + ((s1 + s5) + (s3 + s7)))


@njit(cache=True)
def _surprise(vectors, line, size, left, right):  # type: ignore[no-untyped-def]
    """Minus the log likelihood of all pairs of tokens at most PAD apart, of which one is not padding.

    line: ids; the first `left` and the last `right` are padding.  Each pair counts once (both ways it counts twice, for
    every token alike).
    """
    total = 0.0
    product = 1.0
    for at in range(size):
        for other in range(at + 1, min(size, at + PAD + 1)):
            if (at < left or at >= size - right) and (other < left or other >= size - right):
                continue
            product *= 1 + np.exp(-max(-60.0, _dot(vectors[line[at]], vectors[line[other]])))
            if product > 1e200:
                total, product = total + np.log(product), 1.0
    return total + np.log(product)


@njit(cache=True, nogil=True)
def ablation_scores(ids, offsets, units, cut, ablated, vectors):  # type: ignore[no-untyped-def]
    """What each token saves: how much less likely the contexts are when it is cut otherwise, over all occurrences.

    ids int32, offsets int64[n + 1]: word ids of the documents; units: int64[n], weights of the documents;
    cut: (ids, bounds) of `cut_words`; ablated: (ids, starts, span) of `ablate_words`; vectors: float32[tokens, d],
    both of targets and of contexts.  Returns float64 scores and int64 weighted uses, by token; bytes score 0.
    """
    new_ids, starts, span = ablated
    scores, uses = np.zeros(len(vectors)), np.zeros(len(vectors), np.int64)
    longest, _ = longest_document(ids, offsets, cut[1])
    tokens, places = np.empty(longest, np.int32), np.empty(longest, np.int64)
    widest = 1
    for place in range(len(span)):
        widest = max(widest, starts[place + 1] - starts[place], span[place])
    line = np.empty(widest + 2 * PAD, np.int32)
    for document in range(len(offsets) - 1):
        size = document_tokens(ids[offsets[document] : offsets[document + 1]], cut[0], cut[1], tokens, places)
        for at in range(size):
            token, place = tokens[at], places[at]
            uses[token] += units[document]
            if span[place] == 0:
                continue
            after = at + span[place]
            left, right = min(PAD, at), min(PAD, size - after)
            here = tokens[at - left : after + right]
            before = _surprise(vectors, here, len(here), left, right)
            fill = starts[place + 1] - starts[place]
            for index in range(left):
                line[index] = tokens[at - left + index]
            for index in range(fill):
                line[left + index] = new_ids[starts[place] + index]
            for index in range(right):
                line[left + fill + index] = tokens[after + index]
            now = _surprise(vectors, line, left + fill + right, left, right)
            scores[token] += (now - before) * units[document]
    return scores, uses
