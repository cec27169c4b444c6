"""What a user may say about giving a model a new vocabulary."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

Method = Literal["subtoken_mean", "mean", "focus"]


class FocusParams(BaseModel):
    """The auxiliary space of the `focus` method: PPMI-SVD vectors of target tokens from their text."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    languages: tuple[str, ...] | None = Field(
        default=None, min_length=1, description="of the text; None: the adaptation's languages"
    )
    max_bytes: int = Field(
        default=4_000_000, ge=1, le=10**10, description="UTF-8 bytes of train text, seeded sample"
    )
    dimensions: int = Field(default=100, ge=2, le=1024, description="of the auxiliary vectors")
    window: int = Field(default=5, ge=1, le=50, description="tokens to each side; weight 1/distance")
    min_count: int = Field(
        default=10, ge=1, description="rarer tokens get no vector: no anchor, and the fallback when new"
    )


class TransferParams(BaseModel):
    """Which tokenizer replaces the base model's, and by which methods its new rows are made."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tokenizer: str = Field(min_length=1, description="name of the target tokenizer in this pipeline")
    methods: tuple[Method, ...] = Field(
        default=("subtoken_mean", "mean", "focus"), min_length=1, description="compared after the swap"
    )
    pad_to_multiple: int = Field(default=64, ge=1, le=4096, description="rows are rounded up to it")
    seed: int = Field(default=0, ge=0, le=2**31 - 1, description="of the text sample and the SVD")
    focus: FocusParams = FocusParams()

    @field_validator("methods")
    @classmethod
    def _distinct(cls, methods: tuple[Method, ...]) -> tuple[Method, ...]:
        if len(set(methods)) != len(methods):
            raise ValueError("methods: each method once")
        return methods
