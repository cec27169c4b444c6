"""Run a plan with Prefect: the twin of `flows.plain`, with a task run for every step."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import UUID

from prefect import get_run_logger
from prefect.client.schemas.objects import RunInput, State, TaskRunResult
from prefect.context import TagsContext
from prefect.futures import PrefectFuture
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner

from flows.prefect_events import next_stage, publish_event
from flows.prefect_runner import task_runner
from flows.runs import PreparedRun, RunRecorder
from tasks.plan import Key, PlannedStep
from tasks.step import InputError
from tasks.task import CANCELLED, POLL_SECONDS, flow_run_is_over, task_for
from tasks.worker import StepError, StepResult

END_SECONDS = 15.0  # how long steps may take to end after a cancellation


class RunCancelledError(Exception):
    """Somebody cancelled the flow run in the UI while no served process watches it."""


def build_steps(
    prepared: PreparedRun, recorder: RunRecorder, settings: Mapping[str, Any], watched: UUID | None = None
) -> None:
    """Show what is up to date, build the rest as soon as its inputs are there; the first failure stops new steps.

    `settings` (`overrides`, `warehouse`) go into the events.  `watched` is the flow run that this process must watch
    for cancellation itself (None when `lexmill serve` does).  Raises RunCancelledError, or whatever interrupts the
    main thread, after all running steps have ended.
    """
    runner = task_runner(prepared.pipeline.runner)
    cancelled = CANCELLED.setdefault(recorder.log.run_id, threading.Event())
    try:
        with runner, TagsContext(current_tags=set()):  # tags of the run are none of a step: limits go by tags
            _Run(prepared, recorder, settings, runner, cancelled, watched).execute()
    finally:
        del CANCELLED[recorder.log.run_id]


class _Run:
    """The state of one run while its steps are under way."""

    def __init__(
        self,
        prepared: PreparedRun,
        recorder: RunRecorder,
        settings: Mapping[str, Any],
        runner: TaskRunner[Any],
        cancelled: threading.Event,
        watched: UUID | None,
    ) -> None:
        self.prepared = prepared
        self.recorder = recorder
        self.settings = settings
        self.runner = runner
        self.cancelled = cancelled
        self.watched = watched
        self.looked = time.monotonic()
        self.task_runs: dict[Key, UUID] = {}
        self.waiting = {planned.step.key: planned for planned in prepared.to_build}
        self.running: dict[Key, PlannedStep] = {}
        self.done: queue.SimpleQueue[tuple[Key, PrefectFuture[Any]]] = queue.SimpleQueue()

    def execute(self) -> None:
        """Build everything that can be built."""
        try:
            self._show_skipped()
            while self.waiting or self.running:
                if not self.recorder.outcome.problems:
                    self._submit_ready()
                if not self.running:
                    break
                self._note_next(timeout=0.5)
                self._look_for_cancellation()
        except BaseException:
            self.cancelled.set()
            self._end_running()
            raise
        finally:
            for planned in self.waiting.values():
                self.recorder.not_run(planned)

    def _show_skipped(self) -> None:
        runner: TaskRunner[Any] = ThreadPoolTaskRunner(max_workers=1)
        with runner as shown:  # a thread is enough to say that nothing is to do
            for planned in self.prepared.plan:
                if planned.status == "up to date":
                    self._submit(planned, shown).wait()

    def _submit_ready(self) -> None:
        unfinished = self.waiting.keys() | self.running.keys()
        for key, planned in list(self.waiting.items()):
            if unfinished.isdisjoint(input_keys(planned)):
                del self.waiting[key]
                self.running[key] = planned
                future = self._submit(planned, self.runner)
                future.add_done_callback(partial(self._ended, key))

    def _ended(self, key: Key, future: PrefectFuture[Any]) -> None:
        self.done.put((key, future))  # from a thread of the runner: the main thread notes it

    def _submit(self, planned: PlannedStep, runner: TaskRunner[Any]) -> PrefectFuture[Any]:
        retries = self.prepared.pipeline.retries
        needed = [self.task_runs[key] for key in input_keys(planned) if key in self.task_runs]
        before: set[RunInput] = {TaskRunResult(id=task_run) for task_run in needed}
        future = runner.submit(
            task_for(planned, retries.attempts, retries.delay_seconds),
            {
                "planned": planned,
                "pipeline": self.prepared.name,
                "warehouse": self.prepared.pipeline.warehouse,
                "run_id": self.recorder.log.run_id,
            },
            dependencies={"planned": before},  # the edges of the graph in the UI; the key must be a parameter
        )
        self.task_runs[planned.step.key] = future.task_run_id
        return future

    def _note_next(self, timeout: float) -> None:
        try:
            key, future = self.done.get(timeout=timeout)
        except queue.Empty:
            return
        self._note(self.running.pop(key), future)

    def _note(self, planned: PlannedStep, future: PrefectFuture[Any]) -> None:
        try:
            future.wait()
            state = future.state
            answer = future.result(raise_on_failure=False)
        except Exception as error:  # the runner lost the task, e.g. a worker of the cluster died
            state, answer = None, error
        if state is not None and state.is_completed():
            self._note_finished(planned, answer)
        elif state is not None and state.is_cancelled():
            self.recorder.problem(planned, StepError(f"{planned.step.title}: cancelled"), "cancelled")
            self.recorder.outcome.cancelled = True  # a task in another process saw it before this one
        else:
            self.recorder.problem(planned, _as_step_error(planned, state, answer))

    def _note_finished(self, planned: PlannedStep, answer: Mapping[str, str]) -> None:
        step = planned.step
        record = self.prepared.warehouse.get(step.kind, step.name, planned.fingerprint).record
        built = answer["status"] == "built"
        self.recorder.finished(planned, StepResult("built" if built else "reused", record))
        if built:
            unfinished = [*self.waiting.values(), *self.running.values()]
            following = next_stage(
                self.prepared.plan, planned, unfinished, bool(self.prepared.pipeline.audits)
            )
            publish_event(self.prepared.name, record, self.settings, following)

    def _look_for_cancellation(self) -> None:
        if self.watched is None or time.monotonic() - self.looked < POLL_SECONDS:
            return
        self.looked = time.monotonic()
        if flow_run_is_over(self.watched):
            raise RunCancelledError

    def _end_running(self) -> None:
        deadline = time.monotonic() + END_SECONDS
        while self.running and time.monotonic() < deadline:
            self._note_next(timeout=0.5)
        for planned in self.running.values():
            get_run_logger().warning("%s did not end within %.0f s", planned.step.title, END_SECONDS)
            self.recorder.problem(planned, StepError(f"{planned.step.title}: cancelled"), "cancelled")


def input_keys(planned: PlannedStep) -> list[Key]:
    """The steps whose artifacts a step reads."""
    return [(kind, name) for refs in planned.inputs.values() for kind, name, _ in refs]


def _as_step_error(planned: PlannedStep, state: State[Any] | None, answer: Any) -> Exception:
    if isinstance(answer, InputError | StepError):
        return answer
    if isinstance(answer, BaseException):
        return StepError(f"{planned.step.title}: {type(answer).__name__}: {answer}")
    return StepError(f"{planned.step.title}: {state.message if state is not None else 'lost'}")
