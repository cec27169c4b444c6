"""Near-duplicates from band keys: candidates by locality-sensitive hashing, each verified, the first of each kind kept.

A document is dropped only when it is verified similar to a document *that stays*.  Clusters by connected components
would also drop the end of a chain a ~ b ~ c, though it resembles nothing that is left.  Going through documents in
order of rank and keeping those that match none kept so far gives the same set; so what is kept depends neither on
the order of rows nor on shards, and deduplicating B against the deduplicated A equals deduplicating A and B at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from lexmill.corpus.leaders import first_leaders
from lexmill.corpus.params import NearDedupParams

BandColumn = Callable[[int], np.ndarray]
"""Band number -> uint64 (rows,), the band keys."""
Similarity = Callable[[np.ndarray], np.ndarray]
"""int64 (pairs, 2) row numbers -> float64 (pairs,) Jaccard similarity."""

# Documents of a bucket that are compared with all others of it.  More than this many documents that share a band and
# are yet not similar come from boilerplate; the rest of their pairs is left out, and counted.
ROUNDS = 64


class Clusters(NamedTuple):
    """What near-duplicate detection found."""

    representative: np.ndarray
    """int64 (rows,): the row that stays in this one's place, -1 for rows that stay."""
    similarity: np.ndarray
    """float32 (rows,): Jaccard similarity with the representative, 0 for rows that stay."""
    compared: int
    """Pairs that were verified."""
    uncompared: int
    """Pairs of large buckets that were left out, at most."""


def candidate_rows(
    band_column: BandColumn, rows: int, params: NearDedupParams, earlier: np.ndarray | None = None
) -> np.ndarray:
    """int64, ascending: the rows that share a band key with another row, so whose texts must be compared.

    earlier: bool (rows,), documents of earlier datasets, which need not be compared with one another.
    """
    found = np.zeros(rows, bool)
    for band in range(params.bands):
        members, bucket = _buckets(band_column(band))
        if earlier is not None:
            new = np.bincount(bucket, ~earlier[members]) > 0
            members = members[new[bucket]]
        found[members] = True
    return np.flatnonzero(found)


def near_clusters(
    band_column: BandColumn,
    rank: np.ndarray,
    similarity: Similarity,
    params: NearDedupParams,
    earlier: np.ndarray | None = None,
) -> Clusters:
    """Keep the documents that match none kept of lower rank; all others get one of those as representative.

    rank: (rows,) distinct integers, lowest preferred.  earlier: bool (rows,), documents that always stay; they must
    have the lowest ranks.  Memory: about 60 bytes a row and 16 a compared pair; one band is held at a time.

    Buckets are compared star-wise, the lowest rank with all others and again among those that did not match, over
    the rows that stay so far.  When a star is dropped itself, the rows it stood for return and meet the others;
    so this is repeated until nothing new is compared.  Raises ValueError when an earlier document has not the
    lowest rank.
    """
    order = np.argsort(rank, kind="stable")  # position by rank -> row
    first_new = 0 if earlier is None else int(np.count_nonzero(earlier))
    if earlier is not None and not np.all(earlier[order[:first_new]]):
        raise ValueError("documents of earlier datasets must have lower ranks than all others")
    verified = _Verified(order, similarity, params.threshold)
    stays = np.ones(len(order), bool)
    while True:
        compared, uncompared = verified.count, 0
        for band in range(params.bands):
            keys = band_column(band)[order]
            uncompared += _compare(keys, stays, first_new, verified)
            stays = verified.leaders()[0] < 0
        if verified.count == compared:
            break
    leader, scores = verified.leaders()
    representative = np.full(len(order), -1, np.int64)
    strength = np.zeros(len(order), np.float32)
    dropped = leader >= 0
    representative[order[dropped]] = order[leader[dropped]]
    strength[order[dropped]] = scores[dropped]
    return Clusters(representative, strength, verified.count, uncompared)


def _buckets(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions that share their key with another, by bucket and ascending in it -> (positions, bucket number)."""
    order = np.argsort(keys)
    ordered = keys[order]
    same = ordered[1:] == ordered[:-1]
    shared = np.zeros(len(keys), bool)
    shared[1:] |= same
    shared[:-1] |= same
    members, values = order[shared], ordered[shared]
    bucket = np.cumsum(_starts(values)) - 1
    return members[np.lexsort((members, bucket))], bucket


def _starts(values: np.ndarray) -> np.ndarray:
    """bool: where a run of equal values begins."""
    begins = np.ones(len(values), bool)
    begins[1:] = values[1:] != values[:-1]
    return begins


def _compare(keys: np.ndarray, stays: np.ndarray, first_new: int, verified: _Verified) -> int:
    """Compare the buckets of one band star-wise -> pairs left out."""
    alive = np.flatnonzero(stays)
    members, bucket = _buckets(keys[alive])
    members = alive[members]
    for _ in range(ROUNDS):
        starts = np.flatnonzero(_starts(bucket))
        sizes = np.diff(starts, append=len(bucket))
        useful = (sizes > 1) & (members[starts + sizes - 1] >= first_new)
        wanted = np.repeat(useful, sizes)
        if not wanted.any():
            verified.settle()
            return 0
        star = np.repeat(members[starts], sizes)
        others = wanted.copy()
        others[starts] = False
        tested = others & (members >= first_new)
        others[tested] = ~verified.match(star[tested], members[tested])
        members, bucket = members[others], bucket[others]
    verified.settle()
    sizes = np.unique(bucket, return_counts=True)[1]
    return int(np.sum(sizes * (sizes - 1) // 2))


class _Verified:
    """The pairs compared so far, as positions by rank: `lower << 32 | higher`, ascending, and their similarity."""

    def __init__(self, order: np.ndarray, similarity: Similarity, threshold: float) -> None:
        self._order, self._similarity, self._threshold = order, similarity, threshold
        self._pairs, self._scores = np.zeros(0, np.uint64), np.zeros(0, np.float64)
        self._new: list[tuple[np.ndarray, np.ndarray]] = []
        self.count = 0

    def match(self, lower: np.ndarray, higher: np.ndarray) -> np.ndarray:
        """bool (pairs,): whether the documents are duplicates; compares those pairs that are not known."""
        pairs = lower.astype(np.uint64) << np.uint64(32) | higher.astype(np.uint64)
        place = np.searchsorted(self._pairs, pairs)
        known = np.zeros(len(pairs), bool)
        inside = place < len(self._pairs)
        known[inside] = self._pairs[place[inside]] == pairs[inside]
        scores = np.empty(len(pairs), np.float64)
        scores[known] = self._scores[place[known]]
        if not known.all():
            rows = np.stack([self._order[lower[~known]], self._order[higher[~known]]], axis=1)
            scores[~known] = self._similarity(rows)
            self._new.append((pairs[~known], scores[~known]))
            self.count += len(rows)
        return scores >= self._threshold  # type: ignore[no-any-return]

    def settle(self) -> None:
        """Remember the pairs compared since the last call: within a band none comes twice."""
        if self._new:
            pairs = np.concatenate([self._pairs, *(pairs for pairs, _ in self._new)])
            order = np.argsort(pairs)
            self._pairs = pairs[order]
            self._scores = np.concatenate([self._scores, *(scores for _, scores in self._new)])[order]
            self._new = []

    def leaders(self) -> tuple[np.ndarray, np.ndarray]:
        """By position: that of the document that stays in its place (-1: stays itself), and their similarity."""
        matching = self._scores >= self._threshold
        pairs, scores = self._pairs[matching], self._scores[matching]
        lower, higher = (
            (pairs >> np.uint64(32)).astype(np.int64),
            (pairs & np.uint64(0xFFFFFFFF)).astype(np.int64),
        )
        by_higher = np.argsort(higher, kind="stable")  # and so by (higher, lower)
        lower, higher, scores = lower[by_higher], higher[by_higher], scores[by_higher]
        pair = first_leaders(lower, higher, len(self._order))
        dropped = pair >= 0
        leader, strength = np.full(len(pair), -1, np.int64), np.zeros(len(pair))
        leader[dropped], strength[dropped] = lower[pair[dropped]], scores[pair[dropped]]
        return leader, strength
