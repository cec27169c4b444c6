"""Run logs: one append-only file per run, `lineage/runs/<yyyy-mm-dd>/<run id>.jsonl`, one JSON event a line.

Events: `run_started`, then `step` for every step as it ends, then `run_finished`.  A run that was killed has no last
event; `close_dead_runs` adds it.  Nothing is ever rewritten, so runs of many processes need no lock.
"""

from __future__ import annotations

import getpass
import json
import os
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from warehouse.owners import identity, is_dead
from warehouse.record import InputRef
from warehouse.redact import redact, redact_text
from warehouse.store import Warehouse

RUNS = "lineage/runs"
StepStatus = Literal["built", "reused", "failed", "cancelled", "not_run"]
RunStatus = Literal["completed", "failed", "cancelled", "killed"]
Event = dict[str, Any]
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*")


def new_run_id() -> str:
    """`<yyyymmdd>T<hhmmss>.<microseconds>-<8 hex>`: sorts by start (UTC), unique over machines."""
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f") + "-" + secrets.token_hex(4)


def run_path(run_id: str) -> str:
    """Path of a run's log below the warehouse's root.  Raises LookupError for what cannot be a run id."""
    if not _RUN_ID.fullmatch(run_id):
        raise LookupError(f"{redact_text(run_id)!r} is not a run id")
    return f"{RUNS}/{run_id[:4]}-{run_id[4:6]}-{run_id[6:8]}/{run_id}.jsonl"


class RunLog:
    """Writes the log of one run.  Its methods may be called from several threads of one process."""

    def __init__(
        self,
        warehouse: Warehouse,
        run_id: str | None = None,
        listeners: Sequence[Callable[[Event], None]] = (),
    ) -> None:
        """Nothing is written before `start`.  Each listener gets every event after it was written."""
        self.warehouse = warehouse
        self.run_id = run_id or new_run_id()
        self.path = run_path(self.run_id)
        self._listeners = tuple(listeners)
        self._lock = threading.Lock()
        self._lines: list[str] = []
        self._started = time.monotonic()

    def start(
        self,
        pipeline: str,
        parameters: Mapping[str, Any],
        trigger: str,
        planned: Iterable[tuple[str, str, str]] = (),
    ) -> str:
        """Begin; returns the run id.

        `trigger` says what started it (`cli`, `schedule`, `ui`, ...).  `planned` are the (kind, name, fingerprint)
        that the run will build or reuse: garbage collection leaves them alone while the run lives.
        """
        self._started = time.monotonic()
        self._append(
            "run_started",
            pipeline=pipeline,
            parameters=dict(parameters),
            trigger=trigger,
            planned=[{"kind": kind, "name": name, "fingerprint": fp} for kind, name, fp in planned],
            warehouse=self.warehouse.display_url,
            user=_user(),
            process=identity(),
        )
        return self.run_id

    def step(
        self,
        status: StepStatus,
        kind: str,
        name: str,
        fingerprint: str,
        *,
        stage: str = "",
        content_digest: str = "",
        inputs: Sequence[InputRef] = (),
        seconds: float = 0.0,
        why: str = "",
        error: str = "",
    ) -> None:
        """One step ended: `seconds` of wall time, `why` it ran or did not, `error` when it failed."""
        self._append(
            "step",
            status=status,
            kind=kind,
            name=name,
            fingerprint=fingerprint,
            stage=stage,
            content_digest=content_digest,
            inputs=[ref.model_dump() for ref in inputs],
            seconds=seconds,
            why=why,
            error=error,
        )

    def finish(self, status: RunStatus, error: str = "") -> None:
        """End the run."""
        self._append("run_finished", status=status, error=error, seconds=time.monotonic() - self._started)

    def _append(self, event: str, **fields: Any) -> None:
        now = datetime.now(UTC).isoformat(timespec="microseconds")
        entry: Event = {"event": event, "run_id": self.run_id, "time": now, **redact(fields)}
        with self._lock:
            self._write(json.dumps(entry, ensure_ascii=False, default=str) + "\n")
            for listener in self._listeners:
                listener(entry)

    def _write(self, line: str) -> None:
        if self.warehouse.place.local:
            _append_line(self.warehouse, self.path, line)
        else:  # object stores cannot append: write the whole, small, file again
            self._lines.append(line)
            self.warehouse.place.write(self.path, "".join(self._lines).encode())


def run_ids(warehouse: Warehouse) -> list[str]:
    """Ids of all runs, oldest first."""
    return sorted(
        path.rsplit("/", 1)[1].removesuffix(".jsonl") for path in warehouse.place.glob(f"{RUNS}/*/*.jsonl")
    )


def read_run(warehouse: Warehouse, run_id: str) -> list[Event]:
    """The events of a run.  Raises LookupError when there is none; a line cut by a crash is left out."""
    try:
        lines = warehouse.place.read(run_path(run_id)).decode("utf-8", "replace").split("\n")
    except FileNotFoundError:
        raise LookupError(f"no run {redact_text(run_id)} in {warehouse.display_url}") from None
    return [event for event in map(_parse, lines) if event is not None]


def close_dead_runs(warehouse: Warehouse, newest: int = 200) -> list[str]:
    """Add `run_finished: killed` to those of the newest runs whose process on this machine ended; returns their ids."""
    closed = []
    for run_id in run_ids(warehouse)[-newest:]:
        events = read_run(warehouse, run_id)
        if is_open(events) and is_dead(events[0].get("process")):
            log = RunLog(warehouse, run_id)
            log._lines = [json.dumps(event, ensure_ascii=False) + "\n" for event in events]
            log._append(
                "run_finished", status="killed", error="its process was killed", seconds=_elapsed(events)
            )
            closed.append(run_id)
    return closed


def is_open(events: Sequence[Event]) -> bool:
    """Whether a run began and did not say that it ended."""
    return bool(events) and events[0]["event"] == "run_started" and events[-1]["event"] != "run_finished"


def _elapsed(events: Sequence[Event]) -> float:
    first, last = (datetime.fromisoformat(events[at]["time"]) for at in (0, -1))
    return (last - first).total_seconds()


def _append_line(warehouse: Warehouse, path: str, line: str) -> None:
    assert warehouse.place.local is not None
    target = warehouse.place.local / path
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(target, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            line = "\n" + line  # the last writer was killed in the middle of its line
        os.write(descriptor, line.encode())  # one call: a reader sees the line or nothing of it
    finally:
        os.close(descriptor)


def _parse(line: str) -> Event | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "event" in event else None


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
