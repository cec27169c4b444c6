"""Recipes of `tasks/evaluate_models.py`."""

from __future__ import annotations

from lexmill.training.params import ModelParams
from tasks.recipes.training import adapted_name, base_name, init_name
from tasks.step import Step


def model_evaluation_step(pipeline: str, model: ModelParams) -> Step:
    """`<pipeline>-<model>`: base, every init and every adapted model on the same held-out documents."""
    return Step(
        stage="evaluate",
        kind="evaluation",
        name=f"{pipeline}-{model.name}",
        build="tasks.evaluate_models:build_model_evaluation",
        version=2,
        params={
            "methods": list(model.transfer.methods),
            "adapted_methods": list(model.adapted_methods),
            "evaluation": model.evaluation.model_dump(mode="json")
            | {"languages": list(model.evaluated_languages)},
            "window": model.base.training.sequence_length,
            "threads": model.base.training.threads,
        },
        inputs={
            "documents": (("documents", pipeline),),
            "base": (("model", base_name(pipeline, model)),),
            "init": tuple(("model", init_name(pipeline, model, m)) for m in model.transfer.methods),
            "adapted": tuple(("model", adapted_name(pipeline, model, m)) for m in model.adapted_methods),
        },
        timeout_seconds=1800,
        tags=("training",),
    )
