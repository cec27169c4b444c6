"""Recipe of `tasks/romanize.py`."""

from __future__ import annotations

from lexmill.corpus.romanize_params import RomanizationParams
from tasks.step import Step


def romanization_step(pipeline: str, params: RomanizationParams) -> Step:
    """Step that writes the romanised view of a pipeline's documents."""
    return Step(
        stage="ingest",
        kind="romanization",
        name=pipeline,
        build="tasks.romanize:build_romanization",
        version=1,
        params=params.model_dump(mode="json"),
        inputs={"documents": (("documents", pipeline),)},
        timeout_seconds=7200.0,
    )
