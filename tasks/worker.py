"""Run one planned step in a child process, with a time limit and a way to stop it."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from threading import Event
from typing import Any, Literal

from tasks.plan import PlannedStep
from tasks.step import InputError
from warehouse.record import Record

ROOT = Path(__file__).resolve().parent.parent


class StepError(Exception):
    """A step ended without its artifact; the message is for a person, `details` for the log."""

    def __init__(self, message: str, details: str = "") -> None:
        super().__init__(message)
        self.details = details


class StepCancelledError(StepError):
    """The run was cancelled while the step was running."""


@dataclass(frozen=True)
class StepResult:
    """What became of a step.  References only: data stay in the warehouse."""

    status: Literal["built", "reused"]
    record: Record


def run_step(
    planned: PlannedStep,
    warehouse: str,
    run_id: str,
    *,
    progress: Callable[[float, str], None] = lambda fraction, message: None,
    log: Callable[[str], None] = lambda message: None,
    cancelled: Event | None = None,
) -> StepResult:
    """Build the artifact of one step (or find it built meanwhile) and return its record.

    Raises InputError for the user's mistakes, StepCancelledError when `cancelled` is set, StepError otherwise:
    an exception in the build, a killed process, or `timeout_seconds` passed.
    """
    step = planned.step
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "tasks.child"],  # -P: no code out of the current folder
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C reaches the run, which then ends its steps in order
        env=_environment(),
    )
    try:
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it died at once: the reading end says how
            process.stdin.write(_request(planned, warehouse, run_id))
            process.stdin.flush()
        answer, errors = _listen(process, step.timeout_seconds, progress, log, cancelled)
    finally:
        _end(process)
    if answer is None:
        raise StepError(f"{step.title}: {_ending(process.returncode)}", errors)
    if answer["event"] == "done":
        return StepResult(answer["status"], Record.model_validate(answer["record"]))
    if answer["input_error"]:
        raise InputError(f"{step.title}: {answer['message']}")
    raise StepError(f"{step.title}: {answer['message']}", answer["traceback"])


def _environment() -> dict[str, str]:
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    # Two training processes on busy cores: threads that spin while they wait made steps up to ten times slower.
    waiting = {"OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "PASSIVE")}
    return {**os.environ, **waiting, "PYTHONPATH": os.pathsep.join(paths)}


def _request(planned: PlannedStep, warehouse: str, run_id: str) -> bytes:
    commit, dirty = code_version()
    request = {
        "step": {**asdict(planned.step), "inputs": {}},
        "inputs": planned.inputs,
        "fingerprint": planned.fingerprint,
        "warehouse": warehouse,
        "run_id": run_id,
        "commit": commit,
        "dirty": dirty,
    }
    return json.dumps(request).encode() + b"\n"


def _listen(
    process: subprocess.Popen[bytes],
    limit: float,
    progress: Callable[[float, str], None],
    log: Callable[[str], None],
    cancelled: Event | None,
) -> tuple[dict[str, Any] | None, str]:
    """Read answers until the last one; `None` when the process ended without it."""
    deadline = time.monotonic() + limit
    errors: deque[str] = deque(maxlen=200)
    buffers = {process.stdout: b"", process.stderr: b""}
    with selectors.DefaultSelector() as selector:
        for stream in buffers:
            assert stream is not None
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map():
            if cancelled is not None and cancelled.is_set():
                raise StepCancelledError("the step was cancelled")
            if time.monotonic() > deadline:
                raise StepError(f"took longer than its limit of {limit:.0f} s", "\n".join(errors))
            for key, _ in selector.select(timeout=0.2):
                stream = key.fileobj  # type: ignore[assignment]
                chunk = os.read(key.fd, 1 << 16)
                if not chunk:
                    selector.unregister(key.fileobj)
                    continue
                *lines, buffers[stream] = (buffers[stream] + chunk).split(b"\n")
                for line in lines:
                    if stream is process.stderr:
                        errors.append(line.decode(errors="replace"))
                        continue
                    message = json.loads(line)
                    if message["event"] == "progress":
                        progress(message["fraction"], message["message"])
                    elif message["event"] == "log":
                        log(message["message"])
                    else:
                        return message, "\n".join(errors)
    return None, "\n".join(errors)


def _end(process: subprocess.Popen[bytes]) -> None:
    """No process of the step outlives this call."""
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=2)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # the child leads its own session: helpers of it go too
    process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        hint = "; the machine may have run out of memory" if name == "SIGKILL" else ""
        return f"its process was ended by {name}{hint}"
    return f"its process ended with code {code} and no answer"


@cache
def code_version() -> tuple[str, bool]:
    """(git commit, dirty) of the code that runs; ("", False) outside a checkout."""
    git = ["git", "-C", str(ROOT)]
    try:
        commit = subprocess.run(
            [*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True, timeout=10
        )
        status = subprocess.run(
            [*git, "status", "--porcelain", "--untracked-files=no"],
            capture_output=True, text=True, check=True, timeout=10,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return "", False
    return commit.stdout.strip(), bool(status.stdout.strip())


def reference(record: Record) -> dict[str, str]:
    """The small frozen thing that tasks exchange instead of data."""
    return {
        "kind": record.kind,
        "name": record.name,
        "fingerprint": record.fingerprint,
        "content_digest": record.content_digest,
    }
