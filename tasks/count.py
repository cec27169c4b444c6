"""Tasks: word counts of a pipeline's documents, or of local files by category."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from lexmill.corpus.files import content_digest
from lexmill.mixture.category_counts import count_categories
from lexmill.mixture.sources import (
    Category,
    ReadTally,
    SourceError,
    TextDocument,
    category_files,
    read_category,
)
from lexmill.tokenizer.counts import WordCounts, count_file, count_pieces, document_batches
from lexmill.tokenizer.patterns import pattern_of
from lexmill.tokenizer.sequences import word_sequences
from tasks.cutting import subject_cutter
from tasks.step import BuildContext, InputError


def build_word_counts(context: BuildContext) -> None:
    """Write counts.parquet, totals.parquet and settings.json (see `lexmill.tokenizer.counts`)."""
    pretokenizer, normalizer = context.params["pretokenizer"], context.params["normalizer"]
    framing = context.params["framing"]
    documents = context.input("documents").file("documents.parquet")
    rows = _row_count(context, documents)
    started = time.perf_counter()
    counted = count_file(
        documents,
        pretokenizer,
        normalizer,
        framing=framing,
        workers=int(context.runtime.get("workers", 1)),
        progress=lambda done: context.progress(0.95 * done / rows, f"{done:,} of {rows:,} documents counted"),
    )
    _write(context, counted, _settings(context), time.perf_counter() - started)


def build_word_sequences(context: BuildContext) -> None:
    """Write words.parquet, sequences.parquet (see `lexmill.tokenizer.sequences`) and settings.json."""
    params = context.params
    documents = context.input("documents").file("documents.parquet")
    _row_count(context, documents)
    words, sequences = word_sequences(
        documents,
        params["pretokenizer"],
        params["normalizer"],
        params["framing"],
        params["sample_bytes"],
        params["seed"],
    )
    pq.write_table(words, context.out / "words.parquet", compression="zstd")
    pq.write_table(sequences, context.out / "sequences.parquet", compression="zstd")
    _write_settings(context, _settings(context))
    context.stats["selection"] = {"splits": ["train", "valid", "test"], "languages": None, "domains": None}
    context.metric("documents", sequences.num_rows, "documents")
    context.metric("words", pc.sum(pc.list_value_length(sequences["words"])).as_py() or 0, "words")
    context.metric("rows", words.num_rows, "rows")


def _settings(context: BuildContext) -> dict[str, Any]:
    """The parameters, with the expression behind the name of the pre-tokenizer."""
    return {**context.params, "pattern": pattern_of(context.params["pretokenizer"])}


def build_subject_counts(context: BuildContext) -> None:
    """The same, cut as the file of the tokenizer says where the parameters do not."""
    documents = context.input("documents").file("documents.parquet")
    rows = _row_count(context, documents)
    started = time.perf_counter()
    cut, label = subject_cutter(context)

    def pieces(text: str) -> tuple[str, Iterable[str]]:
        found = cut(text)
        return "".join(found), found

    counted = count_pieces(
        document_batches(documents),
        pieces,
        lambda done: context.progress(0.95 * done / rows, f"{done:,} of {rows:,} documents counted"),
    )
    _write(context, counted, {"cutting": label}, time.perf_counter() - started)


def build_category_counts(context: BuildContext) -> None:
    """Write counts.parquet, totals.parquet, documents.parquet and settings.json, which also says what was read."""
    params = context.params
    started = time.perf_counter()
    cut, label = subject_cutter(context)
    tallies = {item["name"]: ReadTally() for item in params["categories"]}
    try:
        texts = [
            (item["name"], _category_texts(context, item, tallies[item["name"]], len(tallies)))
            for item in params["categories"]
        ]
        rows = count_categories(texts, cut, context.out)
    except ValueError as error:  # SourceError, and a category without a word
        raise InputError(str(error)) from error
    settings = {"cutting": label, "read": {name: asdict(tally) for name, tally in tallies.items()}}
    _write_settings(context, settings)
    for name, tally in tallies.items():
        context.metric("documents", tally.documents, "documents", category=name)
        context.metric("bytes", tally.bytes, "bytes", category=name)
        if tally.invalid_documents:
            context.metric("invalid_utf8", tally.invalid_sequences, "byte sequences", category=name)
            context.log(
                f"category {name}: {tally.invalid_sequences:,} byte sequences in {tally.invalid_documents:,} "
                "documents are not UTF-8; they were replaced"
            )
    _report(context, rows, sum(tally.bytes for tally in tallies.values()), time.perf_counter() - started)


def _category_texts(
    context: BuildContext, item: dict[str, str], tally: ReadTally, categories: int
) -> Iterable[TextDocument]:
    """Documents of one category, whose files must be those that the run was planned with."""
    category = Category(item["name"], context.runtime["paths"][item["name"]])
    files = category_files(category)
    if content_digest(files, context.cache) != item["content"]:
        raise SourceError(
            f"category {category.name!r}: {category.path} changed since the run was planned: run again"
        )
    total = sum(path.stat().st_size for _, path in files)
    number = [other["name"] for other in context.params["categories"]].index(category.name)
    rule, field = context.params["document"], context.params["text_field"]
    for document in read_category(category, files, rule, field, tally):
        if tally.documents % 1000 == 1:
            part = number + min(tally.bytes / max(total, 1), 1.0)
            context.progress(0.95 * part / categories, f"{category.name}: {tally.documents:,} documents")
        yield document


def _row_count(context: BuildContext, documents: Path) -> int:
    rows = int(pq.read_metadata(documents).num_rows)
    if rows == 0:
        raise InputError(f"{context.name}: the documents are empty, so there is nothing to count")
    return rows


def _write(context: BuildContext, counted: WordCounts, settings: dict[str, Any], seconds: float) -> None:
    pq.write_table(counted.counts, context.out / "counts.parquet", compression="zstd")
    pq.write_table(counted.totals, context.out / "totals.parquet", compression="zstd")
    _write_settings(context, settings)
    for split in ("train", "valid", "test"):
        part = [row for row in counted.totals.to_pylist() if row["split"] == split]
        for unit in ("documents", "bytes", "words"):
            context.metric(unit, sum(row[unit] for row in part), unit, split=split)
    _report(context, counted.counts.num_rows, sum(counted.totals["bytes"].to_pylist()), seconds)


def _write_settings(context: BuildContext, settings: dict[str, Any]) -> None:
    text = json.dumps(settings, indent=2, sort_keys=True)
    (context.out / "settings.json").write_text(text + "\n")


def _report(context: BuildContext, rows: int, size: int, seconds: float) -> None:
    context.stats["selection"] = {"splits": ["train", "valid", "test"], "languages": None, "domains": None}
    context.stats["seconds"] = seconds
    context.stats["megabytes_per_second"] = size / 1e6 / max(seconds, 1e-9)
    context.metric("rows", rows, "rows")
    context.log(f"{size / 1e6:.1f} MB counted: {rows:,} rows")
