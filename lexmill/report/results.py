"""Reading the long tables of evaluations: one row a number, labels in columns."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

Cell = dict[str, float | None]  # value, lower, upper


class Results:
    """Rows of an evaluation's `results.parquet`: `metric`, `value`, `unit`, maybe `lower` and `upper`, and labels.

    Rows whose value is missing or not finite are left out.
    """

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Keep the rows that hold a number, in order."""
        self.rows = [dict(row) for row in rows if _finite(row.get("value")) is not None]

    def select(self, **labels: str | None) -> Results:
        """Rows with exactly these labels; None asks for rows without the label."""
        return Results(
            row for row in self.rows if all(_label(row, key) == value for key, value in labels.items())
        )

    def by(self, label: str) -> Results:
        """Rows that have the label."""
        return Results(row for row in self.rows if _label(row, label) is not None)

    def of(self, metric: str) -> list[dict[str, Any]]:
        """Rows of one metric."""
        return [row for row in self.rows if row["metric"] == metric]

    def has(self, metric: str) -> bool:
        """Whether any row is of this metric."""
        return bool(self.of(metric))

    def values_of(self, label: str) -> list[str]:
        """The values of a label, in order of appearance."""
        return list(dict.fromkeys(str(row[label]) for row in self.rows if _label(row, label) is not None))

    def cell(self, metric: str, **labels: str | None) -> Cell | None:
        """The number of a metric for these labels with its interval, or None; the first when there are several."""
        found = self.select(**labels).of(metric)
        return cell(found[0]) if found else None


def cell(row: Mapping[str, Any]) -> Cell:
    """Value and interval of one row."""
    return {key: _finite(row.get(key)) for key in ("value", "lower", "upper")}


def _label(row: Mapping[str, Any], key: str) -> str | None:
    value = row.get(key)
    return None if value in (None, "", "all") else str(value)


def _finite(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None
