"""The accounting of cleaning: what came into every stage, what was dropped for which reason, what went out."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from lexmill.corpus.schema import STAGE_REPORT

STAGES = (
    "read",
    "normalize",
    "language",
    "quality",
    "decontamination",
    "exact_dedup",
    "near_dedup",
    "sampling",
    "pii",
    "repeated_text",
)
_RANK = {"in": 0, "edited": 2, "out": 3}  # drop reasons between


@dataclass
class Tally:
    """Documents and bytes by (stage, corpus, reason), and seconds by stage (not part of any payload)."""

    documents: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    bytes: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)

    def add(self, stage: str, corpus: str, reason: str, documents: int, size: int) -> None:
        """Count documents and their bytes; nothing is nothing."""
        if documents or size:
            self.documents[stage, corpus, reason] += documents
            self.bytes[stage, corpus, reason] += size

    def add_rows(
        self,
        stage: str,
        corpora: Sequence[str],
        corpus: np.ndarray,
        before: np.ndarray,
        after: np.ndarray,
        drop: np.ndarray,
        reasons: Sequence[str],
    ) -> None:
        """Count the rows that came into a stage.

        `corpus` (int, rows) is a place in `corpora`; `before` and `after` (int64, rows) are bytes before and after
        the stage's edits; `drop` (int, rows) is a place in `reasons`, -1 for what stays.
        """
        width = len(reasons) + 1
        cells = corpus.astype(np.int64) * width + drop + 1
        documents = sums_by(cells, np.ones(len(cells), np.int64), len(corpora) * width)
        sizes = sums_by(cells, after, len(corpora) * width)
        came = sums_by(corpus, before, len(corpora))
        for place, name in enumerate(corpora):
            here = slice(place * width, (place + 1) * width)
            self.add(stage, name, "in", int(documents[here].sum()), int(came[place]))
            self.add(stage, name, "edited", 0, int(came[place] - sizes[here].sum()))
            for reason, count, size in zip(("out", *reasons), documents[here], sizes[here], strict=True):
                self.add(stage, name, reason, int(count), int(size))

    def time(self, stage: str, seconds: float) -> None:
        """Add seconds to a stage."""
        self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds

    @contextmanager
    def timing(self, stage: str) -> Iterator[None]:
        """Add the wall-clock seconds of the block to a stage."""
        started = time.perf_counter()
        yield
        self.time(stage, time.perf_counter() - started)

    def table(self) -> pa.Table:
        """The stage report (schema `STAGE_REPORT`), by stage, corpus, `in`, drops, `edited`, `out`.

        For each stage and corpus `in` = `out` + drops + `edited`, in documents and in bytes.
        """
        keys = sorted(self.documents, key=lambda k: (STAGES.index(k[0]), k[1], _RANK.get(k[2], 1), k[2]))
        columns = [*zip(*keys, strict=True)] if keys else [(), (), ()]
        counts = [[self.documents[key] for key in keys], [self.bytes[key] for key in keys]]
        return pa.table([*map(list, columns), *counts], schema=STAGE_REPORT)


def sums_by(cells: np.ndarray, values: np.ndarray, size: int) -> np.ndarray:
    """Exact integer sums by cell (np.bincount would sum in float64)."""
    sums = np.zeros(size, np.int64)
    np.add.at(sums, cells, values)
    return sums


def stage_sums(tally: Tally) -> dict[str, Counter[str]]:
    """Documents by stage and reason (`in`, `out` and drop reasons), over all corpora."""
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    for (stage, _, reason), documents in tally.documents.items():
        sums[stage][reason] += documents
    return sums


def dropped(reasons: Mapping[str, int]) -> dict[str, int]:
    """The drop reasons of one stage, most first."""
    drops = {reason: n for reason, n in reasons.items() if reason not in ("in", "out", "edited") and n}
    return dict(sorted(drops.items(), key=lambda item: (-item[1], item[0])))
