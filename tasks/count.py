"""Task: word counts of a pipeline's documents, by language, domain and split."""

from __future__ import annotations

import json
import time

import pyarrow.parquet as pq

from lexmill.tokenizer.counts import count_file
from lexmill.tokenizer.patterns import pattern_of
from tasks.step import BuildContext, InputError


def build_word_counts(context: BuildContext) -> None:
    """Write counts.parquet, totals.parquet and settings.json (see `lexmill.tokenizer.counts`)."""
    pretokenizer, normalizer = context.params["pretokenizer"], context.params["normalizer"]
    documents = context.input("documents").file("documents.parquet")
    rows = pq.read_metadata(documents).num_rows
    if rows == 0:
        raise InputError(f"{context.name}: the documents are empty, so there is nothing to count")
    started = time.perf_counter()
    counted = count_file(
        documents,
        pretokenizer,
        normalizer,
        workers=int(context.runtime.get("workers", 1)),
        progress=lambda done: context.progress(0.95 * done / rows, f"{done:,} of {rows:,} documents counted"),
    )
    pq.write_table(counted.counts, context.out / "counts.parquet", compression="zstd")
    pq.write_table(counted.totals, context.out / "totals.parquet", compression="zstd")
    settings = {"pretokenizer": pretokenizer, "pattern": pattern_of(pretokenizer), "normalizer": normalizer}
    (context.out / "settings.json").write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n")

    seconds = time.perf_counter() - started
    size = sum(counted.totals["bytes"].to_pylist())
    context.stats["selection"] = {"splits": ["train", "valid", "test"], "languages": None, "domains": None}
    context.stats["seconds"] = seconds
    context.stats["megabytes_per_second"] = size / 1e6 / max(seconds, 1e-9)
    context.metric("rows", counted.counts.num_rows, "rows")
    for split in ("train", "valid", "test"):
        part = [row for row in counted.totals.to_pylist() if row["split"] == split]
        for unit in ("documents", "bytes", "words"):
            context.metric(unit, sum(row[unit] for row in part), unit, split=split)
    context.log(f"{size / 1e6:.1f} MB counted: {counted.counts.num_rows:,} rows")
