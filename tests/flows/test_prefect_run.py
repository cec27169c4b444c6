"""Runs under a real Prefect server: states, artifacts, failures, retries, limits and cancellation."""

from __future__ import annotations

import _thread
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flows.prefect_run import run_with_prefect
from flows.runs import RunOutcome
from tasks.step import Step
from tests.flows.conftest import PrefectServer
from tests.flows.prefect_builds import step, write_pipelines
from warehouse.runs import read_run
from warehouse.store import Warehouse

OWN = "tests.flows.prefect_builds"
Run = Callable[..., RunOutcome]


@pytest.fixture
def run(prefect_api: PrefectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run these steps as the pipeline `steps`; flow runs are told apart by a tag."""

    def start(*steps: Step, runner: str = "threads", attempts: int = 0, **selection: Any) -> RunOutcome:
        config = write_pipelines(tmp_path, runner, attempts)
        monkeypatch.setattr("flows.runs.pipeline_steps", lambda name, pipeline, cache: list(steps))
        return run_with_prefect("steps", config, **selection)

    return start


def flow_run_of(outcome: RunOutcome, folder: Path) -> Any:
    from prefect.client.orchestration import get_client

    started = read_run(Warehouse(str(folder / "data")), outcome.run_id)[0]
    with get_client(sync_client=True) as client:
        return client.read_flow_run(started["parameters"]["prefect_flow_run"])


def task_runs_of(flow_run: Any, expected: int) -> dict[str, Any]:
    """Task runs by name.  The server writes their last states a moment after the run ended."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter

    deadline = time.monotonic() + 30
    with get_client(sync_client=True) as client:
        while True:
            found = client.read_task_runs(flow_run_filter=FlowRunFilter(id={"any_": [flow_run.id]}))
            if len(found) == expected and all(run.state and run.state.is_final() for run in found):
                return {run.name: run for run in found}
            assert time.monotonic() < deadline, [(run.name, run.state_name) for run in found]
            time.sleep(0.3)


def artifacts_of(flow_run: Any) -> dict[str, Any]:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import ArtifactFilter

    with get_client(sync_client=True) as client:
        found = client.read_artifacts(artifact_filter=ArtifactFilter(flow_run_id={"any_": [flow_run.id]}))
    return {artifact.key: artifact for artifact in found if artifact.key}


def test_a_run_builds_shows_and_skips(run: Run, tmp_path: Path) -> None:
    source = step("source")
    steps = [source, step("left", needs=(source,)), step("right", needs=(source,))]
    first = run(*steps)
    assert (first.status, sorted(first.built)) == (
        "completed",
        ["documents/left", "documents/right", "documents/source"],
    )
    flow_run = flow_run_of(first, tmp_path)
    assert (flow_run.name, flow_run.state_name) == ("steps", "Completed")
    assert flow_run.state.message == "3 built, 0 up to date"
    assert set(flow_run.tags) == {"steps", "tests"}
    tasks = task_runs_of(flow_run, 3)
    assert set(tasks) == {"ingest source", "ingest left", "ingest right"}
    assert "ingest" in tasks["ingest left"].tags
    edges = [str(link.id) for link in tasks["ingest left"].task_inputs["planned"]]
    assert edges == [str(tasks["ingest source"].id)]
    cards = artifacts_of(flow_run)
    assert set(cards) == {"documents-source", "documents-left", "documents-right"}
    assert "| characters | 6 |" in cards["documents-source"].data

    changed = step("left", needs=(source,), params={"text": "new"})
    again = run(source, changed, steps[2])
    assert again.built == ["documents/left"]
    assert sorted(again.reused) == ["documents/right", "documents/source"]
    states = {
        name: (found.state_name, found.state_type.value)
        for name, found in task_runs_of(flow_run_of(again, tmp_path), 3).items()
    }
    assert states["ingest source"] == states["ingest right"] == ("Skipped", "COMPLETED")
    assert states["ingest left"] == ("Completed", "COMPLETED")


def test_the_first_failure_ends_the_run_as_failed(run: Run, tmp_path: Path) -> None:
    broken = step("broken", build="tests.tasks.builds:crash")
    outcome = run(broken, step("after", needs=(broken,)))
    assert outcome.exit_code == 1
    flow_run = flow_run_of(outcome, tmp_path)
    assert flow_run.state_name == "Failed"
    assert (
        flow_run.state.message
        == "documents/broken: RuntimeError: this build is broken; 0 built, 0 up to date"
    )
    assert task_runs_of(flow_run, 1)["ingest broken"].state_name == "Failed"
    events = read_run(Warehouse(str(tmp_path / "data")), outcome.run_id)
    assert [(e["name"], e["status"]) for e in events if e["event"] == "step"] == [
        ("broken", "failed"),
        ("after", "not_run"),
    ]
    assert events[-1]["status"] == "failed"


def test_wrong_input_is_not_retried(run: Run, tmp_path: Path) -> None:
    outcome = run(step("empty", build="tests.tasks.builds:refuse_input"), attempts=3)
    assert outcome.exit_code == 2
    task = task_runs_of(flow_run_of(outcome, tmp_path), 1)["ingest empty"]
    assert (task.state_name, task.run_count) == ("Failed", 1)


def test_a_failure_is_retried_as_often_as_asked(run: Run, tmp_path: Path) -> None:
    again = step("again", build="tests.tasks.builds:fail_until", params={"times": 3},
                 runtime={"counter": str(tmp_path / "count")})  # fmt: skip
    outcome = run(again, attempts=2)
    assert outcome.exit_code == 0
    task = task_runs_of(flow_run_of(outcome, tmp_path), 1)["ingest again"]
    assert (task.state_name, task.run_count) == ("Completed", 3)


def test_a_step_that_takes_too_long_fails(run: Run, tmp_path: Path) -> None:
    late = step("late", build="tests.tasks.builds:sleep", params={"seconds": 60}, timeout_seconds=4.0)
    began = time.monotonic()
    outcome = run(late)
    assert time.monotonic() - began < 40
    assert "longer than its limit of 4 s" in outcome.problems[0][1]
    assert flow_run_of(outcome, tmp_path).state_name == "Failed"


def when_started(pid: Path, action: Callable[[], object]) -> threading.Thread:
    """Do something once the long step has said which process it is."""

    def wait() -> None:
        deadline = time.monotonic() + 60
        while not (pid.exists() and pid.read_text()) and time.monotonic() < deadline:
            time.sleep(0.1)
        action()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def cancel_newest_run() -> None:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.sorting import FlowRunSort
    from prefect.states import Cancelling

    with get_client(sync_client=True) as client:
        newest = client.read_flow_runs(sort=FlowRunSort.START_TIME_DESC, limit=1)[0]
        client.set_flow_run_state(newest.id, Cancelling())


@pytest.mark.parametrize("action", [cancel_newest_run, _thread.interrupt_main], ids=["in the UI", "Ctrl-C"])
def test_a_cancelled_run_ends_its_steps_and_leaves_nothing(
    run: Run, tmp_path: Path, action: Callable[[], object]
) -> None:
    pid = tmp_path / "pid"
    steps = [step("long", build=f"{OWN}:wait_long", runtime={"pid": str(pid)})]
    thread = when_started(pid, action)
    outcome = run(*steps, step("after", needs=(steps[0],)))
    thread.join()
    assert (outcome.status, outcome.exit_code) == ("cancelled", 1)
    flow_run = flow_run_of(outcome, tmp_path)
    assert flow_run.state_name == "Cancelled"
    assert task_runs_of(flow_run, 1)["ingest long"].state_name == "Cancelled"
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
    assert not list((tmp_path / "data").rglob(".building*"))
    assert read_run(Warehouse(str(tmp_path / "data")), outcome.run_id)[-1]["status"] == "cancelled"


def test_a_tag_limit_keeps_hungry_steps_apart(run: Run, tmp_path: Path) -> None:
    from prefect.client.orchestration import get_client

    journal = tmp_path / "journal"

    def hungry(stage: Any) -> list[Step]:
        fields = {"build": f"{OWN}:occupy", "runtime": {"journal": str(journal)}, "stage": stage}
        return [step(f"{stage}-{name}", **fields) for name in ("one", "two")]

    assert run(*hungry("train")).exit_code == 0
    assert journal.read_text() == "++--"  # no limit: side by side
    journal.unlink()
    with get_client(sync_client=True) as client:
        client.create_concurrency_limit(tag="evaluate", concurrency_limit=1)
    assert run(*hungry("evaluate")).exit_code == 0
    assert journal.read_text() == "+-+-"


def test_a_long_step_has_a_progress_bar(run: Run, tmp_path: Path) -> None:
    outcome = run(step("slow", build=f"{OWN}:slow_progress"))
    bar = artifacts_of(flow_run_of(outcome, tmp_path))["progress-documents-slow"]
    assert (bar.type, float(bar.data)) == ("progress", 100.0)


def test_a_stage_runs_alone_on_what_is_built(run: Run, tmp_path: Path) -> None:
    source = step("source")
    steps = [source, step("words", needs=(source,), stage="tokenize")]
    refused = run(*steps, only="tokenize")
    assert refused.exit_code == 2
    assert "run the stage 'ingest' first" in refused.problems[0][1]
    assert run(*steps, only="ingest").built == ["documents/source"]
    outcome = run(*steps, only="tokenize")
    assert outcome.built == ["tokenizer/words"]
    assert flow_run_of(outcome, tmp_path).name == "steps: tokenize"


@pytest.mark.parametrize("runner", ["dask", pytest.param("processes", marks=pytest.mark.slow)])
def test_other_runners_build_the_same(run: Run, tmp_path: Path, runner: str) -> None:
    source = step("source")
    broken = step("broken", build="tests.tasks.builds:crash", needs=(source,))
    outcome = run(source, step("left", needs=(source,)), runner=runner)
    assert outcome.built == ["documents/source", "documents/left"]
    flow_run = flow_run_of(outcome, tmp_path)
    tasks = task_runs_of(flow_run, 2)
    assert [str(link.id) for link in tasks["ingest left"].task_inputs["planned"]] == [
        str(tasks["ingest source"].id)
    ]
    failed = run(source, broken, runner=runner)
    assert failed.problems == [("documents/broken", "documents/broken: RuntimeError: this build is broken")]


@pytest.mark.slow
def test_cancellation_reaches_worker_processes(run: Run, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    thread = when_started(pid, cancel_newest_run)
    outcome = run(step("long", build=f"{OWN}:wait_long", runtime={"pid": str(pid)}), runner="processes")
    thread.join()
    assert outcome.status == "cancelled"
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
