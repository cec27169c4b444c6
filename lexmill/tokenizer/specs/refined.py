"""BPE whose vocabulary is refined: by what its tokens are used for, or by where words are cut into morphs."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, field_validator

from lexmill.tokenizer.algorithm import Algorithm
from lexmill.tokenizer.params import TrainerSpec

MORFESSOR = "morfessor"


class PickySpec(TrainerSpec):
    """Picky BPE: a token that a merge uses up is removed.

    `threshold` (tau): after a merge of (a, b) at f places, a is removed when f / (occurrences of a before) > tau, the
    same for b.  1 removes nothing: plain BPE.
    """

    algorithm: Literal["picky"] = "picky"
    threshold: float = Field(default=0.9, gt=0, le=1)


class ScaffoldSpec(TrainerSpec):
    """Scaffold-BPE: tokens that are rarer than the next merge are only steps on the way; it has no parameters."""

    algorithm: Literal["scaffold"] = "scaffold"


class LeafSpec(TrainerSpec):
    """Leaf pruning: learn `overshoot` times as many merges as fit, then drop the least used that no merge needs."""

    algorithm: Literal["leaf"] = "leaf"
    overshoot: float = Field(default=1.5, gt=1, le=16)


class MorphsSpec(TrainerSpec):
    """A method that knows the morphs of words.

    `morphs`: a file of lines `word<TAB>morph morph ...` (UTF-8, `.gz` and `.zst` are unpacked), or `morfessor`: morphs
    are learned from the words themselves, see `morfessor_morphs`; `morfessor_words`: from how many of the most frequent
    words of each language (a thousand take about a second).
    """

    FILES: ClassVar[tuple[str, ...]] = ("morphs",)

    morphs: str
    morfessor_words: int = Field(default=5_000, ge=100, le=1_000_000)

    @field_validator("morphs")
    @classmethod
    def _morphs_are_named(cls, value: str) -> str:
        if not value.strip():
            raise ValueError(
                f"morphs is empty: give a file of `word<TAB>morph morph ...` lines, or {MORFESSOR}"
            )
        return value

    def sources(self) -> dict[str, str]:
        """See `TrainerSpec.sources`; `morfessor` is not a file."""
        return {key: value for key, value in super().sources().items() if value != MORFESSOR}


class MorphSpec(MorphsSpec):
    """MorphBPE: no merge crosses the boundary of two morphs in training."""

    algorithm: Literal["morph"] = "morph"


class KnockoutSpec(MorphsSpec):
    """BPE-knockout: of a trained BPE, merges are removed that hide morph boundaries.

    `blame`: the smallest share of a merge's uses that close a boundary for it to be removed.
    """

    algorithm: Literal["knockout"] = "knockout"
    blame: float = Field(default=0.5, gt=0, le=1)


ALGORITHMS = (
    Algorithm(
        spec=PickySpec,
        trainer="lexmill.tokenizer.trainers.picky:train",
        encoder="events",
        export="approximate",
        paper="Chizhov et al. 2024 (arXiv 2409.04599)",
        summary="BPE that removes a token when a merge has used it up, and fills its place with a useful one.",
    ),
    Algorithm(
        spec=ScaffoldSpec,
        trainer="lexmill.tokenizer.trainers.scaffold:train",
        encoder="events",
        export="approximate",
        paper="Lian et al. 2025 (arXiv 2404.17808)",
        summary="BPE whose rare stepping stones are no tokens: they are taken apart again after the merges.",
    ),
    Algorithm(
        spec=LeafSpec,
        trainer="lexmill.tokenizer.trainers.leaf:train",
        encoder="merges",
        export="exact",
        paper="Purason et al. 2025 (arXiv 2512.03989)",
        summary="A larger BPE, pruned from the leaves of its merge graph by least use; stays plain BPE.",
    ),
    Algorithm(
        spec=MorphSpec,
        trainer="lexmill.tokenizer.trainers.morph:train",
        encoder="merges",
        export="exact",
        paper="MorphBPE: Asgari et al. 2025 (arXiv 2502.00894); Morfessor: Creutz & Lagus 2007, Virpioja et al. 2013",
        summary="BPE whose merges never cross a morph boundary in training; encodes as plain BPE.",
    ),
    Algorithm(
        spec=KnockoutSpec,
        trainer="lexmill.tokenizer.trainers.knockout:train",
        encoder="events",
        export="approximate",
        paper="BPE-knockout: Bauwens & Delobelle 2024 (NAACL)",
        summary="BPE without the merges that hide morph boundaries; what they made is merged from their parts.",
    ),
)
