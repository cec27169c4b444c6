"""What the plan decides, on a real warehouse filled by real child processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tasks.plan import PlannedStep, field_changes, make_plan, select
from tasks.step import InputError, Step
from tasks.worker import run_step
from warehouse.store import Warehouse

BUILDS = "tests.tasks.builds"


def step(name: str, needs: tuple[str, ...] = (), stage: Any = "ingest", **params: Any) -> Step:
    inputs: Mapping[str, tuple[tuple[str, str], ...]] = {"parts": tuple(("documents", n) for n in needs)}
    return Step(stage=stage, kind="documents", name=name, build=f"{BUILDS}:write_text", version=1,
                params={"text": name, **params}, inputs=inputs if needs else {})  # fmt: skip


def chain(**changed: Any) -> list[Step]:
    steps = [step("c", ("a", "b"), "count"), step("a"), step("b"), step("d", ("c",), "report")]
    return [replace(s, params={**s.params, **changed.get(s.name, {})}) for s in steps]


def build(plan: list[PlannedStep], warehouse: Warehouse) -> None:
    for planned in plan:
        if planned.runs:
            run_step(planned, str(warehouse.url), "test")


def statuses(plan: list[PlannedStep]) -> dict[str, str]:
    return {p.step.name: p.status for p in plan}


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(str(tmp_path / "warehouse"))


def test_everything_is_new_then_up_to_date(warehouse: Warehouse) -> None:
    plan = make_plan(chain(), warehouse)
    assert set(statuses(plan).values()) == {"new"}
    assert [p.step.name for p in plan].index("c") > [p.step.name for p in plan].index("a")
    build(plan, warehouse)
    again = make_plan(chain(), warehouse)
    assert set(statuses(again).values()) == {"up to date"}
    assert [p.fingerprint for p in again] == [p.fingerprint for p in plan]


def test_a_change_runs_only_what_depends_on_it_and_says_why(warehouse: Warehouse) -> None:
    build(make_plan(chain(), warehouse), warehouse)
    plan = make_plan(chain(b={"size": 2}), warehouse)
    assert statuses(plan) == {"a": "up to date", "b": "changed", "c": "changed", "d": "changed"}
    why = {p.step.name: p.why for p in plan}
    assert why["b"] == ("size: None -> 2",)
    assert why["c"] == ("input documents/b changed",)


def test_an_input_may_be_given_that_no_step_makes(warehouse: Warehouse) -> None:
    build(make_plan(chain(), warehouse), warehouse)
    a = warehouse.latest("documents", "a")
    assert a is not None
    (planned,) = make_plan([step("e", ("a",))], warehouse, {("documents", "a"): a.record.fingerprint})
    assert planned.inputs["parts"] == (("documents", "a", a.record.fingerprint),)
    (other,) = make_plan([step("e", ("a",))], warehouse, {("documents", "a"): "0" * 16})
    assert other.fingerprint != planned.fingerprint


def test_a_recipe_version_is_a_change(warehouse: Warehouse) -> None:
    build(make_plan([step("a")], warehouse), warehouse)
    (planned,) = make_plan([replace(step("a"), version=2)], warehouse)
    assert (planned.status, planned.why) == ("changed", ("recipe version 1 -> 2",))


def test_runtime_and_timeout_are_no_change(warehouse: Warehouse) -> None:
    build(make_plan([step("a")], warehouse), warehouse)
    (planned,) = make_plan([replace(step("a"), runtime={"path": "/elsewhere"}, timeout_seconds=5)], warehouse)
    assert planned.status == "up to date"


def test_a_missing_file_is_damage_and_is_rebuilt_alike(warehouse: Warehouse) -> None:
    (before,) = make_plan([step("a")], warehouse)
    build([before], warehouse)
    artifact = warehouse.get("documents", "a", before.fingerprint)
    artifact.file("text.txt").unlink()
    (planned,) = make_plan([step("a")], warehouse)
    assert planned.status == "damaged"
    result = run_step(planned, str(warehouse.url), "test")
    assert result.status == "built"
    assert result.record.content_digest == artifact.record.content_digest
    assert make_plan([step("a")], warehouse)[0].status == "up to date"


def test_one_stage_needs_what_stands_before_it(warehouse: Warehouse) -> None:
    plan = make_plan(chain(), warehouse)
    with pytest.raises(
        InputError, match=r"documents/c needs documents/a, which is not built .* stage 'ingest' first"
    ):
        select(plan, warehouse, only="count")
    build(select(plan, warehouse, only="ingest"), warehouse)
    chosen = select(make_plan(chain(), warehouse), warehouse, only="count")
    assert statuses(chosen) == {"a": "not selected", "b": "not selected", "c": "new", "d": "not selected"}
    later = select(make_plan(chain(), warehouse), warehouse, start="count")
    assert statuses(later) == {"a": "not selected", "b": "not selected", "c": "new", "d": "new"}
    with pytest.raises(InputError, match="no steps in the stage 'audit'"):
        select(plan, warehouse, only="audit")


def test_an_author_of_flows_hears_of_nonsense(warehouse: Warehouse) -> None:
    with pytest.raises(ValueError, match="two steps make documents/a"):
        make_plan([step("a"), step("a")], warehouse)
    with pytest.raises(ValueError, match="which no step makes"):
        make_plan([step("a", ("z",))], warehouse)
    with pytest.raises(ValueError, match="circle"):
        make_plan([step("a", ("b",)), step("b", ("a",))], warehouse)


def test_field_changes_name_the_path() -> None:
    before = {"a": {"b": [1, 2], "c": "x"}, "d": 1}
    after = {"a": {"b": [1, 3], "c": "x"}, "e": 1}
    assert list(field_changes(before, after)) == ["a.b.1: 2 -> 3", "d: 1 -> None", "e: None -> 1"]


def test_a_stage_alone_may_need_what_was_given(warehouse: Warehouse) -> None:
    build(make_plan([step("old")], warehouse), warehouse)
    fingerprint = warehouse.latest_fingerprint("documents", "old")
    plan = make_plan([step("new", ("old",))], warehouse, {("documents", "old"): str(fingerprint)})
    assert [p.runs for p in select(plan, warehouse, only="ingest")] == [True]
