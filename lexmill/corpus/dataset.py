"""From sources with attributes to one dataset: judge, deduplicate, sample, edit, write, sort.

Rows are numbered over all parts; what is decided of a row is a number in an array, so memory grows by some 100 bytes a
document, whatever its length.  Nothing depends on how a corpus is cut into parts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from lexmill.corpus.candidates import Rows, count_stages, read_rows, sample_rows
from lexmill.corpus.deduplicate import deduplicate
from lexmill.corpus.params import CleaningParams
from lexmill.corpus.parts import Earlier, Part, part_rows
from lexmill.corpus.prefetch import prefetched
from lexmill.corpus.publish import Decisions, redacted_refusals, repeated_cuts, written_batches
from lexmill.corpus.schema import DOCUMENTS, REJECTIONS
from lexmill.corpus.sorting import bucket_writer, buckets_of, write_sorted
from lexmill.corpus.summary import Totals
from lexmill.corpus.tables import parquet_writer, read_columns, read_shards, sorted_copy
from lexmill.corpus.tally import Tally

Progress = Callable[[float, str], None]


def write_dataset(
    parts: Sequence[Part],
    earlier: Sequence[Earlier],
    params: CleaningParams,
    out: Path,
    scratch: Path,
    progress: Progress = lambda fraction, message: None,
) -> tuple[Tally, Totals, dict[str, int]]:
    """(accounting, totals, numbers of the near-duplicate search).

    Writes into `out`: `documents.parquet` (sorted by language, domain, id), `signatures.parquet` (row by row with
    it), `rejections.parquet` (sorted by corpus, id), `stage_report.parquet` and, with sampling, `sampling.parquet`.

    `earlier` documents are never written; what repeats them is dropped.  `scratch` holds temporary files.
    """
    tally, totals = Tally(), Totals()
    total = max(sum(map(part_rows, parts)), 1)
    for part in parts:
        _count_read(part, tally)
    rows = read_rows(parts, params, lambda done: progress(0.2 * done / total, f"{done:,} documents judged"))
    progress(0.2, "finding duplicates")
    duplicates = deduplicate(rows, parts, earlier, params, scratch, tally)
    with tally.timing("sampling"):
        sampling = sample_rows(rows, params)
    if sampling is not None:
        pq.write_table(sampling, out / "sampling.parquet", compression="zstd")
    count_stages(rows, active_stages(params), tally)
    cuts = repeated_cuts(rows, parts, params, scratch, tally)
    _write(rows, parts, params, Decisions(duplicates.of, cuts), out, scratch, tally, totals, progress)
    pq.write_table(tally.table(), out / "stage_report.parquet", compression="zstd")
    return tally, totals, duplicates.numbers


def active_stages(params: CleaningParams) -> list[str]:
    """The stages that may drop documents, in their order."""
    optional = {
        "decontamination": params.decontamination,
        "exact_dedup": params.exact_dedup,
        "near_dedup": params.near_dedup,
        "sampling": params.sampling,
    }
    return ["normalize", "language", "quality", *(stage for stage, on in optional.items() if on)]


def _count_read(part: Part, tally: Tally) -> None:
    """Stage `read`: every document of a source, kept or refused, came in."""
    refused = read_columns(part.rejections, ["reason", "bytes"])
    counted = refused.group_by("reason").aggregate([("bytes", "sum"), ("bytes", "count")])
    columns = (counted[name].to_pylist() for name in ("reason", "bytes_sum", "bytes_count"))
    for reason, size, count in zip(*columns, strict=True):
        for entry in ("in", reason):
            tally.add("read", part.corpus, entry, count, size)
    sizes = read_columns(part.documents, ["bytes"])["bytes"].to_numpy()
    for entry in ("in", "out"):
        tally.add("read", part.corpus, entry, len(sizes), int(sizes.sum()))


def _write(
    rows: Rows,
    parts: Sequence[Part],
    params: CleaningParams,
    decisions: Decisions,
    out: Path,
    scratch: Path,
    tally: Tally,
    totals: Totals,
    progress: Progress,
) -> None:
    signatures = pq.read_schema(parts[0].signatures)
    keys = [field for field in signatures if field.name != "id"]
    wide = pa.schema([*DOCUMENTS, *keys])
    buckets = buckets_of(rows)
    rejections = scratch / "rejections.parquet"
    done = 0
    with (
        tally.timing("write"),
        bucket_writer(scratch, wide) as write,
        parquet_writer(rejections, REJECTIONS, "lz4") as rejections_writer,
    ):
        for part in parts:
            for refused in read_shards(part.rejections):
                rejections_writer.write_batch(redacted_refusals(refused, params))
        for batch in prefetched(written_batches(rows, parts, params, decisions, tally)):
            totals.add(batch.documents)
            columns = [*batch.documents.columns, *(batch.signatures[key.name] for key in keys)]
            write(pa.RecordBatch.from_arrays(columns, schema=wide), buckets[batch.rows])
            if batch.rejections.num_rows:
                rejections_writer.write_batch(batch.rejections)
            done += batch.documents.num_rows + batch.rejections.num_rows
            progress(0.4 + 0.4 * done / len(rows.drop), f"{done:,} documents written")
    progress(0.8, "sorting")
    with tally.timing("write"):
        write_sorted(scratch, {out / "documents.parquet": DOCUMENTS, out / "signatures.parquet": signatures})
        sorted_copy(rejections, out / "rejections.parquet", REJECTIONS, ["corpus", "id", "stage"], scratch)
