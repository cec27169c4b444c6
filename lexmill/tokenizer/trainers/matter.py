"""BPE on counts in which the words of domain terms weigh more (MATTER)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lexmill.tokenizer.bpe import TIE_BREAK, train_bpe
from lexmill.tokenizer.export import merge_table
from lexmill.tokenizer.specs.domain import MatterSpec
from lexmill.tokenizer.split import normalize, splitter
from lexmill.tokenizer.trained import Learned, TrainingData
from lexmill.tokenizer.vessels import merges_vessel

_MAX_BYTES = 256 << 20
_MAX_ADDED = 1 << 60


def train(data: TrainingData, spec: MatterSpec) -> Learned:
    """Raise the counts of the terms' words, then learn merges as ever."""
    words = data.words
    terms = read_terms(data.files["terms"], spec.probability)
    added = term_counts(words.words, word_probabilities(terms, spec), spec.strength, words.scale)
    if terms and not added.any() and spec.strength:
        raise ValueError(
            f"tokenizer {spec.name}: none of the {len(terms)} terms has a word in the training text; check that terms "
            "is spelled as the text is"
        )
    floor = spec.min_frequency * words.scale
    merges = train_bpe(words.words, words.counts + added, spec.merges, floor, spec.max_token_length)
    pairs = list(zip(merges.left.tolist(), merges.right.tolist(), strict=True))
    tokenizer = merges_vessel(spec, merges.token_bytes(), pairs)
    details = {
        "merges": len(merges),
        "terms": len(terms),
        "term_words": int(np.count_nonzero(added)),
        "added_count": int(added.sum()),
    }
    return Learned(tokenizer, TIE_BREAK, {"merges": merge_table(merges)}, details=details)


def read_terms(path: Path, probability: float) -> dict[str, float]:
    """{term: p} of a file of lines `term` or `term<TAB>p`; of a term that comes twice the larger p.

    Empty lines are passed over.  Raises ValueError, with the line, for a file that is too large, is not UTF-8, or has a
    p outside 0 < p < 1.
    """
    if path.stat().st_size > _MAX_BYTES:
        raise ValueError(f"terms: {path.name} is larger than {_MAX_BYTES >> 20} MiB: give a shorter list")
    terms: dict[str, float] = {}
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"terms: {path.name} is not UTF-8 at byte {error.start}: convert it first") from None
    for number, line in enumerate(lines, 1):
        term, tab, written = line.partition("\t")
        term = term.strip()
        if not term:
            continue
        value = _probability(written, path.name, number) if tab else probability
        terms[term] = max(value, terms.get(term, 0.0))
    if not terms:
        raise ValueError(f"terms: {path.name} holds no term")
    return terms


def _probability(written: str, name: str, line: int) -> float:
    try:
        value = float(written)
    except ValueError:
        value = float("nan")
    if not 0 < value < 1:
        raise ValueError(
            f"terms: line {line} of {name} has the probability {written.strip()!r}: give 0 < p < 1"
        )
    return value


def word_probabilities(terms: Mapping[str, float], spec: MatterSpec) -> dict[bytes, float]:
    """{pre-token: p}: the words of each term, at the start of a text and behind a space; the largest p of a word."""
    cut, normal = splitter(spec.pretokenizer), normalize(spec.normalizer)
    found: dict[bytes, float] = {}
    for term, value in terms.items():
        for text in (term, " " + term):
            for piece in cut(normal(text)):
                if any(char.isalnum() for char in piece):
                    word = piece.encode()
                    found[word] = max(value, found.get(word, 0.0))
    return found


def term_counts(
    words: pa.Array, probabilities: Mapping[bytes, float], strength: float, scale: int
) -> np.ndarray:
    """int64[n]: `strength * p / (1 - p)` in units of 1/scale for the words that have a p, 0 for the others.

    Raises ValueError when it does not fit 64 bits.
    """
    known = pa.array(probabilities.keys(), pa.binary())
    values = np.array(list(probabilities.values()))
    gained = np.rint(strength * values / (1 - values) * scale)
    if gained.sum() > _MAX_ADDED:
        raise ValueError("strength is too large: the counts of the terms' words do not fit 64 bits")
    at = pc.fill_null(pc.index_in(words, value_set=known), -1).to_numpy(zero_copy_only=False)
    return (
        np.where(at >= 0, gained.astype(np.int64)[at], 0) if len(values) else np.zeros(len(words), np.int64)
    )
