"""The tokenizers section: one table of all, one figure for each metric that is known by language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lexmill.report.results import Results, cell


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
    Metric("fertility", "fertility", "tokens/word", 2, "low", "tokens per word"),
    Metric("strr", "STRR", "share of words", 3, "high", "words that are one token"),
    Metric("renyi_efficiency", "Rényi efficiency", "of log₂|V|", 3, "high", "evenness of token use"),
    Metric("vocabulary_utilization", "utilization", "share of ids", 3, "", "ids that occur"),
    Metric("gini", "Gini", "0 … 1", 3, "low", "inequality of token counts for one text in all languages; 0 is equal"),
)
BY_LANGUAGE = (
    Metric("premium", "Premium by language", "", 2, "low",
           "Tokens for a text over tokens for the same text in the reference language; 1 is parity."),
    Metric("bytes_per_token", "Compression by language", "UTF-8 bytes per token, higher is better", 2, "high",
           "Bytes of text per token, which also depends on how many bytes the script takes."),
    Metric("fertility", "Fertility by language", "tokens per word, lower is better", 2, "low",
           "Tokens per word of languages that write words apart."),
)  # fmt: skip


def tokenizers_data(
    identities: Sequence[Mapping[str, Any]], results: Results, reference_language: str, about: str
) -> dict[str, Any]:
    """The section as JSON values.

    `identities` hold name, algorithm, pretokenizer and vocab_size of each tokenizer; `results` are the long rows of the
    evaluation, labelled with `tokenizer` and, where a number is of one language, `language`.
    """
    overall = results.select(language=None)
    names = [str(identity["name"]) for identity in identities]
    measured = results.values_of("tokenizer")
    names += [name for name in measured if name not in names]
    known = {str(identity["name"]): identity for identity in identities}
    columns = [_column(metric, names, overall) for metric in METRICS if overall.has(metric.name)]
    rows = []
    for name in names:
        identity = known.get(name, {})
        rows.append(
            {
                "name": name,
                "algorithm": identity.get("algorithm"),
                "pretokenizer": identity.get("pretokenizer"),
                "vocab_size": identity.get("vocab_size"),
                "cells": {c["metric"]: overall.cell(c["metric"], tokenizer=name) for c in columns},
            }
        )
    return {
        "about": about,
        "reference_language": reference_language,
        "columns": columns,
        "rows": rows,
        "by_language": [
            _figure(metric, names, results, reference_language)
            for metric in BY_LANGUAGE
            if results.by("language").has(metric.name)
        ],
        "samples": [],
    }


def _column(metric: Metric, names: Iterable[str], overall: Results) -> dict[str, Any]:
    found = {name: overall.cell(metric.name, tokenizer=name) for name in names}
    values = {name: entry["value"] for name, entry in found.items() if entry is not None}
    best = (max if metric.better == "high" else min)(values.values()) if values and metric.better else None
    return {
        "metric": metric.name, "title": metric.title, "unit": metric.unit, "digits": metric.digits,
        "about": metric.about,
        "best": sorted(name for name, value in values.items() if value == best) if len(values) > 1 else [],
    }  # fmt: skip


def _figure(metric: Metric, names: Sequence[str], results: Results, reference: str) -> dict[str, Any]:
    """Languages sorted by the first tokenizer that has the metric, worst first for a premium."""
    found = results.by("language").of(metric.name)
    shown = [name for name in names if any(row["tokenizer"] == name for row in found)]
    cells = {(row["language"], row["tokenizer"]): cell(row) for row in found}
    languages = sorted({row["language"] for row in found})
    rows = [{"language": language, "cells": [cells.get((language, name)) for name in shown]} for language in languages]

    def order(row: Mapping[str, Any]) -> tuple[float, str]:
        known = [entry["value"] for entry in row["cells"] if entry is not None]
        return (-known[0] if known else 0.0, row["language"])

    unit = metric.unit or f"premium: tokens / tokens in {reference}"
    return {
        "metric": metric.name,
        "title": metric.title,
        "about": metric.about,
        "unit": unit,
        "digits": metric.digits,
        "reference": 1.0 if metric.name == "premium" else None,
        "tokenizers": shown,
        "has_intervals": any(entry and entry["lower"] is not None for entry in cells.values()),
        "rows": sorted(rows, key=order),
    }
