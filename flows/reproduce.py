"""Make an artifact again, with everything before it, in a fresh warehouse, and compare content digests."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tasks.plan import PlannedStep
from tasks.step import STAGES, InputError, Stage, Step
from tasks.worker import run_step
from warehouse.lineage import upstream
from warehouse.record import Record
from warehouse.store import Warehouse


@dataclass(frozen=True)
class Reproduced:
    """One artifact made again: `same` when its content digest is the recorded one."""

    kind: str
    name: str
    fingerprint: str
    recorded: str
    found: str

    @property
    def same(self) -> bool:
        """Whether the content is the recorded one."""
        return self.recorded == self.found


def reproduce(warehouse: Warehouse, ref: str) -> Iterator[Reproduced]:
    """Rebuild what `ref` names and its whole upstream from records alone; yields each as it is done.

    Sources are read again from their pinned archives or local files.  Raises InputError when a source file has
    changed since (its bytes are part of the recipe), StepError when a build fails.
    """
    graph = upstream(warehouse, ref)
    gone = [str(node.version) for node in graph.nodes if not node.present]
    if gone:
        raise InputError(f"{ref} was made from {gone[0]}, which is no longer in {warehouse.display_url}")
    with tempfile.TemporaryDirectory(prefix="lexmill-reproduce-") as folder:
        for node in graph.nodes:  # inputs first
            record = warehouse.get(*node.version).record
            result = run_step(_planned(record), str(Path(folder)), "reproduce")
            yield Reproduced(*node.version, record.content_digest, result.record.content_digest)


def _planned(record: Record) -> PlannedStep:
    inputs: dict[str, tuple[tuple[str, str, str], ...]] = {}
    for item in record.inputs:
        inputs[item.role] = (*inputs.get(item.role, ()), (item.kind, item.name, item.fingerprint))
    step = Step(
        stage=_stage(record.stage),
        kind=record.kind,
        name=record.name,
        build=record.build,
        version=record.recipe_version,
        params=record.params,
        inputs={role: tuple((kind, name) for kind, name, _ in refs) for role, refs in inputs.items()},
        runtime=record.runtime,
        timeout_seconds=max(1800.0, 10 * record.producer.seconds),
    )
    return PlannedStep(step, record.fingerprint, inputs, "new", ("reproduce",))


def _stage(name: str) -> Stage:
    for stage in STAGES:
        if stage == name:
            return stage
    raise InputError(f"the record names the stage {name!r}, which this version does not have")
