"""Child processes: results, failures, limits, cancellation, and what they leave behind."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tasks.plan import PlannedStep, make_plan
from tasks.step import InputError, Step
from tasks.worker import StepCancelledError, StepError, run_step
from warehouse.store import Warehouse


def planned(warehouse: Warehouse, build: str, timeout: float = 60, **params: Any) -> PlannedStep:
    step = Step(stage="ingest", kind="documents", name="a", build=f"tests.tasks.builds:{build}", version=1,
                params={"text": "a", **params}, timeout_seconds=timeout)  # fmt: skip
    return make_plan([step], warehouse)[0]


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(str(tmp_path / "warehouse"))


def listed(warehouse: Warehouse) -> list[str]:
    return [record.name for record in warehouse.records()]


def test_a_built_artifact_is_recorded_whole(warehouse: Warehouse) -> None:
    result = run_step(planned(warehouse, "write_text"), str(warehouse.url), "run-1")
    assert result.status == "built"
    record = result.record
    assert [f.path for f in record.files] == ["text.txt"]
    assert record.metrics[0].labels == {"name": "a"}
    assert record.producer.run_id == "run-1"
    assert record.stats["peak_memory_bytes"] > 0
    assert {"pyarrow", "duckdb", "lexmill"} <= set(record.producer.packages)
    assert warehouse.latest("documents", "a").record == record  # type: ignore[union-attr]


def test_a_second_run_finds_it_built(warehouse: Warehouse) -> None:
    step = planned(warehouse, "write_text")
    run_step(step, str(warehouse.url), "one")
    again = run_step(step, str(warehouse.url), "two")
    assert again.status == "reused"
    assert again.record.producer.run_id == "one"


def test_progress_and_log_arrive_and_prints_do_no_harm(warehouse: Warehouse) -> None:
    said: list[str] = []
    result = run_step(planned(warehouse, "talk"), str(warehouse.url), "run", log=said.append)
    assert result.status == "built"
    assert said == ["a line for the log"]


def test_files_of_the_current_folder_are_never_run(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("tasks.py", "json.py", "random.py"):
        (tmp_path / name).write_text("raise SystemExit('code of the current folder was run')")
    monkeypatch.chdir(tmp_path)
    result = run_step(planned(warehouse, "write_text"), str(warehouse.url), "run")
    assert result.status == "built"


@pytest.mark.parametrize(
    ("build", "error", "words"),
    [
        ("refuse_input", InputError, "notes.txt is empty"),
        ("crash", StepError, "RuntimeError: this build is broken"),
        ("die", StepError, "ended by SIGKILL"),
        ("leave_nothing", StepError, "left no file"),
        ("does_not_exist", StepError, "does_not_exist"),
    ],
)
def test_failures_are_told_apart_and_leave_nothing(
    warehouse: Warehouse, build: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        run_step(planned(warehouse, build), str(warehouse.url), "run")
    warehouse.clean_abandoned()
    assert listed(warehouse) == []
    leftovers = [p for p in Path(str(warehouse.url)).rglob("*") if p.is_file() and p.name == "half.txt"]
    assert leftovers == []


def test_a_traceback_of_the_build_is_kept_for_the_log(warehouse: Warehouse) -> None:
    with pytest.raises(StepError) as caught:
        run_step(planned(warehouse, "crash"), str(warehouse.url), "run")
    assert "tests/tasks/builds.py" in caught.value.details


def test_a_time_limit_ends_the_process(warehouse: Warehouse) -> None:
    pids: list[int] = []
    started = time.monotonic()
    with pytest.raises(StepError, match="longer than its limit of 3 s"):
        run_step(planned(warehouse, "sleep", timeout=3, seconds=60), str(warehouse.url), "run",
                 progress=lambda f, m: pids.append(int(m.split()[1])))  # fmt: skip
    assert time.monotonic() - started < 20
    assert_gone(pids[0])
    assert warehouse.clean_abandoned()
    assert listed(warehouse) == []


def test_cancelling_ends_the_process(warehouse: Warehouse) -> None:
    cancelled = threading.Event()
    pids: list[int] = []

    def on_progress(fraction: float, message: str) -> None:
        pids.append(int(message.split()[1]))
        cancelled.set()

    with pytest.raises(StepCancelledError):
        run_step(planned(warehouse, "sleep", seconds=60), str(warehouse.url), "run",
                 progress=on_progress, cancelled=cancelled)  # fmt: skip
    assert_gone(pids[0])


def assert_gone(pid: int) -> None:
    for _ in range(50):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    raise AssertionError(f"process {pid} still runs")
