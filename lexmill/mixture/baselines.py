"""Simpler guesses of a tokenizer's training mixture, to stand beside the inferred one (Hayase, Liu et al. 2024, 4.2).

Tokenizer encoding efficiency: a tokenizer packs more bytes into a token of what it saw more of.  Token
classification: every token votes for the category in which it is most frequent as a string.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from numba import njit

from lexmill.mixture.mergelist import MergeList
from lexmill.mixture.words import WordTable
from lexmill.tokenizer.encode import encode_flat

Float = npt.NDArray[np.float64]
SMALLEST_SHARE = 1e-4  # shares are raised to it before the logarithm
_BASE = np.uint64(0x100000001B3)


def bytes_per_token(merges: MergeList, words: WordTable) -> Float:
    """How many bytes of each category go into one token, float64 (categories,); byte-level merges only."""
    left, right = merges.token_ids()
    new = np.arange(256, 256 + len(merges), dtype=np.int32)
    id_of_byte = np.arange(256, dtype=np.int32)
    bounds = encode_flat(words.text, words.offsets, id_of_byte, left, right, new)[1]
    tokens = np.zeros(len(words.categories))
    np.add.at(tokens, words.row_category, (np.diff(bounds)[words.entry_words()] * words.count).astype(float))
    return words.category_bytes()[:, 0] / tokens


def fit_efficiency(efficiency: Sequence[Float], shares: Sequence[Float]) -> tuple[float, float]:
    """Intercept and slope of log share against log efficiency, by least squares over mixtures with known shares.

    `efficiency` of a category is bytes per token relative to a tokenizer trained on that category alone; one array
    (categories,) for each mixture, as for `shares`.
    """
    x = np.log(np.concatenate(list(efficiency)))
    y = np.log(np.maximum(np.concatenate(list(shares)), SMALLEST_SHARE))
    slope = float(np.polyfit(x, y, 1)[0]) if np.ptp(x) > 0 else 0.0
    return float(y.mean() - slope * x.mean()), slope


def efficiency_shares(efficiency: Float, model: tuple[float, float]) -> Float:
    """Shares that the model of `fit_efficiency` predicts, made to add up to 1."""
    predicted = np.exp(model[0] + model[1] * np.log(efficiency))
    return predicted / predicted.sum()


def token_class_shares(merges: MergeList, words: WordTable) -> Float:
    """Share of the merges' tokens that are most frequent, per byte, in each category, float64 (categories,).

    A token is counted as a string wherever it stands inside a word, however the word would be tokenized.  Tokens
    that occur in no category have no vote; a tie goes to the first category.  Uniform when no token occurs.
    """
    tokens = [a + b for a, b in merges.merges]
    counts = string_counts(tokens, words) / words.category_bytes()[:, 0]
    found = counts.max(axis=1) > 0
    votes = np.bincount(counts[found].argmax(axis=1), minlength=len(words.categories)).astype(float)
    return votes / votes.sum() if votes.sum() else np.full(len(votes), 1 / len(votes))


def string_counts(strings: Sequence[bytes], words: WordTable) -> npt.NDArray[np.int64]:
    """Occurrences (overlapping ones too) of distinct strings inside the words, int64 (strings, categories)."""
    lengths = np.array([len(string) for string in strings], np.int64)
    offsets = np.zeros(len(strings) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    text = np.frombuffer(b"".join(strings), np.uint8)
    return _string_counts(
        text, offsets, np.unique(lengths[lengths > 0]), words.text, words.offsets, words.row_start,
        words.row_category, words.count, len(words.categories),
    )  # fmt: skip


@njit(cache=True)
def _hash(text, begin, end):  # type: ignore[no-untyped-def]
    value = np.uint64(0)
    for i in range(begin, end):
        value = value * _BASE + np.uint64(text[i]) + np.uint64(1)
    return value


@njit(cache=True)
def _slot(table, hashes, text, offsets, value, other, begin, end):  # type: ignore[no-untyped-def]
    """Place in the table of the string other[begin:end] with hash `value`, or the free place for it."""
    mask = np.uint64(len(table) - 1)
    slot = (value ^ (value >> np.uint64(29))) & mask
    while table[slot] >= 0:
        string = table[slot]
        if hashes[string] == value and offsets[string + 1] - offsets[string] == end - begin:
            same = True
            for i in range(end - begin):
                if text[offsets[string] + i] != other[begin + i]:
                    same = False
                    break
            if same:
                return slot
        slot = (slot + np.uint64(1)) & mask
    return slot


@njit(cache=True)
def _string_counts(  # type: ignore[no-untyped-def]
    text, offsets, lengths, words, word_offsets, row_start, row_category, count, categories
):
    """Substrings of every word and every length in `lengths` (ascending), looked up by a rolling hash."""
    strings = len(offsets) - 1
    size = 16
    while size < 3 * strings:
        size *= 2
    table = np.full(size, -1, np.int64)
    hashes = np.empty(strings, np.uint64)
    for s in range(strings):
        hashes[s] = _hash(text, offsets[s], offsets[s + 1])
        table[_slot(table, hashes, text, offsets, hashes[s], text, offsets[s], offsets[s + 1])] = s
    found = np.zeros((strings, categories), np.int64)
    for w in range(len(word_offsets) - 1):
        begin, end = word_offsets[w], word_offsets[w + 1]
        for length in lengths:
            if length > end - begin:
                break
            leading = np.uint64(1)
            for _ in range(length - 1):
                leading *= _BASE
            value = _hash(words, begin, begin + length)
            at = begin
            while True:
                string = table[_slot(table, hashes, text, offsets, value, words, at, at + length)]
                if string >= 0:
                    for entry in range(row_start[w], row_start[w + 1]):
                        found[string, row_category[entry]] += count[entry]
                if at + length == end:
                    break
                value = (value - leading * (np.uint64(words[at]) + np.uint64(1))) * _BASE
                value += np.uint64(words[at + length]) + np.uint64(1)
                at += 1
    return found
