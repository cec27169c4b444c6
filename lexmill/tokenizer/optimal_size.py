"""The vocabulary size at which each language takes a common number of tokens for the same content.

Arnett et al. 2025 (arXiv 2510.21909): of monolingual tokenizers of one size, some languages need more tokens for
parallel text than others; with a size of its own each can reach the same corpus token count (CTC).  A BPE vocabulary
contains all smaller ones, so that one training for each language gives its whole curve.  The curve that is fitted,
tokens = floor + amount x size^-decay, extrapolates beyond the sizes that were measured.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from scipy.optimize import minimize_scalar, nnls

from lexmill.tokenizer.arrays import flat_bytes
from lexmill.tokenizer.bpe import MergeList, train_bpe
from lexmill.tokenizer.bytelevel import ID_OF_BYTE
from lexmill.tokenizer.encode import encode_flat
from lexmill.tokenizer.params import BYTES, TrainerSpec
from lexmill.tokenizer.words import LanguageWords, held_out_words, words_by_language

SIZES: tuple[int, ...] = (512, 1024, 2048, 4096, 8192, 16384, 32768)
_FARTHEST = 16  # times the largest size measured: how far the fitted curve is believed

SIZES_SCHEMA = pa.schema(
    [
        ("language", pa.string()),
        ("reached", pa.string()),
        ("size", pa.int64()),
        ("tokens", pa.int64()),
        ("target", pa.float64()),
        ("floor", pa.float64()),
        ("amount", pa.float64()),
        ("decay", pa.float64()),
        ("error", pa.float64()),
        ("measured", pa.list_(pa.struct([("size", pa.int64()), ("tokens", pa.int64())]))),
    ]
)


def optimal_sizes(
    counts: pa.Table,
    spec: TrainerSpec,
    development_domains: tuple[str, ...],
    sizes: Sequence[int] = SIZES,
    target: float | None = None,
    reference: tuple[str, int] | None = None,
) -> pa.Table:
    """For each language the smallest BPE vocabulary whose tokens for the development text are at most the target.

    counts: columns of `counts.COUNTS_SCHEMA`; the training words of `spec` (its languages, domains and weights) train,
    split `valid` of `development_domains` is what is counted and should say the same in every language; sizes:
    ascending vocabulary sizes; target: tokens, or reference: (language, size) whose tokens are the target; without
    both the target is the fewest that every language reaches within the largest size.

    Columns (SIZES_SCHEMA): reached: `measured` (size is exact, tokens were counted), `extrapolated` (size is of the
    fitted curve, tokens are those at the largest size measured), `never` (the curve is above the target up to 16 times
    the largest size; size is null) or `exhausted` (the training text has too few merges; size is null); floor,
    amount, decay: the fitted curve; error: its mean relative error; measured: (size, tokens) pairs.
    Raises ValueError for sizes that are no vocabularies, a language without development text, or a target of 0.
    """
    sizes = _checked_sizes(sizes)
    if target is not None and reference is not None:
        raise ValueError("target and reference exclude each other: give one of them")
    training = words_by_language(counts, spec)
    held_out = held_out_words(counts, development_domains)
    _check_languages(training, held_out, reference)
    curves = [_Curve(training, held_out, name, sizes) for name in training.languages]
    if reference is not None:
        target = float(curves[training.languages.index(reference[0])].tokens_at(reference[1]))
    elif target is None:
        target = float(max(curve.measured[-1][1] for curve in curves))
    if not 0 < target < float("inf"):
        raise ValueError(f"target is {target} tokens: it must be positive")
    return pa.Table.from_pylist([curve.row(target) for curve in curves], SIZES_SCHEMA)


def _checked_sizes(sizes: Sequence[int]) -> list[int]:
    wanted = sorted(set(sizes))
    if len(wanted) < 3 or wanted[0] <= BYTES or wanted[-1] > 1 << 20:
        raise ValueError(
            f"sizes needs at least three vocabulary sizes from {BYTES + 1} to {1 << 20}, not {sizes}"
        )
    return wanted


def _check_languages(
    training: LanguageWords, held_out: LanguageWords, reference: tuple[str, int] | None
) -> None:
    missing = sorted(set(training.languages) - set(held_out.languages))
    if missing:
        raise ValueError(
            f"development_domains have no words of split `valid` in {', '.join(missing)}: add text in them, or select "
            "the other languages with `languages`"
        )
    if reference is not None and reference[0] not in training.languages:
        raise ValueError(f"reference {reference[0]} is not a language of the training data")
    if reference is not None and reference[1] < BYTES:
        raise ValueError(f"reference size {reference[1]} is smaller than the {BYTES} bytes")


class _Curve:
    """How many tokens one language's development text takes by vocabulary size."""

    def __init__(
        self, training: LanguageWords, held_out: LanguageWords, language: str, sizes: Sequence[int]
    ) -> None:
        self.language = language
        words, counts = _of_language(training, language)
        self._merges = train_bpe(words, counts, sizes[-1] - BYTES)
        self._exhausted = len(self._merges) < sizes[-1] - BYTES
        self._words, self._counts = _of_language(held_out, language)
        full = BYTES + len(self._merges)
        reachable = [size for size in sizes if size < full] + [full]
        self.measured = [(size, self.tokens_at(size)) for size in dict.fromkeys(reachable)]

    def tokens_at(self, size: int) -> int:
        """Exact tokens at a vocabulary size; at the largest one trained where it is larger."""
        return tokens_with(self._merges, max(0, size - BYTES), self._words, self._counts)

    def row(self, target: float) -> dict[str, object]:
        """The row of `optimal_sizes`."""
        floor, amount, decay, error = fit_curve(self.measured)
        largest, fewest = self.measured[-1]
        if fewest <= target:
            reached, size = "measured", self._smallest(target, largest)
        elif self._exhausted:
            reached, size = "exhausted", None
        else:
            size = solve_curve(floor, amount, decay, target, largest)
            reached = "never" if size is None else "extrapolated"
        return {
            "language": self.language,
            "reached": reached,
            "size": size,
            "tokens": self.tokens_at(size or largest),
            "target": target,
            "floor": floor,
            "amount": amount,
            "decay": decay,
            "error": error,
            "measured": [{"size": size, "tokens": tokens} for size, tokens in self.measured],
        }

    def _smallest(self, target: float, largest: int) -> int:
        """Bisection: every merge takes away tokens or none."""
        low, high = BYTES, largest
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if self.tokens_at(middle) <= target else (middle + 1, high)
        return low


def _of_language(words: LanguageWords, language: str) -> tuple[pa.Array, np.ndarray]:
    at = words.languages.index(language)
    start, stop = int(words.bounds[at]), int(words.bounds[at + 1])
    return words.words.slice(start, stop - start), words.counts[start:stop]


def tokens_with(merges: MergeList, first: int, words: pa.Array, counts: np.ndarray) -> int:
    """Tokens of words x counts when only the first merges are there."""
    data, offsets = flat_bytes(words)
    left, right = merges.left[:first], merges.right[:first]
    new = BYTES + np.arange(len(left), dtype=np.int32)
    ends = encode_flat(data, offsets, ID_OF_BYTE, left, right, new)[1]
    return int(np.diff(ends) @ counts)


def fit_curve(measured: Sequence[tuple[int, int]]) -> tuple[float, float, float, float]:
    """(floor, amount, decay, mean relative error) of tokens = floor + amount x size^-decay, floor and amount >= 0.

    For each decay the other two are a least-squares problem of relative errors; the best decay is searched.
    """
    size, tokens = (np.array(column, np.float64) for column in zip(*measured, strict=True))

    def solved(decay: float) -> tuple[np.ndarray, float]:
        columns = np.stack([1 / tokens, (size / size[0]) ** -decay / tokens], axis=1)
        return nnls(columns, np.ones(len(tokens)))

    decay = float(minimize_scalar(lambda d: solved(d)[1], bounds=(0.01, 4.0), method="bounded").x)
    (floor, amount), _ = solved(decay)
    fitted = floor + amount * (size / size[0]) ** -decay
    error = float(np.mean(np.abs(fitted / tokens - 1)))
    return float(floor), float(amount * size[0] ** decay), decay, error


def solve_curve(floor: float, amount: float, decay: float, target: float, largest: int) -> int | None:
    """The smallest size from `largest` on at which the curve is at most `target`; None beyond 16 times `largest`."""
    if target <= floor or amount <= 0:
        return None
    size = max(largest, int(np.ceil((amount / (target - floor)) ** (1 / decay))))
    return size if size <= _FARTHEST * largest else None
