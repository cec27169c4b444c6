"""The ids of a base tokenizer and, behind them, pieces learned from a task's own text."""

from __future__ import annotations

from pathlib import Path

from lexmill.tokenizer.load import load_tokenizer, token_bytes
from lexmill.tokenizer.specs.domain import TaskAdaptiveSpec
from lexmill.tokenizer.trained import Learned, TrainingData
from lexmill.tokenizer.trainers.unigram import piece_table
from lexmill.tokenizer.unigram import TIE_BREAK, train_unigram
from lexmill.tokenizer.vessels import unigram_vessel
from lexmill.tokenizer.vocabulary import BYTE_TOKENS


def train(data: TrainingData, spec: TaskAdaptiveSpec) -> Learned:
    """Keep the base pieces, learn as many new ones as fit, and score all of them on the task's text."""
    base = base_pieces(data.files["base"])
    if len(base) >= spec.model_size:
        raise ValueError(
            f"tokenizer {spec.name}: vocab_size {spec.vocab_size} leaves no room for new tokens, base alone has "
            f"{len(base)}: ask for more"
        )
    words = data.words
    pieces, scores = train_unigram(
        words.words,
        words.counts,
        words.scale,
        spec.model_size,
        base,
        seed_size=spec.seed_size,
        max_token_length=spec.max_token_length,
        last_iterations=spec.iterations,
        progress=data.progress,
    )
    details = {"base_pieces": len(base), "new_pieces": len(pieces) - len(base)}
    tokenizer = unigram_vessel(spec, pieces, scores.tolist())
    return Learned(tokenizer, TIE_BREAK, {"pieces": piece_table(pieces, scores)}, details=details)


def base_pieces(path: Path) -> list[bytes]:
    """The byte strings of a byte-level tokenizer by id, without special tokens behind them.

    Raises ValueError for a tokenizer whose ids cannot be kept: not byte-level, special tokens or gaps between its ids,
    a byte without a token, two ids for one string.
    """
    tokens = token_bytes(load_tokenizer(path))
    while tokens and tokens[-1] is None:
        tokens.pop()
    holes = [index for index, token in enumerate(tokens) if not token]
    if holes:
        raise ValueError(
            f"base: id {holes[0]} of the base tokenizer is a special token or spells nothing; give a byte-level "
            "tokenizer whose special tokens have the last ids"
        )
    pieces = [token for token in tokens if token]
    if len(set(pieces)) != len(pieces):
        raise ValueError(
            "base: several ids of the base tokenizer spell the same; give one without duplicates"
        )
    missing = sorted(set(BYTE_TOKENS) - set(pieces))
    if missing:
        raise ValueError(f"base: the base tokenizer has no token for the byte 0x{missing[0].hex().upper()}")
    return pieces
