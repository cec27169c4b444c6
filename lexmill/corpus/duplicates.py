"""Duplicates among the documents of a dataset and against earlier ones, with flat memory."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from lexmill.corpus.clusters import BandColumn, Clusters, candidate_rows, near_clusters
from lexmill.corpus.minhash import shingles
from lexmill.corpus.ngrams import pair_jaccard
from lexmill.corpus.params import NearDedupParams
from lexmill.corpus.words import split_words

BLOCK_SHINGLES = 2**22  # shingles in memory while pairs are compared, 32 MB


def first_of(keys: np.ndarray, rank: np.ndarray) -> np.ndarray:
    """int64 (rows,): for each row the row of lowest rank with the same key, -1 for that row itself.

    keys: uint64 (rows, k); rank: (rows,) distinct integers.
    """
    order = np.lexsort((rank, *keys.T[::-1]))
    ordered = keys[order]
    begins = np.ones(len(order), bool)
    begins[1:] = np.any(ordered[1:] != ordered[:-1], axis=1)
    firsts = order[begins][np.cumsum(begins) - 1]
    result = np.empty(len(order), np.int64)
    result[order] = np.where(begins, -1, firsts)
    return result


def near_duplicates(
    band_column: BandColumn,
    rank: np.ndarray,
    texts_of: Callable[[np.ndarray], Iterator[pa.Array]],
    params: NearDedupParams,
    scratch: Path,
    earlier: np.ndarray | None = None,
) -> Clusters:
    """Near-duplicates of rows 0 .. len(rank) - 1 (see `near_clusters`), reading only the texts that must be compared.

    texts_of: ascending row numbers (int64) -> their texts in that order, as string arrays of any sizes; called once.
    The shingles of these texts wait in an unnamed temporary file in `scratch`, 8 bytes a distinct shingle.
    Raises ValueError when there is not a text for each row asked for.
    """
    rows = candidate_rows(band_column, len(rank), params, earlier)
    with contextlib.closing(ShingleFile(scratch)) as file:
        for texts in texts_of(rows):
            file.append(*shingles(split_words(texts), params))
        if file.count != len(rows):
            raise ValueError(f"{len(rows)} texts were asked for and {file.count} came")
        found = near_clusters(
            lambda band: band_column(band)[rows],
            rank[rows],
            lambda pairs: file.similarity(pairs, params.threshold),
            params,
            None if earlier is None else earlier[rows],
        )
    representative = np.full(len(rank), -1, np.int64)
    similarity = np.zeros(len(rank), np.float32)
    dropped = found.representative >= 0
    representative[rows[dropped]] = rows[found.representative[dropped]]
    similarity[rows] = found.similarity
    return found._replace(representative=representative, similarity=similarity)


class ShingleFile:
    """Shingle sets of documents in a temporary file: appended in order, read back by number."""

    def __init__(self, folder: Path) -> None:
        self._file = tempfile.TemporaryFile(dir=folder, prefix="shingles-")  # noqa: SIM115
        self._starts = [np.zeros(1, np.int64)]

    def close(self) -> None:
        """Remove the file."""
        self._file.close()

    @property
    def count(self) -> int:
        """Sets appended so far."""
        return sum(map(len, self._starts)) - 1

    def append(self, hashes: np.ndarray, offsets: np.ndarray) -> None:
        """Add sets as `shingles` gives them: uint64, ascending and distinct between int64 offsets (sets + 1,)."""
        self._file.write(np.ascontiguousarray(hashes).data)
        self._starts.append(offsets[1:] + self._starts[-1][-1])

    def similarity(self, pairs: np.ndarray, at_least: float = 0.0) -> np.ndarray:
        """float64 (pairs,): Jaccard similarity of sets, by int64 (pairs, 2) numbers.

        Pairs whose sizes alone keep them below `at_least` are not read and get 0.
        """
        self._starts = [np.concatenate(self._starts)]
        self._file.flush()
        starts = self._starts[0]
        sizes = np.diff(starts)
        smaller, larger = np.sort(sizes[pairs], axis=1).T
        result = np.zeros(len(pairs), np.float64)
        possible = np.flatnonzero(smaller >= at_least * larger)
        again = np.zeros(len(possible), bool)  # the star of a bucket stands in many pairs, one after another
        again[1:] = pairs[possible[1:], 0] == pairs[possible[:-1], 0]
        load = np.cumsum(sizes[pairs[possible, 1]] + np.where(again, 0, sizes[pairs[possible, 0]]))
        for block in np.split(possible, np.flatnonzero(np.diff(load // BLOCK_SHINGLES)) + 1):
            if len(block):
                result[block] = self._block(pairs[block], starts)
        return result

    def _block(self, pairs: np.ndarray, starts: np.ndarray) -> np.ndarray:
        """Similarity of pairs whose sets fit in memory together."""
        numbers, places = np.unique(pairs, return_inverse=True)
        places = places.reshape(pairs.shape)
        offsets = np.zeros(len(numbers) + 1, np.int64)
        np.cumsum(starts[numbers + 1] - starts[numbers], out=offsets[1:])
        hashes = np.empty(offsets[-1], np.uint64)
        # neighbours in the file are read together
        runs = np.split(np.arange(len(numbers)), np.flatnonzero(np.diff(numbers) > 1) + 1)
        for run in runs:
            part = hashes[offsets[run[0]] : offsets[run[-1] + 1]]
            self._read(part, 8 * int(starts[numbers[run[0]]]))
        result = np.empty(len(pairs), np.float64)
        pair_jaccard(hashes, offsets, places[:, 0].copy(), places[:, 1].copy(), result)
        return result

    def _read(self, target: np.ndarray, place: int) -> None:
        left = memoryview(target.view(np.uint8))  # type: ignore[arg-type]
        while len(left):
            size = os.preadv(self._file.fileno(), [left], place)
            if size == 0:
                raise OSError("the temporary file of shingles is shorter than what was written to it")
            left, place = left[size:], place + size
