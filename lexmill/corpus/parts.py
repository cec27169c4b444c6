"""The parts a dataset is made of: sources with their attributes, and earlier documents to deduplicate against."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lexmill.corpus.tables import read_columns, read_shards, row_count


@dataclass(frozen=True)
class Part:
    """Files of one source and of its attributes; all but `pii` and `rejections` have the same rows in the same row
    groups."""

    corpus: str
    documents: Path
    rejections: Path
    attributes: Path
    signatures: Path
    edited: Path
    pii: Path


@dataclass(frozen=True)
class Earlier:
    """Documents of an earlier dataset, row by row with their signatures."""

    documents: Path
    signatures: Path


class TextBatch(NamedTuple):
    """A batch of a part: its first row in the part, its documents and their edited texts (a large batch is no copy)."""

    start: int
    documents: pa.RecordBatch
    texts: pa.Array


def text_batches(part: Part) -> Iterator[TextBatch]:
    """The documents of a part with their edited texts, in order."""
    start = 0
    for documents, edits in zip(read_shards(part.documents), read_shards(part.edited), strict=True):
        yield TextBatch(start, documents, pc.coalesce(edits["text"], documents["text"]))
        start += documents.num_rows


def earlier_batches(part: Earlier) -> Iterator[TextBatch]:
    """The same for an earlier dataset, whose texts stand as they are."""
    start = 0
    for documents in read_shards(part.documents):
        yield TextBatch(start, documents, documents["text"])
        start += documents.num_rows


def part_rows(part: Part | Earlier) -> int:
    """Number of documents."""
    return row_count(part.documents)


def signature_column(part: Part | Earlier, name: str) -> np.ndarray:
    """One column of the signatures, uint64 (rows,)."""
    return read_columns(part.signatures, [name])[name].to_numpy()


def id_hashes(ids: pa.Array) -> np.ndarray:
    """uint64 (rows,): the hexadecimal end of document ids."""
    digits = pc.utf8_slice_codeunits(ids, -16)
    raw = np.frombuffer("".join(digits.to_pylist()).encode("ascii"), np.uint8).reshape(len(ids), 16)
    values = np.where(raw >= ord("a"), raw - ord("a") + 10, raw - ord("0")).astype(np.uint64)
    return (values << np.arange(60, -1, -4, dtype=np.uint64)).sum(axis=1, dtype=np.uint64)
