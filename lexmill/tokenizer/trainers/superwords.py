"""What the methods that learn across words share: the sampled documents as weighted spans of pieces or of tokens."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lexmill.tokenizer.arrays import flat_bytes
from lexmill.tokenizer.bpe import MergeList
from lexmill.tokenizer.bpe_symbols import learn_symbol_merges
from lexmill.tokenizer.encode import encode_flat
from lexmill.tokenizer.encode_kernel import rank_table
from lexmill.tokenizer.params import BYTES, SequenceSpec
from lexmill.tokenizer.sample import read_sample
from lexmill.tokenizer.scan import RULES, scan
from lexmill.tokenizer.split import splitter
from lexmill.tokenizer.superword_kernel import (
    count_spans,
    cut_words,
    expand,
    join_crossed,
    pair_totals,
    spell,
    split_rare,
    take_spans,
)
from lexmill.tokenizer.trained import TrainingData

_BLOCK = 1 << 25  # bytes of text that are spelled and cut at once
_MAX_TOTAL = 1 << 60
_FINEST = 20
_PLACES = 1 << 21  # of hashed pair counts: they should fit the processor's cache
_CANDIDATES = 4  # pairs for each merge to be learned, at first


@dataclass(frozen=True)
class Spans:
    """Distinct stretches of text that merges may not leave, as pieces.

    words: the pieces (binary) by id; ids: int32, all spans in a row; bounds: int64[n + 1] into them; counts: int64[n],
    how often each span stands in the training data, estimated from the sample, in units of 1/`scale`.
    """

    words: pa.Array
    ids: np.ndarray
    bounds: np.ndarray
    counts: np.ndarray
    scale: int


def read_documents(data: TrainingData, spec: SequenceSpec) -> Spans:
    """The sampled documents, each a span of its words, counted by the weight of its category.

    The sample has the shares of the whole, so a document of it stands for (bytes of the training data / bytes of the
    sample) documents, and the counts compare with those of `data.words`.  Raises ValueError as `read_sample` does, and
    for weights that do not fit 64 bits.
    """
    sample = read_sample(data, spec)
    lengths = _lengths(sample.words)
    ends = np.zeros(len(sample.ids) + 1, np.int64)
    np.cumsum(lengths[sample.ids], out=ends[1:])
    sizes = np.diff(ends[sample.offsets])
    whole, sampled = int(_lengths(data.words.words) @ data.words.counts), int(sample.units @ sizes)
    factor, scale = whole / max(sampled, 1), data.words.scale
    if factor <= 1:
        return Spans(sample.words, sample.ids, sample.offsets, sample.units, scale)
    for bits in range(_FINEST, -1, -1):
        units = np.rint(sample.units * (factor * (1 << bits)))
        if float(units @ sizes.astype(np.float64)) < _MAX_TOTAL:
            return Spans(sample.words, sample.ids, sample.offsets, units.astype(np.int64), scale << bits)
    raise ValueError("the weights are too large: the weighted counts do not fit 64 bits; divide all of them")


def _lengths(words: pa.Array) -> np.ndarray:
    return pc.binary_length(words).to_numpy().astype(np.int64)


def cut_spans(documents: Spans, pretokenizer: str, distinct: bool = True) -> Spans:
    """Cut documents into the spans of another pattern.

    A word that the other pattern cuts becomes several pieces.  `distinct`: equal spans are counted once.
    """
    data, offsets = flat_bytes(documents.words)
    pieces: list[np.ndarray] = []
    lengths: list[np.ndarray] = []
    weights: list[np.ndarray] = []
    parts: list[pa.Array] = []
    number = 0
    for first, last in _blocks(documents, offsets):
        bounds = documents.bounds[first : last + 1]
        text, ends = spell(documents.ids[bounds[0] : bounds[-1]], data, offsets)
        starts, row = piece_starts(text, ends[bounds - bounds[0]], pretokenizer)
        cut, cut_bounds, begin, end = cut_words(documents.ids[bounds[0] : bounds[-1]], ends, starts)
        cut[cut < 0] -= number
        number += len(begin)
        pieces.append(cut)
        lengths.append(np.diff(cut_bounds))
        weights.append(documents.counts[first:last][row])
        parts.append(stretches(text, begin, end))
    words, ids = with_new_words(documents.words, np.concatenate(pieces), pa.concat_arrays(parts))
    bounds = np.zeros(sum(map(len, lengths)) + 1, np.int64)
    np.cumsum(np.concatenate(lengths), out=bounds[1:])
    spans = replace(documents, words=words, ids=ids, bounds=bounds, counts=np.concatenate(weights))
    return once_each(spans) if distinct else spans


def _blocks(documents: Spans, offsets: np.ndarray) -> list[tuple[int, int]]:
    """[first, last) documents of about `_BLOCK` bytes each."""
    ends = np.zeros(len(documents.ids) + 1, np.int64)
    np.cumsum(np.diff(offsets)[documents.ids], out=ends[1:])
    ends = ends[documents.bounds]
    edges = [0]
    while edges[-1] < len(documents.counts):
        stop = int(np.searchsorted(ends, ends[edges[-1]] + _BLOCK, side="right")) - 1
        edges.append(min(max(stop, edges[-1] + 1), len(documents.counts)))
    return list(pairwise(edges))


def piece_starts(text: np.ndarray, bounds: np.ndarray, pretokenizer: str) -> tuple[np.ndarray, np.ndarray]:
    """Where the pieces of documents (uint8 text, int64 bounds[n + 1]) start, and the document of each (both int64)."""
    documents = binary_array(text, bounds)
    if pretokenizer in RULES:
        _, starts, pieces = scan(pretokenizer, documents.cast(pa.large_string()))
        return starts[:-1], np.repeat(np.arange(len(documents)), np.diff(pieces))
    cut = splitter(pretokenizer)
    lengths = [[len(piece.encode()) for piece in cut(document.as_py().decode())] for document in documents]
    starts = np.zeros(sum(map(len, lengths)), np.int64)
    np.cumsum([length for row in lengths for length in row][:-1], out=starts[1:])
    return starts, np.repeat(np.arange(len(documents)), list(map(len, lengths)))


def stretches(text: np.ndarray, begin: np.ndarray, end: np.ndarray) -> pa.Array:
    """The bytes `text[begin[i]:end[i]]` as an Arrow binary array."""
    even = np.arange(0, 2 * len(begin), 2, dtype=np.int32)
    return binary_array(*spell(even, text, np.stack([begin, end], axis=1).ravel()))


def binary_array(data: np.ndarray, offsets: np.ndarray) -> pa.Array:
    """uint8 data and int64 offsets[n + 1] as an Arrow binary array (64-bit offsets)."""
    buffers = [None, pa.py_buffer(np.ascontiguousarray(offsets)), pa.py_buffer(np.ascontiguousarray(data))]
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(offsets) - 1, buffers)


def with_new_words(words: pa.Array, ids: np.ndarray, new: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """Give the pieces -1 - k of `ids` (int32) the id of `new[k]`, which comes behind the words, equal ones once."""
    coded = new.cast(words.type).dictionary_encode()
    result, changed = ids.copy(), ids < 0
    result[changed] = len(words) + coded.indices.to_numpy()[-1 - ids[changed]]
    return pa.concat_arrays([words, coded.dictionary]), result


def once_each(spans: Spans) -> Spans:
    """The distinct spans, in the order they first occur, with the sums of their counts."""
    kept, counts = count_spans(spans.ids, spans.bounds, spans.counts)
    ids, bounds = take_spans(spans.ids, spans.bounds, kept)
    return replace(spans, ids=ids, bounds=bounds, counts=counts)


def token_spans(spans: Spans, merges: MergeList) -> Spans:
    """The spans as tokens: each encoded as one word by the merges, however it is cut into pieces.

    Every piece is encoded once.  A merge can cross a boundary between pieces only if it joins tokens in the history of
    the two that stand at the boundary; where one does, the pieces are joined and encoded anew.  `words` of the result
    are the tokens.
    """
    words, ids, bounds = spans.words, spans.ids, spans.bounds
    parts = np.stack([merges.left, merges.right])
    keys, ranks = rank_table(merges.left, merges.right)
    tokens = merges.token_bytes()
    meets = _meets(tokens, parts)
    encoded, offsets = encode_words(words, merges)
    known = 0
    while True:
        first, last = encoded[offsets[:-1]], encoded[offsets[1:] - 1]
        before = ids
        ids, bounds, begin, end = join_crossed(before, bounds, first, last, meets, parts, keys, ranks, known)
        if not len(begin):
            break
        known = len(words)
        words, ids = with_new_words(words, ids, _spelled(before, begin, end, words))
        more, more_offsets = encode_words(words[known:], merges)
        encoded = np.concatenate([encoded, more])
        offsets = np.concatenate([offsets, offsets[-1] + more_offsets[1:]])
    ids, bounds = expand(ids, bounds, encoded, offsets)
    return replace(spans, words=pa.array(tokens, pa.binary()), ids=ids, bounds=bounds)


def _meets(tokens: list[bytes], parts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Last and first byte of every token (uint8), and bool[256, 256]: whether a merge joins tokens with these bytes."""
    tail = np.array([token[-1] for token in tokens], np.uint8)
    head = np.array([token[0] for token in tokens], np.uint8)
    joins = np.zeros((256, 256), np.bool_)
    joins[tail[parts[0]], head[parts[1]]] = True
    return tail, head, joins


def _spelled(ids: np.ndarray, begin: np.ndarray, end: np.ndarray, words: pa.Array) -> pa.Array:
    """The bytes of stretches `begin[i]` to `end[i]` of pieces."""
    chosen, bounds = take_spans(ids, np.stack([begin, end], axis=1).ravel(), np.arange(0, 2 * len(begin), 2))
    text, ends = spell(chosen, *flat_bytes(words))
    return binary_array(text, ends[bounds])


def encode_words(words: pa.Array, merges: MergeList) -> tuple[np.ndarray, np.ndarray]:
    """Ids (int32) of all words in a row and int64 offsets[n + 1], by merges over bytes."""
    id_of_byte = np.argsort(merges.alphabet).astype(np.int32)
    new = np.arange(BYTES, BYTES + len(merges), dtype=np.int32)
    return encode_flat(*flat_bytes(words), id_of_byte, merges.left, merges.right, new)


def learn_across(
    spans: Spans,
    base: int,
    merges: int,
    min_frequency: int = 1,
    classes: np.ndarray | None = None,
    joined: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`learn_symbol_merges` on spans of tokens below `base`, which it first makes few and short.

    No merge ever joins what stands left and right of a boundary whose pair is rarer than the last merge: spans are
    split there, which leaves short ones that are often equal.  How rare that is is guessed, and guessed lower when the
    merges run out; the result does not depend on it.
    """
    totals = pair_totals(spans.ids, spans.bounds, spans.counts, _PLACES)
    known = totals[totals > 0]
    rank = len(known) - max(_CANDIDATES * merges, 1)
    floor = max(min_frequency, int(np.partition(known, rank)[rank])) if rank >= 0 else min_frequency
    while True:
        ids, bounds, span_of = split_rare(spans.ids, spans.bounds, totals, floor)
        short = once_each(replace(spans, ids=ids, bounds=bounds, counts=spans.counts[span_of]))
        learned = learn_symbol_merges(
            short.ids,
            short.bounds,
            short.counts,
            base,
            merges,
            floor,
            classes=classes,
            joined=joined,
        )
        if len(learned[0]) == merges or floor == min_frequency:
            return learned
        floor = max(min_frequency, floor // 4)
