"""What the parameter models of the corpus room are made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Params(BaseModel):
    """Base of all parameters: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)
