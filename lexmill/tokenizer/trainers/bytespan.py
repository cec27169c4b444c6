"""ByteSpan: tokens are spans of bytes that a language model finds predictable (Goriely et al. 2025, arXiv 2506.18639).

The paper's surprisals come from a neural byte model; ours from an n-gram model of the same word counts
(`ngram_kernel`).  Its vocabulary has two forms of every token, at the start of a word and inside; here a token has one
form, for both: a pre-token brings its leading space with it, and 256 bytes are enough of an alphabet.  Words are cut by
the longest prefix.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from lexmill.tokenizer.arrays import flat_bytes
from lexmill.tokenizer.bpe_symbols import learn_symbol_merges
from lexmill.tokenizer.ngram_kernel import byte_chances
from lexmill.tokenizer.params import BYTES
from lexmill.tokenizer.span_kernel import count_spans, span_starts, spell_spans
from lexmill.tokenizer.specs.vocabulary import ByteSpanSpec
from lexmill.tokenizer.trained import Learned, TrainingData
from lexmill.tokenizer.trie import trie_of
from lexmill.tokenizer.vessels import longest_prefix_vessel
from lexmill.tokenizer.vocabulary import BYTE_TOKENS, longest_prefix_uses, token_table

TIE_BREAK = (
    "longest token from the left; spans by count, then bytes; merges by count, then smallest pair of ids"
)
_COARSE, _FINE = 20, 8  # thresholds tried: evenly spaced quantiles, then halvings between two of them


class Predicted(NamedTuple):
    """Words (uint8 data, int64 offsets[n + 1] from 0), int64 counts, and the chance (0..1) of each byte."""

    data: np.ndarray
    offsets: np.ndarray
    counts: np.ndarray
    chance: np.ndarray


def train(data: TrainingData, spec: ByteSpanSpec) -> Learned:
    """Take the most frequent spans, then merge spans by BPE."""
    words = data.words
    wanted = round(spec.proportion * max(0, spec.model_size - BYTES))
    floor = spec.min_frequency * words.scale
    data.progress(0.0, "learning the n-gram model")
    predicted = predict(words.words, words.counts, words.scale, spec.order)
    data.progress(0.4, "cutting spans")
    bound = _bound(predicted, spec, wanted, floor)
    starts = _starts(predicted, spec, bound)
    spans = frequent_spans(predicted, starts, floor)[:wanted]
    data.progress(0.6, f"merging {len(spans)} spans")
    tokens = _merge_spans([*BYTE_TOKENS, *spans], predicted, starts, spec)
    details = {
        "spans": len(spans),
        "merged_spans": len(tokens) - BYTES - len(spans),
        "bits_per_byte": _bits(predicted),
    }
    if spec.constraint != "monotonic":
        details["threshold_bits"] = round(float(-np.log2(bound)), 4)
    table = token_table(tokens, longest_prefix_uses(tokens, words))
    return Learned(longest_prefix_vessel(spec, tokens), TIE_BREAK, {"tokens": table}, details=details)


def predict(words: pa.Array, counts: np.ndarray, scale: int, order: int) -> Predicted:
    """How predictable every byte of the words (binary; counts in units of 1/scale) is."""
    data, offsets = flat_bytes(words)
    data, offsets = data[offsets[0] : offsets[-1]], offsets - offsets[0]
    counts = np.ascontiguousarray(counts, np.int64)
    return Predicted(data, offsets, counts, byte_chances(data, offsets, counts, scale, order))


def frequent_spans(predicted: Predicted, starts: np.ndarray, floor: int) -> list[bytes]:
    """Spans of several bytes that occur at least `floor` times (weighted), the most frequent first, then bytewise."""
    places, lengths, counts = count_spans(predicted.data, predicted.offsets, predicted.counts, starts)
    chosen = np.flatnonzero((lengths > 1) & (counts >= floor))
    text = predicted.data.tobytes()
    spans = [
        (-count, text[place : place + length])
        for place, length, count in zip(
            places[chosen].tolist(), lengths[chosen].tolist(), counts[chosen].tolist(), strict=True
        )
    ]
    return [span for _, span in sorted(spans)]


def _starts(predicted: Predicted, spec: ByteSpanSpec, bound: float) -> np.ndarray:
    falling = spec.constraint != "threshold"
    return span_starts(predicted.chance, predicted.offsets, falling, bound, spec.max_token_length)


def _bound(predicted: Predicted, spec: ByteSpanSpec, wanted: int, floor: int) -> float:
    """The chance above which a byte joins the span before it, whatever that byte's chance was."""
    if spec.constraint == "monotonic":
        return 2.0
    quantile = _quantiles(predicted)
    if spec.constraint == "combined":
        return quantile(spec.quantile)

    def spans(share: float) -> int:
        starts = _starts(predicted, spec, quantile(share))
        _, lengths, counts = count_spans(predicted.data, predicted.offsets, predicted.counts, starts)
        return int(((lengths > 1) & (counts >= floor)).sum())

    return quantile(_share_that_fills(spans, wanted))


def _share_that_fills(spans: Callable[[float], int], wanted: int) -> float:
    """The smallest share of low surprisals that gives `wanted` spans, or the one that gives most."""
    best, most = 0.0, 0
    if wanted <= 0:
        return best
    for step in range(1, _COARSE):
        found = spans(step / _COARSE)
        if found > most:
            best, most = step / _COARSE, found
        if found >= wanted:
            break
    else:
        return best
    low, high = best - 1 / _COARSE, best
    for _ in range(_FINE):
        middle = (low + high) / 2
        low, high = (low, middle) if spans(middle) >= wanted else (middle, high)
    return high


def _quantiles(predicted: Predicted) -> Callable[[float], float]:
    """A function from a share q to the chance that the q most predictable bytes of the text exceed, of those whose
    surprisal is above 0."""
    uncertain = predicted.chance < 1
    weights = np.repeat(predicted.counts, np.diff(predicted.offsets))[uncertain]
    chances = predicted.chance[uncertain]
    order = np.argsort(-chances)  # equal chances in any order: the answer is the same
    chances, below = chances[order], np.cumsum(weights[order])

    def at(share: float) -> float:
        if not len(chances):
            return 1.0
        place = int(np.searchsorted(below, int(share * float(below[-1]))))
        return float(chances[min(len(chances) - 1, place)])

    return at


def _merge_spans(
    tokens: list[bytes], predicted: Predicted, starts: np.ndarray, spec: ByteSpanSpec
) -> list[bytes]:
    """Fill the vocabulary by BPE over the spans; a merge whose bytes are a token already adds nothing."""
    ids, bounds = spell_spans(predicted.data, predicted.offsets, starts, tuple(trie_of(tokens)))
    sizes = np.array([len(token) for token in tokens], np.int32)
    missing = spec.model_size - len(tokens)
    merges = missing + missing // 8 + 16
    while missing > 0:
        left, right, _ = learn_symbol_merges(
            ids, bounds, predicted.counts, len(tokens), merges, 1, sizes, spec.max_token_length
        )
        made = list(tokens)
        for a, b in zip(left.tolist(), right.tolist(), strict=True):
            made.append(made[a] + made[b])
        distinct = list(dict.fromkeys(made))[: spec.model_size]
        if len(distinct) == spec.model_size or len(left) < merges:
            return distinct
        merges *= 2
    return tokens


def _bits(predicted: Predicted) -> float:
    """Mean surprisal of the text's bytes under the model, in bits."""
    weights = np.repeat(predicted.counts, np.diff(predicted.offsets))
    return round(float((-np.log2(predicted.chance) * weights).sum() / max(1, weights.sum())), 4)
