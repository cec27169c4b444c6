"""Recipes of `tasks/attributes.py` and `tasks/documents.py`."""

from __future__ import annotations

from collections.abc import Sequence

from lexmill.corpus.params import CleaningParams, attribute_params
from tasks.step import Step

ATTRIBUTES_VERSION = 1
DOCUMENTS_VERSION = 2
Key = tuple[str, str]


def attributes_step(source: Step, cleaning: CleaningParams, evaluation: Sequence[Key] = ()) -> Step:
    """Step that measures the documents of one source.  `evaluation` are the sources of evaluation text."""
    return Step(
        stage="ingest",
        kind="attributes",
        name=source.name,
        build="tasks.attributes:build_attributes",
        version=ATTRIBUTES_VERSION,
        params=attribute_params(cleaning).model_dump(mode="json"),
        inputs={"source": (source.key,), **({"evaluation": tuple(evaluation)} if evaluation else {})},
        timeout_seconds=7200.0,
        tags=("memory",),
    )


def documents_step(
    pipeline: str, cleaning: CleaningParams, sources: Sequence[Key], attributes: Sequence[Key]
) -> Step:
    """Step that makes one dataset of a pipeline's sources; their order decides which of two equal documents is kept.

    What `cleaning.against` names must be in the warehouse already.
    """
    against = tuple(("documents", name) for name in cleaning.against)
    return Step(
        stage="ingest",
        kind="documents",
        name=pipeline,
        build="tasks.documents:build_documents",
        version=DOCUMENTS_VERSION,
        params=cleaning.model_dump(mode="json", exclude={"against"}),
        inputs={
            "sources": tuple(sources),
            "attributes": tuple(attributes),
            **({"against": against} if against else {}),
        },
        timeout_seconds=7200.0,
        tags=("memory",),
    )
