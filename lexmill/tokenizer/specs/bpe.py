"""Byte-level BPE and what is trained like it."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from lexmill.tokenizer.algorithm import Algorithm
from lexmill.tokenizer.params import TrainerSpec


class BpeSpec(TrainerSpec):
    """Byte-pair encoding over the 256 bytes.

    `tie_break`: which of several pairs with the same count is merged first: that of `tokenizers` (`hf`), or of rustbpe,
    bpeasy and ffbpe (`rustbpe`).  `min_frequency` is the smallest (weighted) count of a pair that may be merged.
    `max_token_length` is in bytes, inclusive (`tokenizers` has an exclusive bound: its value is ours + 1).  `base`: a
    byte-level BPE tokenizer that goes on learning: its ids stay, new ones come behind its last, and `vocab_size`
    counts its tokens too; ties are then decided by its ids.
    """

    TOKENIZERS: ClassVar[tuple[str, ...]] = ("base",)

    algorithm: Literal["bpe"] = "bpe"
    tie_break: Literal["hf", "rustbpe"] = "hf"
    min_frequency: int = Field(default=0, ge=0)
    max_token_length: int | None = Field(default=None, ge=2)
    base: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _base_decides_ties(self) -> BpeSpec:
        if self.base is not None and self.tie_break != "hf":
            raise ValueError("tie_break does not go with base, whose ids decide ties: leave one of them out")
        return self


class BpeCbSpec(BpeSpec):
    """Byte-pair encoding whose tokens are whole characters, or lie inside one and begin with its first byte; the tokens
    of a `base` stay as they are."""

    algorithm: Literal["bpe_cb"] = "bpe_cb"  # type: ignore[assignment]


ALGORITHMS = (
    Algorithm(
        spec=BpeSpec,
        trainer="lexmill.tokenizer.trainers.bpe:train",
        encoder="merges",
        export="exact",
        paper="Sennrich et al. 2016 (arXiv 1508.07909); bytes: Radford et al. 2019",
        summary="Byte-level byte-pair encoding, merge for merge that of `tokenizers` (or of rustbpe).",
    ),
    Algorithm(
        spec=BpeCbSpec,
        trainer="lexmill.tokenizer.trainers.bpe:train",
        encoder="merges",
        export="exact",
        paper="Land & Arnett 2025 (arXiv 2505.24689), the character-integrity rule on UTF-8 bytes",
        summary="BPE whose tokens never hold a part of one character beside another.",
    ),
)
