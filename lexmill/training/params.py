"""What a user may say about a model: its shape, its training, its new vocabulary, its adaptation."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lexmill.transfer.params import Method, TransferParams


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ArchitectureParams(_Strict):
    """A Llama-shaped decoder; names as in Hugging Face's `LlamaConfig`."""

    hidden_size: int = Field(default=256, ge=16, le=8192)
    intermediate_size: int = Field(default=704, ge=16, le=32768)
    num_hidden_layers: int = Field(default=4, ge=1, le=128)
    num_attention_heads: int = Field(default=4, ge=1, le=128)
    num_key_value_heads: int = Field(default=4, ge=1, le=128)
    max_position_embeddings: int = Field(default=512, ge=16, le=1_000_000, description="tokens")
    tie_word_embeddings: bool = Field(default=True, description="output rows are the input rows")
    rope_theta: float = Field(default=10_000.0, gt=1.0)

    @model_validator(mode="after")
    def _divisible(self) -> ArchitectureParams:
        if self.hidden_size % self.num_attention_heads:
            raise ValueError("hidden_size must be a multiple of num_attention_heads")
        if (self.hidden_size // self.num_attention_heads) % 2:
            raise ValueError("hidden_size / num_attention_heads must be even (rotary embedding turns pairs)")
        if self.num_attention_heads % self.num_key_value_heads:
            raise ValueError("num_attention_heads must be a multiple of num_key_value_heads")
        return self


class TrainingParams(_Strict):
    """One training run.  One step feeds batch_size * sequence_length tokens."""

    steps: int = Field(default=280, ge=1, le=10**7)
    batch_size: int = Field(default=8, ge=1, le=65536, description="sequences a step")
    sequence_length: int = Field(default=256, ge=2, le=1_000_000, description="tokens")
    optimizer: Literal["adamw", "muon"] = Field(
        default="muon", description="muon: Muon for the 2-D weights of the layers, AdamW for everything else"
    )
    learning_rate: float = Field(default=6e-3, gt=0, le=1.0, description="peak")
    warmup_share: float = Field(default=0.05, ge=0, lt=1, description="of the steps, linear from 0")
    final_share: float = Field(default=0.1, ge=0, le=1, description="of the peak: where the cosine ends")
    weight_decay: float = Field(default=0.1, ge=0, le=10, description="decoupled; not on norms")
    clip_norm: float = Field(default=1.0, gt=0, description="global gradient norm")
    precision: Literal["float32", "bfloat16"] = Field(
        default="bfloat16", description="of the matrix products; weights and optimizer stay float32"
    )
    threads: int = Field(default=2, ge=1, le=1024, description="part of the recipe: changes rounding")
    seed: int = Field(default=0, ge=0, le=2**31 - 1, description="of the weights and the order of documents")
    evaluation_interval: int = Field(
        default=100, ge=0, description="steps between held-out points of the curve; 0: only the last"
    )
    evaluation_bytes: int = Field(default=30_000, ge=1, description="UTF-8 bytes of valid text per language")


class BaseParams(_Strict):
    """The model trained from scratch."""

    tokenizer: str = Field(min_length=1, description="name of a tokenizer of this pipeline")
    languages: tuple[str, ...] = Field(min_length=1, description="iso639-3_Script, such as eng_Latn")
    domains: tuple[str, ...] | None = Field(default=None, min_length=1, description="None: all")
    architecture: ArchitectureParams = ArchitectureParams()
    training: TrainingParams = TrainingParams()


class AdaptationParams(_Strict):
    """Continued training of the transferred model on new languages, with replay of the old."""

    languages: tuple[str, ...] = Field(min_length=1)
    domains: tuple[str, ...] | None = Field(default=None, min_length=1, description="None: all")
    replay_languages: tuple[str, ...] | None = Field(
        default=None, min_length=1, description="None: the base model's languages"
    )
    replay_share: float = Field(default=0.2, ge=0, lt=1, description="of the UTF-8 bytes fed")
    methods: tuple[Method, ...] | None = Field(
        default=None, min_length=1, description="models to train; None: the first of transfer.methods"
    )
    embeddings_first_share: float = Field(
        default=0.1, ge=0, le=1, description="of the steps, at the start, that train the embeddings only"
    )
    training: TrainingParams = TrainingParams(steps=140, learning_rate=4e-3)


class HeldOutParams(_Strict):
    """What models are evaluated on, in bits per byte."""

    split: Literal["valid", "test"] = "test"
    languages: tuple[str, ...] | None = Field(
        default=None, min_length=1, description="None: the base model's and the adaptation's"
    )
    domains: tuple[str, ...] | None = Field(default=None, min_length=1, description="None: all")
    bytes_per_language: int = Field(default=60_000, ge=1, description="seeded sample of whole documents")
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    sample_tokens: int = Field(default=40, ge=0, le=1000, description="of generated text; 0: none")


class ModelParams(_Strict):
    """One entry of `models`: base model -> new vocabulary by each method -> adaptation -> evaluation."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$", max_length=64)
    base: BaseParams
    transfer: TransferParams
    adaptation: AdaptationParams
    evaluation: HeldOutParams = HeldOutParams()

    @model_validator(mode="after")
    def _consistent(self) -> ModelParams:
        missing = [method for method in self.adapted_methods if method not in self.transfer.methods]
        if missing:
            raise ValueError(f"adaptation.methods: {missing[0]} is not one of transfer.methods")
        longest = max(self.base.training.sequence_length, self.adaptation.training.sequence_length)
        if longest > self.base.architecture.max_position_embeddings:
            raise ValueError(
                f"sequence_length {longest} exceeds max_position_embeddings "
                f"{self.base.architecture.max_position_embeddings}"
            )
        both = [code for code in self.adaptation.languages if code in self.replay_languages]
        if both and self.adaptation.replay_share > 0:
            raise ValueError(
                f"adaptation: {both[0]} is both a new language and a replayed one: "
                "take it out of languages or replay_languages, or set replay_share to 0"
            )
        return self

    @property
    def adapted_methods(self) -> tuple[Method, ...]:
        """The methods whose models are trained further."""
        return self.adaptation.methods or self.transfer.methods[:1]

    @property
    def replay_languages(self) -> tuple[str, ...]:
        """The languages replayed during adaptation."""
        return self.adaptation.replay_languages or self.base.languages

    @property
    def evaluated_languages(self) -> tuple[str, ...]:
        """The languages whose held-out text the models are scored on, in a fixed order."""
        return self.evaluation.languages or tuple(
            dict.fromkeys(self.base.languages + self.adaptation.languages)
        )

    @property
    def focus_languages(self) -> tuple[str, ...]:
        """The languages of the text behind the `focus` method's auxiliary space."""
        return self.transfer.focus.languages or self.adaptation.languages
