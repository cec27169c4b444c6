"""Run a plan without Prefect: the same steps, artifacts and lineage, ready in about a second."""

from __future__ import annotations

import signal
import threading
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from types import FrameType
from typing import Protocol

from flows.runs import PreparedRun, RunOutcome, RunRecorder
from tasks.plan import PlannedStep
from tasks.worker import StepCancelledError, StepError, StepResult, run_step


class Observer(Protocol):
    """Whoever shows a run to a person."""

    def started(self, planned: PlannedStep) -> None:
        """A step begins."""

    def progress(self, planned: PlannedStep, fraction: float, message: str) -> None:
        """A step has come so far (0..1)."""

    def log(self, planned: PlannedStep, message: str) -> None:
        """A step says something."""

    def finished(self, planned: PlannedStep, result: StepResult) -> None:
        """A step is done."""

    def failed(self, planned: PlannedStep, error: Exception) -> None:
        """A step is not done."""


def run_plain(prepared: PreparedRun, observer: Observer, trigger: str = "command") -> RunOutcome:
    """Build what the plan says, independent steps side by side; the first failure stops new steps."""
    recorder = RunRecorder(prepared, trigger)
    cancelled = threading.Event()
    previous = signal.getsignal(signal.SIGTERM)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _interrupt)
    try:
        _build_all(prepared, recorder, observer, cancelled)
    except KeyboardInterrupt:
        recorder.outcome.cancelled = True
    except Exception as error:  # ours, or the terminal's: the log is closed all the same
        recorder.outcome.problems.append(("run", f"{type(error).__name__}: {error}"))
        raise
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, previous)
        recorder.close()
    return recorder.outcome


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _build_all(
    prepared: PreparedRun, recorder: RunRecorder, observer: Observer, cancelled: threading.Event
) -> None:
    waiting = {planned.step.key: planned for planned in prepared.to_build}
    running: dict[Future[StepResult], PlannedStep] = {}
    pool = ThreadPoolExecutor(max_workers=prepared.pipeline.runner.workers, thread_name_prefix="step")
    try:
        while waiting or running:
            if not recorder.outcome.problems:
                busy = {planned.step.key for planned in running.values()}
                for planned in [p for p in waiting.values() if _ready(p, waiting.keys() | busy)]:
                    del waiting[planned.step.key]
                    future = pool.submit(
                        _build_one, prepared, recorder.log.run_id, planned, observer, cancelled
                    )
                    running[future] = planned
            if not running:
                break
            done, _ = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
            for future in done:
                _note(running.pop(future), future, recorder, observer)
    except BaseException:
        cancelled.set()
        for future, planned in running.items():
            _note(planned, future, recorder, observer)
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        for planned in waiting.values():
            recorder.not_run(planned)


def _ready(planned: PlannedStep, unfinished: set[tuple[str, str]]) -> bool:
    return not any((kind, name) in unfinished for refs in planned.inputs.values() for kind, name, _ in refs)


def _build_one(
    prepared: PreparedRun, run_id: str, planned: PlannedStep, observer: Observer, cancelled: threading.Event
) -> StepResult:
    retries = prepared.pipeline.retries
    for attempt in range(retries.attempts + 1):
        if cancelled.is_set():
            raise StepCancelledError(f"{planned.step.title}: cancelled")
        observer.started(planned)
        try:
            return run_step(
                planned,
                prepared.pipeline.warehouse,
                run_id,
                progress=lambda fraction, message: observer.progress(planned, fraction, message),
                log=lambda message: observer.log(planned, message),
                cancelled=cancelled,
            )
        except StepCancelledError:
            raise
        except StepError as error:
            if attempt == retries.attempts:
                raise
            observer.log(planned, f"failed ({error}); trying again in {retries.delay_seconds:g} s")
            time.sleep(retries.delay_seconds)
    raise AssertionError("unreachable")


def _note(
    planned: PlannedStep, future: Future[StepResult], recorder: RunRecorder, observer: Observer
) -> None:
    try:
        result = future.result()
    except Exception as error:
        status = "cancelled" if isinstance(error, StepCancelledError) else "failed"
        recorder.problem(planned, error, status)
        observer.failed(planned, error)
    else:
        recorder.finished(planned, result)
        observer.finished(planned, result)
