"""Garbage collection removes what nothing needs, and nothing else."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

import pytest

from tests.warehouse.support import put
from warehouse.collect import collect, plan_gc
from warehouse.owners import owner_token
from warehouse.record import Record
from warehouse.runs import RunLog
from warehouse.store import Artifact, Warehouse


@pytest.fixture(params=["local", "memory"])
def warehouse(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    monkeypatch.setattr("warehouse.place.Place.modified", lambda self, path: None)  # else all of it is young
    return Warehouse(str(tmp_path / "wh") if request.param == "local" else f"memory://{uuid.uuid4().hex}")


def run_using(warehouse: Warehouse, *records: Record, finish: bool = True) -> None:
    log = RunLog(warehouse)
    log.start("demo", {}, "test")
    for record in records:
        log.step("reused", record.kind, record.name, record.fingerprint, inputs=record.inputs)
    if finish:
        log.finish("completed")


def chain(warehouse: Warehouse, v: int) -> tuple[Artifact, Artifact]:
    corpus = put(warehouse, "documents", "demo", params={"v": v})
    return corpus, put(warehouse, "tokenizer", "demo", params={"v": v}, inputs={"documents": corpus})


def test_latest_and_what_they_are_made_of_stay(warehouse: Warehouse) -> None:
    old_corpus, old = chain(warehouse, 1)
    new_corpus, _ = chain(warehouse, 2)
    assert {item.version[2] for item in plan_gc(warehouse)} == {
        old.record.fingerprint,
        old_corpus.record.fingerprint,
    }
    warehouse.point_latest(old.record)  # the latest tokenizer is now the old one: it keeps its old corpus
    garbage = plan_gc(warehouse)
    assert [item.kind for item in garbage] == ["tokenizer"]
    assert new_corpus.record.fingerprint not in {item.fingerprint for item in garbage}


def test_what_kept_runs_used_stays(warehouse: Warehouse) -> None:
    _, old = chain(warehouse, 1)
    chain(warehouse, 2)
    run_using(warehouse, old.record)
    assert plan_gc(warehouse, keep_runs=1) == []
    for _ in range(3):
        run_using(warehouse)
    assert plan_gc(warehouse, keep_runs=4) == []
    assert len(plan_gc(warehouse, keep_runs=3)) == 2
    run_using(warehouse, old.record, finish=False)  # a run that still lives, however many came after it
    for _ in range(3):
        run_using(warehouse)
    assert plan_gc(warehouse, keep_runs=3) == []


def test_what_a_living_run_plans_to_use_stays(warehouse: Warehouse) -> None:
    _, old = chain(warehouse, 1)
    chain(warehouse, 2)
    log = RunLog(warehouse)
    log.start("demo", {}, "test", planned=[(old.record.kind, old.record.name, old.record.fingerprint)])
    assert plan_gc(warehouse, keep_runs=0) == []
    log.finish("completed")
    assert len(plan_gc(warehouse, keep_runs=0)) == 2


def test_dry_run_and_removal(warehouse: Warehouse) -> None:
    _, old = chain(warehouse, 1)
    _, new = chain(warehouse, 2)
    dry = collect(warehouse)
    assert dry.dry_run
    assert dry.to_dict()["bytes"] == 4
    assert len(warehouse.versions()) == 4
    done = collect(warehouse, dry_run=False)
    assert done.artifacts == dry.artifacts
    assert not warehouse.has("tokenizer", "demo", old.record.fingerprint)
    assert warehouse.place.sizes(warehouse.folder("tokenizer", "demo", old.record.fingerprint)) == {}
    assert warehouse.latest("tokenizer", "demo").record == new.record
    assert collect(warehouse, dry_run=False).artifacts == []


def test_without_keep_latest_only_runs_count(warehouse: Warehouse) -> None:
    _, old = chain(warehouse, 1)
    chain(warehouse, 2)
    run_using(warehouse, old.record)
    assert len(plan_gc(warehouse, keep_latest=False)) == 2
    assert {item.fingerprint for item in plan_gc(warehouse, keep_latest=False)}.isdisjoint(
        {old.record.fingerprint}
    )


def test_what_was_put_on_an_object_store_just_now_is_young() -> None:
    warehouse = Warehouse(f"memory://{uuid.uuid4().hex}")
    chain(warehouse, 1)
    chain(warehouse, 2)
    assert plan_gc(warehouse) == []


def test_nothing_young_is_removed(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    _, old = chain(warehouse, 1)
    chain(warehouse, 2)
    assert plan_gc(warehouse) == []
    mark = tmp_path / warehouse.folder("tokenizer", "demo", old.record.fingerprint) / "_SUCCESS"
    os.utime(mark, (0, 0))
    assert [item.fingerprint for item in plan_gc(warehouse)] == [old.record.fingerprint]


def test_abandoned_folders_go_too(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    put(warehouse)
    parts = owner_token().split("~")
    dead = tmp_path / "tokenizer" / "demo" / f".building-f-{2**22 - 1}~1~{parts[2]}~x"
    dead.mkdir()
    assert collect(warehouse).abandoned == []
    assert dead.exists()
    assert collect(warehouse, dry_run=False).abandoned == [dead.relative_to(tmp_path).as_posix()]
    assert not dead.exists()
