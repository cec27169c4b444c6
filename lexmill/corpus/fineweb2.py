"""The filter thresholds that FineWeb-2 found by language (Penedo et al. 2025), as a table in the package."""

from __future__ import annotations

import csv
from functools import lru_cache
from importlib import resources


@lru_cache(maxsize=1)
def fineweb2_thresholds() -> dict[str, dict[str, float]]:
    """Label -> name of FineWeb-2's setting -> number; n-gram shares are `top_2` to `top_4` and `dup_5` to `dup_10`.

    English and languages that identification cannot answer are not in it.  `language_score` is of GlotLID, not of
    the model used here, and no rule uses it.
    """
    text = (resources.files("lexmill.corpus") / "fineweb2_thresholds.tsv").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    rows = csv.DictReader(lines, delimiter="\t")
    return {
        row["language"]: {name: float(value) for name, value in row.items() if name != "language"}
        for row in rows
    }
