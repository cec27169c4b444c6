"""Sort a dataset by language, domain and id with flat memory, whatever the size of its documents.

All keys are known before anything is written, so documents go straight into buckets that follow one another in the
order; each bucket is then sorted in memory.  Text is written twice and never held but for one bucket.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lexmill.corpus.candidates import Rows
from lexmill.corpus.tables import ROW_GROUP_ROWS, parquet_writer

BUCKET_BYTES = 64 * 2**20
MAX_BUCKETS = 256  # files open at once
ROW_GROUP_BYTES = 64 * 2**20
KEYS = ("language", "domain", "id")


class BucketWriter(Protocol):
    """Adds the rows of a batch to their buckets (int, rows)."""

    def __call__(self, batch: pa.RecordBatch, buckets: np.ndarray) -> None:
        """Write one batch."""


def buckets_of(rows: Rows) -> np.ndarray:
    """int32 (rows,): bucket of every document that is alive, -1 of the others; buckets follow the order of `KEYS`."""
    alive = rows.alive
    keys = (
        rows.ids[alive],
        _places([f"{corpus}:" for corpus in rows.corpora])[rows.corpus[alive]],
        _places(rows.domains.labels)[rows.domain[alive]],
        _places(rows.languages.labels)[rows.language[alive]],
    )
    order = np.lexsort(keys)
    total = np.cumsum(rows.bytes[alive][order])
    size = max(BUCKET_BYTES, -(-int(total[-1]) // MAX_BUCKETS)) if len(total) else BUCKET_BYTES
    buckets = np.full(len(rows.drop), -1, np.int32)
    buckets[alive[order]] = (total - 1) // size
    return buckets


@contextmanager
def bucket_writer(folder: Path, schema: pa.Schema) -> Iterator[BucketWriter]:
    """Files of the buckets in `folder`, Arrow streams compressed with lz4."""
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    writers: dict[int, pa.RecordBatchStreamWriter] = {}
    with ExitStack() as stack:

        def write(batch: pa.RecordBatch, buckets: np.ndarray) -> None:
            for bucket in np.unique(buckets).tolist():
                if bucket not in writers:
                    file = stack.enter_context(pa.OSFile(str(_bucket(folder, bucket)), "wb"))
                    writers[bucket] = stack.enter_context(pa.ipc.new_stream(file, schema, options=options))
                writers[bucket].write_batch(batch.filter(pa.array(buckets == bucket)))

        yield write


def write_sorted(folder: Path, targets: Mapping[Path, pa.Schema]) -> None:
    """Write all buckets of `folder` in order, each sorted by `KEYS`, and remove them; each target (a Parquet file)
    gets the columns of its schema, row by row with the others."""
    with ExitStack() as stack:
        writers = [
            (stack.enter_context(parquet_writer(path, schema)), schema) for path, schema in targets.items()
        ]
        for path in sorted(folder.glob("bucket-*")):
            with pa.OSFile(str(path)) as file:
                table = pa.ipc.open_stream(file).read_all()
            path.unlink()
            table = table.take(pc.sort_indices(table, [(key, "ascending") for key in KEYS]))
            for start, stop in _row_groups(table["bytes"].to_numpy()):
                part = table.slice(start, stop - start)
                for writer, schema in writers:
                    writer.write_table(part.select(schema.names).cast(schema), row_group_size=stop - start)


def _row_groups(sizes: np.ndarray) -> Iterator[tuple[int, int]]:
    """(first, end) of runs of at most `ROW_GROUP_ROWS` rows and, but for a larger row alone, `ROW_GROUP_BYTES`."""
    total = np.concatenate([[0], np.cumsum(sizes)])
    start = 0
    while start < len(sizes):
        fits = int(np.searchsorted(total, total[start] + ROW_GROUP_BYTES, side="right")) - 1
        stop = min(max(fits, start + 1), start + ROW_GROUP_ROWS)
        yield start, stop
        start = stop


def _bucket(folder: Path, number: int) -> Path:
    return folder / f"bucket-{number:04d}"


def _places(labels: Sequence[str]) -> np.ndarray:
    """int64 (labels,): place of each label among all in the order of strings."""
    places = np.empty(len(labels), np.int64)
    places[sorted(range(len(labels)), key=labels.__getitem__)] = np.arange(len(labels))
    return places
