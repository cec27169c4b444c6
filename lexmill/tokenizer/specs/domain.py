"""Tokenizers for a domain: presets for law and finance, terms that count more, a base vocabulary with new tokens."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from lexmill.tokenizer.algorithm import Algorithm
from lexmill.tokenizer.params import Normalizer, TrainerSpec, taken_for_bytes

Rule = Literal[
    "whitespace", "markdown", "html", "json", "xml", "years", "numbers", "enumerations", "roman_numerals"
]
RULES: tuple[Rule, ...] = (
    "whitespace",
    "markdown",
    "html",
    "json",
    "xml",
    "years",
    "numbers",
    "enumerations",
    "roman_numerals",
)


class PresetSpec(TrainerSpec):
    """What the KL3M tokenizers share: GPT-2's pattern, NFKC, and a vocabulary padded to a power of two.

    `power_of_two`: round the vocabulary up to the next power of two with padding tokens (none where it is one).
    """

    pretokenizer: str = "gpt2"
    normalizer: Normalizer = "NFKC"
    power_of_two: bool = True

    @model_validator(mode="after")
    def _padding_is_said_once(self) -> PresetSpec:
        if self.power_of_two and self.pad_to_multiple:
            raise ValueError("pad_to_multiple needs power_of_two: false, which also pads the vocabulary")
        return self

    @property
    def padding(self) -> tuple[str, ...]:
        """The padding tokens that round the vocabulary up."""
        if not self.power_of_two:
            return super().padding
        full = 1 << (self.vocab_size - 1).bit_length()
        return tuple(f"<|pad_{index}|>" for index in range(full - self.vocab_size))


class Kl3mSpec(PresetSpec):
    """BPE, and strings of the domain that are tokens whether or not the text is rich in them.

    `rules`: which strings, see `domain_tokens`; `custom_tokens`: more of them.  Those that BPE does not learn become
    added tokens, which are found before anything else is cut; one of letters and digits only as a whole word.
    `min_frequency`: as for bpe.
    """

    algorithm: Literal["kl3m"] = "kl3m"
    rules: tuple[Rule, ...] = RULES
    custom_tokens: tuple[str, ...] = ()
    min_frequency: int = Field(default=10, ge=0)

    @field_validator("custom_tokens")
    @classmethod
    def _custom_tokens_are_text(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(len(token) < 2 or len(token) > 256 for token in value) or len(set(value)) != len(value):
            raise ValueError("custom_tokens must be distinct strings of 2 to 256 characters")
        for token in value:
            if taken_for_bytes(token):
                raise ValueError(
                    f"custom_tokens: {token!r} is written in the characters that stand for bytes in the exported file: "
                    "give it a space or a character beyond U+0143, or leave it out"
                )
        return value


class Kl3mCharSpec(PresetSpec):
    """BPE of very short tokens, for spelling correction and character-level tasks.

    `max_token_length`: in bytes; by default 3, and 4 from a vocabulary of 16,000 on.
    """

    algorithm: Literal["kl3m_char"] = "kl3m_char"
    min_frequency: int = Field(default=1, ge=0)
    max_token_length: int | None = Field(default=None, ge=2, le=16)

    @property
    def longest(self) -> int:
        """The longest token in bytes."""
        return self.max_token_length or (4 if self.vocab_size >= 16_000 else 3)


class MatterSpec(TrainerSpec):
    """BPE in which the words of domain terms count more: count f becomes f + strength * p / (1 - p).

    `terms`: a file of lines `term` or `term<TAB>p`, UTF-8; p (0 < p < 1) is how surely it is a term of the domain,
    `probability` where the line has none; `strength` (lambda) is in occurrences.  `min_frequency`,
    `max_token_length`: as for bpe.
    """

    FILES: ClassVar[tuple[str, ...]] = ("terms",)

    algorithm: Literal["matter"] = "matter"
    terms: str
    strength: float = Field(default=1.0, ge=0, le=1e12, allow_inf_nan=False)
    probability: float = Field(default=0.99, gt=0, lt=1, allow_inf_nan=False)
    min_frequency: int = Field(default=0, ge=0)
    max_token_length: int | None = Field(default=None, ge=2)


class TaskAdaptiveSpec(TrainerSpec):
    """The vocabulary of a base tokenizer, and the best Unigram pieces of the task's own text behind it.

    `base`: a byte-level tokenizer whose ids stay as they are (special tokens at its end are left out); the
    probabilities of all pieces are fitted to the task's text by `iterations` of expectation-maximisation.
    `seed_size`, `max_token_length`: as for unigram.
    """

    TOKENIZERS: ClassVar[tuple[str, ...]] = ("base",)

    algorithm: Literal["task_adaptive"] = "task_adaptive"
    base: str
    seed_size: int = Field(default=1_000_000, ge=1000, le=1 << 24)
    max_token_length: int = Field(default=16, ge=2, le=64)
    iterations: int = Field(default=4, ge=1, le=50)


ALGORITHMS = (
    Algorithm(
        spec=Kl3mSpec,
        trainer="lexmill.tokenizer.trainers.kl3m:train",
        encoder="added_tokens",
        export="exact",
        paper="Bommarito et al. 2025 (arXiv 2503.17247)",
        summary="Domain BPE with tokens made by rule: white space, markup, years, numbers, enumerations.",
    ),
    Algorithm(
        spec=Kl3mCharSpec,
        trainer="lexmill.tokenizer.trainers.kl3m:train_characters",
        encoder="merges",
        export="exact",
        paper="Bommarito et al. 2025 (arXiv 2503.17247)",
        summary="BPE of tokens of at most 3 or 4 bytes (4k, 8k, 16k).",
    ),
    Algorithm(
        spec=MatterSpec,
        trainer="lexmill.tokenizer.trainers.matter:train",
        encoder="merges",
        export="exact",
        paper="Oh et al. 2025, MATTER (arXiv 2506.11115)",
        summary="BPE that favours the words of a term list.",
    ),
    Algorithm(
        spec=TaskAdaptiveSpec,
        trainer="lexmill.tokenizer.trainers.merge_vocabulary:train",
        encoder="likelihood",
        export="exact",
        paper="Liu et al. 2023 (arXiv 2310.05317)",
        summary="A base vocabulary with the task's Unigram pieces added, scored on the task's text.",
    ),
)
