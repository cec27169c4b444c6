"""The rows of a dataset in the making: one entry a document, and what every stage has decided of it so far."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import xxhash

from lexmill.corpus.params import CleaningParams
from lexmill.corpus.parts import Part, id_hashes, part_rows
from lexmill.corpus.prefetch import prefetched
from lexmill.corpus.sampling import byte_budgets, sampled
from lexmill.corpus.tables import read_shards
from lexmill.corpus.tally import Tally, sums_by
from lexmill.corpus.verdicts import judged

KEPT = -1


class Codes:
    """Small numbers for repeated labels, in the order in which they are first seen."""

    def __init__(self) -> None:
        self.labels: list[str] = []
        self._codes: dict[str, int] = {}

    def __call__(self, label: str) -> int:
        """The number of a label."""
        code = self._codes.setdefault(label, len(self.labels))
        if code == len(self.labels):
            self.labels.append(label)
        return code


@dataclass
class Rows:
    """All documents of all parts, one after another: about 45 bytes each."""

    corpora: list[str]
    corpus: np.ndarray  # int16 (rows,): place in `corpora`
    read_bytes: np.ndarray  # int64 (rows,): as read
    bytes: np.ndarray  # int64 (rows,): after the edits so far
    ids: np.ndarray  # uint64 (rows,): the hash in the id
    language: np.ndarray  # int32 (rows,): place in `languages`
    domain: np.ndarray  # int32 (rows,)
    order: np.ndarray  # uint64 (rows,): hash of the group (else id) for sampling
    drop: np.ndarray  # int16 (rows,): place in `drops`, KEPT for what stays
    languages: Codes = field(default_factory=Codes)
    domains: Codes = field(default_factory=Codes)
    drops: Codes = field(default_factory=Codes)  # "stage/reason"

    @property
    def alive(self) -> np.ndarray:
        """Row numbers of the documents that no stage has dropped, int64."""
        return np.flatnonzero(self.drop == KEPT)

    def rank(self) -> np.ndarray:
        """uint64 (rows,): the order of preference among duplicates: corpora as configured, then the longest, then
        the smallest id.  It does not depend on the order of rows."""
        order = np.lexsort((self.ids, -self.bytes, self.corpus))
        rank = np.empty(len(order), np.uint64)
        rank[order] = np.arange(len(order), dtype=np.uint64)
        return rank

    def name(self, row: int) -> str:
        """Id of a document."""
        return f"{self.corpora[self.corpus[row]]}:{self.ids[row]:016x}"


def read_rows(
    parts: Sequence[Part], params: CleaningParams, progress: Callable[[int], None] = lambda rows: None
) -> Rows:
    """Judge every document by its attributes (see `lexmill.corpus.verdicts`); no text is read."""
    corpora = list(dict.fromkeys(part.corpus for part in parts))
    total = sum(map(part_rows, parts))
    rows = Rows(
        corpora,
        corpus=np.zeros(total, np.int16),
        read_bytes=np.zeros(total, np.int64),
        bytes=np.zeros(total, np.int64),
        ids=np.zeros(total, np.uint64),
        language=np.zeros(total, np.int32),
        domain=np.zeros(total, np.int32),
        order=np.zeros(total, np.uint64),
        drop=np.full(total, KEPT, np.int16),
    )
    start = 0
    for part in parts:
        columns = ["id", "domain", "bytes", "group", "declared_language"]
        sources = read_shards(part.documents, columns)
        for source, attributes in prefetched(zip(sources, read_shards(part.attributes), strict=True)):
            _fill(rows, slice(start, start + source.num_rows), part.corpus, source, attributes, params)
            start += source.num_rows
            progress(start)
    return rows


def _fill(
    rows: Rows,
    here: slice,
    corpus: str,
    source: pa.RecordBatch,
    attributes: pa.RecordBatch,
    params: CleaningParams,
) -> None:
    if not source["id"].equals(attributes["id"]):
        raise ValueError(
            f"the attributes of corpus {corpus!r} do not describe its documents; build them again"
        )
    verdicts = judged(source["declared_language"].to_pylist(), attributes, params, with_details=False)
    rows.corpus[here] = rows.corpora.index(corpus)
    rows.read_bytes[here] = source["bytes"].to_numpy()
    rows.bytes[here] = attributes["bytes"].to_numpy()
    rows.ids[here] = id_hashes(source["id"])
    rows.language[here] = [rows.languages(label or "") for label in verdicts.languages]
    rows.domain[here] = [rows.domains(domain) for domain in source["domain"].to_pylist()]
    rows.drop[here] = [
        KEPT if stage is None else rows.drops(f"{stage}/{reason}")
        for stage, reason in zip(verdicts.stages, verdicts.reasons, strict=True)
    ]
    if params.sampling is not None:
        keys = zip(source["group"].to_pylist(), source["id"].to_pylist(), strict=True)
        seed = params.sampling.seed
        rows.order[here] = [
            xxhash.xxh3_64_intdigest(f"{seed}\0{group or identifier}".encode()) for group, identifier in keys
        ]


def sample_rows(rows: Rows, params: CleaningParams) -> pa.Table | None:
    """Drop what the sampling leaves out; the table says by category: bytes there were, budget, bytes kept."""
    if params.sampling is None:
        return None
    alive = rows.alive
    names = Codes()
    languages, domains = rows.language[alive], rows.domain[alive]
    by = params.sampling.by
    categories = np.array(
        [
            names(
                "/".join(
                    ([rows.languages.labels[language]] if by != "domain" else [])
                    + ([rows.domains.labels[domain]] if by != "language" else [])
                )
            )
            for language, domain in zip(languages.tolist(), domains.tolist(), strict=True)
        ],
        np.int64,
    )
    sizes = sums_by(categories, rows.bytes[alive], len(names.labels))
    budgets = byte_budgets(sizes, params.sampling)
    kept = sampled(categories, rows.order[alive], rows.ids[alive], rows.bytes[alive], budgets)
    rows.drop[alive[~kept]] = rows.drops("sampling/not_sampled")
    left = sums_by(categories[kept], rows.bytes[alive[kept]], len(names.labels))
    table = pa.table({"category": names.labels, "bytes_in": sizes, "budget": budgets, "bytes_out": left})
    return table.sort_by("category")


def count_stages(rows: Rows, stages: Sequence[str], tally: Tally) -> None:
    """Account for the stages that drop whole documents, in their order; the first one sees the edits of reading."""
    came = np.arange(len(rows.drop))
    before = rows.read_bytes
    named = [label.partition("/") for label in rows.drops.labels]
    for stage in stages:
        reasons = [reason for name, _, reason in named if name == stage]
        place = np.full(len(named) + 1, -1)  # the last one is KEPT
        for code, (name, _, reason) in enumerate(named):
            place[code] = reasons.index(reason) if name == stage else -1
        drop = place[rows.drop[came]]
        tally.add_rows(stage, rows.corpora, rows.corpus[came], before[came], rows.bytes[came], drop, reasons)
        came, before = came[drop < 0], rows.bytes
