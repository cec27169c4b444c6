"""Less-is-Better, experimental (Yang et al. 2020; Yang 2024, arXiv 2403.00417).

A reader cuts text by the longest chunk it knows, memorises neighbours that it meets again, and reorders its lexicon: a
chunk without which the text falls into fewer chunks moves back, any other forward.  After ray306/LiB (MIT), with these
differences: units are bytes, which are always known; chunks stay within pre-tokens; the lexicon is reordered after a
batch of documents, each chunk once, by the majority of its votes; it has a fixed size, beyond which the last fall out
(a new chunk stands last, so it stays only if the next batch moves it); the vocabulary is the best ranks.  Encoding is
the longest match, as in the authors' demonstration, not their look-ahead variant.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from lexmill.tokenizer.arrays import flat_bytes
from lexmill.tokenizer.lib_kernel import read_batch
from lexmill.tokenizer.params import BYTES
from lexmill.tokenizer.sample import Sample, random_stream, read_sample
from lexmill.tokenizer.specs.vocabulary import LibSpec
from lexmill.tokenizer.trained import Learned, TrainingData
from lexmill.tokenizer.vessels import longest_prefix_vessel
from lexmill.tokenizer.vocabulary import BYTE_TOKENS, longest_prefix_uses, token_table

TIE_BREAK = "longest token from the left; chunks by rank, of equal new ranks the one that was before"


class Lexicon(NamedTuple):
    """The chunks by rank, as stretches of the text: int64 places, int32 lengths in bytes."""

    places: np.ndarray
    lengths: np.ndarray


def train(data: TrainingData, spec: LibSpec) -> Learned:
    """Read the sample, and keep the chunks of the best ranks."""
    sample = read_sample(data, spec)
    raw, offsets = flat_bytes(sample.words)
    text = np.concatenate([np.arange(256, dtype=np.uint8), raw[offsets[0] : offsets[-1]]])
    offsets = offsets - offsets[0] + 256
    room = int(spec.lexicon * max(0, spec.model_size - BYTES))
    lexicon = Lexicon(np.empty(0, np.int64), np.empty(0, np.int32))
    batches = 0
    for epoch in range(spec.epochs):
        for done, words in _batches(sample, np.diff(offsets), spec, epoch):
            data.progress((epoch + done) / spec.epochs, f"{len(lexicon.places)} chunks")
            numbers = random_stream(spec.seed, batches)
            votes, places, lengths = read_batch(
                text, offsets, words, *lexicon, spec.max_token_length, spec.memory_in, numbers
            )
            lexicon = reorder(lexicon, votes, spec.update_rate, room)
            lexicon = Lexicon(
                np.concatenate([lexicon.places, places]), np.concatenate([lexicon.lengths, lengths])
            )
            batches += 1
    spelled = text.tobytes()
    chunks = [
        spelled[place : place + length]
        for place, length in zip(lexicon.places.tolist(), lexicon.lengths.tolist(), strict=True)
    ]
    tokens = [*BYTE_TOKENS, *chunks[: max(0, spec.model_size - BYTES)]]
    table = token_table(tokens, longest_prefix_uses(tokens, data.words))
    details = {"chunks": len(chunks), "batches": batches, "sampled_words": len(sample.ids)}
    return Learned(longest_prefix_vessel(spec, tokens), TIE_BREAK, {"tokens": table}, details=details)


def reorder(lexicon: Lexicon, votes: np.ndarray, rate: float, room: int) -> Lexicon:
    """Move each chunk by its votes (int64; above 0: back, below: forward) as far as its rank times `rate`, and one.

    What would stand behind the end, or beyond `room`, falls out.
    """
    ranks = np.arange(len(votes))
    wanted = ranks + np.sign(votes) * ((ranks * rate).astype(np.int64) + 1)
    order = np.argsort(wanted, kind="stable")
    order = order[wanted[order] < len(votes)][:room]
    return Lexicon(lexicon.places[order], lexicon.lengths[order])


def _batches(
    sample: Sample, lengths: np.ndarray, spec: LibSpec, epoch: int
) -> Iterator[tuple[float, np.ndarray]]:
    """(Share of the sample that is read, word ids of the next documents that hold `batch_bytes` together).

    An epoch takes a document with the probability of its weight, divided by the largest.
    """
    chance = sample.units / sample.units.max()
    taken = np.random.default_rng((spec.seed, epoch)).random(len(chance)) < chance
    ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths[sample.ids])])
    sizes = np.diff(ends[sample.offsets])
    batch: list[np.ndarray] = []
    waiting = 0
    for document in np.flatnonzero(taken).tolist():
        batch.append(sample.ids[sample.offsets[document] : sample.offsets[document + 1]])
        waiting += int(sizes[document])
        if waiting >= spec.batch_bytes:
            yield (document + 1) / len(taken), np.concatenate(batch)
            batch, waiting = [], 0
    if batch:
        yield 1.0, np.concatenate(batch)
