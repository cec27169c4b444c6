"""SaGe: the vocabulary whose tokens sit best in their contexts (Yehezkel & Pinter 2023, arXiv 2210.07095).

The procedure is that of SaGe 2.0 (MeLeLBGU/SaGe, MIT): prune a large vocabulary in steps, by what the skip-gram
likelihood of the neighbourhood loses when a token is cut otherwise.  Two things differ: words are cut within
pre-tokens, as the exported file cuts them (contexts do reach over words, within a document), and the embeddings are
trained by our own kernel.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lexmill.tokenizer.ablation_kernel import ablate_words, cut_words
from lexmill.tokenizer.arrays import flat_bytes
from lexmill.tokenizer.params import BYTES
from lexmill.tokenizer.sage_kernel import ablation_scores
from lexmill.tokenizer.sample import Sample, random_stream, read_sample
from lexmill.tokenizer.skipgram_kernel import learn_embeddings
from lexmill.tokenizer.specs.vocabulary import SageSpec
from lexmill.tokenizer.trained import Learned, TrainingData
from lexmill.tokenizer.trie import trie_of
from lexmill.tokenizer.vessels import longest_prefix_vessel
from lexmill.tokenizer.vocabulary import initial_vocabulary, token_table

TIE_BREAK = "longest token from the left; of tokens of equal score the later merge is removed first"


class Cut(NamedTuple):
    """A vocabulary, how it cuts the distinct words (see `cut_words`), and its trie with the words' bytes."""

    tokens: list[bytes]
    ids: np.ndarray
    bounds: np.ndarray
    lengths: np.ndarray
    uses: np.ndarray


def train(data: TrainingData, spec: SageSpec) -> Learned:
    """Prune a BPE vocabulary to the tokens that their contexts need most."""
    sample = read_sample(data, spec)
    data.progress(0.0, "learning the initial vocabulary")
    initial = initial_vocabulary(data.words, int(spec.initial * spec.model_size), spec.max_token_length)
    tokens = initial
    vectors = np.empty((0, 0), np.float32)
    sizes = schedule(len(initial), spec.model_size, spec.steps)
    renewed = {step * len(sizes) // spec.embeddings for step in range(spec.embeddings)}
    for step, size in enumerate(sizes):
        data.progress(0.1 + 0.9 * step / len(sizes), f"pruning {len(tokens)} tokens to {size}")
        if step in renewed:
            vectors = _embeddings(tokens, sample, spec, step)
        keep = _survivors(tokens, sample, vectors, size, last=step == len(sizes) - 1)
        tokens, vectors = [tokens[index] for index in keep.tolist()], vectors[keep]
    uses = _cut(tokens, sample).uses
    return Learned(
        longest_prefix_vessel(spec, tokens),
        TIE_BREAK,
        {"tokens": token_table(tokens, uses)},
        details={"initial_vocabulary": len(initial), "schedule": sizes, "sampled_words": len(sample.ids)},
    )


def schedule(start: int, size: int, steps: int) -> list[int]:
    """Sizes after each pruning: from `start` to `size` in equal shares; nothing when there is nothing to prune."""
    if start <= size:
        return []
    sizes = [round(start * (size / start) ** (step / steps)) for step in range(1, steps)]
    return [*dict.fromkeys(each for each in sizes if size < each < start), size]


def _cut(tokens: list[bytes], sample: Sample) -> Cut:
    data, offsets = flat_bytes(sample.words)
    ids, bounds, lengths = cut_words(data, offsets, tuple(trie_of(tokens)))
    weight = np.zeros(len(sample.words), np.int64)
    np.add.at(weight, sample.ids, np.repeat(sample.units, np.diff(sample.offsets)))
    uses = np.zeros(len(tokens), np.int64)
    np.add.at(uses, ids, np.repeat(weight, np.diff(bounds)))
    return Cut(tokens, ids, bounds, lengths, uses)


def _embeddings(tokens: list[bytes], sample: Sample, spec: SageSpec, step: int) -> np.ndarray:
    cut = _cut(tokens, sample)
    return learn_embeddings(
        sample.ids,
        sample.offsets,
        sample.units / sample.units.max(),
        (cut.ids, cut.bounds),
        cut.uses,
        (spec.dimensions, spec.window, spec.negatives, spec.epochs),
        random_stream(spec.seed, step),
    )


def _survivors(tokens: list[bytes], sample: Sample, vectors: np.ndarray, size: int, last: bool) -> np.ndarray:
    """Numbers (int64, ascending) of the tokens that stay.

    Tokens that the cut does not use have no score: they stay in case those that hide them go, and do not count, until
    the last step drops them (or takes the earliest, when too few are used).
    """
    data, offsets = flat_bytes(sample.words)
    cut = _cut(tokens, sample)
    ablated = ablate_words(data, offsets, tuple(trie_of(tokens)), cut.bounds, cut.lengths)
    scores, uses = ablation_scores(
        sample.ids, sample.offsets, sample.units, (cut.ids, cut.bounds), ablated, vectors
    )
    numbers = np.arange(len(tokens))
    scored = numbers[(uses > 0) & (numbers >= BYTES)]
    unused = numbers[(uses == 0) & (numbers >= BYTES)]
    best = scored[np.argsort(-scores[scored], kind="stable")][: size - BYTES]
    rest = unused[: size - BYTES - len(best)] if last else unused
    return np.sort(np.concatenate([numbers[:BYTES], best, rest]))
