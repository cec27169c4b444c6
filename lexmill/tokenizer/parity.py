"""Parity-aware BPE (Foroutan et al. 2025, arXiv 2508.04796): merges chosen by the language that is worst off.

Every merge joins the most frequent pair of one language and is applied to all.  That language is the one whose
development text takes the most tokens (the texts should say the same in every language), or, without such texts, the
one whose training text has been compressed least.  A language with no pair left that is frequent enough is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from lexmill.tokenizer.arrays import flat_bytes
from lexmill.tokenizer.bpe import MergeList, train_bpe
from lexmill.tokenizer.bytelevel import ID_OF_BYTE
from lexmill.tokenizer.encode import encode_flat
from lexmill.tokenizer.params import BYTES
from lexmill.tokenizer.parity_kernel import GAP, learn_parity
from lexmill.tokenizer.words import LanguageWords, TrainingWords

TIE_BREAK = (
    "the language with the largest cost, of equal ones the first by name; in it the largest count, then the smallest "
    "(left id, right id); base ids in byte-level character order"
)
_MAX_CELLS = (1 << 31) - 2


@dataclass(frozen=True)
class ParityMerges:
    """merges: all of them; chosen: int32 by merge, the language (index) that chose it, -1 for a global one; costs:
    float64 by language after all merges, tokens of its development words, or tokens for each training byte x ratio."""

    merges: MergeList
    chosen: np.ndarray
    costs: np.ndarray


def train_parity(
    words: TrainingWords,
    by_language: LanguageWords,
    development: LanguageWords | None,
    merges: int,
    global_merges: int = 0,
    min_frequency: int = 2,
    ratios: Mapping[str, float] | None = None,
    window: int = 0,
    alpha: float = 2.0,
) -> ParityMerges:
    """Learn at most `merges` merges, the first `global_merges` of them by plain BPE on all `words`.

    by_language: the same words by language; development: words of the same languages that parity is measured on, None:
    on the training words, relative to `ratios` ({language: factor}, 1 where not given); min_frequency: in units of the
    words' counts x scale; the rest as in `ParitySpec`.  Raises ValueError when a language has no development words, or
    `ratios` names a language that is not there.
    """
    languages = by_language.languages
    _check(languages, development, ratios or {})
    first = train_bpe(words.words, words.counts, global_merges, min_frequency)
    parts = [by_language] if development is None else [by_language, _aligned(development, languages)]
    tokens, word_of, weights, segment_of, lengths = _lay_out(parts, first)
    factors = np.ones(len(languages))
    if development is None:
        amounts = np.array([_bytes(by_language, index) for index in range(len(languages))])
        wanted = np.array([(ratios or {}).get(name, 1.0) for name in languages])
        factors = wanted / np.maximum(amounts, 1.0)
    left, right, chosen, count = learn_parity(
        tokens,
        word_of,
        weights,
        segment_of,
        lengths,
        factors,
        BYTES + len(first),
        merges - len(first),
        max(1, min_frequency),
        window,
        alpha * window / len(languages),
    )
    whole = MergeList(
        np.concatenate([first.left, left]),
        np.concatenate([first.right, right]),
        np.concatenate([first.count, count]),
        first.alphabet,
    )
    by = np.concatenate([np.full(len(first), -1, np.int32), chosen])
    return ParityMerges(whole, by, lengths[-len(languages) :] * factors)


def _check(
    languages: tuple[str, ...], development: LanguageWords | None, ratios: Mapping[str, float]
) -> None:
    unknown = sorted(set(ratios) - set(languages))
    if unknown:
        raise ValueError(f"ratios name {', '.join(unknown)}, which the training data does not have")
    silent = sorted(set(languages) - set(development.languages)) if development is not None else []
    if silent:
        raise ValueError(
            f"development_domains have no words of split `valid` in {', '.join(silent)}: add text in them, "
            "or select the other languages with `languages`"
        )


def _aligned(words: LanguageWords, languages: tuple[str, ...]) -> LanguageWords:
    """Only the words of `languages` (sorted, all present)."""
    chosen = [words.languages.index(name) for name in languages]
    rows = [np.arange(words.bounds[index], words.bounds[index + 1]) for index in chosen]
    bounds = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    order = np.concatenate(rows)
    return LanguageWords(
        languages, words.words.take(pa.array(order)), words.counts[order], bounds, words.scale
    )


def _bytes(words: LanguageWords, language: int) -> float:
    rows = slice(words.bounds[language], words.bounds[language + 1])
    sizes = np.diff(flat_bytes(words.words)[1])[rows]
    return float(np.dot(sizes, words.counts[rows]))  # exact: they are below 2^62 in all


def _lay_out(parts: list[LanguageWords], first: MergeList) -> tuple[np.ndarray, ...]:
    """(tokens, word of each cell, weights, segment of each word, tokens by segment) after the `first` merges."""
    words = pa.concat_arrays([part.words for part in parts])
    weights = np.concatenate([part.counts for part in parts]).astype(np.int64)
    sizes = np.concatenate([np.diff(part.bounds) for part in parts])
    segment_of = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    data, offsets = flat_bytes(words)
    new = BYTES + np.arange(len(first), dtype=np.int32)
    ids, ends = encode_flat(data, offsets, ID_OF_BYTE, first.left, first.right, new)
    if len(ids) + len(ends) > _MAX_CELLS:
        raise ValueError("the distinct words hold more than 2^31 bytes: drop the rarest words first")
    tokens = np.full(len(ids) + len(ends), GAP, np.int32)
    word_of = np.zeros(len(tokens), np.int32)
    numbers = np.repeat(np.arange(len(words), dtype=np.int32), np.diff(ends))
    at = np.arange(len(ids)) + numbers + 1
    tokens[at], word_of[at] = ids, numbers
    lengths = np.zeros(len(sizes), np.int64)
    np.add.at(lengths, segment_of, weights * np.diff(ends))
    return tokens, word_of, weights, segment_of, lengths


def gini(costs: np.ndarray) -> float:
    """Gini coefficient of non-negative costs: 0 when all are equal, towards 1 when one has everything."""
    ordered = np.sort(np.asarray(costs, np.float64))
    number = len(ordered)
    ranks = 2 * np.arange(1, number + 1) - number - 1
    return float(ranks @ ordered / (number * max(ordered.sum(), 1e-300)))
