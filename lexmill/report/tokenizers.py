"""The tokenizers section: one table of all, one figure for each metric that is known by language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lexmill.report.formatting import count
from lexmill.report.results import Results, cell

DRAWN = 30  # languages in a figure; the table has all


@dataclass(frozen=True)
class Metric:
    """How a metric is shown; `better` is `high`, `low` or empty."""

    name: str
    title: str
    unit: str
    digits: int
    better: str
    about: str


METRICS = (
    Metric("bytes_per_token", "compression", "bytes/token", 2, "high", "UTF-8 bytes of text per token"),
    Metric("fertility", "fertility", "tokens/word", 2, "low", "tokens per word, where words are written apart"),
    Metric("single_token_retention", "STRR", "share of words", 3, "high", "words that stay one token"),
    Metric("vocabulary_utilisation", "utilisation", "share of ids", 3, "", "ids that occur in the text"),
    Metric("premium_gini", "Gini", "0 to 1", 3, "low", "inequality of the premiums of all languages, 0 is equal"),
)  # fmt: skip
BY_LANGUAGE = (
    Metric("premium", "Premium by language", "", 2, "low",
           "Tokens of parallel texts over tokens of the same in {reference} (Petrov et al. 2023); 1 is parity."),
    Metric("bytes_per_token", "Compression by language", "UTF-8 bytes per token, higher is better", 2, "high",
           "Bytes of held-out text per token; scripts differ in the bytes that a character takes."),
)  # fmt: skip


def tokenizers_data(
    identities: Sequence[Mapping[str, Any]], results: Results, summary: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The section as JSON values.

    `identities` are of the tokenizers: name, and algorithm, export (how exactly its file encodes), pretokenizer,
    vocab_size, training_bytes and training_languages (count), each None when unknown.  `results` are the rows of the
    evaluation, labelled with `tokenizer`, `language` and `domain`; `summary` is its `results.json`.
    """
    summary = summary or {}
    reference = str(summary.get("reference_language") or "eng_Latn")
    overall = results.select(language=None, domain=None)
    names = [str(identity["name"]) for identity in identities]
    names += [name for name in results.values_of("tokenizer") if name not in names]
    known = {str(identity["name"]): identity for identity in identities}
    columns = [_column(metric, names, overall) for metric in METRICS if overall.has(metric.name)]
    fields = ("algorithm", "export", "pretokenizer", "vocab_size", "training_bytes", "training_languages")
    return {
        "about": _about(summary, results),
        "reference_language": reference,
        "columns": columns,
        "rows": [
            {
                "name": name,
                **{field: known.get(name, {}).get(field) for field in fields},
                "cells": {c["metric"]: overall.cell(c["metric"], tokenizer=name) for c in columns},
            }
            for name in names
        ],
        "domains": _domains(names, results),
        "by_language": [
            _figure(metric, names, results.by("language").select(domain=None), reference)
            for metric in BY_LANGUAGE
            if results.by("language").has(metric.name)
        ],
        "interval": summary.get("interval") or "",
        "samples": [],
    }


def _about(summary: Mapping[str, Any], results: Results) -> str:
    """What the numbers were measured on."""
    if not results.rows:
        return ""
    parts = []
    if summary.get("documents"):
        splits = " and ".join(summary.get("splits") or ())
        parts.append(f"Measured on {count(summary['documents'])} held-out documents (split {splits}).")
    if summary.get("segmenter"):
        described = str(summary["segmenter"]["description"])
        parts.append(described[:1].upper() + described[1:])
    groups = (summary.get("parallel_groups") or {}).values()
    if groups:
        corpus = summary.get("parallel_corpus") or "all corpora"
        parts.append(f"Premiums: {min(groups)} to {max(groups)} parallel texts a language, from {corpus}.")
    return " ".join(part if part.endswith(".") else f"{part}." for part in parts)


def _domains(names: Sequence[str], results: Results) -> list[dict[str, Any]]:
    """Bytes per token by domain, over all languages: sums of the rows that are known by language and domain."""
    inner = results.by("language").by("domain")
    tokens = {(r["tokenizer"], r["language"], r["domain"]): r["value"] for r in inner.of("tokens")}
    sums: dict[tuple[str, str], list[float]] = {}
    for row in inner.of("bytes_per_token"):
        used = tokens.get((row["tokenizer"], row["language"], row["domain"]))
        if used is not None:
            total = sums.setdefault((row["domain"], row["tokenizer"]), [0.0, 0.0])
            total[0] += used * row["value"]
            total[1] += used
    found = {key: size / used for key, (size, used) in sums.items() if used}
    rows = []
    for domain in sorted({domain for domain, _ in found}):
        cells = [found.get((domain, name)) for name in names]
        known = [value for value in cells if value is not None]
        rows.append({"domain": domain, "cells": cells, "best": [value == max(known) for value in cells]})
    return rows


def _column(metric: Metric, names: Iterable[str], overall: Results) -> dict[str, Any]:
    found = {name: overall.cell(metric.name, tokenizer=name) for name in names}
    values = {name: entry["value"] for name, entry in found.items() if entry is not None}
    numbers = [value for value in values.values() if value is not None]
    best = (max if metric.better == "high" else min)(numbers) if numbers and metric.better else None
    return {
        "metric": metric.name, "title": metric.title, "unit": metric.unit, "digits": metric.digits,
        "about": metric.about,
        "best": sorted(name for name, value in values.items() if value == best) if len(values) > 1 else [],
    }  # fmt: skip


def _figure(metric: Metric, names: Sequence[str], results: Results, reference: str) -> dict[str, Any]:
    """Languages sorted by the first tokenizer that has the metric, the worst first."""
    found = results.by("language").of(metric.name)
    shown = [name for name in names if any(row["tokenizer"] == name for row in found)]
    cells = {(row["language"], row["tokenizer"]): cell(row) for row in found}
    languages = sorted({row["language"] for row in found})
    rows = [
        {"language": language, "cells": [cells.get((language, name)) for name in shown]}
        for language in languages
    ]

    def order(row: Mapping[str, Any]) -> tuple[float, str]:
        known = [entry["value"] for entry in row["cells"] if entry is not None]
        return ((-known[0] if metric.better == "low" else known[0]) if known else 0.0, row["language"])

    return {
        "metric": metric.name,
        "title": metric.title,
        "about": metric.about.format(reference=reference),
        "unit": metric.unit or f"premium: tokens per {reference} token",
        "digits": metric.digits,
        "reference": 1.0 if metric.name == "premium" else None,
        "tokenizers": shown,
        "drawn": _most_text(languages, results),
        "has_intervals": any(entry and entry["lower"] is not None for entry in cells.values()),
        "rows": sorted(rows, key=order),
    }


def _most_text(languages: Sequence[str], results: Results) -> list[str]:
    """The DRAWN languages with most measured text, in tokens of whichever tokenizer needs most."""
    tokens: dict[str, float] = {}
    for row in results.of("tokens"):
        tokens[row["language"]] = max(tokens.get(row["language"], 0.0), row["value"])
    return sorted(sorted(languages, key=lambda code: (-tokens.get(code, 0.0), code))[:DRAWN])
