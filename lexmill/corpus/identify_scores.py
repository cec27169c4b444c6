"""Scores of one window by each model: fastText and naive Bayes as their papers and files define them, compiled."""

from __future__ import annotations

import numpy as np
from numba import njit

from lexmill.corpus.identify_models import BUCKETS, DIMENSIONS, NGRAMS, SCALE, FastText, NaiveBayes

LANES = 8  # windows whose automata are walked side by side: each step waits for memory
_FNV_START, _FNV_PRIME = np.uint32(2166136261), np.uint32(16777619)
_SHORTEST, _LONGEST = NGRAMS
_WORD_BYTES = 4096
_NEGLIGIBLE = 1e-6  # below this a branch of the tree is not followed


@njit(cache=True, nogil=True)
def fasttext_scores(text: np.ndarray, size: int, model: FastText, out: np.ndarray) -> None:
    """Probability of each label (float32) of text[:size]: one line of UTF-8 whose words are parted by single spaces."""
    total = model.vectors[0].copy()
    added = 1
    word = np.empty(_WORD_BYTES, np.uint8)
    word[0] = 60  # <
    at = 0
    while at < size:
        length = 1
        value = _FNV_START
        while at < size and text[at] != 32 and length < _WORD_BYTES - 1:
            value = _hashed(value, text[at])
            word[length] = text[at]
            length += 1
            at += 1
        at += 1
        if length > 1:
            word[length] = 62  # >
            row = _word_row(model, value)
            if row >= 0:
                added += 1
                for d in range(DIMENSIONS):
                    total[d] += model.vectors[row, d]
            added += _add_ngrams(word, length + 1, model, total)
    _tree_scores(total, np.float32(1.0 / added), model, out)


@njit(cache=True, nogil=True)
def _hashed(value: np.uint32, byte: np.uint8) -> np.uint32:
    """One step of FNV-1a over signed bytes."""
    wide = np.uint32(byte) if byte < 128 else np.uint32(byte) | np.uint32(0xFFFFFF00)
    return np.uint32((value ^ wide) * _FNV_PRIME)


@njit(cache=True, nogil=True)
def _word_row(model: FastText, value: np.uint32) -> np.int64:
    """Row of the word with this hash, or -1.  Equal hashes pass for equal words: one unseen word in 600,000 is taken
    for a known one."""
    mask = model.word_rows.size - 1
    slot = np.int64(value) & mask
    while model.word_rows[slot] >= 0:
        if model.word_hashes[slot] == value:
            return np.int64(model.word_rows[slot])
        slot = (slot + 1) & mask
    return np.int64(-1)


@njit(cache=True, nogil=True)
def _add_ngrams(word: np.ndarray, size: int, model: FastText, total: np.ndarray) -> int:
    """Add the vectors of the kept character n-grams of word[:size] to `total`; how many there are."""
    added = start = 0
    while start < size:
        value = _FNV_START
        at = start
        for length in range(1, _LONGEST + 1):
            if at >= size:
                break
            value = _hashed(value, word[at])
            at += 1
            while at < size and (word[at] & 0xC0) == 0x80:
                value = _hashed(value, word[at])
                at += 1
            if length == 1:
                following = at
            if length < _SHORTEST:
                continue
            bucket = np.int64(value % np.uint32(BUCKETS))
            if model.ngram_bits[bucket >> 3] >> (bucket & 7) & 1:
                row = model.words + np.int64(model.ngram_rows[bucket])
                for d in range(DIMENSIONS):
                    total[d] += model.vectors[row, d]
                added += 1
        start = following
    return added


@njit(cache=True, nogil=True)
def _tree_scores(total: np.ndarray, scale: np.float32, model: FastText, out: np.ndarray) -> None:
    """Leaf probabilities of the hierarchical softmax.  Children come before their parents: walk from the root."""
    labels = out.size
    mass = np.zeros(2 * labels - 1, np.float32)
    mass[2 * labels - 2] = 1.0
    for node in range(labels - 2, -1, -1):
        here = mass[labels + node]
        if here < _NEGLIGIBLE:
            continue
        dot = np.float32(0.0)
        for d in range(DIMENSIONS):
            dot += total[d] * model.output[node, d]
        share = np.float32(1.0) / (np.float32(1.0) + np.exp(-dot * scale))
        mass[model.left[node]] = here * (np.float32(1.0) - share)
        mass[model.right[node]] = here * share
    for label in range(labels):
        out[label] = mass[label]


@njit(cache=True, nogil=True)
def naive_bayes_scores(
    texts: np.ndarray, sizes: np.ndarray, wanted: np.ndarray, model: NaiveBayes, out: np.ndarray
) -> None:
    """Probability of each label of the windows `wanted` (int64), into their rows of `out` (float32 (windows, labels)).

    `texts` is uint8 (windows, bytes), of which sizes[w] hold text.
    """
    found = np.empty((LANES, texts.shape[1]), np.int32)
    counts = np.zeros(model.weights.shape[0], np.int32)
    for first in range(0, wanted.size, LANES):
        lanes = wanted[first : first + LANES]
        ends = _features(texts, sizes, lanes, model, found)
        for lane in range(lanes.size):
            window = lanes[lane]
            _posterior(found[lane, : ends[lane]], sizes[window], counts, model, out[window])


@njit(cache=True, nogil=True)
def _features(
    texts: np.ndarray, sizes: np.ndarray, lanes: np.ndarray, model: NaiveBayes, found: np.ndarray
) -> np.ndarray:
    """Fill found[lane] with the features that the automaton meets in each window; how many by lane."""
    ends = np.zeros(LANES, np.int64)
    states = np.zeros(LANES, np.int64)
    longest = 0
    for window in lanes:
        longest = max(longest, sizes[window])
    for at in range(longest):
        for lane in range(lanes.size):
            if at < sizes[lanes[lane]]:
                state = np.int64(model.moves[model.rows[states[lane]], texts[lanes[lane], at]])
                states[lane] = state
                feature = model.features[state]
                found[lane, ends[lane]] = feature
                ends[lane] += feature >= 0
    return ends


@njit(cache=True, nogil=True)
def _posterior(found: np.ndarray, size: int, counts: np.ndarray, model: NaiveBayes, out: np.ndarray) -> None:
    """Log prior and log likelihoods with damped counts log(1 + n), made probabilities by a softmax whose temperature is
    the square root of the bytes, as py3langid calibrates them.  `counts` (a place a feature) stays zero."""
    labels = out.size
    if found.size == 0:
        for label in range(labels):
            out[label] = np.float32(1.0 / labels)
        return
    for feature in found:
        counts[feature] += 1
    for label in range(labels):
        out[label] = model.prior[label]
    for feature in found:
        if counts[feature]:
            weight = np.float32(np.log1p(counts[feature]) / SCALE)
            counts[feature] = 0
            row = model.weights[feature]
            for label in range(labels):
                out[label] += weight * np.float32(row[label])
    scale = np.float32(1.0 / np.sqrt(size))
    top = out[0]
    for label in range(1, labels):
        top = max(top, out[label])
    mass = np.float32(0.0)
    for label in range(labels):
        out[label] = np.exp((out[label] - top) * scale)
        mass += out[label]
    for label in range(labels):
        out[label] /= mass
