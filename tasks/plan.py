"""What would run and why, from records alone, before anything starts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from typing import Any, Literal

from tasks.step import STAGES, InputError, Stage, Step
from warehouse.record import fingerprint_of
from warehouse.store import Warehouse

Status = Literal["new", "changed", "damaged", "up to date", "not selected"]
Key = tuple[str, str]


@dataclass(frozen=True)
class PlannedStep:
    """A step with its fingerprint and what the plan decided about it."""

    step: Step
    fingerprint: str
    inputs: Mapping[str, tuple[tuple[str, str, str], ...]]  # role -> (kind, name, fingerprint)
    status: Status
    why: tuple[str, ...] = ()

    @property
    def runs(self) -> bool:
        """Whether the step will be built."""
        return self.status in ("new", "changed", "damaged")


def make_plan(
    steps: Iterable[Step], warehouse: Warehouse, given: Mapping[Key, str] | None = None
) -> list[PlannedStep]:
    """Fingerprint every step and compare with the warehouse; in an order that respects inputs.

    `given` are inputs that no step makes, (kind, name) -> fingerprint: artifacts that are there already.
    Raises ValueError for two steps with one key, an input no step makes, or a cycle: mistakes of a flow's author.
    """
    planned: dict[Key, PlannedStep] = {}
    known = dict(given or {})
    for step in _in_order(list(steps), known):
        inputs = {role: tuple((*key, known[key]) for key in keys) for role, keys in step.inputs.items()}
        fingerprint = fingerprint_of(
            step.kind,
            step.params,
            {role: [i[2] for i in refs] for role, refs in inputs.items()},
            step.version,
        )
        status, why = _decide(step, fingerprint, inputs, warehouse)
        planned[step.key] = PlannedStep(step, fingerprint, inputs, status, why)
        known[step.key] = fingerprint
    return list(planned.values())


def select(
    plan: Sequence[PlannedStep], warehouse: Warehouse, only: Stage | None = None, start: Stage | None = None
) -> list[PlannedStep]:
    """Keep one stage (`only`) or a stage and all later ones (`start`); what stands before must already be built."""
    if only is None and start is None:
        return list(plan)
    first, last = (only, only) if only is not None else (start, STAGES[-1])
    kept_stages = STAGES[STAGES.index(first) : STAGES.index(last) + 1]  # type: ignore[arg-type]
    built = {p.step.key: p for p in plan if p.status == "up to date"}
    made = {p.step.key for p in plan}  # what no step makes was given, and so is there
    chosen = [p for p in plan if p.step.stage in kept_stages]
    if not chosen:
        raise InputError(f"the pipeline has no steps in the stage {first!r}")
    keys = {p.step.key for p in chosen}
    for planned in chosen:
        for refs in planned.inputs.values():
            for kind, name, _ in refs:
                if (kind, name) in made - keys and (kind, name) not in built:
                    reason = next(p for p in plan if p.step.key == (kind, name))
                    raise InputError(
                        f"{planned.step.title} needs {kind}/{name}, which is not built for these settings "
                        f"({'; '.join(reason.why) or reason.status}); run the stage {reason.step.stage!r} first"
                    )
    return [p if p.step.key in keys else replace(p, status="not selected") for p in plan]


def _in_order(steps: list[Step], given: Mapping[Key, str]) -> list[Step]:
    by_key: dict[Key, Step] = {}
    for step in steps:
        if step.key in by_key:
            raise ValueError(f"two steps make {step.title}")
        by_key[step.key] = step
    graph = {
        step.key: [key for keys in step.inputs.values() for key in keys if key not in given] for step in steps
    }
    for key, needed in graph.items():
        for other in needed:
            if other not in by_key:
                raise ValueError(f"{key[0]}/{key[1]} needs {other[0]}/{other[1]}, which no step makes")
    try:
        return [by_key[key] for key in TopologicalSorter(graph).static_order()]
    except CycleError as error:
        raise ValueError(f"the steps need each other in a circle: {error.args[1]}") from None


def _decide(
    step: Step, fingerprint: str, inputs: Mapping[str, tuple[tuple[str, str, str], ...]], warehouse: Warehouse
) -> tuple[Status, tuple[str, ...]]:
    if warehouse.has(step.kind, step.name, fingerprint):
        if warehouse.is_intact(step.kind, step.name, fingerprint):
            return "up to date", ()
        return "damaged", ("a file of it is missing or has another size",)
    previous = warehouse.latest(step.kind, step.name)
    if previous is None:
        return "new", ()
    record = previous.record
    changes = list(field_changes(record.params, dict(step.params)))
    if record.recipe_version != step.version:
        changes.append(f"recipe version {record.recipe_version} -> {step.version}")
    before = {(i.role, i.kind, i.name): i.fingerprint for i in record.inputs}
    after = {(role, kind, name): fp for role, refs in inputs.items() for kind, name, fp in refs}
    for key in sorted(before.keys() | after.keys()):
        if before.get(key) != after.get(key):
            verb = "changed" if key in before and key in after else ("added" if key in after else "removed")
            changes.append(f"input {key[1]}/{key[2]} {verb}")
    return "changed", tuple(changes)


def field_changes(before: Any, after: Any, path: str = "") -> Iterable[str]:
    """Field-level differences of two JSON values, as `path: old -> new`."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            yield from field_changes(before.get(key), after.get(key), f"{path}.{key}" if path else key)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for position, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from field_changes(old, new, f"{path}.{position}")
    elif before != after:
        yield f"{path}: {_short(before)} -> {_short(after)}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
