"""What a user may say about evaluation."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

Split = Literal["train", "valid", "test"]
Code = Annotated[str, Field(min_length=1)]


class EvaluationParams(BaseModel):
    """How tokenizers (and models) are measured.

    `reference_language` is the denominator of every premium.  `parallel_corpus` names the corpus whose groups
    are exact translations; None takes every group that the documents hold.  `tokenizers` restricts which
    tokenizers are measured (None: all of the pipeline).  `splits` says which held-out documents are used.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    reference_language: Code = "eng_Latn"
    parallel_corpus: str | None = None
    tokenizers: tuple[str, ...] | None = None
    splits: tuple[Split, ...] = ("valid", "test")

    @field_validator("splits")
    @classmethod
    def _splits_are_given(cls, value: tuple[Split, ...]) -> tuple[Split, ...]:
        if not value or len(set(value)) != len(value):
            raise ValueError("splits must name train, valid or test at least once and not twice")
        return value
