"""Run logs: every event once, in order, readable at any moment, without secrets."""

from __future__ import annotations

import json
import threading
import uuid
from pathlib import Path

import pytest

from warehouse.record import InputRef
from warehouse.runs import RunLog, close_dead_runs, new_run_id, read_run, run_ids, run_path
from warehouse.store import Warehouse


@pytest.fixture(params=["local", "memory"])
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Warehouse:
    return Warehouse(str(tmp_path) if request.param == "local" else f"memory://{uuid.uuid4().hex}")


def test_run_ids_sort_by_time_and_are_unique() -> None:
    ids = [new_run_id() for _ in range(2000)]
    assert len(set(ids)) == 2000
    assert [i.rsplit("-", 1)[0] for i in ids] == sorted(i.rsplit("-", 1)[0] for i in ids)
    assert run_path("20261122T064123.123456-0a1b2c3d") == (
        "lineage/runs/2026-11-22/20261122T064123.123456-0a1b2c3d.jsonl"
    )


def test_events_of_a_run(warehouse: Warehouse) -> None:
    log = RunLog(warehouse)
    log.start("demo", {"url": "https://u:p@host/x"}, "cli", planned=[("tokenizer", "a", "f")])
    ref = InputRef(role="counts", kind="word_counts", name="c", fingerprint="1", content_digest="2")
    log.step(
        "built",
        "tokenizer",
        "a",
        "f",
        stage="tokenize",
        content_digest="d",
        inputs=[ref],
        seconds=1.5,
        why="new",
    )
    log.step("failed", "model", "b", "g", error="out of memory")
    log.finish("failed", "model/b: out of memory")
    started, built, failed, finished = read_run(warehouse, log.run_id)
    assert started["parameters"] == {"url": "https://***@host/x"}
    assert started["planned"] == [{"kind": "tokenizer", "name": "a", "fingerprint": "f"}]
    assert built["inputs"] == [ref.model_dump()]
    assert (built["status"], built["seconds"], built["why"]) == ("built", 1.5, "new")
    assert failed["error"] == "out of memory"
    assert (finished["status"], finished["error"]) == ("failed", "model/b: out of memory")
    assert run_ids(warehouse) == [log.run_id]


def test_threads_write_whole_lines(warehouse: Warehouse) -> None:
    log = RunLog(warehouse)
    log.start("demo", {}, "test")

    def work(worker: int) -> None:
        for n in range(25):
            log.step("built", "tokenizer", f"{worker}-{n}", "f", why="x" * 300)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.finish("completed")
    lines = warehouse.place.read(log.path).decode().splitlines()
    assert len({json.loads(line).get("name") for line in lines}) == 101
    assert len(lines) == 102


def test_listeners_see_what_was_written(warehouse: Warehouse) -> None:
    heard: list[dict[str, object]] = []
    log = RunLog(warehouse, listeners=[heard.append])
    log.start("demo", {"u": "s3://key:secret@b"}, "test")
    log.finish("completed")
    assert heard == read_run(warehouse, log.run_id)


def test_a_living_run_is_not_closed(warehouse: Warehouse) -> None:
    log = RunLog(warehouse)
    log.start("demo", {}, "test")
    assert close_dead_runs(warehouse) == []
    log.finish("completed")
    assert close_dead_runs(warehouse) == []


@pytest.mark.parametrize("run_id", ["none", "../../etc/passwd", "a/b", ""])
def test_no_such_run(warehouse: Warehouse, run_id: str) -> None:
    with pytest.raises(LookupError):
        read_run(warehouse, run_id)


def test_line_separators_in_a_message_do_not_end_a_line(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    log = RunLog(warehouse)
    log.start("demo", {}, "command")
    log.finish("failed", "bad file a\u2028b\u0085c.txt")
    events = read_run(warehouse, log.run_id)
    assert [event["event"] for event in events] == ["run_started", "run_finished"]
    assert events[-1]["error"] == "bad file a\u2028b\u0085c.txt"
