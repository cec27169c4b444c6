"""Recipes of `tasks/training.py`."""

from __future__ import annotations

from lexmill.training.params import ModelParams
from lexmill.transfer.params import Method
from tasks.step import Step

SECONDS_PER_STEP = 10.0  # far above what a demo step takes; a stuck process is ended all the same


def base_model_step(pipeline: str, model: ModelParams) -> Step:
    """`<pipeline>-<model>-base`: trained from scratch on the base languages."""
    return Step(
        stage="train",
        kind="model",
        name=base_name(pipeline, model),
        build="tasks.training:build_base_model",
        version=1,
        params={"base": model.base.model_dump(mode="json")},
        inputs={
            "documents": (("documents", pipeline),),
            "tokenizer": (("tokenizer", f"{pipeline}-{model.base.tokenizer}"),),
        },
        timeout_seconds=600 + SECONDS_PER_STEP * model.base.training.steps,
        tags=("training",),
    )


def adapted_model_step(pipeline: str, model: ModelParams, method: Method) -> Step:
    """`<pipeline>-<model>-<method>-adapted`: the transferred model, trained further."""
    adaptation = model.adaptation.model_dump(mode="json", exclude={"methods"})
    return Step(
        stage="adapt",
        kind="model",
        name=adapted_name(pipeline, model, method),
        build="tasks.training:build_adapted_model",
        version=1,
        params={"adaptation": adaptation | {"replay_languages": list(model.replay_languages)}},
        inputs={
            "documents": (("documents", pipeline),),
            "init": (("model", init_name(pipeline, model, method)),),
        },
        timeout_seconds=600 + SECONDS_PER_STEP * model.adaptation.training.steps,
        tags=("training",),
    )


def base_name(pipeline: str, model: ModelParams) -> str:
    """Artifact name of the base model."""
    return f"{pipeline}-{model.name}-base"


def init_name(pipeline: str, model: ModelParams, method: Method) -> str:
    """Artifact name of the model after the swap of vocabularies, before training."""
    return f"{pipeline}-{model.name}-{method}-init"


def adapted_name(pipeline: str, model: ModelParams, method: Method) -> str:
    """Artifact name of the model after continued training."""
    return f"{pipeline}-{model.name}-{method}-adapted"
