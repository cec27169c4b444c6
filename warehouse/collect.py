"""Garbage collection: remove artifacts that nothing kept needs.

Kept are the latest version of every name, all that the newest runs and every unfinished run used or planned, and,
transitively, what those were made of.  Nothing younger than an hour and nothing locked is ever removed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from warehouse.lineage import closure, inputs_of, version_of
from warehouse.locks import exclusive_now
from warehouse.owners import is_dead
from warehouse.record import Record
from warehouse.references import Version
from warehouse.runs import Event, is_open, read_run, run_ids
from warehouse.store import SUCCESS, Warehouse

log = logging.getLogger(__name__)

MINIMUM_AGE_SECONDS = 3600.0


@dataclass(frozen=True)
class Garbage:
    """An artifact that can go."""

    kind: str
    name: str
    fingerprint: str
    bytes: int
    created: str

    @property
    def version(self) -> Version:
        """Its identity."""
        return Version(self.kind, self.name, self.fingerprint)


@dataclass
class Collection:
    """What can be (dry run) or was removed; `abandoned` are temporary folders of dead owners."""

    artifacts: list[Garbage]
    abandoned: list[str] = field(default_factory=list)
    dry_run: bool = True

    @property
    def bytes(self) -> int:
        """Sum over the artifacts' payloads."""
        return sum(item.bytes for item in self.artifacts)

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return {**asdict(self), "bytes": self.bytes}


def plan_gc(warehouse: Warehouse, keep_runs: int = 10, keep_latest: bool = True) -> list[Garbage]:
    """The artifacts that `collect` would remove, sorted."""
    records = warehouse.records()
    roots = _used_by_runs(warehouse, keep_runs)
    if keep_latest:
        roots |= _latest(warehouse, records)
    # What is too young to go must keep its inputs too.
    roots |= {
        version_of(record) for record in records if _age_seconds(warehouse, record) < MINIMUM_AGE_SECONDS
    }
    kept = closure(roots, inputs_of(records))
    return [_garbage(record) for record in records if version_of(record) not in kept]


def collect(
    warehouse: Warehouse, keep_runs: int = 10, keep_latest: bool = True, dry_run: bool = True
) -> Collection:
    """Remove what `plan_gc` lists, and abandoned temporary folders; with `dry_run` only say what would go."""
    planned = plan_gc(warehouse, keep_runs, keep_latest)
    if dry_run:
        return Collection(planned)
    removed = [item for item in planned if _remove(warehouse, item.version)]
    return Collection(removed, warehouse.clean_abandoned(), dry_run=False)


def _remove(warehouse: Warehouse, version: Version) -> bool:
    lock = warehouse.lock_path(*version)
    with exclusive_now(lock) if lock else nullcontext(True) as held:
        if not held:
            log.warning("%s is in use and stays", version)
            return False
        warehouse.remove(version)
        return True


def _used_by_runs(warehouse: Warehouse, keep_runs: int) -> set[Version]:
    ids = run_ids(warehouse)
    newest = set(ids[-keep_runs:]) if keep_runs > 0 else set()
    used: set[Version] = set()
    for run_id in ids:
        events = read_run(warehouse, run_id)
        if run_id in newest or (is_open(events) and not is_dead(events[0].get("process"))):
            used |= _versions(events)
    return used


def _versions(events: Iterable[Event]) -> set[Version]:
    named = [
        item for event in events for item in (event, *event.get("inputs", ()), *event.get("planned", ()))
    ]
    return {
        Version(item["kind"], item["name"], item["fingerprint"]) for item in named if item.get("fingerprint")
    }


def _latest(warehouse: Warehouse, records: Iterable[Record]) -> set[Version]:
    names = {(record.kind, record.name) for record in records}
    pointed = ((kind, name, warehouse.latest_fingerprint(kind, name)) for kind, name in names)
    return {Version(kind, name, fingerprint) for kind, name, fingerprint in pointed if fingerprint}


def _age_seconds(warehouse: Warehouse, record: Record) -> float:
    """Since it was made or put here, whichever is later."""
    made = datetime.fromisoformat(record.producer.created).timestamp()
    put = warehouse.place.modified("/".join((*version_of(record), SUCCESS)))
    return time.time() - max(made, put or 0.0)


def _garbage(record: Record) -> Garbage:
    size = sum(entry.bytes for entry in record.files)
    return Garbage(record.kind, record.name, record.fingerprint, size, record.producer.created)
