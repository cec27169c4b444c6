"""Documents of every category in two disjoint random halves, kept as numbers of words.

Memory: 8 bytes for each distinct word of each document, and the distinct words themselves (while reading also a
dict of them: about 100 bytes a word).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lexmill.mixture.bootstrap import Document, Row
from lexmill.mixture.words import WordTable

Int = npt.NDArray[np.int64]


class SimulationError(ValueError):
    """The documents or settings do not allow a simulation."""


@dataclass(frozen=True)
class Half:
    """Documents as compressed rows: document d has the entries start[d]..start[d+1]-1 of `word` and `count`."""

    unit: npt.NDArray[np.int32]  # (documents,)
    category: npt.NDArray[np.int32]
    source: npt.NDArray[np.int32]
    start: Int  # (documents + 1,)
    word: npt.NDArray[np.int32]  # (entries,)
    count: npt.NDArray[np.int32]


@dataclass(frozen=True)
class Halves:
    """Two halves over one list of words; word w is text[offsets[w]:offsets[w+1]], sorted by bytes."""

    categories: tuple[str, ...]
    text: npt.NDArray[np.uint8]
    offsets: Int  # (words + 1,)
    train: Half  # what tokenizers are trained on
    sample: Half  # what mixtures are inferred from
    train_bytes: Int  # (categories,)
    sample_bytes: Int


def halves_of(documents: Iterable[Document], cutter: Callable[[str], list[str]] | None, seed: int) -> Halves:
    """Send every unit (document, or group of translations) to one half, at random but the same for the same seed.

    `Document.words` are texts that `cutter` cuts into pre-tokens, or pre-tokens where `cutter` is None.
    Categories are sorted by name; one without text in either half is an error.
    Raises SimulationError for that, and when there are no documents.
    """
    rng = np.random.default_rng(seed)
    words: dict[str, int] = {}
    numbers: dict[str, dict[str, int]] = {"unit": {}, "category": {}, "source": {}}
    side: dict[str, int] = {}
    rows: tuple[list[tuple[int, int, int]], ...] = ([], [])
    found: tuple[list[npt.NDArray[np.int32]], ...] = ([], [])
    for document in documents:
        if document.unit not in side:
            side[document.unit] = int(rng.integers(2))
        half = side[document.unit]
        key = tuple(
            known.setdefault(value, len(known))
            for known, value in zip(numbers.values(), document[:3], strict=True)
        )
        counted = Counter(filter(None, _pieces(document, cutter)))
        rows[half].append((key[0], key[1], key[2]))
        flat = np.empty((2, len(counted)), np.int32)
        flat[0] = [words.setdefault(word, len(words)) for word in counted]
        flat[1] = list(counted.values())
        found[half].append(flat)
    if not words:
        raise SimulationError("there are no documents with words: give text of at least two categories")
    return _halves(words, tuple(numbers["category"]), rows, found)


def _pieces(document: Document, cutter: Callable[[str], list[str]] | None) -> Iterable[str]:
    if cutter is None:
        return document.words
    texts = [document.words] if isinstance(document.words, str) else document.words
    return (piece for text in texts for piece in cutter(text))


def _halves(
    words: dict[str, int],
    names: tuple[str, ...],
    rows: Sequence[Sequence[tuple[int, int, int]]],
    found: Sequence[Sequence[npt.NDArray[np.int32]]],
) -> Halves:
    """Number words by their bytes and categories by their names."""
    encoded = [word.encode() for word in words]
    order = sorted(range(len(encoded)), key=encoded.__getitem__)
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    lengths = np.array([len(word) for word in encoded], np.int64)[order]
    offsets = np.zeros(len(order) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    text = np.frombuffer(b"".join(encoded[i] for i in order), np.uint8)
    place = np.argsort(np.argsort(np.array(names))).astype(np.int32)
    halves = []
    for documents, entries in zip(rows, found, strict=True):
        key = np.array(documents, np.int32).reshape(-1, 3)
        start = np.zeros(len(documents) + 1, np.int64)
        np.cumsum([entry.shape[1] for entry in entries], out=start[1:])
        flat = np.concatenate([np.empty((2, 0), np.int32), *entries], axis=1)
        halves.append(Half(key[:, 0], place[key[:, 1]], key[:, 2], start, rank[flat[0]], flat[1]))
    sizes = []
    for half in halves:
        category = np.repeat(half.category, np.diff(half.start))
        size = np.zeros(len(names), np.int64)
        np.add.at(size, category, lengths[half.word] * half.count)
        sizes.append(size)
    ordered = tuple(sorted(names))
    for name, a, b in zip(ordered, *sizes, strict=True):
        if not a or not b:
            raise SimulationError(
                f"category {name} has text in only one of the two random halves: give it more documents"
            )
    return Halves(ordered, text, offsets, halves[0], halves[1], sizes[0], sizes[1])


def half_words(halves: Halves, half: Half, chosen: Sequence[int], weights: Int | None = None) -> WordTable:
    """Word table of the chosen categories of one half; they are numbered in the order given.

    `weights` int64 (documents,), positive, multiplies the documents' counts.
    """
    number = np.full(len(halves.categories), -1, np.int64)
    number[list(chosen)] = np.arange(len(chosen))
    category = np.repeat(number[half.category], np.diff(half.start))
    kept = category >= 0
    key = half.word[kept] * np.int64(len(chosen)) + category[kept]
    order = np.argsort(key, kind="stable")
    key, count = key[order], half.count[kept][order].astype(np.int64)
    if weights is not None:
        count *= np.repeat(weights, np.diff(half.start))[kept][order]
    first = np.flatnonzero(np.r_[True, key[1:] != key[:-1]])
    key, count = key[first], np.add.reduceat(count, first)
    word, member = key // len(chosen), key % len(chosen)
    begins = np.flatnonzero(np.r_[True, word[1:] != word[:-1]])
    used = word[begins]
    lengths = np.diff(halves.offsets)[used]
    offsets = np.zeros(len(used) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    at = np.repeat(halves.offsets[used] - offsets[:-1], lengths) + np.arange(offsets[-1])
    return WordTable(
        tuple(halves.categories[c] for c in chosen),
        halves.text[at],
        offsets,
        np.r_[begins, len(word)].astype(np.int64),
        member.astype(np.int32),
        count,
    )


def half_rows(halves: Halves, half: Half, chosen: Sequence[int], words: WordTable) -> Iterator[Row]:
    """The documents of the chosen categories as rows of `words`, their word table."""
    number = {c: i for i, c in enumerate(chosen)}
    used = _word_numbers(halves, half, chosen)
    entry_key = words.entry_words() * len(chosen) + words.row_category
    for d in np.flatnonzero(np.isin(half.category, list(chosen))).tolist():
        entries = slice(half.start[d], half.start[d + 1])
        c = number[int(half.category[d])]
        keys = np.searchsorted(used, half.word[entries]) * len(chosen) + c
        counts = half.count[entries].astype(np.int64)
        yield Row(int(half.unit[d]), c, int(half.source[d]), np.searchsorted(entry_key, keys), counts)


def _word_numbers(halves: Halves, half: Half, chosen: Sequence[int]) -> Int:
    """Numbers in `halves` of the words of the chosen categories' word table, in its order."""
    kept = np.repeat(np.isin(half.category, list(chosen)), np.diff(half.start))
    return np.unique(half.word[kept]).astype(np.int64)
