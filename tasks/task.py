"""The one Prefect task: build the artifact of a step, or say that it is up to date.

What a step does lives in its build function, which runs in a process of its own (`tasks.worker`) and never sees
Prefect.  This file gives it a name, retries, a log, a progress bar and a page in the UI.  Tasks exchange small
references; payloads stay in the warehouse.  Prefect caches nothing: what is up to date was decided by the plan.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from prefect import Task, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import TaskRunContext
from prefect.states import Cancelled, Completed

from tasks.plan import PlannedStep
from tasks.step import InputError
from tasks.task_artifacts import ProgressBar, publish_card
from tasks.worker import StepCancelledError, StepError, StepResult, reference, run_step
from warehouse.store import Warehouse

POLL_SECONDS = 5.0

# Run id -> set when that run is cancelled.  Threads of the flow's process find it; other processes ask the server.
CANCELLED: dict[str, threading.Event] = {}


def task_for(planned: PlannedStep, attempts: int, delay_seconds: float) -> Task[..., Any]:
    """The task of one step, named and tagged for the UI.  `attempts` is how often a failure is tried again.

    A step that is up to date has no tags, lest it wait for a limit that it does not need.
    """
    step = planned.step
    return build_artifact.with_options(
        name=step.stage,
        task_run_name=f"{step.stage} {step.name}",
        tags=[step.stage, *step.tags] if planned.runs else [],
        retries=attempts,
        retry_delay_seconds=delay_seconds,
    )


def worth_retrying(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    """Wrong input stays wrong; anything else may have been the machine's fault."""
    return not isinstance(state.data, InputError)


@task(name="step", cache_policy=NO_CACHE, persist_result=False, retry_condition_fn=worth_retrying)
def build_artifact(
    planned: PlannedStep, pipeline: str, warehouse: str, run_id: str
) -> dict[str, str] | State[Any]:
    """Build the artifact of `planned`, a step of `pipeline`, in `warehouse` and return its reference.

    Ends as `Skipped` when there was nothing to do, as `Cancelled` when the run was.  Raises InputError for a
    mistake of the user, StepError for everything else.
    """
    if not planned.runs:
        return _skipped(planned)
    logger = get_run_logger()
    logger.info("%s: %s", planned.step.title, "; ".join(planned.why) or planned.status)
    bar = ProgressBar(planned.step.title, logger)
    try:
        with _cancellation(run_id) as cancelled:
            result = run_step(
                planned,
                warehouse,
                run_id,
                progress=bar.update,
                log=lambda message: logger.info("%s", message),
                cancelled=cancelled,
            )
    except StepCancelledError:
        return Cancelled(message=f"{planned.step.title}: the run was cancelled")
    except InputError as error:
        logger.error("%s", error)
        raise
    except StepError as error:
        logger.error("%s\n%s", error, error.details)
        raise
    bar.finish()
    return _finished(planned, result, pipeline, Warehouse(warehouse))


def _finished(
    planned: PlannedStep, result: StepResult, pipeline: str, store: Warehouse
) -> dict[str, str] | State[Any]:
    if result.status == "reused":
        return _skipped(planned, "built meanwhile by another run")
    record = result.record
    publish_card(store.get(record.kind, record.name, record.fingerprint), pipeline, get_run_logger())
    return {**reference(record), "status": result.status}


def _skipped(planned: PlannedStep, why: str = "up to date") -> State[Any]:
    step = planned.step
    data = {"kind": step.kind, "name": step.name, "fingerprint": planned.fingerprint, "status": "reused"}
    return Completed(name="Skipped", message=f"{why}: {planned.fingerprint}", data=data)


@contextmanager
def _cancellation(run_id: str) -> Iterator[threading.Event]:
    """An event that is set when the run is cancelled, wherever this task runs."""
    if (event := CANCELLED.get(run_id)) is not None:
        yield event
        return
    context = TaskRunContext.get()
    flow_run = context.task_run.flow_run_id if context else None
    event, ended = threading.Event(), threading.Event()
    watcher = threading.Thread(target=_watch, args=(flow_run, event, ended), daemon=True)
    watcher.start()
    try:
        yield event
    finally:
        ended.set()
        watcher.join(timeout=2)


def _watch(flow_run: UUID | None, cancelled: threading.Event, ended: threading.Event) -> None:
    while flow_run is not None and not ended.wait(POLL_SECONDS):
        if flow_run_is_over(flow_run):
            cancelled.set()
            return


def flow_run_is_over(flow_run: UUID) -> bool:
    """Whether the server says that a flow run was cancelled, is being cancelled, or has ended."""
    try:
        with get_client(sync_client=True) as client:
            state = client.read_flow_run(flow_run).state
    except Exception:  # a server that does not answer now is no reason to stop
        return False
    return state is not None and (state.is_cancelling() or state.is_final())
