"""What a user may say about a tokenizer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from lexmill.tokenizer.patterns import pattern_of

Normalizer = Literal["none", "NFC", "NFKC"]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$", max_length=64)]
Weight = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]

BYTES = 256  # ids that the byte alphabet takes in every tokenizer


class TokenizerParams(BaseModel):
    """One tokenizer to train from word counts.

    `vocab_size` counts everything: 256 bytes, merges, special tokens.  `languages` and `domains` restrict the
    training data (None: all).  `weights` maps a language or a domain to a factor on its counts; a pair of both
    multiplies.  `sampling_temperature` T gives language l the share (bytes_l / bytes)^(1/T), normalised
    (Devlin 2018 for multilingual BERT; Conneau & Lample 2019 with alpha = 1/T): 1 is proportional, large is
    uniform.  `min_frequency` is the smallest (weighted) count of a pair that may be merged.  `max_token_length`
    is in bytes, inclusive (`tokenizers` has an exclusive bound: its value is ours + 1).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    algorithm: Literal["bpe"] = "bpe"
    vocab_size: int = Field(ge=BYTES, le=1 << 20)
    pretokenizer: str = "gpt4o"
    normalizer: Normalizer = "none"
    languages: tuple[str, ...] | None = None
    domains: tuple[str, ...] | None = None
    weights: dict[str, Weight] = Field(default_factory=dict)
    sampling_temperature: float | None = Field(default=None, ge=1, le=1000)
    min_frequency: int = Field(default=0, ge=0)
    max_token_length: int | None = Field(default=None, ge=2)
    special_tokens: tuple[str, ...] = ()

    @field_validator("pretokenizer")
    @classmethod
    def _pattern_compiles(cls, value: str) -> str:
        pattern_of(value)
        return value

    @field_validator("languages", "domains")
    @classmethod
    def _selection_is_not_empty(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if value is not None and not value:
            raise ValueError("an empty list selects nothing: leave the key out to select everything")
        return value

    @field_validator("special_tokens")
    @classmethod
    def _special_tokens_are_distinct(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(not token for token in value) or len(set(value)) != len(value):
            raise ValueError("special tokens must be non-empty and distinct")
        return value

    @model_validator(mode="after")
    def _vocabulary_holds_the_base(self) -> TokenizerParams:
        base = BYTES + len(self.special_tokens)
        if self.vocab_size < base:
            raise ValueError(
                f"vocab_size {self.vocab_size} is too small: {BYTES} bytes and {len(self.special_tokens)} "
                f"special tokens alone need {base}"
            )
        return self

    @property
    def merges(self) -> int:
        """How many merges fill the vocabulary."""
        return self.vocab_size - BYTES - len(self.special_tokens)
