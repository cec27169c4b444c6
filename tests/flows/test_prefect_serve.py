"""`lexmill serve`: deployments with schedules and checked parameters, runs by hand, by event, cancelled and killed."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.flows.conftest import PrefectServer
from tests.flows.prefect_project import served, wait_for, write_project
from warehouse.runs import read_run, run_ids
from warehouse.store import Warehouse

RUN_SECONDS = 150


@dataclass(frozen=True)
class Project:
    """A served project."""

    folder: Path
    config: Path
    process: subprocess.Popen[bytes]

    @property
    def store(self) -> Warehouse:
        return Warehouse(str(self.folder / "data"))


@pytest.fixture(scope="module")
def project(prefect_server: PrefectServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    folder = tmp_path_factory.mktemp("project")
    config = write_project(folder)
    with served(config, prefect_server, tmp_path_factory.mktemp("elsewhere")) as process:
        yield Project(folder, config, process)


@pytest.fixture
def client(prefect_api: PrefectServer, project: Project) -> Iterator[Any]:
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as found:
        yield found


def start_run(client: Any, name: str, **parameters: Any) -> Any:
    deployment = wait_for(lambda: by_name(client).get(name), 30, f"deployment {name}")
    return client.create_flow_run_from_deployment(deployment.id, parameters=parameters)


def by_name(client: Any) -> dict[str, Any]:
    return {found.name: found for found in client.read_deployments()}


def finished(client: Any, flow_run: Any) -> Any:
    def look() -> Any:
        found = client.read_flow_run(flow_run.id)
        return found if found.state.is_final() else None

    return wait_for(look, RUN_SECONDS, f"flow run {flow_run.name}")


def runs_of(client: Any, deployment: str) -> list[Any]:
    from prefect.client.schemas.filters import DeploymentFilter, FlowRunFilter

    wanted = DeploymentFilter(name={"any_": [deployment]})
    done = FlowRunFilter(state={"type": {"any_": ["COMPLETED", "FAILED", "CRASHED", "RUNNING", "PENDING"]}})
    return list(client.read_flow_runs(deployment_filter=wanted, flow_run_filter=done))


def test_every_pipeline_and_stage_is_a_deployment(client: Any, project: Project) -> None:
    found = wait_for(
        lambda: by_name(client) if "stuck.ingest" in by_name(client) else None, 30, "deployments"
    )
    assert set(found) >= {"small", "small.ingest", "small.count", "small.tokenize", "small.audit", "stuck"}
    small = found["small"]
    assert (small.schedules[0].schedule.cron, small.schedules[0].schedule.timezone) == (
        "0 4 * * 1",
        "Europe/Berlin",
    )
    assert small.parameters == {"pipeline": "small", "config": str(project.config)}
    assert small.tags == ["demo", "small"]
    assert small.description == "Two tokenizers of two small texts"
    assert small.concurrency_options.collision_strategy.value == "ENQUEUE"
    assert found["small.audit"].parameters["only"] == "audit"
    assert not found["small.audit"].schedules
    only = small.parameter_openapi_schema["properties"]["only"]
    assert only["anyOf"][0]["enum"][:2] == ["ingest", "count"]
    assert "one stage" in only["description"].lower() or "stage only" in only["description"]


def test_the_schedule_makes_runs(client: Any, project: Project) -> None:
    from prefect.client.schemas.filters import DeploymentFilter

    wanted = DeploymentFilter(name={"any_": ["small"]})

    def look() -> list[Any]:
        return [run for run in client.read_flow_runs(deployment_filter=wanted) if run.auto_scheduled]

    planned = wait_for(look, 90, "scheduled runs")
    assert all(run.expected_start_time.astimezone().weekday() == 0 for run in planned)


@pytest.mark.parametrize(
    "wrong",
    [{"only": "tokenise"}, {"overrides": 3}, {"pipeline": "No Name"}],
    ids=["stage", "type", "name"],
)
def test_the_server_refuses_wrong_parameters(client: Any, wrong: dict[str, Any]) -> None:
    from prefect.exceptions import PrefectHTTPStatusError

    with pytest.raises(PrefectHTTPStatusError, match=r"409|422"):
        start_run(client, "small", **wrong)


def test_tokenizers_published_alone_start_the_audit_once(client: Any, project: Project) -> None:
    whole = finished(client, start_run(client, "small"))
    assert (whole.state_name, whole.name) == ("Completed", "small")
    assert len(project.store.records("mixture")) == 1
    assert (project.folder / "data").is_dir()  # the relative path of the file, though served from elsewhere
    started = read_run(project.store, run_ids(project.store)[-1])[0]
    assert started["trigger"] == "deployment"

    alone = finished(client, start_run(client, "small.tokenize", overrides=["tokenizers.0.vocab_size=310"]))
    assert alone.state_name == "Completed"
    assert alone.state.message.startswith("1 built")
    audits = wait_for(lambda: runs_of(client, "small.audit"), 60, "the audit that the event starts")
    audit = finished(client, audits[0])
    assert (audit.state_name, audit.state.message) == ("Completed", "1 built, 0 up to date")
    assert audit.name == "small: audit, tokenizers.0.vocab_size=310"
    assert read_run(project.store, run_ids(project.store)[-1])[0]["trigger"] == "event"
    assert len(project.store.records("mixture")) == 2

    assert len(runs_of(client, "small.audit")) == 1  # the whole run, which audits by itself, started none


def long_run(client: Any, project: Project) -> Any:
    before = set(run_ids(project.store))
    flow_run = start_run(client, "stuck")
    wait_for(lambda: set(run_ids(project.store)) - before, RUN_SECONDS, "the run's log")
    wait_for(lambda: pip_processes(), 60, "the download")
    return flow_run


def pip_processes() -> list[int]:
    """Processes that download the package that never comes."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and b"lexmill-never-answered" in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


@pytest.mark.slow
def test_cancelling_in_the_ui_ends_the_download(client: Any, project: Project) -> None:
    from prefect.states import Cancelling

    flow_run = long_run(client, project)
    client.set_flow_run_state(flow_run.id, Cancelling())
    assert finished(client, flow_run).state_name == "Cancelled"
    wait_for(lambda: not pip_processes(), 20, "the end of the download")
    store = project.store
    wait_for(lambda: read_run(store, run_ids(store)[-1])[-1]["event"] == "run_finished", 20, "the log's end")
    assert read_run(store, run_ids(store)[-1])[-1]["status"] == "cancelled"
    assert not list(project.folder.rglob(".building*"))


@pytest.mark.slow
def test_a_killed_run_is_crashed_and_cleaned_up_by_the_hook(client: Any, project: Project) -> None:
    flow_run = long_run(client, project)
    store = project.store
    process = read_run(store, run_ids(store)[-1])[0]["process"]
    os.kill(int(process["pid"]), signal.SIGKILL)
    assert finished(client, flow_run).state_name == "Crashed"
    wait_for(lambda: read_run(store, run_ids(store)[-1])[-1]["event"] == "run_finished", 30, "the hook")
    assert read_run(store, run_ids(store)[-1])[-1]["status"] == "killed"
    wait_for(lambda: not pip_processes(), 20, "the end of the download")
    assert not list(project.folder.rglob(".building*"))


@pytest.mark.slow
def test_stopping_the_service_ends_running_steps(client: Any, project: Project) -> None:
    """The last test of this module: nothing is served after it."""
    flow_run = long_run(client, project)
    project.process.send_signal(signal.SIGTERM)
    assert project.process.wait(timeout=60) == 0
    wait_for(lambda: not pip_processes(), 30, "the end of the download")
    assert finished(client, flow_run).state_name in ("Crashed", "Cancelled")
    assert by_name(client)["small"].paused
    assert read_run(project.store, run_ids(project.store)[-1])[-1]["event"] == "run_finished"
    assert not list(project.folder.rglob(".building*"))
