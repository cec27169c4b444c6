"""Measures of a tokenizer on held-out text.

Every ratio is a ratio of sums over the documents (never a mean of ratios).  With tokens t, bytes b, characters c,
words w (segmenter stated in `segment`):

- `bytes_per_token` = sum b / sum t and `characters_per_token` = sum c / sum t (compression);
- `fertility` = sum t / sum w (Acs 2019; Rust et al. 2021), tokens of spaces and punctuation included;
- `single_token_retention` (STRR) = words that stay one token, written with a leading space, / all words;
- `vocabulary_utilisation` = distinct ids used / ids of the vocabulary (grows with the text: compare on one text);
- `premium` (Petrov et al. 2023) and `premium_gini`: see `parallel`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from lexmill.evaluation.parallel import gini, parallel_lengths, premium
from lexmill.evaluation.segment import has_words, words_of
from lexmill.tokenizer.encoders.encoder import Encoder
from lexmill.tokenizer.split import normalize

ALL = "all"
_BATCH = 1 << 24  # characters encoded at a time
RESULT_SCHEMA = pa.schema(
    [
        ("metric", pa.string()),
        ("value", pa.float64()),
        ("unit", pa.string()),
        ("tokenizer", pa.string()),
        ("language", pa.string()),
        ("domain", pa.string()),
        ("lower", pa.float64()),
        ("upper", pa.float64()),
    ]
)


@dataclass(frozen=True)
class Measured:
    """One tokenizer to measure: its name, its exact encoder, and how many ids it has with its special tokens."""

    name: str
    encoder: Encoder
    vocabulary: int


@dataclass
class _Sums:
    tokens: int = 0
    bytes: int = 0
    characters: int = 0
    words: int = 0
    kept: int = 0
    used: set[int] = field(default_factory=set)


def evaluate_tokenizer(measured: Measured, documents: pa.Table) -> list[dict[str, object]]:
    """Rows of RESULT_SCHEMA (lower and upper null) for every (language, domain), every language, and all text.

    documents: held-out documents, columns text, language, domain.  Bytes and characters are those of the text as the
    tokenizer's normaliser writes it.
    """
    normal = normalize(getattr(measured.encoder, "normalizer", "none"))
    texts: dict[tuple[str, str], list[str]] = {}
    columns = [documents[name].to_pylist() for name in ("text", "language", "domain")]
    for text, language, domain in zip(*columns, strict=True):
        texts.setdefault((language, domain), []).append(normal(text))
    sizes = {key: _measure(measured.encoder, own, has_words(key[0])) for key, own in texts.items()}
    return _rows(measured.name, sizes, measured.vocabulary)


def document_lengths(measured: Measured, texts: Sequence[str]) -> list[int]:
    """Number of tokens of every text."""
    return [int(length) for batch in _batches(texts) for length in measured.encoder.count_tokens(batch)]


def evaluate_parallel(
    measured: Measured, documents: pa.Table, reference: str
) -> tuple[list[dict[str, object]], dict[str, int]]:
    """Premium rows by language with bootstrap intervals, their Gini coefficient, and the groups behind each.

    One group alone gives no interval: its bounds are null.

    documents: columns text, language, group of exactly parallel texts.  The Gini coefficient includes the
    reference itself (1.0).  No rows when the reference language shares no group with another.
    """
    tokens = document_lengths(measured, documents["text"].to_pylist())
    by_language = parallel_lengths(documents["group"].to_pylist(), documents["language"].to_pylist(), tokens)
    base = by_language.get(reference, {})
    rows: list[dict[str, object]] = []
    groups: dict[str, int] = {}
    for language in sorted(by_language):
        ratio = premium(by_language[language], base) if language != reference else None
        if ratio is not None:
            groups[language] = len(by_language[language].keys() & base.keys())
            rows.append(
                _row("premium", ratio.value, f"tokens/{reference} tokens", measured.name, language, ALL)
                | {"lower": ratio.lower, "upper": ratio.upper}
            )
    if rows:
        costs = [1.0, *(float(str(row["value"])) for row in rows)]
        rows.append(_row("premium_gini", gini(costs), "", measured.name, ALL, ALL))
    return rows, groups


def _measure(encoder: Encoder, texts: Sequence[str], worded: bool) -> _Sums:
    """Sums over the texts of one language and domain; worded: whether its writing separates words."""
    total = _Sums()
    words: Counter[str] = Counter()
    for batch in _batches(texts):
        ids = encoder.encode_batch(batch)[0]
        total.tokens += len(ids)
        total.used.update(np.unique(ids).tolist())
        for text in batch:
            total.bytes += len(text.encode())
            total.characters += len(text)
            if worded:
                words.update(words_of(text))
    lengths = encoder.count_tokens([" " + word for word in words])
    total.words = words.total()
    total.kept = int((lengths == 1) @ np.fromiter(words.values(), np.int64, len(words)))
    return total


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    """Texts in their order, about _BATCH characters at a time."""
    batch: list[str] = []
    size = 0
    for text in texts:
        batch.append(text)
        size += len(text)
        if size >= _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _rows(name: str, sizes: dict[tuple[str, str], _Sums], vocabulary: int) -> list[dict[str, object]]:
    languages = sorted({language for language, _ in sizes})
    cells = sorted(sizes) + [(language, ALL) for language in languages] + [(ALL, ALL)]
    rows: list[dict[str, object]] = []
    for language, domain in cells:
        parts = [
            part
            for (own_language, own_domain), part in sizes.items()
            if language in (ALL, own_language) and domain in (ALL, own_domain)
        ]
        worded = [part for part in parts if part.words]
        tokens = sum(part.tokens for part in parts)
        words = sum(part.words for part in worded)
        if tokens:
            used = set().union(*(part.used for part in parts))
            values = [
                ("bytes_per_token", sum(part.bytes for part in parts) / tokens, "bytes/token"),
                ("characters_per_token", sum(part.characters for part in parts) / tokens, "characters/token"),
                ("vocabulary_utilisation", len(used) / vocabulary, "share"),
                ("tokens", tokens, "tokens"),
            ]
            if words:
                values.append(("fertility", sum(part.tokens for part in worded) / words, "tokens/word"))
                values.append(("single_token_retention", sum(part.kept for part in worded) / words, "share"))
            rows += [_row(metric, value, unit, name, language, domain) for metric, value, unit in values]
    return rows


def _row(
    metric: str, value: float, unit: str, tokenizer: str, language: str, domain: str
) -> dict[str, object]:
    return {
        "metric": metric,
        "value": float(value),
        "unit": unit,
        "tokenizer": tokenizer,
        "language": language,
        "domain": domain,
        "lower": None,
        "upper": None,
    }
