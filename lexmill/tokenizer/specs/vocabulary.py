"""Methods that learn a vocabulary rather than merges: by token counts, by context, by predictability, by reduction."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lexmill.tokenizer.algorithm import Algorithm
from lexmill.tokenizer.params import SequenceSpec, TrainerSpec


class PathPieceSpec(TrainerSpec):
    """The vocabulary with which words take the fewest tokens, pruned top-down from a large BPE vocabulary.

    `initial`: size of the vocabulary that pruning starts from, in multiples of the final one (smaller when the text
    has no more merges); `batch`: the largest share of the vocabulary that one round removes, before all scores are
    computed anew; `max_token_length`: in bytes, inclusive.
    """

    algorithm: Literal["pathpiece"] = "pathpiece"
    initial: float = Field(default=4.0, ge=1, le=64, allow_inf_nan=False)
    batch: float = Field(default=0.1, gt=0, lt=1, allow_inf_nan=False)
    max_token_length: int = Field(default=16, ge=2, le=64)


class SageSpec(SequenceSpec):
    """The vocabulary whose tokens sit best in their contexts, pruned top-down from a large BPE vocabulary.

    `initial`, `max_token_length`: as for pathpiece; `steps`: how many prunings lead to the final size, each removing
    the same share; `embeddings`: how many of the steps train new embeddings (the first always does);
    `dimensions`, `window` (tokens on each side), `negatives`, `epochs`: of the skip-gram embeddings.
    """

    algorithm: Literal["sage"] = "sage"
    sample_bytes: int = Field(default=20_000_000, ge=1)
    initial: float = Field(default=4.0, ge=1, le=64, allow_inf_nan=False)
    max_token_length: int = Field(default=16, ge=2, le=64)
    steps: int = Field(default=8, ge=1, le=256)
    embeddings: int = Field(default=4, ge=1, le=256)
    dimensions: int = Field(default=48, ge=2, le=1024)
    window: int = Field(default=5, ge=1, le=64)
    negatives: int = Field(default=15, ge=1, le=63)
    epochs: int = Field(default=1, ge=1, le=100)


class ByteSpanSpec(TrainerSpec):
    """Spans of bytes that a byte-level language model finds predictable, then BPE over them.

    A byte joins the span before it when its surprisal falls (`monotonic`), when it is low (`threshold`: the bound is
    the one that fills the vocabulary), or when either holds (`combined`: low is the lowest `quantile` of the surprisals
    above 0).  `proportion`: the share of the learned ids that are the most frequent spans; BPE over the spans learns
    the others, and those that the text has no spans of `min_frequency` for.  `order`: of the n-gram model, in bytes.
    """

    algorithm: Literal["bytespan"] = "bytespan"
    constraint: Literal["monotonic", "combined", "threshold"] = "combined"
    proportion: float = Field(default=0.5, ge=0, le=1, allow_inf_nan=False)
    quantile: float = Field(default=0.3, gt=0, lt=1, allow_inf_nan=False)
    min_frequency: int = Field(default=20, ge=1)
    max_token_length: int = Field(default=16, ge=2, le=64)
    order: int = Field(default=5, ge=1, le=8)


class LibSpec(SequenceSpec):
    """The lexicon of a reader that joins chunks it saw together, and forgets those that do not help.

    `epochs`: passes over the sample; `batch_bytes`: text between two updates of the lexicon's order;
    `memory_in`: probability that a pair of neighbouring chunks is looked at; `update_rate`: how far a chunk moves, as a
    share of its rank; `lexicon`: size of the lexicon in training, in multiples of the vocabulary's;
    `max_token_length`: in bytes, inclusive.
    """

    algorithm: Literal["lib"] = "lib"
    sample_bytes: int = Field(default=20_000_000, ge=1)
    epochs: int = Field(default=3, ge=1, le=1000)
    batch_bytes: int = Field(default=100_000, ge=1)
    memory_in: float = Field(default=0.25, gt=0, le=1, allow_inf_nan=False)
    update_rate: float = Field(default=0.2, gt=0, le=1, allow_inf_nan=False)
    lexicon: float = Field(default=2.0, ge=1, le=64, allow_inf_nan=False)
    max_token_length: int = Field(default=16, ge=2, le=64)


class SplinterSpec(TrainerSpec):
    """Byte-level BPE over words rewritten as a root and the letters taken out of it.

    `alphabet`: whose words are rewritten (runs of its letters; everything else is left as it is);
    `min_frequency`: the smallest (weighted) count of a word that reductions are learned from.
    """

    algorithm: Literal["splinter"] = "splinter"
    alphabet: Literal["hebrew", "arabic", "malay"]
    min_frequency: int = Field(default=10, ge=1)


ALGORITHMS = (
    Algorithm(
        spec=PathPieceSpec,
        trainer="lexmill.tokenizer.trainers.pathpiece:train",
        encoder="fewest_tokens",
        export="exact",
        paper="Schmidt et al. 2024 (arXiv 2402.18376)",
        summary="Fewest tokens: prunes the tokens that are cheapest to do without, encodes by shortest path.",
    ),
    Algorithm(
        spec=SageSpec,
        trainer="lexmill.tokenizer.trainers.sage:train",
        encoder="longest_prefix",
        export="exact",
        paper="Yehezkel & Pinter 2023 (arXiv 2210.07095), SaGe 2.0",
        summary="Contextual vocabulary: prunes the tokens whose context is as likely without them.",
    ),
    Algorithm(
        spec=ByteSpanSpec,
        trainer="lexmill.tokenizer.trainers.bytespan:train",
        encoder="longest_prefix",
        export="exact",
        paper="Goriely et al. 2025 (arXiv 2506.18639)",
        summary="Groups predictable bytes, by the surprisal of a byte n-gram model trained on the same counts.",
    ),
    Algorithm(
        spec=LibSpec,
        trainer="lexmill.tokenizer.trainers.lib:train",
        encoder="longest_prefix",
        export="exact",
        paper="Yang et al. 2020; Yang 2024 (arXiv 2403.00417)",
        summary="Less-is-Better, experimental: a reader that memorises chunks and forgets useless ones.",
    ),
    Algorithm(
        spec=SplinterSpec,
        trainer="lexmill.tokenizer.trainers.splinter:train",
        encoder="splinter",
        export="none",
        paper="Gazit et al. 2025 (arXiv 2503.14433)",
        summary="BPE over words split into root and pattern (Hebrew, Arabic, Malay), without losing any text.",
    ),
)
