"""Run a pipeline once with Prefect from the command line, on the server at hand or on a temporary one."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from flows.config import DEFAULT_CONFIG, load_pipeline
from flows.prefect_home import configure_prefect, page_of, use_running_server
from flows.runs import RunOutcome
from tasks.step import Stage


def run_with_prefect(
    pipeline: str,
    config: Path = DEFAULT_CONFIG,
    overrides: Sequence[str] = (),
    warehouse: str | None = None,
    only: Stage | None = None,
    start: Stage | None = None,
) -> RunOutcome:
    """Run the flow in this process and say how it ended.  Raises InputError when the pipelines file is wrong.

    Uses the server of `PREFECT_API_URL` or of the Prefect profile, else a `lexmill server` started in the same
    folder, else a temporary server that ends with this process (12 to 17 s more, see docs/prefect.md).
    """
    tags = {pipeline, *load_pipeline(pipeline, config, overrides, warehouse).tags}
    address = use_running_server(configure_prefect(config.parent))
    _say(f"Prefect UI: {page_of(address)}" if address else _TEMPORARY)

    from prefect import tags as tagged
    from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    from flows.pipeline import OUTCOMES, run_pipeline

    settings = {PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None, **({PREFECT_API_URL: address} if address else {})}
    with temporary_settings(settings), tagged(*tags):
        state = run_pipeline(
            pipeline=pipeline,
            only=only,
            start=start,
            overrides=tuple(overrides),
            config=str(config),
            warehouse=warehouse,
            return_state=True,
        )
    outcome = OUTCOMES.pop(str(state.state_details.flow_run_id), None)
    return outcome or RunOutcome("", problems=[("run", state.message or f"ended {state.name}")])


_TEMPORARY = (
    "No Prefect server is running here: starting a temporary one. "
    "`lexmill server` keeps one with its UI; `--plain` runs without."
)


def _say(text: str) -> None:
    print(text, file=sys.stderr)
