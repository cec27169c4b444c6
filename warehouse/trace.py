"""Where one document came from and which artifacts it reached."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb

from warehouse.lineage import inputs_of, version_of, whole_graph
from warehouse.record import Record
from warehouse.references import Version
from warehouse.store import Artifact, Warehouse

SEEN = "documents_seen.parquet"
# Kinds through which documents themselves travel.  What an artifact selects applies to these inputs; through any other
# input (the base of an adapted model, the tokenizer of a model) it inherits what that artifact was made of.
CARRIERS = frozenset({"source", "documents", "word_counts"})
_SELECTABLE = {"languages": "language", "domains": "domain", "splits": "split"}


@dataclass(frozen=True)
class Reached:
    """An artifact that the document reached.

    `how`: `seen` (listed in documents_seen.parquet), `selected` (its recorded selection covers the document),
    `carried` (made from all of an input that holds the document), `inherited` (made from an artifact that it reached).
    """

    kind: str
    name: str
    fingerprint: str
    how: str
    via: list[str]  # inputs through which it came, `kind/name@fingerprint`


@dataclass(frozen=True)
class Trace:
    """All that the warehouse knows about one document.  Rows carry `artifact`, `fingerprint` and the file's columns."""

    id: str
    sources: list[dict[str, Any]]
    documents: list[dict[str, Any]]
    rejections: list[dict[str, Any]]
    reached: list[Reached]

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return asdict(self)


def trace_document(warehouse: Warehouse, doc_id: str) -> Trace:
    """Follow a document through every version of every artifact.  Raises LookupError when no artifact knows its id.

    `sources` are the source artifacts that held it (origin, licence), `rejections` say at which stage and why it was
    dropped (and which document it duplicates), `documents` the corpora that kept it (split, language), `reached` what
    was made from those, inputs first.
    """
    records = warehouse.records()
    found = _Finder(warehouse, doc_id)
    sources = found.rows(records, "source", "documents.parquet")
    kept = found.rows(records, "documents", "documents.parquet")
    rejected = found.rows(records, "documents", "rejections.parquet")
    if not sources and not kept and not rejected:
        raise LookupError(f"no source, corpus or rejection holds a document {doc_id!r}")
    holders = {Version("documents", row["artifact"], row["fingerprint"]): row for row in kept}
    reached = _reached(found, records, holders)
    return Trace(doc_id, _without_text(sources), _without_text(kept), rejected, reached)


class _Finder:
    """Looks up one document id in Parquet files of artifacts."""

    def __init__(self, warehouse: Warehouse, doc_id: str) -> None:
        self.warehouse, self.doc_id = warehouse, doc_id

    def rows(self, records: Iterable[Record], kind: str, file: str) -> list[dict[str, Any]]:
        """Rows with that id in `file` of every artifact of a kind."""
        holding = [record for record in records if record.kind == kind and _has_file(record, file)]
        return [row for record in holding for row in self._lookup(record, file)]

    def is_seen(self, record: Record) -> bool:
        """Whether the artifact's own list of documents has the id."""
        return bool(self._lookup(record, SEEN))

    def _lookup(self, record: Record, file: str) -> list[dict[str, Any]]:
        local = self._artifact(record).file(file)
        with duckdb.connect() as con:
            con.execute("SET temp_directory = ?", [str(Path(tempfile.gettempdir()) / "lexmill-duckdb")])
            table = con.sql("SELECT * FROM read_parquet(?) WHERE id = ?", params=[str(local), self.doc_id])
            rows: list[dict[str, Any]] = table.to_arrow_table().to_pylist()
        return [{"artifact": record.name, "fingerprint": record.fingerprint, **row} for row in rows]

    def _artifact(self, record: Record) -> Artifact:
        return self.warehouse.get(record.kind, record.name, record.fingerprint)


def _reached(
    found: _Finder, records: Sequence[Record], holders: Mapping[Version, Mapping[str, Any]]
) -> list[Reached]:
    by_version = {version_of(record): record for record in records}
    inputs = inputs_of(records)
    row_of: dict[Version, Mapping[str, Any]] = dict(holders)  # the document as each reached artifact got it
    reached: list[Reached] = []
    for node in whole_graph(records).nodes:
        record = by_version.get(node.version)
        through = [version for version in inputs.get(node.version, ()) if version in row_of]
        if record is None or node.version in holders or not through:
            continue
        carriers = [version for version in through if version.kind in CARRIERS]
        how = _how(found, record, row_of[carriers[0]]) if carriers else None
        others = [version for version in through if version not in carriers]
        if how is None and not others:
            continue
        via = carriers if how else others
        row_of[node.version] = row_of[via[0]]
        reached.append(Reached(*node.version, how=how or "inherited", via=[str(version) for version in via]))
    return reached


def _how(found: _Finder, record: Record, row: Mapping[str, Any]) -> str | None:
    """How the artifact took the document from its corpus; None when it did not."""
    if record.kind == "documents":
        return None  # a corpus holds what its table holds, and that was looked up
    if _has_file(record, SEEN):
        return "seen" if found.is_seen(record) else None
    selection = record.stats.get("selection")
    if not isinstance(selection, dict):
        return "carried"
    return "selected" if covers(selection, row) else None


def covers(selection: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    """Whether a recorded selection (`languages`, `domains`, `splits`; absent, null or empty: all) takes a document."""
    wanted = ((selection.get(key), row.get(column)) for key, column in _SELECTABLE.items())
    return all(not values or value in values for values, value in wanted)


def _has_file(record: Record, file: str) -> bool:
    return any(entry.path == file for entry in record.files)


def _without_text(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: value for key, value in row.items() if key != "text"} for row in rows]
