"""The step that renders a pipeline's report."""

from __future__ import annotations

from collections.abc import Sequence

from lexmill.report.params import ReportParams
from tasks.step import Step

VERSION = 1


def report_step(pipeline: str, params: ReportParams, steps: Sequence[Step], description: str = "") -> Step:
    """The report over everything that `steps` make, `description` standing in for an empty `params.description`.

    Input roles: `sources`, `documents`, `word_counts`, `tokenizers`, `mixtures`, `plans`, `models`, and
    `evaluations`; a role without steps is left out.
    """
    filled = params if params.description else params.model_copy(update={"description": description})
    inputs: dict[str, tuple[tuple[str, str], ...]] = {}
    for step in sorted(steps, key=lambda step: step.key):
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
