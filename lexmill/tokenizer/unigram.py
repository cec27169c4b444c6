"""Unigram language model tokenizers from word counts (Kudo 2018, arXiv 1804.10959).

The training follows what `tokenizers` and SentencePiece do (Apache-2.0): many seed pieces, expectation-maximisation
with a digamma in the M-step (a Dirichlet prior that makes rare pieces rarer), pruning of the pieces that the text loses
least by, until the vocabulary is a tenth too large; then the best scores.  It differs in three points: words count
with their 64-bit weights also when seeds are chosen; a piece is a sequence of whole characters; the 256 bytes are
pieces that always stay, so that every text has a segmentation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy.special import digamma

from lexmill.tokenizer.arrays import flat_bytes
from lexmill.tokenizer.trie import trie_of
from lexmill.tokenizer.unigram_kernel import best_uses, expected_counts, lattice, pruning_losses, without
from lexmill.tokenizer.unigram_seeds_kernel import characters, keep_numbers, longer
from lexmill.tokenizer.vocabulary import BYTE_TOKENS

TIE_BREAK = (
    "larger score, then the seed of larger count x length, then the shorter, then the one seen earlier"
)
_SURPLUS = 1.1  # pruning ends when the vocabulary is at most this much too large
_RARE = 0.5  # a piece that is expected less often goes
_TILT = 2.0  # first guess of what a byte costs, in nats


@dataclass
class Model:
    """Pieces with scores, and where they can stand in the words.

    pieces: byte strings, the bytes first; scores: float64 log probabilities; sizes: int32 bytes; places: int64, one
    place of each in the words' data, -1 for pieces that must stay; offsets: int64[words + 1]; counts: float64
    occurrences; first, edges: see `unigram_kernel`; tilt: mean cost of a byte in nats.
    """

    pieces: list[bytes]
    scores: np.ndarray
    sizes: np.ndarray
    places: np.ndarray
    offsets: np.ndarray
    counts: np.ndarray
    first: np.ndarray
    edges: np.ndarray
    tilt: float = _TILT

    def keep(self, kept: np.ndarray) -> None:
        """Drop all pieces but those numbered `kept` (ascending)."""
        renamed = np.full(len(self.pieces), -1, np.int32)
        renamed[kept] = np.arange(len(kept), dtype=np.int32)
        self.pieces = [self.pieces[index] for index in kept.tolist()]
        self.scores, self.sizes, self.places = self.scores[kept], self.sizes[kept], self.places[kept]
        self.edges = without(self.first, self.edges, renamed)


def train_unigram(
    words: pa.Array,
    counts: np.ndarray,
    scale: int,
    size: int,
    fixed: Sequence[bytes] = BYTE_TOKENS,
    seed_size: int = 1_000_000,
    max_token_length: int = 16,
    shrinking_factor: float = 0.75,
    iterations: int = 2,
    last_iterations: int = 0,
    progress: Callable[[float, str], None] | None = None,
) -> tuple[list[bytes], np.ndarray]:
    """At most `size` pieces with their scores: the `fixed` ones in their order, then the others by falling score.

    words: distinct pre-tokens (binary); counts: int64[n] in units of 1/scale; fixed: distinct, the 256 bytes among
    them; last_iterations: of expectation-maximisation over the final pieces; the rest as in `UnigramSpec`.
    """
    seeds = seed_pieces(words, counts, scale, seed_size, max_token_length)
    model = lay_out(words, counts, scale, list(fixed), seeds)
    wanted = int(np.ceil(_SURPLUS * (size - len(fixed)))) + len(fixed)
    start = len(model.pieces)
    while True:
        for _ in range(iterations):
            improve(model)
        if len(model.pieces) <= wanted:
            break
        prune(model, max(wanted, int(shrinking_factor * len(model.pieces))))
        if progress is not None:
            done = np.log(start / len(model.pieces)) / max(np.log(start / wanted), 1e-9)
            progress(min(1.0, float(done)), f"{len(model.pieces):,} pieces")
    order = np.argsort(-model.scores[len(fixed) :], kind="stable")[: size - len(fixed)] + len(fixed)
    model.keep(np.concatenate([np.arange(len(fixed)), np.sort(order)]))
    model.places[:] = -1  # all that are left stay
    for _ in range(last_iterations):
        improve(model)
    chosen = np.argsort(-model.scores[len(fixed) :], kind="stable") + len(fixed)
    chosen = np.concatenate([np.arange(len(fixed)), chosen])
    # short decimals, because readers of tokenizer.json differ in the last bit of long ones
    return [model.pieces[index] for index in chosen.tolist()], np.round(model.scores[chosen], 8)


@dataclass(frozen=True)
class Seeds:
    """Candidate pieces: how often each occurs (int64, scaled), where once in the words' data (int64), bytes (int64)."""

    counts: np.ndarray
    places: np.ndarray
    sizes: np.ndarray


def seed_pieces(words: pa.Array, counts: np.ndarray, scale: int, number: int, max_token_length: int) -> Seeds:
    """The sequences of whole characters with the largest count x length, at most `number`, best first.

    Left out are sequences that occur less than twice, those that the same longer one always follows (the longer one
    stands for both; single characters stay), and single bytes.
    """
    data, offsets = flat_words(words)
    symbols, place, word_of = characters(data, offsets)
    current = np.zeros(len(symbols), np.int32)
    found: list[tuple[np.ndarray, np.ndarray, int]] = []
    for length in range(max_token_length):
        total, at, shorter = longer(current, symbols, word_of, counts, length)
        frequent = total >= 2 * scale
        if found:  # a sequence that is always followed by the same character is not kept for itself
            before = found[-1]
            alone = np.ones(len(before[0]), bool)
            alone[shorter[frequent & (total == before[0][shorter])]] = length == 1
            found[-1] = _best(before, alone, number)
        if not frequent.any():
            break
        renamed = np.where(frequent, np.cumsum(frequent) - 1, -1).astype(np.int32)
        keep_numbers(current, renamed)
        found.append((total[frequent], at[frequent], length + 1))
    if not found:
        return Seeds(*(np.empty(0, np.int64) for _ in range(3)))
    total = np.concatenate([part[0] for part in found])
    start = np.concatenate([part[1] for part in found]).astype(np.int64)
    length_of = np.repeat([part[2] for part in found], [len(part[0]) for part in found])
    sizes = place[start + length_of] - place[start]
    order = np.argsort(-(total.astype(np.float64) * length_of), kind="stable")
    order = order[sizes[order] > 1][:number]
    return Seeds(total[order], place[start[order]], sizes[order])


def _best(
    part: tuple[np.ndarray, np.ndarray, int], kept: np.ndarray, number: int
) -> tuple[np.ndarray, np.ndarray, int]:
    """The `number` most frequent sequences among `kept`, in their order, so that memory stays bounded."""
    total, at, length = part
    total, at = total[kept], at[kept]
    if len(total) > number:
        chosen = np.sort(np.argsort(-total, kind="stable")[:number])
        total, at = total[chosen], at[chosen]
    return total, at, length


def flat_words(words: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """(uint8 data, int64 offsets[n + 1] from 0) of Arrow binary, contiguous."""
    data, offsets = flat_bytes(words)
    return np.ascontiguousarray(data[offsets[0] : offsets[-1]]).copy(), (offsets - offsets[0]).copy()


def lay_out(words: pa.Array, counts: np.ndarray, scale: int, fixed: list[bytes], seeds: Seeds) -> Model:
    """A model of the `fixed` pieces (the bytes among them), which always stay, and the seeds that are not among them.

    First scores are by count x bytes.
    """
    data, offsets = flat_words(words)
    text = data.tobytes()
    known = set(fixed)
    found = [
        text[at : at + size] for at, size in zip(seeds.places.tolist(), seeds.sizes.tolist(), strict=True)
    ]
    new = np.array([index for index, piece in enumerate(found) if piece not in known], np.int64)
    pieces = [*fixed, *(found[index] for index in new.tolist())]
    places = np.concatenate([np.full(len(fixed), -1, np.int64), seeds.places[new]])
    first, edges = lattice(data, offsets, tuple(trie_of(pieces)))
    real = counts / scale
    sizes = np.array([len(piece) for piece in pieces], np.int32)
    frequency = np.concatenate([np.ones(len(fixed)), seeds.counts[new] / scale])
    at_byte = np.repeat(real, np.diff(offsets))
    frequency[: len(fixed)] += _occurrences(first, edges, at_byte, len(fixed))
    weight = frequency * sizes
    scores = np.log(weight) - np.log(weight.sum())
    return Model(pieces, scores, sizes, places, offsets, real, first, edges)


def _occurrences(first: np.ndarray, edges: np.ndarray, at_byte: np.ndarray, number: int) -> np.ndarray:
    """float64[number]: weighted places at which each of the first pieces starts."""
    weights = np.repeat(at_byte, np.diff(first))
    chosen = edges < number
    return np.bincount(edges[chosen], weights[chosen], minlength=number)


def improve(model: Model) -> float:
    """One round of expectation-maximisation; pieces that are hardly used go.  Returns the log likelihood before."""
    expected, likelihood = expected_counts(
        model.offsets, model.counts, model.first, model.edges, model.scores, model.sizes, model.tilt
    )
    amount = float((model.counts * np.diff(model.offsets)).sum())  # `@` depends on the number of threads
    model.tilt = -likelihood / max(amount, 1.0)
    must = model.places < 0
    kept = np.flatnonzero(must | (expected >= _RARE))
    expected = np.where(must, np.maximum(expected, _RARE), expected)[kept]
    if len(kept) < len(model.pieces):
        model.keep(kept)
    model.scores = digamma(expected) - digamma(expected.sum())
    return float(likelihood)


def prune(model: Model, size: int) -> None:
    """Keep the `size` pieces whose loss would cost the most, among them all that must stay."""
    uses = best_uses(model.offsets, model.counts, model.first, model.edges, model.scores, model.sizes)
    losses = pruning_losses(model.places, model.first, model.edges, model.scores, model.sizes, uses)
    order = np.argsort(-losses, kind="stable")[:size]
    kept = np.sort(order[losses[order] >= 0])
    model.keep(kept)
