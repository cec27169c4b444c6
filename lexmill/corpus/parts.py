"""The parts a dataset is made of: sources with their attributes, and earlier documents to deduplicate against."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lexmill.corpus.pii import redacted
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


Spans = Mapping[str, Sequence[tuple[str, int, int]]]  # id -> (kind, start, end) in order of place


class TextBatch(NamedTuple):
    """A batch of a part: its first row in the part, its documents, their edited texts and the personal data in them."""

    start: int
    documents: pa.RecordBatch
    texts: pa.Array
    spans: Spans


def text_batches(part: Part) -> Iterator[TextBatch]:
    """The documents of a part with their edited texts, in order."""
    start = 0
    found = _span_rows(part.pii)
    following = next(found, None)
    for documents, edits in zip(read_shards(part.documents), read_shards(part.edited), strict=True):
        spans: dict[str, list[tuple[str, int, int]]] = {}
        if following is not None:  # spans stand in the order of the documents
            here = set(documents["id"].to_pylist())
            while following is not None and following[0] in here:
                spans.setdefault(following[0], []).append(following[1:])
                following = next(found, None)
        yield TextBatch(start, documents, pc.coalesce(edits["text"], documents["text"]), spans)
        start += documents.num_rows


def _span_rows(path: Path) -> Iterator[tuple[str, str, int, int]]:
    for batch in read_shards(path):
        columns = (batch[name].to_pylist() for name in ("id", "kind", "start", "end"))
        yield from zip(*columns, strict=True)


def earlier_batches(part: Earlier) -> Iterator[TextBatch]:
    """The same for an earlier dataset, whose texts stand as they are."""
    start = 0
    for documents in read_shards(part.documents):
        yield TextBatch(start, documents, documents["text"], {})
        start += documents.num_rows


def redacted_texts(ids: pa.Array, texts: pa.Array, spans: Spans) -> pa.Array:
    """Texts with personal data replaced by tags."""
    found = [spans.get(identifier) for identifier in ids.to_pylist()] if spans else []
    return changed_texts(texts, found, redacted)


def changed_texts(texts: pa.Array, found: Sequence[Any], change: Callable[[str, Any], str]) -> pa.Array:
    """Texts with `change(text, what)` applied where something is `found`; a batch without any is passed on as it is."""
    if not any(found):
        return texts
    changed = [change(texts[row].as_py(), what) if what else None for row, what in enumerate(found)]
    return pc.coalesce(pa.array(changed, pa.string()), texts)


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
