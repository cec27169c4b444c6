"""Recipes of `tasks/report.py`."""

from __future__ import annotations

from collections.abc import Sequence

from lexmill.report.params import ReportParams
from tasks.step import Step

VERSION = 1


ROLES = {
    "source": "sources",
    "documents": "documents",
    "word_counts": "word_counts",
    "tokenizer": "tokenizers",
    "mixture": "mixtures",
    "transfer_plan": "plans",
    "model": "models",
    "evaluation": "evaluations",
}


def report_step(pipeline: str, params: ReportParams, steps: Sequence[Step], description: str = "") -> Step:
    """The report over everything that `steps` make; `description` stands in for an empty `params.description`.

    Inputs by role, each left out when no step makes it: `sources`, `documents`, `word_counts`, `tokenizers`,
    `mixtures`, `plans`, `models`, `evaluations`.  Their order is that of `steps`, and of the page.
    """
    filled = params if params.description else params.model_copy(update={"description": description})
    inputs: dict[str, tuple[tuple[str, str], ...]] = {}
    for step in steps:
        role = ROLES.get(step.kind)
        if role is not None:
            inputs[role] = (*inputs.get(role, ()), step.key)
    return Step(
        stage="report",
        kind="report",
        name=pipeline,
        build="tasks.report:build_report",
        version=VERSION,
        params=filled.model_dump(mode="json"),
        inputs=inputs,
        timeout_seconds=600.0,
    )
