"""Exact and near-duplicates among the rows of a dataset in the making, and against earlier datasets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from lexmill.corpus.attributes import band_column
from lexmill.corpus.candidates import Rows
from lexmill.corpus.duplicates import first_of, near_duplicates
from lexmill.corpus.params import CleaningParams
from lexmill.corpus.parts import (
    Earlier,
    Part,
    earlier_batches,
    part_rows,
    redacted_texts,
    signature_column,
    text_batches,
)
from lexmill.corpus.prefetch import prefetched
from lexmill.corpus.tables import read_shards
from lexmill.corpus.tally import Tally

_NONE = np.iinfo(np.int64).min


@dataclass
class Duplicates:
    """For each row the document that stays in its place."""

    rows: Rows
    kept: np.ndarray  # int64 (rows,): a row, -1 - place for one of an earlier dataset, _NONE for no duplicate
    similarity: np.ndarray  # float32 (rows,): of near-duplicates, else NaN
    earlier_ids: dict[int, str]
    numbers: dict[
        str, int
    ]  # pairs of the near-duplicate search: `compared`, and `uncompared` in too large buckets

    def of(self, row: int) -> tuple[str, str | None] | None:
        """(id of the kept document, how similar it is) of a dropped duplicate; None of any other row."""
        kept = int(self.kept[row])
        if kept == _NONE:
            return None
        while kept >= 0 and self.kept[kept] != _NONE:  # an exact duplicate of what is a near-duplicate itself
            kept = int(self.kept[kept])
        identifier = self.rows.name(kept) if kept >= 0 else self.earlier_ids[-1 - kept]
        near = not np.isnan(self.similarity[row])
        return identifier, f"similarity {self.similarity[row]:.2f}" if near else None


def deduplicate(
    rows: Rows,
    parts: Sequence[Part],
    earlier: Sequence[Earlier],
    params: CleaningParams,
    scratch: Path,
    tally: Tally,
) -> Duplicates:
    """Drop the duplicates among the rows that are alive, first exact ones, then near ones (`rows.drop` changes)."""
    size = len(rows.drop)
    found = Duplicates(rows, np.full(size, _NONE), np.full(size, np.nan, np.float32), {}, {})
    places = _Places(rows, parts, earlier)
    if params.exact_dedup:
        with tally.timing("exact_dedup"):
            keys = np.stack([places.column("exact_high"), places.column("exact_low")], axis=1)
            first = first_of(keys, places.rank)
            places.drop(first, "exact_dedup/duplicate", found)
    if params.near_dedup is not None:
        with tally.timing("near_dedup"):
            places.refresh()
            clusters = near_duplicates(
                lambda band: places.column(band_column(band)),
                places.rank,
                places.texts,
                params.near_dedup,
                scratch,
                places.is_earlier if places.earlier else None,
            )
            places.drop(clusters.representative, "near_dedup/near_duplicate", found, clusters.similarity)
            found.numbers = {"compared": clusters.compared, "uncompared": clusters.uncompared}
    _name_earlier(found, earlier)
    return found


class _Places:
    """What is compared: the documents of earlier datasets, then the rows that are alive; a place counts both."""

    def __init__(self, rows: Rows, parts: Sequence[Part], earlier: Sequence[Earlier]) -> None:
        self._rows, self._parts, self._sets = rows, parts, earlier
        self.earlier = sum(map(part_rows, earlier))
        self._all_ranks = rows.rank()
        self.refresh()

    def refresh(self) -> None:
        """Take the rows that are alive now."""
        self._alive = self._rows.alive
        ranks = self._all_ranks[self._alive] + np.uint64(self.earlier)
        self.rank = np.concatenate([np.arange(self.earlier, dtype=np.uint64), ranks])
        self.is_earlier = np.arange(len(self.rank)) < self.earlier

    def column(self, name: str) -> np.ndarray:
        """uint64 (places,): a column of the signatures."""
        mine = [signature_column(part, name) for part in self._parts]
        theirs = [signature_column(part, name) for part in self._sets]
        alive = np.concatenate(mine)[self._alive] if mine else np.zeros(0, np.uint64)
        return np.concatenate([*theirs, alive])

    def drop(
        self, kept: np.ndarray, reason: str, found: Duplicates, similarity: np.ndarray | None = None
    ) -> None:
        """Drop the places that another one stands for; `kept` (int64, places) is -1 for those that stay."""
        dropped = np.flatnonzero(kept >= 0)
        dropped = dropped[dropped >= self.earlier]
        here, other = self._alive[dropped - self.earlier], kept[dropped]
        mine = self._alive[np.maximum(other - self.earlier, 0)] if len(self._alive) else other
        found.kept[here] = np.where(other < self.earlier, -1 - other, mine)
        if similarity is not None:
            found.similarity[here] = similarity[dropped]
        self._rows.drop[here] = self._rows.drops(reason)

    def texts(self, places: np.ndarray) -> Iterator[pa.Array]:
        """Texts of ascending places, without personal data: those of earlier datasets have none any more."""
        wanted = places.copy()
        mine = wanted >= self.earlier
        wanted[mine] = self._alive[wanted[mine] - self.earlier]
        yield from _taken(self._sets, earlier_batches, wanted[~mine])
        yield from _taken(self._parts, text_batches, wanted[mine])


def _taken(parts, batches, wanted: np.ndarray) -> Iterator[pa.Array]:  # type: ignore[no-untyped-def]
    """Texts of ascending row numbers, counted over all parts."""
    base = 0
    for part in parts:
        size = part_rows(part)
        if np.any((wanted >= base) & (wanted < base + size)):
            for batch in prefetched(batches(part)):
                first = base + batch.start
                low, high = np.searchsorted(wanted, [first, first + len(batch.texts)])
                if high > low:
                    taken = pa.array(wanted[low:high] - first)
                    yield redacted_texts(
                        batch.documents["id"].take(taken), batch.texts.take(taken), batch.spans
                    )
        base += size


def _name_earlier(found: Duplicates, earlier: Sequence[Earlier]) -> None:
    """Look up the ids of the earlier documents that stand for others."""
    kept = found.kept
    wanted = np.unique(-1 - kept[(kept < 0) & (kept != _NONE)])
    base = 0
    for part in earlier:
        for batch in read_shards(part.documents, ["id"]):
            low, high = np.searchsorted(wanted, [base, base + batch.num_rows])
            for place in wanted[low:high].tolist():
                found.earlier_ids[place] = batch["id"][place - base].as_py()
            base += batch.num_rows
