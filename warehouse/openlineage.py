"""Lineage as OpenLineage events (https://openlineage.io), built with the official client's classes.

A run of a pipeline is an OpenLineage run of the job `<pipeline>`; each step is a run of the job `<kind>/<name>` with
the pipeline's run as its parent.  An artifact is a dataset: namespace = URL of the warehouse without credentials, name
= `kind/name`, version = fingerprint.  A reused artifact had no run of its own: it is an input of the pipeline's run.

Events go to `lineage/openlineage/<run id>.jsonl` and, where a URL is given, to an HTTP endpoint as well.  Nothing here
ever makes a run fail: what cannot be sent is logged once.  Importing the client takes about a second, so it happens in
the functions.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from warehouse.lineage import upstream
from warehouse.openlineage_events import step_events, translate
from warehouse.record import Record
from warehouse.redact import redact_text
from warehouse.runs import Event, read_run
from warehouse.store import Warehouse

if TYPE_CHECKING:
    from openlineage.client import OpenLineageClient
    from openlineage.client.event_v2 import RunEvent
    from openlineage.client.transport import Transport

log = logging.getLogger(__name__)

FOLDER = "lineage/openlineage"
HTTP_TIMEOUT_SECONDS = 2.0


class Emitter:
    """Turns the events of one run log into OpenLineage events and sends them as they come: a `RunLog` listener."""

    def __init__(self, warehouse: Warehouse, run_id: str, url: str | None = None) -> None:
        """`url` (default: `OPENLINEAGE_URL`) is an HTTP endpoint that gets the events too."""
        self.warehouse, self.run_id = warehouse, run_id
        self._history: list[Event] = []
        self._url = url or os.environ.get("OPENLINEAGE_URL")
        self._clients: list[OpenLineageClient] | None = None

    def __call__(self, event: Event) -> None:
        """Send what one event of the run log stands for; never raises."""
        try:
            self._history.append(event)
            if self._clients is None:
                self._clients = _clients(self.warehouse, self.run_id, self._url)
            for translated in translate(self.warehouse, self._history):
                self._send(translated)
        except Exception as error:
            log.warning("no OpenLineage event for run %s: %s", self.run_id, redact_text(str(error)))

    def _send(self, event: RunEvent) -> None:
        for client in list(self._clients or ()):
            try:
                client.emit(event)
            except Exception as error:
                # Given up for the rest of the run: every further try would cost its time limit again.
                log.warning("OpenLineage events of run %s stop: %s", self.run_id, redact_text(str(error)))
                self._clients = [other for other in self._clients or () if other is not client]


def emit_run(warehouse: Warehouse, run_id: str, url: str | None = None) -> None:
    """Send the events of a whole run log (again): the file is written anew.  Never raises."""
    try:
        events = read_run(warehouse, run_id)
        warehouse.place.remove(f"{FOLDER}/{run_id}.jsonl")
    except (LookupError, OSError) as error:
        log.warning("no OpenLineage events for run %s: %s", run_id, error)
        return
    emitter = Emitter(warehouse, run_id, url)
    for event in events:
        emitter(event)


def lineage_events(warehouse: Warehouse, ref: str) -> list[dict[str, Any]]:
    """START and COMPLETE of the runs that made an artifact and all that it was made of, inputs first.

    The same ids as in the events that those runs sent.  Raises LookupError.
    """
    events = []
    for node in upstream(warehouse, ref).nodes:
        if node.present:
            record = warehouse.get(*node.version).record
            step = _step_of(record)
            events += step_events(warehouse, step, record, _pipeline_of(warehouse, record.producer.run_id))
    return [_to_dict(event) for event in events]


def _clients(warehouse: Warehouse, run_id: str, url: str | None) -> list[OpenLineageClient]:
    from openlineage.client import OpenLineageClient
    from openlineage.client.transport.file import FileConfig, FileTransport

    path = f"{FOLDER}/{run_id}.jsonl"
    transports: list[Transport] = []
    if warehouse.place.local:
        target = warehouse.place.local / path
        target.parent.mkdir(parents=True, exist_ok=True)
        transports.append(FileTransport(FileConfig(log_file_path=str(target), append=True)))
    else:
        transports.append(_remote_file(warehouse, path))
    if url:
        try:
            transports.append(_http(url))
        except Exception as error:
            log.warning("no OpenLineage events to %s: %s", redact_text(url), redact_text(str(error)))
    return [OpenLineageClient(transport=transport) for transport in transports]


def _http(url: str) -> Transport:
    from openlineage.client.transport.http import (
        ApiKeyTokenProvider,
        HttpConfig,
        HttpTransport,
        TokenProvider,
    )

    key = os.environ.get("OPENLINEAGE_API_KEY")
    auth = ApiKeyTokenProvider({"api_key": key}) if key else TokenProvider({})
    retry = {"total": 0, "connect": 0, "read": 0}
    return HttpTransport(HttpConfig(url=url, timeout=HTTP_TIMEOUT_SECONDS, retry=retry, auth=auth))


def _remote_file(warehouse: Warehouse, path: str) -> Transport:
    """Object stores cannot append: the whole, small, file is written again for every event."""
    from openlineage.client.serde import Serde
    from openlineage.client.transport import Config, Transport

    class RemoteFile(Transport):
        kind = "warehouse"
        config_class = Config

        def __init__(self) -> None:
            self.lines: list[str] = []

        def emit(self, event: Any) -> None:
            self.lines.append(Serde.to_json(event) + "\n")
            warehouse.place.write(path, "".join(self.lines).encode())

    return RemoteFile()


def _to_dict(event: RunEvent) -> dict[str, Any]:
    from openlineage.client.serde import Serde

    return Serde.to_dict(event)


def _step_of(record: Record) -> Event:
    """The run log's `step` event of a built artifact, from its record."""
    return {
        "event": "step",
        "status": "built",
        "run_id": record.producer.run_id,
        "time": record.producer.created,
        "kind": record.kind,
        "name": record.name,
        "fingerprint": record.fingerprint,
        "content_digest": record.content_digest,
        "stage": record.stage,
        "inputs": [ref.model_dump() for ref in record.inputs],
        "seconds": record.producer.seconds,
    }


def _pipeline_of(warehouse: Warehouse, run_id: str) -> str:
    try:
        events: Iterable[Event] = read_run(warehouse, run_id)
    except LookupError:
        return "unknown"
    return next((event["pipeline"] for event in events if event.get("pipeline")), "unknown")
