"""Tokenizers whose tokens may span several words, and the one that patches n-grams into another tokenizer."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from lexmill.tokenizer.algorithm import Algorithm
from lexmill.tokenizer.params import BYTES, SequenceSpec
from lexmill.tokenizer.patterns import pattern_of


class WideSpec(SequenceSpec):
    """A method that learns within words first and then across them.

    `pretokenizer` cuts the words, `wide_pretokenizer` cuts what a superword may not cross; the exported tokenizer cuts
    with the latter alone.  Training takes about ten bytes of memory for each byte of the sample.
    """

    pretokenizer: str = "superbpe"
    sample_bytes: int = Field(default=200_000_000, ge=1)
    wide_pretokenizer: str = "superbpe2"

    @field_validator("wide_pretokenizer")
    @classmethod
    def _wide_pattern_compiles(cls, value: str) -> str:
        pattern_of(value)
        return value


class SuperBpeSpec(WideSpec):
    """SuperBPE: BPE within words up to a transition, then across them.

    `transition`: ids (the 256 bytes counted) at which words stop to be walls; below 1 a share of the vocabulary without
    special tokens.  0.9 is the share of the authors' best model (180,000 of 200,000); more compression, not a better
    model, comes from less.
    """

    algorithm: Literal["superbpe"] = "superbpe"
    transition: float = Field(default=0.9, gt=0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _transition_lies_in_the_vocabulary(self) -> SuperBpeSpec:
        if self.transition >= 1 and self.transition != int(self.transition):
            raise ValueError(f"transition {self.transition} must be a share below 1 or a whole number of ids")
        if not BYTES <= self.transition_size <= self.model_size:
            raise ValueError(
                f"transition {self.transition:g} means {self.transition_size} ids, but it must lie between the "
                f"{BYTES} bytes and the {self.model_size} ids without special tokens"
            )
        return self

    @property
    def transition_size(self) -> int:
        """Ids, bytes included, that are learned within words."""
        return int(self.transition if self.transition >= 1 else self.transition * self.model_size)


class BoundlessSpec(SequenceSpec):
    """BoundlessBPE: whole words merge with each other as soon as that is more frequent than any merge inside words."""

    algorithm: Literal["boundless"] = "boundless"


class SupertokenSpec(WideSpec):
    """Byte-level BPE over random runs of words.

    Every run that the wide pattern leaves whole is cut into chunks of `shortest_chunk` to `longest_chunk` words, each
    length equally likely (the last chunk takes what is left); merges never cross a chunk, but cross its words.
    """

    algorithm: Literal["supertoken"] = "supertoken"
    sample_bytes: int = Field(default=100_000_000, ge=1)
    shortest_chunk: int = Field(default=2, ge=1, le=1000)
    longest_chunk: int = Field(default=5, ge=1, le=1000)
    min_frequency: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _lengths_are_in_order(self) -> SupertokenSpec:
        if self.shortest_chunk > self.longest_chunk:
            raise ValueError(
                f"shortest_chunk {self.shortest_chunk} is larger than longest_chunk {self.longest_chunk}"
            )
        return self


class AdaptiVocabSpec(SequenceSpec):
    """AdaptiVocab: the tokens of `base` that this text needs least make room for its best n-grams of tokens.

    `base`: a byte-level BPE tokenizer, whose other tokens keep their ids; `replace`: how many of its tokens give way,
    below 1 a share of its vocabulary; `max_ngram`: tokens in an n-gram at most.  `vocab_size` is at least that of the
    base, special tokens apart; what is above is filled with n-grams too.
    """

    TOKENIZERS: ClassVar[tuple[str, ...]] = ("base",)

    algorithm: Literal["adaptivocab"] = "adaptivocab"
    base: str = Field(min_length=1)
    sample_bytes: int = Field(default=100_000_000, ge=1)
    replace: float = Field(default=0.25, gt=0, allow_inf_nan=False)
    max_ngram: int = Field(default=3, ge=2, le=16)

    @model_validator(mode="after")
    def _replace_is_a_number_of_tokens(self) -> AdaptiVocabSpec:
        if self.replace >= 1 and self.replace != int(self.replace):
            raise ValueError(f"replace {self.replace} must be a share below 1 or a whole number of tokens")
        return self


ALGORITHMS = (
    Algorithm(
        spec=SuperBpeSpec,
        trainer="lexmill.tokenizer.trainers.superbpe:train",
        encoder="merges",
        export="exact",
        paper="Liu et al. 2025 (arXiv 2503.13423)",
        summary="SuperBPE: byte-level BPE whose last merges cross the spaces between words.",
    ),
    Algorithm(
        spec=BoundlessSpec,
        trainer="lexmill.tokenizer.trainers.boundless:train",
        encoder="boundless",
        export="approximate",
        paper="Schmidt et al. 2025 (arXiv 2504.00178); in two passes: Schmidt et al. 2026 (arXiv 2604.05192)",
        summary="BoundlessBPE: frequent sequences of whole words become tokens.",
    ),
    Algorithm(
        spec=SupertokenSpec,
        trainer="lexmill.tokenizer.trainers.supertoken:train",
        encoder="merges",
        export="exact",
        paper="Sharthak et al. 2025 (arXiv 2505.09738); random chunks: Bommarito et al. 2025 (arXiv 2503.17247)",
        summary="Supertokens: byte-level BPE over random runs of several words.",
    ),
    Algorithm(
        spec=AdaptiVocabSpec,
        trainer="lexmill.tokenizer.trainers.adaptivocab:train",
        encoder="patches",
        export="approximate",
        paper="Nakash et al. 2025 (arXiv 2503.19693)",
        summary="AdaptiVocab: n-grams of a domain take the place of tokens that it hardly uses.",
    ),
)
