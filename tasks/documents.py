"""Task: sources and their attributes to one clean, unique, sorted `documents` artifact."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow.parquet as pq

from lexmill.corpus.dataset import active_stages, write_dataset
from lexmill.corpus.params import CleaningParams
from lexmill.corpus.parts import Earlier, Part
from lexmill.corpus.summary import Totals, dataset_card, drop_sentence, reason_sentence, stage_warnings
from lexmill.corpus.tally import Tally, dropped, stage_sums
from tasks.ingest import record_totals
from tasks.step import BuildContext, InputError
from warehouse.store import Artifact


def build_documents(context: BuildContext) -> None:
    """Write the files of `lexmill.corpus.dataset.write_dataset`."""
    params = CleaningParams.model_validate(dict(context.params))
    sources, attributes = context.inputs["sources"], context.inputs["attributes"]
    check_sources(sources)
    parts = [_part(source, found) for source, found in zip(sources, attributes, strict=True)]
    earlier = [_earlier(context, artifact, params) for artifact in context.inputs.get("against", [])]
    with tempfile.TemporaryDirectory(prefix="documents-", dir=context.out) as scratch:
        tally, totals, pairs = write_dataset(
            parts, earlier, params, context.out, Path(scratch), context.progress
        )
    if not totals.documents:
        read = stage_sums(tally)["read"]["in"]
        raise InputError(
            f"pipeline {context.name!r}: nothing is left of {read} documents: {drop_sentence(tally)}"
        )
    for artifact in (*sources, *attributes):
        for stage, seconds in artifact.record.stats.get("stage_seconds", {}).items():
            tally.time(stage, seconds)
    warnings = stage_warnings(tally, {*active_stages(params)} - {"normalize", "decontamination", "sampling"})
    warnings += [*_source_warnings(sources), *_sampling_warnings(context), *_pair_warnings(pairs)]
    _report(context, params, tally, totals, warnings)


def _by_corpus(sources: Sequence[Artifact]) -> dict[str, list[Artifact]]:
    """The shards of each corpus."""
    found: dict[str, list[Artifact]] = {}
    for source in sources:
        found.setdefault(source.record.params["name"], []).append(source)
    return found


def check_sources(sources: Sequence[Artifact]) -> None:
    """Raise InputError for a corpus of which no shard has a document."""
    for name, shards in _by_corpus(sources).items():
        if not any(shard.record.stats.get("documents", 1) for shard in shards):
            refused: Counter[str] = Counter()
            for shard in shards:
                refused.update(shard.record.stats.get("refused", {}))
            raise InputError(
                f"corpus {name!r}: no document could be read from any of its shards: {reason_sentence(refused)}"
            )


def _source_warnings(sources: Sequence[Artifact]) -> list[str]:
    """Configured languages that no shard has; one source alone has said so itself."""
    found = []
    for name, shards in _by_corpus(sources).items():
        wanted = shards[0].record.params["languages"] or ()
        seen = {metric.labels.get("language") for shard in shards for metric in shard.record.metrics}
        absent = [label for label in wanted if label not in seen]
        if absent and len(shards) > 1:
            found.append(f"corpus {name}: configured languages never appear: {', '.join(absent)}")
    return found


def _sampling_warnings(context: BuildContext) -> list[str]:
    path = context.out / "sampling.parquet"
    rows = pq.read_table(path).to_pylist() if path.exists() else []
    short = [row for row in rows if row["bytes_out"] < 0.9 * row["budget"]]
    if not short:
        return []
    named = ", ".join(f"{row['category']} {row['bytes_out']:,} of {row['budget']:,}" for row in short[:5])
    return [
        f"sampling: {len(short)} categories keep fewer bytes than they may, their documents are too long: {named}"
    ]


def _pair_warnings(pairs: Mapping[str, int]) -> list[str]:
    if not pairs.get("uncompared"):
        return []
    return [
        f"near_dedup: {pairs['uncompared']:,} pairs of documents that share much boilerplate were not compared; "
        "more `rows` make such groups smaller"
    ]


def _part(source: Artifact, attributes: Artifact) -> Part:
    return Part(
        corpus=source.record.params["name"],
        documents=source.file("documents.parquet"),
        rejections=source.file("rejections.parquet"),
        attributes=attributes.file("attributes.parquet"),
        signatures=attributes.file("signatures.parquet"),
        edited=attributes.file("edited.parquet"),
        pii=attributes.file("pii.parquet"),
    )


def _earlier(context: BuildContext, artifact: Artifact, params: CleaningParams) -> Earlier:
    """Earlier documents, whose keys can only be compared when they were made alike."""
    if "signatures.parquet" not in {entry.path for entry in artifact.record.files}:
        raise InputError(
            f"cleaning.against: documents/{artifact.record.name} was made by an older version, without the keys of "
            "duplicates; ingest it again"
        )
    theirs = artifact.record.params.get("near_dedup")
    ours = context.params.get("near_dedup")
    keys = ("words", "bands", "rows", "seed")
    if ours is not None and (theirs is None or any(theirs[key] != ours[key] for key in keys)):
        raise InputError(
            f"documents/{artifact.record.name} was made with near_dedup {json.dumps(theirs)}, which cannot be compared "
            f"with {json.dumps(ours)}: give both the same words, bands, rows and seed"
        )
    return Earlier(artifact.file("documents.parquet"), artifact.file("signatures.parquet"))


def _report(
    context: BuildContext, params: CleaningParams, tally: Tally, totals: Totals, warnings: list[str]
) -> None:
    """Statistics, metrics, warnings and the card."""
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
        "stage_seconds": {stage: round(seconds, 3) for stage, seconds in sorted(tally.seconds.items())},
        "warnings": warnings,
        "card": dataset_card(
            context.name, totals, tally, [s.record.params for s in context.inputs["sources"]], params
        ),
    }
    record_totals(context, totals)
    for license, size in sorted(totals.licenses.items()):
        context.metric("license_bytes", size, "bytes", license=license)
    for stage, reasons in stage_sums(tally).items():
        for reason, count in dropped(reasons).items():
            context.metric("rejected_documents", count, "documents", stage=stage, reason=reason)
    for stage, seconds in sorted(tally.seconds.items()):
        context.metric("stage_seconds", seconds, "seconds", stage=stage)
