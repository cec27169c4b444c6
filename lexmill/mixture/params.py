"""What one mixture audit is: which tokenizer, which categories, how exact and how sure."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from lexmill.archives import PackageRef
from lexmill.tokenizer.params import Normalizer
from lexmill.tokenizer.patterns import pattern_of

Categories = Literal["language", "domain", "language_domain"]
Split = Literal["train", "valid", "test"]


class ExternalTokenizer(BaseModel):
    """A tokenizer made elsewhere: one file of a pinned package, or a local file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    package: PackageRef | None = None
    member: str | None = Field(None, description="path of the merge list inside the package")
    path: str | None = Field(None, description="local file")
    pretokenizer: str | None = Field(
        None,
        description="pre-tokenizer it was trained with: gpt2, gpt4, gpt4o or a regex; null: what the file says",
    )
    normalizer: Normalizer | None = Field(
        None, description="null: what the file says; give it with pretokenizer to share the pipeline's counts"
    )

    @field_validator("pretokenizer")
    @classmethod
    def _known_pattern(cls, value: str | None) -> str | None:
        if value is not None:
            pattern_of(value)
        return value

    @model_validator(mode="after")
    def _one_place(self) -> ExternalTokenizer:
        if (self.package is None) == (self.path is None):
            raise ValueError("give exactly one of package and path")
        if (self.package is None) != (self.member is None):
            raise ValueError("member names the file inside package: give both or neither")
        return self


class AuditParams(BaseModel):
    """One entry of `audits`: infer the training mixture of a BPE tokenizer from its merge list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_]*$")
    tokenizer: str | ExternalTokenizer = Field(
        description="a tokenizer of this pipeline, or one made elsewhere"
    )
    categories: Categories = "language"
    min_bytes: int = Field(
        20_000, ge=1, description="categories with less counted text are left out, and named"
    )
    include: tuple[str, ...] = Field((), description="only these categories; empty: all")
    exclude: tuple[str, ...] = ()
    merges: Annotated[int, Field(ge=1)] | Literal["auto"] = Field(
        "auto",
        description="how many merges from start_merge on are looked at; auto: while the text has enough of them",
    )
    start_merge: Annotated[int, Field(ge=0)] | Literal["auto"] = Field(
        "auto",
        description="first merge looked at; auto: the first that is not inherited from another audited tokenizer",
    )
    gap: float = Field(0.01, ge=0.0, lt=1.0, description="certified relative optimality gap to stop at")
    bootstrap: int = Field(20, ge=0, le=1000, description="document-level replicates behind the intervals")
    splits: tuple[Split, ...] = Field(("train", "valid", "test"), min_length=1)
    seed: int = Field(0, ge=0)
