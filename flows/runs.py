"""What every run does, with or without Prefect: plan, record, publish, leave the warehouse clean."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from flows.config import DEFAULT_CONFIG, PipelineParams, load_pipeline
from flows.graph import pipeline_steps
from flows.places import warehouse_to_write
from tasks.cache import cache_folder
from tasks.plan import Key, PlannedStep, make_plan, select
from tasks.step import InputError, Stage
from tasks.worker import StepResult
from warehouse.openlineage import emit_run
from warehouse.runs import RunLog, close_dead_runs
from warehouse.store import Warehouse

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PreparedRun:
    """A validated pipeline, its warehouse, and the plan; nothing has started yet."""

    name: str
    pipeline: PipelineParams
    warehouse: Warehouse
    plan: Sequence[PlannedStep]
    parameters: Mapping[str, Any]

    @property
    def to_build(self) -> list[PlannedStep]:
        """Steps that will run."""
        return [planned for planned in self.plan if planned.runs]


@dataclass
class RunOutcome:
    """How a run ended.  `problems` holds (step title, message) pairs; wrong input is told from other failures."""

    run_id: str
    built: list[str] = field(default_factory=list)
    reused: list[str] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)
    input_error: bool = False
    cancelled: bool = False

    @property
    def exit_code(self) -> int:
        """0 done, 2 wrong input, 1 anything else."""
        if not self.problems and not self.cancelled:
            return 0
        return 2 if self.input_error else 1

    @property
    def status(self) -> str:
        """completed, failed or cancelled."""
        if self.cancelled:
            return "cancelled"
        return "failed" if self.problems else "completed"


def prepare_run(
    name: str,
    config: Path = DEFAULT_CONFIG,
    overrides: Sequence[str] = (),
    warehouse: str | None = None,
    only: Stage | None = None,
    start: Stage | None = None,
) -> PreparedRun:
    """Load a pipeline and plan it.  Raises InputError for everything that is the user's to mend."""
    return prepare(
        name,
        load_pipeline(name, config, overrides, warehouse),
        only,
        start,
        {"config": str(config), "set": list(overrides)},
    )


def prepare(
    name: str,
    pipeline: PipelineParams,
    only: Stage | None = None,
    start: Stage | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> PreparedRun:
    """Plan a pipeline that is already loaded."""
    if only is not None and start is not None:
        raise InputError("--only and --from exclude each other: give one of them")
    store = warehouse_to_write(pipeline.warehouse)
    # Steps may start in another folder or on another machine: a local path is made absolute here, once.
    pipeline = pipeline.model_copy(update={"warehouse": str(store.place.local or pipeline.warehouse)})
    steps = pipeline_steps(name, pipeline, cache_folder())
    plan = select(make_plan(steps, store, _earlier_documents(name, pipeline, store)), store, only, start)
    return PreparedRun(name, pipeline, store, plan, {**(parameters or {}), "only": only, "from": start})


def _earlier_documents(name: str, pipeline: PipelineParams, store: Warehouse) -> dict[Key, str]:
    """Fingerprints of the documents that `cleaning.against` names, as they are now."""
    found: dict[Key, str] = {}
    for other in pipeline.cleaning.against:
        if other == name:
            raise InputError(
                f"cleaning.against: {name!r} cannot be deduplicated against itself; give this one another name"
            )
        fingerprint = store.latest_fingerprint("documents", other)
        if fingerprint is None:
            there = sorted({version.name for version in store.versions("documents")})
            raise InputError(
                f"cleaning.against: {store.display_url} has no documents {other!r} "
                f"(it has {', '.join(there) or 'none'}); ingest them first"
            )
        found["documents", other] = fingerprint
    return found


class RunRecorder:
    """Writes the run's own log and, at its end, refreshes what is derived from logs and records."""

    def __init__(self, prepared: PreparedRun, trigger: str, external_id: str | None = None) -> None:
        self.prepared = prepared
        close_dead_runs(prepared.warehouse)
        self.log = RunLog(prepared.warehouse)
        parameters = {**prepared.parameters, **({"prefect_flow_run": external_id} if external_id else {})}
        chosen = [p for p in prepared.plan if p.status != "not selected"]
        planned_artifacts = {_identity(p) for p in chosen}
        planned_artifacts |= {ref for p in chosen for refs in p.inputs.values() for ref in refs}
        self.log.start(prepared.name, parameters, trigger, sorted(planned_artifacts))
        self.outcome = RunOutcome(run_id=self.log.run_id)
        try:
            for planned in prepared.plan:
                if planned.status == "up to date":
                    self._reused(planned)
        except Exception as error:  # removed since the plan was made
            self.close(f"{type(error).__name__}: {error}")
            raise

    def _reused(self, planned: PlannedStep) -> None:
        step = planned.step
        record = self.prepared.warehouse.get(step.kind, step.name, planned.fingerprint).record
        self.prepared.warehouse.point_latest(record)
        self.finished(planned, StepResult("reused", record))

    def finished(self, planned: PlannedStep, result: StepResult) -> None:
        """A step is built, or was found built."""
        titles = self.outcome.built if result.status == "built" else self.outcome.reused
        titles.append(planned.step.title)
        self.log.step(
            result.status,
            *_identity(planned),
            stage=planned.step.stage,
            content_digest=result.record.content_digest,
            inputs=result.record.inputs,
            seconds=result.record.producer.seconds if result.status == "built" else 0.0,
            why=_why(planned),
        )

    def problem(
        self, planned: PlannedStep, error: Exception, status: Literal["failed", "cancelled"] = "failed"
    ) -> None:
        """A step failed or was cancelled."""
        self.outcome.problems.append((planned.step.title, str(error)))
        self.outcome.input_error |= isinstance(error, InputError)
        self.log.step(
            status, *_identity(planned), stage=planned.step.stage, why=_why(planned), error=str(error)
        )

    def not_run(self, planned: PlannedStep) -> None:
        """A step was never started because an earlier one failed or the run was cancelled."""
        self.log.step("not_run", *_identity(planned), stage=planned.step.stage, why=_why(planned))

    def close(self, error: str = "") -> RunOutcome:
        """End the log; never raises for the derived files, which can be rebuilt at any time."""
        if not error and self.outcome.problems:
            error = "; ".join(message for _, message in self.outcome.problems)
        self.log.finish(self.outcome.status, error)
        store = self.prepared.warehouse
        store.clean_abandoned()
        _refresh_catalog(store)
        emit_run(store, self.log.run_id, os.environ.get("OPENLINEAGE_URL"))
        return self.outcome


def _identity(planned: PlannedStep) -> tuple[str, str, str]:
    return planned.step.kind, planned.step.name, planned.fingerprint


def _why(planned: PlannedStep) -> str:
    return "; ".join(planned.why) or planned.status


def _refresh_catalog(store: Warehouse) -> None:
    import duckdb  # a third of a second that the start of a run need not wait for

    from warehouse.views import write_catalog

    try:
        write_catalog(store)
    except (OSError, duckdb.Error) as problem:
        log.warning("the catalog was not refreshed: %s", problem)
