"""A step: one artifact, one Prefect task.  Its recipe decides its fingerprint; everything else is recorded only."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from warehouse.record import Metric
from warehouse.store import Artifact

Stage = Literal["ingest", "count", "tokenize", "audit", "train", "transfer", "adapt", "evaluate", "report"]
STAGES: tuple[Stage, ...] = get_args(Stage)


@dataclass(frozen=True)
class Step:
    """One artifact to build.

    `params` and `version` and the fingerprints of `inputs` make the fingerprint; `runtime` (where a local file
    lies) never does.  `inputs` maps a role to (kind, name) pairs of other steps.
    """

    stage: Stage
    kind: str
    name: str
    build: str  # "tasks.module:function"
    version: int  # bumped by hand when the algorithm's output changes
    params: Mapping[str, Any]  # JSON values only
    inputs: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    runtime: Mapping[str, Any] = field(default_factory=dict)
    timeout_seconds: float = 1800.0
    tags: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        """(kind, name): unique within a pipeline."""
        return (self.kind, self.name)

    @property
    def title(self) -> str:
        """What a person reads in the UI."""
        return f"{self.kind}/{self.name}"


@dataclass
class BuildContext:
    """What a build function gets: parameters, opened inputs, an empty folder to fill, and a place to report to."""

    name: str
    params: Mapping[str, Any]
    runtime: Mapping[str, Any]
    inputs: Mapping[str, list[Artifact]]  # role -> artifacts, in the order of Step.inputs
    out: Path  # empty local folder; every file left in it becomes the payload
    cache: Path  # survives runs: downloaded archives, compiled helpers
    progress: Callable[[float, str], None]  # (fraction 0..1, message)
    log: Callable[[str], None]
    stats: dict[str, Any] = field(
        default_factory=dict
    )  # JSON; recorded, not hashed (seconds, memory, rows ...)
    metrics: list[Metric] = field(default_factory=list)

    def input(self, role: str) -> Artifact:
        """The only artifact of a role."""
        (artifact,) = self.inputs[role]
        return artifact

    def metric(self, name: str, value: float, /, unit: str = "", **labels: str) -> None:
        """Record one number: it appears in the `metrics` view."""
        self.metrics.append(Metric(name=name, value=float(value), unit=unit, labels=labels))


class InputError(Exception):
    """The user's input is wrong: shown without a stack trace, exit code 2."""


def build_function(step: Step) -> Callable[[BuildContext], None]:
    """Import the function that `step.build` names."""
    module, _, function = step.build.partition(":")
    return getattr(importlib.import_module(module), function)
