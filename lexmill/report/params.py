"""The `report` section of a pipeline."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class ReportParams(BaseModel):
    """How the page introduces itself and whose sentences it shows cut into tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = Field(default="", max_length=200, description="Heading; empty: the pipeline's name")
    description: str = Field(default="", description="One paragraph; empty: the pipeline's description")
    sample_languages: tuple[str, ...] = Field(
        default=(),
        description="Languages (`fra_Latn`) of the tokenized parallel sentence, in this order; "
        "empty: up to eight, of as many scripts, those with most text first",
    )
