"""SCRIPT-BPE: characters as a block of their script and an index in it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lexmill.tokenizer.algorithm import Algorithm
from lexmill.tokenizer.params import BYTES, Normalizer, TrainerSpec

SCRIPT_SYMBOLS = 1916  # index and block symbols of Unicode 16 (see `script_encoding`; a test counts them)


class ScriptSpec(TrainerSpec):
    """BPE over two symbols for each character, a block (script and category) and an index in it.

    Merges keep characters whole.  Characters that have no block (unassigned, private use) are bytes.
    `min_frequency`: as for bpe.
    """

    algorithm: Literal["script"] = "script"
    pretokenizer: str = "script"
    normalizer: Normalizer = "NFC"
    min_frequency: int = Field(default=0, ge=0)

    def alphabet_size(self) -> int:
        """The bytes, and the symbols that characters are written in."""
        return BYTES + SCRIPT_SYMBOLS


ALGORITHMS = (
    Algorithm(
        spec=ScriptSpec,
        trainer="lexmill.tokenizer.trainers.script:train",
        encoder="script",
        export="approximate",
        paper="Land & Arnett 2025 (arXiv 2505.24689)",
        summary="BPE over script-and-index symbols: no script pays for its UTF-8, no token cuts a character.",
    ),
)
