"""Recipes of `tasks/transfer.py`."""

from __future__ import annotations

from typing import Any

from lexmill.training.params import ModelParams
from lexmill.transfer.params import Method
from tasks.recipes.training import base_name, init_name
from tasks.step import Step


def plan_name(pipeline: str, model: ModelParams, method: Method) -> str:
    """Artifact name of a plan."""
    return f"{pipeline}-{model.name}-{method}"


def plan_step(pipeline: str, model: ModelParams, method: Method) -> Step:
    """`<pipeline>-<model>-<method>`: where each row of the new embedding comes from."""
    params: dict[str, Any] = {"method": method, "pad_to_multiple": model.transfer.pad_to_multiple}
    inputs: dict[str, tuple[tuple[str, str], ...]] = {
        "base": (("model", base_name(pipeline, model)),),
        "tokenizer": (("tokenizer", f"{pipeline}-{model.transfer.tokenizer}"),),
    }
    if method == "focus":
        space = model.transfer.focus.model_dump(mode="json") | {"languages": list(model.focus_languages)}
        domains = model.adaptation.domains
        params |= {"focus": space, "domains": list(domains) if domains else None, "seed": model.transfer.seed}
        inputs["documents"] = (("documents", pipeline),)
    return Step(
        stage="transfer",
        kind="transfer_plan",
        name=plan_name(pipeline, model, method),
        build="tasks.transfer:build_plan",
        version=1,
        params=params,
        inputs=inputs,
        timeout_seconds=1800,
    )


def init_model_step(pipeline: str, model: ModelParams, method: Method) -> Step:
    """`<pipeline>-<model>-<method>-init`: the base model with the target tokenizer's vocabulary."""
    return Step(
        stage="transfer",
        kind="model",
        name=init_name(pipeline, model, method),
        build="tasks.transfer:build_init_model",
        version=1,
        params={},
        inputs={
            "base": (("model", base_name(pipeline, model)),),
            "plan": (("transfer_plan", plan_name(pipeline, model, method)),),
            "tokenizer": (("tokenizer", f"{pipeline}-{model.transfer.tokenizer}"),),
        },
        timeout_seconds=600,
    )
