"""Write a dataset: the documents that every stage kept, with their last edits, and a rejection for each other one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lexmill.corpus.candidates import KEPT, Rows
from lexmill.corpus.dedup import splits_of
from lexmill.corpus.params import CleaningParams, RepeatedTextParams
from lexmill.corpus.parts import Part, TextBatch, changed_texts, part_rows, redacted_texts, text_batches
from lexmill.corpus.pii import pii_spans, redacted
from lexmill.corpus.prefetch import prefetched
from lexmill.corpus.repeated import Cuts, Units, cut_units, repeated_units, unit_hashes
from lexmill.corpus.schema import DOCUMENTS, EXCERPT_CHARACTERS, REJECTIONS, excerpt_of
from lexmill.corpus.tables import read_shards
from lexmill.corpus.tally import Tally
from lexmill.corpus.verdicts import judged

REDUCED_TO_NOTHING = "only_repeated_text"


@dataclass(frozen=True)
class Decisions:
    """What was decided of all rows, beside `Rows.drop`."""

    duplicate_of: Callable[[int], tuple[str, str | None] | None]  # row -> (id of the kept document, detail)
    cuts: Cuts | None  # row -> numbers of the lines or paragraphs to cut


class Written(NamedTuple):
    """One batch as it goes to the files."""

    rows: np.ndarray  # int64: row numbers of the documents
    documents: pa.RecordBatch  # schema DOCUMENTS
    signatures: pa.RecordBatch  # row by row with the documents
    rejections: pa.RecordBatch  # schema REJECTIONS


def written_batches(
    rows: Rows, parts: Sequence[Part], params: CleaningParams, decisions: Decisions, tally: Tally
) -> Iterator[Written]:
    """Batches in the order of the parts.  Counts the stages `pii` and `repeated_text`, which edit what is kept."""
    base = 0
    for part in parts:
        tables = (text_batches(part), read_shards(part.attributes), read_shards(part.signatures))
        for batch, attributes, signatures in prefetched(zip(*tables, strict=True)):
            first = base + batch.start
            kept = np.flatnonzero(rows.drop[first : first + len(batch.texts)] == KEPT)
            texts = _last_edits(batch, kept, first, rows, params, decisions, tally)
            empty = np.flatnonzero(pc.binary_length(texts).to_numpy() == 0)
            if len(empty):
                rows.drop[first + kept[empty]] = rows.drops(f"repeated_text/{REDUCED_TO_NOTHING}")
                texts, kept = texts.filter(pc.not_equal(pc.binary_length(texts), 0)), np.delete(kept, empty)
            yield Written(
                first + kept,
                _documents(batch.documents, kept, first, rows, texts, attributes, params),
                signatures.take(pa.array(kept)),
                _rejections(batch, first, rows, attributes, params, decisions),
            )
        base += part_rows(part)


def repeated_cuts(
    rows: Rows, parts: Sequence[Part], params: CleaningParams, scratch: Path, tally: Tally
) -> Cuts | None:
    """By row the numbers of its lines or paragraphs that stand in a preferred document already."""
    if params.repeated_text is None:
        return None
    with tally.timing("repeated_text"):
        return repeated_units(_units(rows, parts, params.repeated_text), rows.rank(), scratch)


def _units(
    rows: Rows, parts: Sequence[Part], params: RepeatedTextParams
) -> Iterator[tuple[np.ndarray, Units]]:
    """Lines or paragraphs of the kept documents, as they are without personal data."""
    base = 0
    for part in parts:
        for batch in text_batches(part):
            first = base + batch.start
            kept = np.flatnonzero(rows.drop[first : first + len(batch.texts)] == KEPT)
            taken = pa.array(kept)
            texts = redacted_texts(batch.documents["id"].take(taken), batch.texts.take(taken), batch.spans)
            yield first + kept, unit_hashes(texts, params)
        base += part_rows(part)


def redacted_refusals(refused: pa.RecordBatch, params: CleaningParams) -> pa.RecordBatch:
    """Refusals of a reader without the personal data in excerpts and details."""
    if not params.pii.kinds:
        return refused
    languages = [label or "" for label in refused["language"].to_pylist()]
    columns = dict(zip(refused.schema.names, refused.columns, strict=True))
    for name in ("excerpt", "detail"):
        texts = [_uncut(text or "") for text in refused[name].to_pylist()]
        found: dict[int, list[tuple[str, int, int]]] = {}
        spans = pii_spans(texts, languages, params.pii.kinds)
        for row, kind, start, end in zip(spans.row.tolist(), spans.kind, spans.start, spans.end, strict=True):
            found.setdefault(row, []).append((kind, int(start), int(end)))
        columns[name] = pa.array([redacted(text, found.get(row, ())) for row, text in enumerate(texts)])
    return pa.RecordBatch.from_arrays([columns[n] for n in REJECTIONS.names], schema=REJECTIONS)


def _uncut(excerpt: str) -> str:
    """An excerpt without the word that its end may have cut: half an address would not be recognised."""
    return excerpt.rpartition(" ")[0] if len(excerpt) >= EXCERPT_CHARACTERS else excerpt


def _last_edits(
    batch: TextBatch,
    kept: np.ndarray,
    first: int,
    rows: Rows,
    params: CleaningParams,
    decisions: Decisions,
    tally: Tally,
) -> pa.Array:
    """Texts of the kept documents without personal data and repeated paragraphs; counts both stages."""
    taken = pa.array(kept)
    corpus = rows.corpus[first + kept]
    nothing = np.full(len(kept), -1)
    started = time.perf_counter()
    result = redacted_texts(batch.documents["id"].take(taken), batch.texts.take(taken), batch.spans)
    before, after = rows.bytes[first + kept], pc.binary_length(result).to_numpy().astype(np.int64)
    tally.add_rows("pii", rows.corpora, corpus, before, after, nothing, [])
    tally.time("pii", time.perf_counter() - started)
    if params.repeated_text is not None:
        started = time.perf_counter()
        result = _cut(result, first + kept, params.repeated_text.unit, decisions.cuts)
        before, after = after, pc.binary_length(result).to_numpy().astype(np.int64)
        drop = np.where(after == 0, 0, -1)
        tally.add_rows("repeated_text", rows.corpora, corpus, before, after, drop, [REDUCED_TO_NOTHING])
        tally.time("repeated_text", time.perf_counter() - started)
    rows.bytes[first + kept] = after
    return result


def _cut(
    texts: pa.Array, places: np.ndarray, unit: Literal["line", "paragraph"], cuts: Cuts | None
) -> pa.Array:
    found = [cuts.get(row) for row in places.tolist()] if cuts is not None else []
    return changed_texts(texts, found, lambda text, numbers: cut_units(text, numbers, unit))


def _documents(
    source: pa.RecordBatch,
    kept: np.ndarray,
    first: int,
    rows: Rows,
    texts: pa.Array,
    attributes: pa.RecordBatch,
    params: CleaningParams,
) -> pa.RecordBatch:
    taken = source.take(pa.array(kept))
    found = attributes.select(["detected_language", "detection_score"]).take(pa.array(kept))
    labels = pa.array(rows.languages.labels, pa.string())
    languages = labels.take(pa.array(rows.language[first + kept])) if len(kept) else pa.array([], pa.string())
    keys = pc.coalesce(taken["group"], taken["id"]).to_pylist()
    changed = {
        "text": texts,
        "bytes": pc.binary_length(texts).cast(pa.int64()),
        "language": pc.if_else(pc.equal(languages, ""), None, languages),
        "detected_language": found["detected_language"],
        "detection_score": found["detection_score"],
        "split": pa.array(splits_of(keys, params.splits).tolist(), pa.string()),
    }
    columns = [changed[name] if name in changed else taken[name] for name in DOCUMENTS.names]
    return pa.RecordBatch.from_arrays(columns, schema=DOCUMENTS)


def _rejections(
    batch: TextBatch,
    first: int,
    rows: Rows,
    attributes: pa.RecordBatch,
    params: CleaningParams,
    decisions: Decisions,
) -> pa.RecordBatch:
    """Rejected rows; bytes and excerpt are those after the edits, personal data left out of the excerpt too."""
    drop = rows.drop[first : first + len(batch.texts)]
    dropped = np.flatnonzero(drop != KEPT)
    taken = pa.array(dropped)
    part = batch.documents.select(["id", "corpus", "domain", "origin", "declared_language"]).take(taken)
    texts = redacted_texts(part["id"], batch.texts.take(taken), batch.spans)
    details = judged(part["declared_language"].to_pylist(), attributes.take(taken), params).details
    stages_reasons = [rows.drops.labels[code].partition("/") for code in drop[dropped]]
    earlier = [decisions.duplicate_of(first + row) for row in dropped.tolist()]
    columns = {
        "id": part["id"],
        "corpus": part["corpus"],
        "language": pa.array(
            [rows.languages.labels[code] or None for code in rows.language[first + dropped]], pa.string()
        ),
        "domain": part["domain"],
        "origin": part["origin"],
        "bytes": pa.array(rows.bytes[first + dropped]),
        "stage": pa.array([stage for stage, _, _ in stages_reasons], pa.string()),
        "reason": pa.array([reason for _, _, reason in stages_reasons], pa.string()),
        "detail": pa.array(
            [found[1] if found else detail for found, detail in zip(earlier, details, strict=True)],
            pa.string(),
        ),
        "duplicate_of": pa.array([found[0] if found else None for found in earlier], pa.string()),
        "excerpt": pa.array([excerpt_of(text) for text in texts.to_pylist()], pa.string()),
    }
    return pa.RecordBatch.from_arrays([columns[name] for name in REJECTIONS.names], schema=REJECTIONS)
