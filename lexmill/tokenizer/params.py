"""What a user may say about every tokenizer, whatever its algorithm; `specs/` adds what an algorithm has of its own."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from lexmill.tokenizer.patterns import pattern_of

Normalizer = Literal["none", "NFC", "NFKC"]
Framing = Literal["document", "line"]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$", max_length=64)]
Weight = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]

BYTES = 256  # ids that the byte alphabet takes in every tokenizer


def taken_for_bytes(token: str) -> bool:
    """Whether the decoder of a byte-level file would take the characters of an added token for bytes."""
    return not token.isascii() and all(" " < char < "\u0144" for char in token)


class TrainerSpec(BaseModel):
    """One tokenizer to train from word counts.

    `vocab_size` counts everything: bytes, what is learned, special tokens.  `pad_to_multiple` m rounds it up to a
    multiple of m with special tokens `<|pad_0|>`, `<|pad_1|>` ... that no text encodes to.  `framing`: whether a
    document or each of its lines is cut into words on its own.  `languages` and `domains` restrict the training data
    (None: all).  `weights` maps a language or a domain to a factor on its counts; a pair of both multiplies.
    `sampling_temperature` T gives language l the share (bytes_l / bytes)^(1/T), normalised (Devlin 2018 for
    multilingual BERT; Conneau & Lample 2019 with alpha = 1/T): 1 is proportional, large is uniform.
    `bucket_weighting` multiplies that share by a weight that is the same for every bucket of related languages and,
    inside a bucket, for every language (Abagyan et al. 2025, arXiv 2506.10766; see `language_buckets`), normalised.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    FILES: ClassVar[tuple[str, ...]] = ()  # keys that name a local file
    TOKENIZERS: ClassVar[tuple[str, ...]] = ()  # keys that name a tokenizer of the pipeline, or a local file

    name: Name
    vocab_size: int = Field(ge=1, le=1 << 20)
    pretokenizer: str = "gpt4o"
    normalizer: Normalizer = "none"
    framing: Framing = "document"
    languages: tuple[str, ...] | None = None
    domains: tuple[str, ...] | None = None
    weights: dict[str, Weight] = Field(default_factory=dict)
    sampling_temperature: float | None = Field(default=None, ge=1, le=1000)
    bucket_weighting: bool = False
    special_tokens: tuple[str, ...] = ()
    pad_to_multiple: int | None = Field(default=None, ge=2, le=1 << 16)

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
        for token in value:
            if any("\ud800" <= char <= "\udfff" for char in token):
                raise ValueError(f"special token {token!r} holds a surrogate, which no text has")
            if taken_for_bytes(token):
                raise ValueError(
                    f"special token {token!r} is written in the characters that stand for bytes in the exported file: "
                    "give it an ASCII name"
                )
        return value

    @model_validator(mode="after")
    def _vocabulary_holds_the_base(self) -> TrainerSpec:
        base = self.alphabet_size() + len(self.special_tokens)
        if self.vocab_size < base:
            raise ValueError(
                f"vocab_size {self.vocab_size} is too small: the {self.alphabet_size()} base symbols and "
                f"{len(self.special_tokens)} special tokens alone need {base}"
            )
        return self

    @model_validator(mode="after")
    def _padding_has_names_of_its_own(self) -> TrainerSpec:
        twice = sorted(set(self.special_tokens).intersection(self.padding))
        if twice:
            raise ValueError(f"special_tokens: {twice[0]!r} is the name of a padding token; leave it out")
        return self

    def alphabet_size(self) -> int:
        """How many ids the algorithm needs before it learns anything."""
        return BYTES

    def sources(self) -> dict[str, str]:
        """{key: value} of the keys that name a file or another tokenizer and are given."""
        named = {key: getattr(self, key) for key in (*self.FILES, *self.TOKENIZERS)}
        return {key: value for key, value in named.items() if value is not None}

    @property
    def algorithm_name(self) -> str:
        """The value of `algorithm`, which every spec fixes."""
        return str(getattr(self, "algorithm"))  # noqa: B009  # declared by each spec as a Literal of its own

    @property
    def model_size(self) -> int:
        """Ids that the model fills: the vocabulary without special tokens and padding."""
        return self.vocab_size - len(self.special_tokens)

    @property
    def merges(self) -> int:
        """How many merges fill the vocabulary of a method that learns nothing else."""
        return self.model_size - self.alphabet_size()

    @property
    def padding(self) -> tuple[str, ...]:
        """The padding tokens that round the vocabulary up."""
        missing = -self.vocab_size % self.pad_to_multiple if self.pad_to_multiple else 0
        return tuple(f"<|pad_{index}|>" for index in range(missing))


class SequenceSpec(TrainerSpec):
    """A method that also reads the order of words: from a sample of documents stored as sequences of word ids.

    `sample_bytes`: how much text the sample holds, by shares of the categories, each up to one document more (other
    weights do not read it again); `seed`: of the sample and of everything random in training.
    """

    sample_bytes: int = Field(default=1_000_000_000, ge=1)
    seed: int = Field(default=0, ge=0, lt=1 << 32)
