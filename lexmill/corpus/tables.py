"""Parquet files of the corpus room: deterministic writing, reading by shards, and a sort that does not need memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from lexmill.corpus.schema import BATCH_DOCUMENTS

SORT_MEMORY = "1GB"  # beyond it DuckDB spills to the scratch folder
ROW_GROUP_ROWS = 8192


@contextmanager
def parquet_writer(path: Path, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    """A zstd-compressed Parquet file with page statistics; the same batches give the same bytes."""
    with pq.ParquetWriter(path, schema, compression="zstd", write_page_index=True) as writer:
        yield writer


def read_shards(path: Path) -> Iterator[pa.RecordBatch]:
    """Rows of a Parquet file in order, by batches of at most `BATCH_DOCUMENTS` that end with their row group."""
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            yield from file.iter_batches(batch_size=BATCH_DOCUMENTS, row_groups=[group])


def row_count(path: Path) -> int:
    """Number of rows, from the footer."""
    return int(pq.read_metadata(path).num_rows)


def sort_documents(unsorted: Path, target: Path, schema: pa.Schema, scratch: Path) -> None:
    """Copy a documents table sorted by language, domain, id (ids are unique, so the order is total), so that filters
    by language and domain prune row groups."""
    with duckdb.connect() as connection:
        connection.execute(f"SET memory_limit = '{SORT_MEMORY}'")
        connection.execute("SET temp_directory = ?", [str(scratch)])
        query = "SELECT * FROM read_parquet(?) ORDER BY language, domain, id"
        reader = connection.sql(query, params=[str(unsorted)]).to_arrow_reader(ROW_GROUP_ROWS)
        with parquet_writer(target, schema) as writer:
            for batch in _even(reader):
                writer.write_table(batch.cast(schema), row_group_size=ROW_GROUP_ROWS)


def _even(reader: pa.RecordBatchReader) -> Iterator[pa.Table]:
    """Tables of exactly `ROW_GROUP_ROWS` rows but the last, however the reader cuts its batches."""
    waiting: list[pa.RecordBatch] = []
    rows = 0
    for batch in reader:
        waiting.append(batch)
        rows += batch.num_rows
        while rows >= ROW_GROUP_ROWS:
            table = pa.Table.from_batches(waiting)
            yield table.slice(0, ROW_GROUP_ROWS)
            waiting = table.slice(ROW_GROUP_ROWS).to_batches()
            rows -= ROW_GROUP_ROWS
    if rows:
        yield pa.Table.from_batches(waiting)
