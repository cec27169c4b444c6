"""The Prefect flow: one run of one pipeline, whole or in part, on whatever is already built."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import FlowRun, State
from prefect.context import FlowRunContext
from prefect.flows import Flow
from prefect.runtime import flow_run as this_flow_run
from prefect.states import Cancelled, Completed, Failed
from pydantic import Field

from flows.config import DEFAULT_CONFIG, load_pipeline
from flows.prefect_steps import RunCancelledError, build_steps
from flows.runs import RunOutcome, RunRecorder, prepare_run
from tasks.step import InputError, Stage
from warehouse.redact import redact_text
from warehouse.runs import close_dead_runs
from warehouse.store import Warehouse

# What became of the runs of this process, for whoever called the flow; keyed by flow run id.
OUTCOMES: dict[str, RunOutcome] = {}


def run_name() -> str:
    """What the run does, in words: `demo`, `demo: audit`, `demo from train, tokenizers.0.vocab_size=4096`."""
    given = this_flow_run.parameters
    name = str(given["pipeline"])
    if given.get("only"):
        name += f": {given['only']}"
    if given.get("start"):
        name += f" from {given['start']}"
    return redact_text(", ".join([name, *map(str, given.get("overrides") or ())]))[:200]


def leave_clean(flow: Flow[Any, Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Hook: after a run that ended badly, close the logs of dead processes and remove half-built folders.

    The flow does this itself whenever it can; for a process that was killed, `lexmill serve` runs the hook.
    """
    given = flow_run.parameters
    try:
        pipeline = load_pipeline(
            given["pipeline"],
            Path(given.get("config", DEFAULT_CONFIG)),
            given.get("overrides") or (),
            given.get("warehouse"),
        )
    except (InputError, KeyError):
        return  # the parameters themselves were wrong: nothing was started
    store = Warehouse(pipeline.warehouse)
    close_dead_runs(store)
    store.clean_abandoned()


@flow(
    name="pipeline",
    flow_run_name=run_name,
    persist_result=False,
    on_failure=[leave_clean],
    on_crashed=[leave_clean],
    on_cancellation=[leave_clean],
)
def run_pipeline(
    pipeline: Annotated[str, Field(min_length=1, pattern=r"^[a-z0-9][a-z0-9_-]*$")],
    only: Stage | None = None,
    start: Stage | None = None,
    overrides: tuple[str, ...] = (),
    config: str = "pipelines.yaml",
    warehouse: str | None = None,
) -> State[Any]:
    """Build what is new or changed in a pipeline, reuse the rest, and record the lineage.

    The plan is made first, from recipe fingerprints: steps that are up to date appear as `Skipped`.

    Args:
        pipeline: Name of a pipeline in the pipelines file.
        only: Run this stage only, on artifacts that are already built.
        start: Run this stage and all later ones.
        overrides: Settings for this run, each as key.path=value, e.g. tokenizers.0.vocab_size=4096.
        config: Path of the pipelines file on the machine that runs it.
        warehouse: Warehouse URL; by default what the pipelines file says.
    """
    context = FlowRunContext.get()
    assert context is not None
    assert context.flow_run is not None
    flow_run = context.flow_run
    try:
        prepared = prepare_run(pipeline, Path(config), overrides, warehouse, only, start)
    except InputError as error:
        get_run_logger().error("%s", error)
        OUTCOMES[str(flow_run.id)] = RunOutcome("", problems=[("run", str(error))], input_error=True)
        return Failed(message=str(error))
    recorder = RunRecorder(prepared, _trigger(flow_run), str(flow_run.id))
    get_run_logger().info(
        "%d of %d steps to build in run %s",
        len(prepared.to_build), len(prepared.plan), recorder.log.run_id,
    )  # fmt: skip
    try:
        settings = {"overrides": overrides, "warehouse": warehouse}
        build_steps(prepared, recorder, settings, flow_run.id if flow_run.deployment_id is None else None)
    except (KeyboardInterrupt, RunCancelledError):
        recorder.outcome.cancelled = True
    except InputError as error:
        recorder.outcome.problems.append(("run", str(error)))
        recorder.outcome.input_error = True
    except Exception as error:
        recorder.outcome.problems.append(("run", f"{type(error).__name__}: {error}"))
        raise
    except BaseException:  # a termination signal: Prefect decides what state it means
        recorder.outcome.cancelled = True
        raise
    finally:
        OUTCOMES[str(flow_run.id)] = recorder.close()
    return _final_state(recorder.outcome)


def _trigger(flow_run: FlowRun) -> str:
    """What started the run: a schedule, an event, a served deployment by hand, or the command line."""
    if flow_run.deployment_id is None:
        return "command"
    if flow_run.auto_scheduled:
        return "schedule"
    by = flow_run.created_by
    return "event" if by is not None and by.type == "AUTOMATION" else "deployment"


def _final_state(outcome: RunOutcome) -> State[Any]:
    counts = f"{len(outcome.built)} built, {len(outcome.reused)} up to date"
    if outcome.cancelled:
        return Cancelled(message=f"cancelled; {counts}")
    if outcome.problems:
        message = outcome.problems[0][1]
        more = f" (and {len(outcome.problems) - 1} more)" if len(outcome.problems) > 1 else ""
        return Failed(message=f"{message.splitlines()[0]}{more}; {counts}")
    return Completed(message=counts)
