"""The mixture section: what audits say tokenizers were trained on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from lexmill.report.formatting import count, percent, significant
from lexmill.report.languages import language_name

CURVES = 8  # largest categories in the convergence figure
EVIDENCE = 10  # merges a category


def mixture_data(
    name: str,
    mixture: Mapping[str, Any],
    curve: Sequence[Mapping[str, Any]] = (),
    evidence: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """One audit as JSON values.

    `mixture` is the content of `mixture.json`, `curve` and `evidence` the rows of the tables beside it.  Categories are
    sorted by inferred share, largest first.
    """
    shares = _shares(mixture)
    has_truth = any(row["truth"] is not None for row in shares)
    return {
        "name": name,
        "tokenizer": str(mixture.get("tokenizer") or name),
        "category_word": str(mixture.get("categories") or "category").replace("_", " and "),
        "shares": shares,
        "has_truth": has_truth,
        "error": _error(shares) if has_truth else None,
        "alarm": mixture.get("alarm") or "",
        "alarming": bool(mixture.get("alarming", mixture.get("alarm"))),
        "facts": _facts(mixture, shares),
        "curve": _curve(curve, shares),
        "evidence": _evidence(evidence, shares),
        "evidence_about": "The merges with the largest dual weight in the linear program, by category they speak for",
    }


def _shares(mixture: Mapping[str, Any]) -> list[dict[str, Any]]:
    truth = mixture.get("truth") or {}
    rows = []
    for category, found in mixture["shares"].items():
        true_share = found.get("truth", truth.get(category))
        rows.append(
            {
                "category": category,
                "label": category_name(category),
                "share": found["bytes"],
                "lower": found.get("lower"),
                "upper": found.get("upper"),
                "pairs": found.get("pairs"),
                "truth": true_share,
            }
        )
    return sorted(rows, key=lambda row: (-row["share"], row["category"]))


def category_name(category: str) -> str:
    """A category's label: languages by name, a domain as it is, `language/domain` by both."""
    language, slash, domain = category.partition("/")
    return f"{language_name(language)} / {domain}" if slash else language_name(category)


def _error(shares: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Largest absolute error (share) and log10 of the mean squared error over categories with a known truth."""
    errors = [row["share"] - row["truth"] for row in shares if row["truth"] is not None]
    mean_square = sum(error * error for error in errors) / len(errors)
    return {
        "largest": max(abs(error) for error in errors),
        "log10_mse": math.log10(mean_square) if mean_square > 0 else -math.inf,
    }


def _facts(mixture: Mapping[str, Any], shares: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    facts = []

    def add(label: str, value: object) -> None:
        facts.append({"label": label, "value": str(value)})

    if any(row["truth"] is not None for row in shares):
        error = _error(shares)
        add("largest error against the truth", f"{100 * error['largest']:.2f} points")
        if math.isfinite(error["log10_mse"]):
            add("log10 of the mean squared error", f"{error['log10_mse']:.2f}")
    if mixture.get("objective") is not None:
        add("objective of the linear program", significant(mixture["objective"]))
    if mixture.get("gap") is not None:
        add("certified optimality gap", percent(mixture["gap"]))
    for key, label in (("merges_used", "merges used"), ("start_merge", "first merge used")):
        if mixture.get(key) is not None:
            add(label, count(mixture[key]))
    if mixture.get("impossible_merges") is not None:
        impossible = mixture["impossible_merges"]
        add("merges that no category can explain", count(impossible if isinstance(impossible, int) else len(impossible)))
    if mixture.get("seed") is not None:
        add("seed", mixture["seed"])
    return facts


def _curve(rows: Sequence[Mapping[str, Any]], shares: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    merges = sorted({int(row["merges"]) for row in rows})
    known = {(int(row["merges"]), row["category"]): row for row in rows}
    series = []
    for share in shares[:CURVES] if merges else ():
        values = [known.get((at, share["category"])) for at in merges]
        series.append(
            {
                "category": share["category"],
                "label": share["label"],
                "shares": [None if row is None else float(row["bytes"]) for row in values],
            }
        )
    return {"merges": merges, "series": series}


def _evidence(rows: Sequence[Mapping[str, Any]], shares: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    by_category: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_category.setdefault(row["category"], []).append({"text": _merge_text(row), "weight": float(row["weight"])})
    found = []
    for share in shares:
        merges = sorted(by_category.get(share["category"], []), key=lambda merge: -abs(merge["weight"]))
        if merges:
            found.append({"category": share["category"], "label": share["label"], "merges": merges[:EVIDENCE]})
    return found


def _merge_text(row: Mapping[str, Any]) -> str:
    return f"{_spelled(row['left'])} + {_spelled(row['right'])}"


def _spelled(token: bytes | str) -> str:
    """A token's bytes as text with `␣` for spaces, or in hexadecimal when they are not whole characters."""
    if isinstance(token, bytes):
        try:
            token = token.decode("utf-8")
        except UnicodeDecodeError:
            return token.hex(" ").upper()
    return token.replace(" ", "␣")
