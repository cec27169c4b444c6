"""The mixture section: what audits say tokenizers were trained on."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lexmill.report.formatting import count, percent, significant
from lexmill.report.languages import language_name

CURVES = 8  # largest categories in the convergence figure
EVIDENCE = 6  # merges a category
CUTTING = 120  # characters of a pre-tokenizer


def mixture_data(
    name: str,
    mixture: Mapping[str, Any],
    curve: Sequence[Mapping[str, Any]] = (),
    evidence: Sequence[Mapping[str, Any]] = (),
    tokenizer: str = "",
) -> dict[str, Any]:
    """One audit as JSON values.

    `mixture` is the content of `mixture.json`, `curve` and `evidence` the rows of the tables beside it, `tokenizer` the
    audited tokenizer's name to show.  Categories are sorted by inferred share, largest first.  The truth of a
    share is rescaled to the audited categories, as the share is: what they are of the whole is among the facts.
    """
    shares = _shares(mixture)
    truth = mixture.get("truth") or {}
    audited = sum(truth.get(row["category"], 0.0) for row in shares) if truth else None
    error = _error(shares) if truth else None
    bounds = mixture.get("interval") or {}
    return {
        "name": name,
        "tokenizer": tokenizer or str(mixture.get("tokenizer") or name),
        "category_word": str(mixture.get("categories") or "category").replace("_", " and "),
        "shares": shares,
        "has_truth": bool(truth),
        "has_intervals": any(row["lower"] is not None for row in shares),
        "interval_level": percent(bounds.get("level")).replace(".0", "") if bounds.get("level") else "",
        "interval_covers": str(bounds.get("covers") or ""),
        "error": error,
        "alarm": mixture.get("alarm") or "",
        "facts": _facts(mixture, error, audited),
        "left_out": [
            {"category": category, "label": category_name(category), **entry}
            for category, entry in sorted((mixture.get("left_out") or {}).items())
        ],
        "curve": _curve(curve, shares),
        "evidence": _evidence(evidence, shares),
    }


def category_name(category: str) -> str:
    """A category's label: languages by name, a domain as it is, `language/domain` by both."""
    language, slash, domain = category.partition("/")
    return f"{language_name(language)} / {domain}" if slash else language_name(category)


def _shares(mixture: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Bounds of audits stored without replicates, which once equalled the share, are no interval."""
    replicates = (mixture.get("interval") or {}).get("replicates", 1)
    sizes = mixture.get("sample_bytes") or {}
    rows = []
    for category, found in mixture["shares"].items():
        rows.append(
            {
                "category": category,
                "label": category_name(category),
                "share": found["bytes"],
                "lower": found.get("lower") if replicates else None,
                "upper": found.get("upper") if replicates else None,
                "pairs": found.get("pairs"),
                "truth": found.get("truth"),
                "sample_bytes": sizes.get(category),
            }
        )
    return sorted(rows, key=lambda row: (-row["share"], row["category"]))


def _error(shares: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Largest absolute error (share) and log10 of the mean squared error over categories with a known truth."""
    errors = [row["share"] - row["truth"] for row in shares if row["truth"] is not None]
    mean_square = sum(error * error for error in errors) / len(errors)
    return {
        "largest": max(abs(error) for error in errors),
        "log10_mse": math.log10(mean_square) if mean_square > 0 else -math.inf,
    }


def _facts(
    mixture: Mapping[str, Any], error: Mapping[str, float] | None, audited: float | None
) -> list[dict[str, str]]:
    """How good the answer is, and what it was reached with, as label and value."""
    inherited = mixture.get("inherited") or {}
    replicates = (mixture.get("interval") or {}).get("replicates")
    facts: list[tuple[str, str | None]] = []
    if error is not None:
        facts.append(("largest error against the truth", f"{100 * error['largest']:.2f} points"))
        facts.append(
            ("log₁₀ of the mean squared error", _number(error["log10_mse"], lambda value: f"{value:.2f}"))
        )
        facts.append(("true share of the audited categories", percent(audited)))
    facts += [
        ("objective (frequency)", _number(mixture.get("objective"), significant)),
        ("unexplained share of the merges' frequency", _number(mixture.get("unexplained"), percent)),
        ("certified optimality gap", _number(mixture.get("gap"), percent)),
        ("merges looked at", _number(mixture.get("merges_used"), count)),
        ("fewer merges than asked", mixture.get("merges_note")),
        ("merges in the tokenizer", _number(mixture.get("merges_listed"), count)),
        ("first merge looked at", _number(mixture.get("start_merge"), count)),
        ("inherited from another tokenizer", inherited.get("sentence")),
        ("typical count of the last merges in the sample", _number(mixture.get("median_count"), count)),
        ("merges that occur in no category", _number(mixture.get("impossible_merges"), count)),
        ("bootstrap replicates", _number(replicates, count)),
        ("pre-tokenizer of the counted text", _cutting(mixture, "pretokenizer")),
        ("normaliser of the counted text", _cutting(mixture, "normalizer")),
        ("how the text was cut", mixture.get("cutting_note")),
        ("bytes that were not UTF-8", _invalid(mixture)),
        ("splits counted", ", ".join(mixture.get("splits") or ()) or None),
        ("seed", None if mixture.get("seed") is None else str(mixture["seed"])),
    ]
    return [{"label": label, "value": value} for label, value in facts if value is not None]


def shown_cutting(value: Any) -> str:
    """A pre-tokenizer or normaliser of a record as one short text: SentencePiece's are rules by name."""
    if isinstance(value, Mapping):
        rules = [
            str(key) if setting is True else f"{key} {setting}" for key, setting in value.items() if setting
        ]
        value = ", ".join(rules).replace("_", " ")
    text = "none" if value is None else str(value)
    return text if len(text) <= CUTTING else f"{text[:CUTTING]} ..."


def _cutting(mixture: Mapping[str, Any], key: str) -> str | None:
    cutting = mixture.get("cutting")
    return None if cutting is None else shown_cutting(cutting.get(key))


def _invalid(mixture: Mapping[str, Any]) -> str | None:
    """Categories of local files in which byte sequences had to be replaced."""
    read = (mixture.get("read") or {}).items()
    found = [(name, tally["invalid_sequences"]) for name, tally in read if tally["invalid_sequences"]]
    return ", ".join(f"{count(number)} sequences in {name}" for name, number in found) or None


def _number(value: float | None, shown: Callable[[float], str]) -> str | None:
    return None if value is None or not math.isfinite(value) else shown(value)


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
    """For each category the merges that raise its share most, each with the competitor it was learned before."""
    by_category: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row["direction"] == "raises":
            merge = {
                "merge": _spelled(row["merge"]),
                "competitor": _spelled(row["competitor"]),
                "effect": abs(float(row["effect"])),
            }
            by_category.setdefault(row["category"], []).append(merge)
    found = []
    for share in shares:
        merges = sorted(by_category.get(share["category"], []), key=lambda merge: -merge["effect"])
        if merges:
            found.append(
                {"category": share["category"], "label": share["label"], "merges": merges[:EVIDENCE]}
            )
    return found


def _spelled(token: bytes | str) -> str:
    """A token's bytes as text with `␣` for spaces, or in hexadecimal when they are not whole characters."""
    if isinstance(token, str):
        return token.replace(" ", "␣")
    try:
        return token.decode("utf-8").replace(" ", "␣")
    except UnicodeDecodeError:
        return token.hex(" ").upper()
