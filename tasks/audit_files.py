"""The files of a `mixture` artifact."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lexmill.mixture.answer import Mixture, readable, top_evidence
from lexmill.report.mixture_picture import mixture_picture
from lexmill.report.mixtures import mixture_data

VERSION = 1
NAMED_IMPOSSIBLE = 50


def write_mixture(
    mixture: Mixture, folder: Path, about: Mapping[str, Any], truth: Mapping[str, float] | None
) -> None:
    """Write mixture.json, shares.svg, shares.parquet, curve.parquet and evidence.parquet; floats have 12 digits.

    `about` holds what the audit was about (tokenizer, categories ...); `truth` the true byte shares, if known.  They
    stand beside the answer relative to the audited categories, as the answer itself is.
    """
    truth = None if truth is None else rescaled(truth, mixture)
    value = {**about, **mixture_value(mixture, truth)}
    text = json.dumps(_rounded(value), indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    (folder / "mixture.json").write_text(text + "\n", encoding="utf-8")
    tables = {"shares": _shares(mixture, truth), "curve": _curve(mixture), "evidence": _evidence(mixture)}
    for name, table in tables.items():
        pq.write_table(_rounded_table(table), folder / f"{name}.parquet", compression="zstd")
    picture = mixture_picture(mixture_data(str(about["tokenizer"]), json.loads(text)))
    (folder / "shares.svg").write_text(picture, encoding="utf-8")


def rescaled(truth: Mapping[str, float], mixture: Mixture) -> dict[str, float]:
    """True shares of the audited categories, made to add up to 1 (0 everywhere if none was in the training data)."""
    kept = {share.category: truth.get(share.category, 0.0) for share in mixture.shares}
    total = sum(kept.values())
    return {category: share / total if total else 0.0 for category, share in kept.items()}


def mixture_value(mixture: Mixture, truth: Mapping[str, float] | None) -> dict[str, Any]:
    """The answer as JSON values."""
    shares: dict[str, dict[str, Any]] = {}
    for share in mixture.shares:
        shares[share.category] = {
            "bytes": share.bytes,
            "lower": share.lower,
            "upper": share.upper,
            "pairs": share.pairs,
            "visible": share.visible,
            "sources": share.sources,
        }
        if truth is not None:
            shares[share.category]["truth"] = truth[share.category]
    evidence = {
        share.category: {
            direction: [
                {
                    "step": e.step,
                    "merge": readable(e.merge),
                    "competitor": readable(e.competitor),
                    "weight": e.weight,
                    "effect": e.effect,
                }
                for e in top_evidence(mixture.evidence, share.category, direction, 3)
            ]
            for direction in ("raises", "lowers")
        }
        for share in mixture.shares
    }
    return {
        "version": VERSION,
        "shares": shares,
        "objective": mixture.objective,
        "unexplained": mixture.unexplained,
        "gap": mixture.gap,
        "merges_used": mixture.merges_used - mixture.start_merge,
        "start_merge": mixture.start_merge,
        "end_merge": mixture.merges_used,
        "signal_merges": mixture.signal_merges,
        "median_count": mixture.median_count,
        "impossible_merges": len(mixture.impossible),
        "impossible_examples": [
            {"step": step, "merge": readable(token)} for step, token in mixture.impossible[:NAMED_IMPOSSIBLE]
        ],
        "rare_merges": mixture.fit.rare,
        "expected_rare_merges": mixture.fit.expected_rare,
        "alarm": mixture.alarm,
        "alike": [list(pair) for pair in mixture.alike],
        "evidence": evidence,
        "interval": {
            "level": 0.9,
            "replicates": mixture.replicates,
            "covers": mixture.covers,
            "between_sources": list(mixture.several_sources),
            "without": list(mixture.without_interval),
        },
        "seed": mixture.seed,
    }


def _shares(mixture: Mixture, truth: Mapping[str, float] | None) -> pa.Table:
    columns: dict[str, Sequence[Any]] = {
        "category": [s.category for s in mixture.shares],
        "bytes": [s.bytes for s in mixture.shares],
        "lower": pa.array([s.lower for s in mixture.shares], pa.float64()),
        "upper": pa.array([s.upper for s in mixture.shares], pa.float64()),
        "pairs": [s.pairs for s in mixture.shares],
        "truth": pa.array(
            [None if truth is None else truth[s.category] for s in mixture.shares], pa.float64()
        ),
    }
    return pa.table(columns)


def _curve(mixture: Mixture) -> pa.Table:
    """One row for each point and category."""
    rows = [
        {
            "merges": point.merges,
            "category": share.category,
            "bytes": value,
            "objective": point.objective,
            "objective_per_merge": point.objective_per_merge,
            "unexplained": point.unexplained,
            "gap": point.gap,
        }
        for point in mixture.curve
        for share, value in zip(mixture.shares, point.shares, strict=True)
    ]
    return pa.Table.from_pylist(rows)


def _evidence(mixture: Mixture) -> pa.Table:
    schema = pa.schema(
        [
            ("category", pa.string()),
            ("direction", pa.string()),
            ("step", pa.int64()),
            ("merge", pa.binary()),
            ("competitor", pa.binary()),
            ("weight", pa.float64()),
            ("effect", pa.float64()),
        ]
    )
    rows = [{name: getattr(e, name) for name in schema.names} for e in mixture.evidence]
    return pa.Table.from_pylist(rows, schema=schema)


def _rounded_table(table: pa.Table) -> pa.Table:
    for i, field in enumerate(table.schema):
        if pa.types.is_floating(field.type):
            table = table.set_column(i, field, pa.array(_rounded(table[i].to_pylist()), field.type))
    return table


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 12) + 0.0  # -0.0 becomes 0.0
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list) else value
