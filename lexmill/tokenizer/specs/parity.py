"""BPE that gives every language the same number of tokens for the same content."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from lexmill.tokenizer.algorithm import Algorithm
from lexmill.tokenizer.params import TrainerSpec


class ParitySpec(TrainerSpec):
    """Parity-aware BPE: each merge is the best one of the language that is worst off.

    Who is worst off: the language with the most tokens for the words of split `valid` of `development_domains`, which
    should hold the same content in every language; without them, the language whose training text has shrunk least,
    its bytes per token divided by its `ratios` (1 where not given).  `global_merges`: how many merges come first that
    are best over all languages (hybrid).  `window`: a language that was chosen more than `alpha` / (number of
    languages) of the last `window` times waits (0: no window).  `min_frequency`: a language whose best pair is rarer
    is not chosen any more.
    """

    algorithm: Literal["parity"] = "parity"
    development_domains: tuple[str, ...] | None = None
    ratios: dict[str, float] = Field(default_factory=dict)
    global_merges: int = Field(default=0, ge=0, le=1 << 20)
    window: int = Field(default=0, ge=0, le=1 << 16)
    alpha: float = Field(default=2.0, gt=1, le=1000, allow_inf_nan=False)
    min_frequency: int = Field(default=2, ge=1)

    @model_validator(mode="after")
    def _parity_is_measured_one_way(self) -> ParitySpec:
        if self.development_domains is not None and not self.development_domains:
            raise ValueError("development_domains is empty: name a domain, or leave the key out")
        if self.development_domains and self.ratios:
            raise ValueError(
                "development_domains and ratios exclude each other: parity is measured on one of them"
            )
        unselected = set(self.development_domains or ()) - set(self.domains or self.development_domains or ())
        if unselected:
            raise ValueError(
                f"development_domains names {', '.join(sorted(unselected))}, which domains does not select: "
                "add it there (only its split `valid` measures parity)"
            )
        if any(not 0 < ratio < float("inf") for ratio in self.ratios.values()):
            raise ValueError("ratios must be positive numbers")
        if self.global_merges > self.merges:
            raise ValueError(
                f"global_merges {self.global_merges} is more than the {self.merges} merges that fit"
            )
        return self


ALGORITHMS = (
    Algorithm(
        spec=ParitySpec,
        trainer="lexmill.tokenizer.trainers.parity:train",
        encoder="merges",
        export="exact",
        paper="Foroutan et al. 2025 (arXiv 2508.04796)",
        summary="Byte-level BPE in which the language that pays most for its text chooses the next merge.",
    ),
)
