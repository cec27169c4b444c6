"""Recipes of `tasks/evaluate_tokenizers.py`."""

from __future__ import annotations

from collections.abc import Sequence

from lexmill.evaluation.params import EvaluationParams
from tasks.step import InputError, Step


def tokenizer_evaluation_step(
    pipeline: str, params: EvaluationParams, tokenizers: Sequence[tuple[str, str]]
) -> Step:
    """Measure the given (kind, name) tokenizers on the pipeline's held-out documents.

    `params.tokenizers` chooses among them by their name in `pipelines.yaml`; a name that is not there is an error.
    """
    chosen = tuple(tokenizers)
    if params.tokenizers:
        by_name = {name.removeprefix(f"{pipeline}-"): (kind, name) for kind, name in tokenizers}
        missing = [name for name in params.tokenizers if name not in by_name]
        if missing:
            raise InputError(
                f"evaluation.tokenizers names {', '.join(missing)}, but the tokenizers are: {', '.join(by_name)}"
            )
        chosen = tuple(by_name[name] for name in params.tokenizers)
    return Step(
        stage="evaluate",
        kind="evaluation",
        name=f"{pipeline}-tokenizers",
        build="tasks.evaluate_tokenizers:build_tokenizer_evaluation",
        version=1,
        params=params.model_dump(mode="json"),
        inputs={"documents": (("documents", pipeline),), "tokenizers": chosen},
    )
