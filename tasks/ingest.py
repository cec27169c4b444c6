"""Task: a corpus, or a shard of one, to a `source` artifact: its documents as read."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lexmill.archives import ArchiveError, PackageError
from lexmill.corpus.dedup import within_bytes
from lexmill.corpus.files import PathError
from lexmill.corpus.languages import UnknownLanguageError
from lexmill.corpus.members import Member, ReadError, corpus_members
from lexmill.corpus.params import CorpusParams
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
from lexmill.corpus.sharding import Shard, sampled_documents
from lexmill.corpus.summary import Totals, reason_sentence
from lexmill.corpus.tables import parquet_writer, read_shards
from tasks.fetching import check_unchanged, corpus_and_place
from tasks.step import BuildContext, InputError

# Refusals that are a choice and no damage.
_CHOICES = (
    *("over_max_bytes", "language_not_selected", "regional_variant", "empty"),
    *("redirect", "namespace", "http_status"),
)
_USER_ERRORS = (ArchiveError, PackageError, PathError, ReadError, UnknownLanguageError)


def build_source(context: BuildContext) -> None:
    """Write `documents.parquet` and `rejections.parquet` (what could not be read or was not selected)."""
    started = time.perf_counter()
    try:
        corpus, place, shard = corpus_and_place(context)
        totals, refused, segments = _read_corpus(context, corpus, place, shard)
        check_unchanged(context)
    except _USER_ERRORS as error:
        raise InputError(f"corpus {context.name!r}: {error}") from error
    warnings = _source_warnings(corpus, totals, refused, whole=shard.parts == 1)
    for sentence in warnings:
        context.log(f"corpus {corpus.name}: {sentence}")
    context.stats |= {
        "documents": sum(totals.documents.values()),
        "bytes": sum(totals.bytes.values()),
        "refused": dict(sorted(refused.items())),
        "segments": dict(sorted(segments.items())),
        "licenses": dict(totals.licenses),
        "stage_seconds": {"read": round(time.perf_counter() - started, 3)},
        "warnings": warnings,
    }
    record_totals(context, totals)
    for reason, count in sorted(refused.items()):
        context.metric(
            "rejected_documents", count, "documents", corpus=corpus.name, stage="read", reason=reason
        )
    for outcome, count in sorted(segments.items()):
        context.metric("segments", count, "segments", corpus=corpus.name, outcome=outcome)


def _read_corpus(
    context: BuildContext, corpus: CorpusParams, place: Path | str | Sequence[Path], shard: Shard
) -> tuple[Totals, Counter[str], Counter[str]]:
    """Read everything into the payload; totals of the kept documents, refusals by reason, segments by outcome."""
    totals, refused, segments = Totals(), Counter[str](), Counter[str]()
    skipped: Counter[tuple[str, str, str]] = Counter()
    with (
        tempfile.TemporaryDirectory(prefix="source-", dir=context.out) as scratch,
        corpus_members(corpus, place, shard) as members,
        parquet_writer(context.out / "rejections.parquet", REJECTIONS) as rejections,
    ):
        target = context.out / "documents.parquet"
        complete = target if corpus.max_bytes is None else Path(scratch) / "complete.parquet"
        with parquet_writer(complete, DOCUMENTS) as writer:
            stream = read_documents(_with_progress(members, context), corpus, segments)
            for documents, refusals in shards(sampled_documents(stream, corpus, skipped)):
                batch = document_batch(documents, corpus.name, corpus.license)
                if batch.num_rows:
                    writer.write_batch(batch)
                _write_refusals(rejections, refusals, corpus.name, refused)
                if corpus.max_bytes is None:
                    totals.add(batch)
        if corpus.max_bytes is not None:
            with parquet_writer(target, DOCUMENTS) as writer:
                for batch, over in _within_limit(complete, corpus.max_bytes):
                    totals.add(batch)
                    if batch.num_rows:
                        writer.write_batch(batch)
                    _write_refusals(rejections, over, corpus.name, refused)
    _record_skipped(context, skipped)
    if not totals.documents and shard.parts == 1:
        reasons = reason_sentence(refused + segments)
        raise ReadError(f"no document could be read from {len(members)} files: {reasons}")
    return totals, refused, segments


def _write_refusals(
    writer: pq.ParquetWriter, refusals: Sequence[Refusal], corpus: str, refused: Counter[str]
) -> None:
    refused.update(refusal.reason for refusal in refusals)
    if refusals:
        writer.write_batch(refusal_batch(refusals, corpus))


def _record_skipped(context: BuildContext, skipped: Mapping[tuple[str, str, str], int]) -> None:
    """What `sample` left out was never read, so it is no rejection; how much it is stands in the record."""
    for unit in ("documents", "bytes"):
        count = sum(number for key, number in skipped.items() if key[0] == unit)
        if count:
            context.stats[f"not_sampled_{unit}"] = count
            context.metric(f"not_sampled_{unit}", count, unit)


def _within_limit(complete: Path, max_bytes: int) -> Iterator[tuple[pa.RecordBatch, list[Refusal]]]:
    """Batches of a source within its byte limit, each with the documents that are over it."""
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


def _source_warnings(
    corpus: CorpusParams, totals: Totals, refused: Mapping[str, int], whole: bool
) -> list[str]:
    """What a person should know; that a language never appears only of a corpus that is read in one piece."""
    found = []
    seen = {language for language, _ in totals.documents}
    wanted = corpus.parallel or corpus.languages or ()
    detected = "" in seen  # a language that nobody declared is known later
    if whole and not detected and (absent := [label for label in wanted if label not in seen]):
        found.append(f"configured languages never appear: {', '.join(absent)}")
    unread = {reason: n for reason, n in refused.items() if reason not in _CHOICES}
    if unread:
        reasons = ", ".join(f"{reason} {n}" for reason, n in sorted(unread.items()))
        found.append(f"not read: {reasons} (see rejections.parquet for file and line)")
    if corpus.license == "unknown":
        found.append("no licence is stated; set `license`")
    return found


def record_totals(context: BuildContext, totals: Totals) -> None:
    """Documents and bytes by language and domain, as metrics."""
    for (language, domain), count in sorted(totals.documents.items()):
        context.metric("documents", count, "documents", language=language, domain=domain)
        context.metric("bytes", totals.bytes[language, domain], "bytes", language=language, domain=domain)
