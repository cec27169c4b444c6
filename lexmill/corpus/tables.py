"""Parquet files of the corpus room: deterministic writing, reading by shards, and a sort that does not need memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from lexmill.corpus.schema import BATCH_DOCUMENTS

SORT_MEMORY = "384MB"  # beyond it DuckDB spills to the scratch folder
ROW_GROUP_ROWS = 8192


class DamagedTableError(ValueError):
    """A Parquet file that we have written is not as we have written it."""


@contextmanager
def parquet_writer(
    path: Path, schema: pa.Schema, compression: Literal["zstd", "lz4"] = "zstd"
) -> Iterator[pq.ParquetWriter]:
    """A Parquet file with page statistics and checksums; the same batches give the same bytes.  lz4 is for temporary
    files."""
    with pq.ParquetWriter(
        path, schema, compression=compression, write_page_index=True, write_page_checksum=True
    ) as writer:
        yield writer


def read_shards(path: Path, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Rows of a Parquet file in order, by batches of at most `BATCH_DOCUMENTS` that end with their row group.

    Raises DamagedTableError when the file is missing, cut off or has other bytes.
    """
    with _undamaged(path), pq.ParquetFile(path, page_checksum_verification=True) as file:
        for group in range(file.num_row_groups):
            yield from file.iter_batches(batch_size=BATCH_DOCUMENTS, row_groups=[group], columns=columns)


def read_columns(path: Path, columns: list[str] | None = None) -> pa.Table:
    """The whole of some columns; raises as `read_shards` does."""
    with _undamaged(path):
        return pq.read_table(path, columns=columns, page_checksum_verification=True)


def row_count(path: Path) -> int:
    """Number of rows, from the footer."""
    with _undamaged(path):
        return int(pq.read_metadata(path).num_rows)


@contextmanager
def _undamaged(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowInvalid) as error:
        raise DamagedTableError(
            f"{path} is damaged ({error}): `lexmill verify` sets its artifact aside, and the next run makes it again"
        ) from error


def sorted_copy(unsorted: Path, target: Path, schema: pa.Schema, order: Sequence[str], scratch: Path) -> None:
    """Copy a table of short rows sorted by the columns `order`, which must make the order total."""
    with duckdb.connect() as connection, parquet_writer(target, schema) as writer:
        connection.execute(f"SET memory_limit = '{SORT_MEMORY}'")
        connection.execute("SET temp_directory = ?", [str(scratch)])
        columns = ", ".join(f'"{name}"' for name in order)
        query = f"SELECT * FROM read_parquet(?) ORDER BY {columns}"  # noqa: S608 - names of our own schemas
        for batch in connection.sql(query, params=[str(unsorted)]).to_arrow_reader(ROW_GROUP_ROWS):
            writer.write_table(pa.Table.from_batches([batch]).cast(schema))
