"""Serve every pipeline of the pipelines file as Prefect deployments: whole, and stage by stage."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.config import DEFAULT_CONFIG, PipelineParams, load_pipelines
from flows.prefect_home import configure_prefect, page_of, use_running_server
from tasks.step import STAGES, InputError, Stage

if TYPE_CHECKING:
    from prefect.deployments.runner import RunnerDeployment


def serve_pipelines(config: Path = DEFAULT_CONFIG, warehouse: str | None = None) -> None:
    """Register the deployments and start their runs, scheduled, by hand or by event, until stopped.

    Works from any folder: paths in the pipelines file count from the folder that holds it, here and in every run.
    On SIGTERM or Ctrl-C running steps are ended and schedules paused; the next start resumes them.
    Raises InputError when the file is wrong or no server answers.
    """
    config = config.resolve()
    pipelines = load_pipelines(config)
    warehouse = absolute_warehouse(warehouse) if warehouse else None
    os.chdir(config.parent)
    address = use_running_server(configure_prefect(config.parent))
    if address is None:
        raise InputError("no Prefect server answers; start `lexmill server` here, or set PREFECT_API_URL")
    os.environ["PREFECT_API_URL"] = address

    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: address}):
        deployments = [
            deployment
            for name, pipeline in pipelines.items()
            for deployment in pipeline_deployments(name, pipeline, config, warehouse)
        ]
        with suppress(KeyboardInterrupt):
            # Until the runner installs its own handler, SIGTERM too must end this in order.
            signal.signal(signal.SIGTERM, signal.default_int_handler)
            print(
                f"Serving {len(deployments)} deployments of {config}; UI: {page_of(address)}/deployments",
                flush=True,
            )
            _serve(deployments)


def _serve(deployments: Sequence[RunnerDeployment]) -> None:
    """What `prefect.serve` does, with SIGTERM taken as Ctrl-C, and with an end for the runs under way.

    Prefect's runner leaves its event loop in the middle of SIGTERM, and kills the processes of its runs without
    telling the server, which would show them as `Running` for ever.
    """
    from prefect.runner import Runner

    runner = Runner(pause_on_shutdown=True)
    runner.handle_sigterm = lambda *received: signal.raise_signal(signal.SIGINT)  # type: ignore[method-assign]
    ids = [runner.add_deployment(deployment) for deployment in deployments]
    try:
        with suppress(KeyboardInterrupt):
            asyncio.run(runner.start())
    finally:
        _end_runs([str(deployment) for deployment in ids])


def _end_runs(deployments: Sequence[str]) -> None:
    """Mark what still runs as crashed and clean up after it."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import DeploymentFilter, FlowRunFilter
    from prefect.client.schemas.objects import State
    from prefect.states import Crashed

    from flows.pipeline import leave_clean, run_pipeline

    open_states = FlowRunFilter.model_validate(
        {"state": {"type": {"any_": ["RUNNING", "PENDING", "CANCELLING"]}}}
    )
    served = DeploymentFilter.model_validate({"id": {"any_": list(deployments)}})
    state: State[Any] = Crashed(message="`lexmill serve` was stopped during the run")
    with get_client(sync_client=True) as client:
        for flow_run in client.read_flow_runs(flow_run_filter=open_states, deployment_filter=served):
            client.set_flow_run_state(flow_run.id, state, force=True)
            leave_clean(run_pipeline, flow_run, state)


def pipeline_deployments(
    name: str, pipeline: PipelineParams, config: Path, warehouse: str | None = None
) -> list[RunnerDeployment]:
    """The deployment of a pipeline, `<name>`, and one for each of its stages, `<name>.<stage>`."""
    whole = _deployment(name, pipeline, config, warehouse, None)
    return [whole, *(_deployment(name, pipeline, config, warehouse, stage) for stage in stages_of(pipeline))]


def stages_of(pipeline: PipelineParams) -> list[Stage]:
    """The stages in which a pipeline has steps, read from its sections."""
    models = pipeline.models
    present: dict[Stage, bool] = {
        "ingest": True,
        "count": bool(pipeline.tokenizers or pipeline.audits),
        "tokenize": bool(pipeline.tokenizers)
        or any(not isinstance(a.tokenizer, str) for a in pipeline.audits),
        "audit": bool(pipeline.audits),
        "train": bool(models),
        "transfer": bool(models),
        "adapt": any(model.adapted_methods for model in models),
        "evaluate": bool(models) or (pipeline.evaluation is not None and bool(pipeline.tokenizers)),
        "report": pipeline.report is not None,
    }
    return [stage for stage in STAGES if present[stage]]


def absolute_warehouse(url: str) -> str:
    """A local path made absolute; any other URL as it is."""
    return url if "://" in url else str(Path(url).expanduser().resolve())


def _deployment(
    name: str, pipeline: PipelineParams, config: Path, warehouse: str | None, stage: Stage | None
) -> RunnerDeployment:
    from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
    from prefect.schedules import Cron
    from prefect.types.entrypoint import EntrypointType

    from flows.pipeline import run_pipeline
    from flows.prefect_events import audit_trigger

    parameters: dict[str, Any] = {"pipeline": name, "config": str(config)}
    if warehouse:
        parameters["warehouse"] = warehouse
    if stage:
        parameters["only"] = stage
    run_pipeline.validate_parameters(parameters)
    schedule = pipeline.schedule
    what = f"Stage {stage} of {name}, on what is already built. " if stage else ""
    return run_pipeline.to_deployment(  # type: ignore[return-value]
        name=f"{name}.{stage}" if stage else name,
        description=what + (pipeline.description or f"The pipeline {name}"),
        parameters=parameters,
        schedule=Cron(schedule.cron, timezone=schedule.timezone) if schedule and not stage else None,
        tags=sorted({name, *pipeline.tags, *([stage] if stage else [])}),
        triggers=[audit_trigger(name)] if stage == "audit" else [],
        concurrency_limit=ConcurrencyLimitConfig(
            limit=1, collision_strategy=ConcurrencyLimitStrategy.ENQUEUE
        ),
        entrypoint_type=EntrypointType.MODULE_PATH,
        enforce_parameter_schema=True,
    )
