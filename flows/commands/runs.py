"""Commands that plan and run pipelines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from flows.commands.options import (
    DEFAULT_CONFIG,
    AsJson,
    Config,
    Only,
    Overrides,
    PipelineName,
    Start,
    WarehouseUrl,
    stage,
)
from flows.console import TerminalObserver, console, outcome_json, print_json, print_rows, user_errors
from flows.runs import RunOutcome, RunRecorder, prepare_run
from tasks.plan import PlannedStep
from warehouse.store import Warehouse


def run(
    pipeline: PipelineName,
    only: Only = None,
    start: Start = None,
    overrides: Overrides = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and stop.")] = False,
    plain: Annotated[bool, typer.Option("--plain", help="Run without any Prefect server.")] = False,
    config: Config = DEFAULT_CONFIG,
    warehouse: WarehouseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Run a pipeline: build what is new or changed, reuse the rest."""
    with user_errors():
        prepared = prepare_run(pipeline, config, overrides or [], warehouse, stage(only), stage(start))
        if dry_run:
            _show_plan(prepared.plan, as_json)
            return
        if not prepared.to_build:
            outcome = RunRecorder(prepared, "command").close()
        elif plain:
            from flows.plain import run_plain

            outcome = run_plain(prepared, TerminalObserver(quiet=as_json))
        else:
            from flows.prefect_run import run_with_prefect

            outcome = run_with_prefect(pipeline, config, overrides or [], warehouse, only, start)
    _show_outcome(outcome, prepared.warehouse, pipeline, as_json)


def plan(
    pipeline: PipelineName,
    only: Only = None,
    start: Start = None,
    overrides: Overrides = None,
    config: Config = DEFAULT_CONFIG,
    warehouse: WarehouseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Show what would run and why, field by field; starts nothing."""
    with user_errors():
        prepared = prepare_run(pipeline, config, overrides or [], warehouse, stage(only), stage(start))
        _show_plan(prepared.plan, as_json)


def ingest(
    paths: Annotated[list[str], typer.Argument(help="Files, folders or globs.")],
    name: Annotated[str, typer.Option(help="Name of the documents artifact.")] = "ingest",
    language: Annotated[str, typer.Option(help="Language code, or `detect`.")] = "detect",
    domain: Annotated[str, typer.Option(help="Domain of the text.")] = "general",
    license_: Annotated[str, typer.Option("--license", help="SPDX licence of the text.")] = "unknown",
    against: Annotated[
        list[str] | None,
        typer.Option(help="Documents in the warehouse whose text is a duplicate here; repeatable."),
    ] = None,
    warehouse: WarehouseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Read, clean and deduplicate local text into the warehouse, without a pipelines file."""
    with user_errors():
        from flows.adhoc import ingest_paths

        prepared, outcome = ingest_paths(
            paths,
            name,
            language,
            domain,
            license_,
            warehouse,
            TerminalObserver(quiet=as_json),
            against or [],
        )
    _show_outcome(outcome, prepared.warehouse, name, as_json)


def validate(config: Config = DEFAULT_CONFIG, as_json: AsJson = False) -> None:
    """Check the pipelines file; every mistake with file, line and key."""
    with user_errors():
        from flows.config import load_pipelines

        pipelines = load_pipelines(config)
    rows = [
        {
            "pipeline": name,
            "corpora": len(p.corpora),
            "tokenizers": len(p.tokenizers),
            "audits": len(p.audits),
            "models": len(p.models),
            "schedule": f"{p.schedule.cron} {p.schedule.timezone}" if p.schedule else "",
        }
        for name, p in pipelines.items()
    ]
    if as_json:
        print_json({"config": str(config), "valid": True, "pipelines": rows})
    else:
        print_rows(rows, title=f"{config} is valid")


def schema() -> None:
    """Print the JSON Schema of the pipelines file, for editors."""
    from flows.config import json_schema

    print_json(json_schema())


def _show_plan(plan: Sequence[PlannedStep], as_json: bool) -> None:
    rows = [
        {
            "stage": p.step.stage,
            "step": p.step.title,
            "fingerprint": p.fingerprint,
            "status": p.status,
            "why": "; ".join(p.why),
        }
        for p in plan
    ]
    if as_json:
        print_json(rows)
        return
    print_rows(rows)
    building = sum(p.runs for p in plan)
    console().print(f"\n{building} of {len(rows)} steps would run")


def _show_outcome(outcome: RunOutcome, store: Warehouse, pipeline: str, as_json: bool) -> None:
    made = f"report/{pipeline}" in (*outcome.built, *outcome.reused)
    report = store.latest("report", pipeline) if made else None
    page = str(report.file("report.html").resolve()) if report is not None else None
    if as_json:
        print_json({**outcome_json(outcome), "report": page})
    else:
        out = console()
        out.print(
            f"{outcome.status}: {len(outcome.built)} built, {len(outcome.reused)} up to date, "
            f"{len(outcome.problems)} failed  (run {outcome.run_id})"
        )
        for title, message in outcome.problems:
            console(stderr=True).print(
                f"  {message if title in message else f'{title}: {message}'}", markup=False
            )
        if page is not None and outcome.exit_code == 0:
            out.print(f"report: {page}", soft_wrap=True)
    if outcome.exit_code:
        raise typer.Exit(outcome.exit_code)
