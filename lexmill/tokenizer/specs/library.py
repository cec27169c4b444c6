"""The two trainers of `tokenizers` beside BPE: Unigram and WordPiece."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lexmill.tokenizer.algorithm import Algorithm
from lexmill.tokenizer.params import BYTES, TrainerSpec


class UnigramSpec(TrainerSpec):
    """Unigram: pieces with probabilities, fitted by expectation-maximisation and pruned by what their loss costs.

    Pieces are the 256 bytes and sequences of whole characters.  `seed_size`: how many pieces it starts from;
    `max_token_length`: of a piece, in characters; `shrinking_factor`: the share of the pieces that a pruning keeps;
    `iterations`: of expectation-maximisation between two prunings.
    """

    algorithm: Literal["unigram"] = "unigram"
    seed_size: int = Field(default=1_000_000, ge=1000, le=1 << 24)
    max_token_length: int = Field(default=16, ge=2, le=64)
    shrinking_factor: float = Field(default=0.75, ge=0.1, le=0.95)
    iterations: int = Field(default=2, ge=1, le=20)


class WordPieceSpec(TrainerSpec):
    """WordPiece: byte-level BPE whose units inside a word are other symbols than at its start, encoded greedily.

    Merges are by frequency, as in `tokenizers`, not by likelihood.  A unit inside a word carries the continuation
    prefix U+E000 instead of `##`, which could not be told from the text `##`.  `min_frequency`, `max_token_length`
    (bytes): as for bpe.
    """

    algorithm: Literal["wordpiece"] = "wordpiece"
    min_frequency: int = Field(default=0, ge=0)
    max_token_length: int | None = Field(default=None, ge=2)

    def alphabet_size(self) -> int:
        """The bytes at the start of a word, and inside."""
        return 2 * BYTES


ALGORITHMS = (
    Algorithm(
        spec=UnigramSpec,
        trainer="lexmill.tokenizer.trainers.unigram:train",
        encoder="likelihood",
        export="exact",
        paper="Kudo 2018 (arXiv 1804.10959)",
        summary="Unigram language model over pieces, from the top down; encodes by the largest probability.",
    ),
    Algorithm(
        spec=WordPieceSpec,
        trainer="lexmill.tokenizer.trainers.wordpiece:train",
        encoder="wordpiece",
        export="exact",
        paper="Schuster & Nakajima 2012; merges by frequency as in `tokenizers`",
        summary="BPE that tells word starts from continuations, encoded by longest match.",
    ),
)
