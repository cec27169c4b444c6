"""Write a dataset: the documents that every stage kept, with their last edits, and a rejection for each other one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lexmill.corpus.candidates import KEPT, Rows
from lexmill.corpus.dedup import splits_of
from lexmill.corpus.params import CleaningParams, RepeatedTextParams
from lexmill.corpus.parts import Part, TextBatch, part_rows, text_batches
from lexmill.corpus.pii import redacted
from lexmill.corpus.prefetch import prefetched
from lexmill.corpus.repeated import Cuts, Units, cut_units, repeated_units, unit_hashes
from lexmill.corpus.schema import DOCUMENTS, REJECTIONS, excerpt_of
from lexmill.corpus.tables import read_columns, read_shards
from lexmill.corpus.tally import Tally
from lexmill.corpus.verdicts import judged

Spans = Mapping[str, Sequence[tuple[str, int, int]]]  # id -> (kind, start, end) in order of place
REDUCED_TO_NOTHING = "only_repeated_text"


@dataclass(frozen=True)
class Decisions:
    """What was decided of all rows, beside `Rows.drop`."""

    duplicate_of: Callable[[int], tuple[str, str | None] | None]  # row -> (id of the kept document, detail)
    cuts: Cuts | None  # row -> numbers of the lines or paragraphs to cut


class Written(NamedTuple):
    """One batch as it goes to the files."""

    documents: pa.RecordBatch  # schema DOCUMENTS
    signatures: pa.RecordBatch  # row by row with the documents
    rejections: pa.RecordBatch  # schema REJECTIONS


def written_batches(
    rows: Rows, parts: Sequence[Part], params: CleaningParams, decisions: Decisions, tally: Tally
) -> Iterator[Written]:
    """Batches in the order of the parts.  Counts the stages `pii` and `repeated_text`, which edit what is kept."""
    base = 0
    for part in parts:
        spans = part_spans(part)
        tables = (text_batches(part), read_shards(part.attributes), read_shards(part.signatures))
        for batch, attributes, signatures in prefetched(zip(*tables, strict=True)):
            first = base + batch.start
            kept = np.flatnonzero(rows.drop[first : first + len(batch.texts)] == KEPT)
            texts = _last_edits(
                batch.documents, batch.texts, kept, first, rows, spans, params, decisions, tally
            )
            empty = np.flatnonzero(pc.binary_length(texts).to_numpy() == 0)
            if len(empty):
                rows.drop[first + kept[empty]] = rows.drops(f"repeated_text/{REDUCED_TO_NOTHING}")
                texts, kept = texts.filter(pc.not_equal(pc.binary_length(texts), 0)), np.delete(kept, empty)
            yield Written(
                _documents(batch.documents, kept, first, rows, texts, attributes, params),
                signatures.take(pa.array(kept)),
                _rejections(batch, first, rows, attributes, spans, params, decisions),
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
        spans = part_spans(part)
        for batch in text_batches(part):
            first = base + batch.start
            kept = np.flatnonzero(rows.drop[first : first + len(batch.texts)] == KEPT)
            taken = pa.array(kept)
            texts = redacted_texts(batch.documents["id"].take(taken), batch.texts.take(taken), spans)
            yield first + kept, unit_hashes(texts, params)
        base += part_rows(part)


def part_spans(part: Part) -> Spans:
    """Personal data of the documents of a part."""
    found: dict[str, list[tuple[str, int, int]]] = {}
    table = read_columns(part.pii)
    columns = (table[name].to_pylist() for name in ("id", "kind", "start", "end"))
    for identifier, kind, start, end in zip(*columns, strict=True):
        found.setdefault(identifier, []).append((kind, start, end))
    return found


def redacted_texts(ids: pa.Array, texts: pa.Array, spans: Spans) -> pa.Array:
    """Texts with personal data replaced by tags."""
    found = [spans.get(identifier) for identifier in ids.to_pylist()] if spans else []
    if not any(found):
        return texts
    changed = [redacted(texts[row].as_py(), places) if places else None for row, places in enumerate(found)]
    return pc.coalesce(pa.array(changed, pa.string()), texts)


def _last_edits(
    documents: pa.RecordBatch,
    texts: pa.Array,
    kept: np.ndarray,
    first: int,
    rows: Rows,
    spans: Spans,
    params: CleaningParams,
    decisions: Decisions,
    tally: Tally,
) -> pa.Array:
    """Texts of the kept documents without personal data and repeated paragraphs; counts both stages."""
    taken = pa.array(kept)
    corpus = rows.corpus[first + kept]
    nothing = np.full(len(kept), -1)
    started = time.perf_counter()
    result = redacted_texts(documents["id"].take(taken), texts.take(taken), spans)
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
    if not any(found):
        return texts
    changed = [
        cut_units(texts[row].as_py(), numbers, unit) if numbers else None for row, numbers in enumerate(found)
    ]
    return pc.coalesce(pa.array(changed, pa.string()), texts)


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
    spans: Spans,
    params: CleaningParams,
    decisions: Decisions,
) -> pa.RecordBatch:
    """Rejected rows; bytes and excerpt are those after the edits, personal data left out of the excerpt too."""
    drop = rows.drop[first : first + len(batch.texts)]
    dropped = np.flatnonzero(drop != KEPT)
    taken = pa.array(dropped)
    part = batch.documents.select(["id", "corpus", "domain", "origin", "declared_language"]).take(taken)
    texts = redacted_texts(part["id"], batch.texts.take(taken), spans)
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
