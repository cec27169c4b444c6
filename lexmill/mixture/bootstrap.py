"""Bootstrap of documents within sources: word counts as if other text of the same kind had been sampled.

Two samples matter, the counted text and the tokenizer's own training text, and the answer depends on their
difference.  A replicate therefore gives every document (or group of translations) an independent weight of mean 1 and
variance 2, twice that of resampling with replacement: geometric, which is Poisson with an exponential rate.  Every
source of a category gets an independent exponential weight (the Bayesian bootstrap of Rubin 1981), because the
training text has a mix of the sources that is not known.  The weight of a category's only source cancels: counts are
taken relative to the category's size.

A replicate in which a category has no pair left would say nothing about any share: the weights of that category's
documents are then drawn again, so that every replicate has text of every category.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from lexmill.mixture.answer import MIN_UNITS
from lexmill.mixture.words import WordTable

Int = npt.NDArray[np.int64]
SOURCE_UNIT = 64
MAX_DRAWS = 1000  # a category of one document is empty with probability 1/2 in each


class ReplicateError(ValueError):
    """Documents and word counts do not describe the same text."""


class Document(NamedTuple):
    """One document of the counted text."""

    unit: str  # what is sampled as a whole: the document, or its group of translations
    category: str
    source: str  # where it is from: a corpus, a site, a package
    words: Iterable[str]  # its pre-tokens, in any order


class Row(NamedTuple):
    """One document as entries of a word table."""

    unit: Hashable
    category: int
    source: Hashable
    entries: Int  # (distinct words,) entry numbers of the word table
    counts: Int


@dataclass(frozen=True)
class Replicates:
    """Word counts of bootstrap replicates, and how many units and sources stand behind each category."""

    counts: Int  # (entries of the word table, replicates), in units of 1/SOURCE_UNIT
    units: Int  # (categories,) documents or groups with at least one pair
    sources: Int  # (categories,) sources with at least MIN_UNITS such units


def document_replicates(
    words: WordTable, documents: Callable[[], Iterable[Document]], replicates: int, seed: int
) -> Replicates:
    """Replicated word counts in which every category that has pairs keeps some.

    Documents of one unit get the same weight, units and sources are weighted in the order they first appear.
    `documents()` is called a second time, and must yield the same, when weights had to be drawn again.  Documents
    of categories not in `words` are ignored.
    Raises ReplicateError when the documents' words do not add up to the counts of `words`.
    """
    return weigh_rows(words, lambda: _rows(words, documents()), replicates, seed)


def weigh_rows(words: WordTable, rows: Callable[[], Iterable[Row]], replicates: int, seed: int) -> Replicates:
    """The same from documents whose words are already looked up (see `Row`)."""
    units, sources = np.random.default_rng([seed, 0]), np.random.default_rng([seed, 1])
    weights: dict[Hashable, Int] = {}
    of_source: dict[tuple[int, Hashable], Int] = {}
    members: list[dict[Hashable, None]] = [{} for _ in words.categories]  # sets that keep their order
    in_source: Counter[tuple[int, Hashable]] = Counter()
    known: set[tuple[int, Hashable, Hashable]] = set()
    total = np.zeros((len(words.count), replicates), np.int64)
    seen = np.zeros(len(words.count), np.int64)
    has_pairs = words.word_lengths[words.entry_words()] > 1
    for row in rows():
        source = (row.category, row.source)
        if row.unit not in weights:
            weights[row.unit] = _unit_weights(units, replicates)
        if source not in of_source:
            of_source[source] = _source_weights(sources, replicates)
        if has_pairs[row.entries].any():
            members[row.category][row.unit] = None
            if (*source, row.unit) not in known:
                known.add((*source, row.unit))
                in_source[source] += 1
        _add(total, seen, row.entries, row.counts, weights[row.unit] * of_source[source])
    if (seen != words.count).any():
        raise ReplicateError("the documents do not add up to the word counts: they are not of the same text")
    added = _redraw(weights, members, replicates, units)
    if added:
        for row in rows():
            if row.unit in added:
                factor = of_source[row.category, row.source]
                _add(total, seen, row.entries, row.counts, added[row.unit] * factor)
    large = Counter(category for (category, _), size in in_source.items() if size >= MIN_UNITS)
    return Replicates(
        total,
        np.array([len(units) for units in members], np.int64),
        np.array([large[category] for category in range(len(members))], np.int64),
    )


def _unit_weights(rng: np.random.Generator, replicates: int) -> Int:
    """0, 1, 2 ... with chances 1/2, 1/4, 1/8 ...: mean 1, variance 2."""
    return rng.geometric(0.5, replicates) - 1


def _source_weights(rng: np.random.Generator, replicates: int) -> Int:
    """Standard exponential weights, in units of 1/SOURCE_UNIT."""
    return np.maximum(np.rint(SOURCE_UNIT * rng.standard_exponential(replicates)), 1).astype(np.int64)


def _redraw(
    weights: Mapping[Hashable, Int],
    members: Sequence[Collection[Hashable]],
    replicates: int,
    rng: np.random.Generator,
) -> dict[Hashable, Int]:
    """What to add to the weights of each unit, (replicates,), so that no category is empty in a replicate.

    `members` holds the units of each category.  Only the units of an empty category are drawn again, and their
    weights are all 0 there, so no weight ever falls.
    """
    added: dict[Hashable, Int] = {}
    for _ in range(MAX_DRAWS):
        done = True
        for group in filter(None, members):
            present = np.zeros(replicates, np.bool_)
            for unit in group:
                present |= weights[unit] + added.get(unit, 0) > 0
                if present.all():
                    break
            empty = np.flatnonzero(~present)
            if not len(empty):
                continue
            done = False
            for unit in group:
                added.setdefault(unit, np.zeros(replicates, np.int64))[empty] = _unit_weights(rng, len(empty))
        if done:
            return added
    raise ReplicateError(f"some category was still without text after {MAX_DRAWS} draws of a replicate")


def _rows(words: WordTable, documents: Iterable[Document]) -> Iterator[Row]:
    """Look up the words of every document of a category in `words`."""
    text = words.text.tobytes()
    spans = zip(words.offsets[:-1].tolist(), words.offsets[1:].tolist(), strict=True)
    number = {text[a:b]: i for i, (a, b) in enumerate(spans)}
    category_number = {name: i for i, name in enumerate(words.categories)}
    entry_key = words.entry_words() * len(words.categories) + words.row_category
    for document in documents:
        c = category_number.get(document.category)
        if c is None:
            continue
        ids = np.array([number.get(piece.encode(), -1) for piece in document.words if piece], np.int64)
        keys, counts = np.unique(ids * len(words.categories) + c, return_counts=True)
        entries = np.minimum(np.searchsorted(entry_key, keys), len(entry_key) - 1)
        if (ids < 0).any() or (entry_key[entries] != keys).any():
            raise ReplicateError(
                f"document {document.unit} has words that the word counts of {document.category} do not have"
            )
        yield Row(document.unit, c, document.source, entries, counts)


@njit(cache=True)
def _add(total, seen, entries, counts, weights):  # type: ignore[no-untyped-def]
    for i in range(len(entries)):
        seen[entries[i]] += counts[i]
        for r in range(total.shape[1]):
            total[entries[i], r] += counts[i] * weights[r]
