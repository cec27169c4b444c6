"""`lexmill tokenizer audit`: the defects of any tokenizer.json, as JSON values and as lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from flows.console import console
from lexmill.tokenizer.checks import check_tokenizer
from lexmill.tokenizer.load import load_tokenizer
from tasks.step import InputError

SHOWN = 20  # examples of each kind in the JSON


def audit_file(file: Path) -> dict[str, Any]:
    """`failures` (sentences), `notes` (sentences) and the numbers behind them.  Raises InputError."""
    try:
        tokenizer = load_tokenizer(file)
        check = check_tokenizer(tokenizer)
        label, lossy = _label_beside(file)
    except ValueError as error:
        raise InputError(str(error)) from error
    found = {
        "missing_bytes": check.missing_bytes,
        "unreachable": check.unreachable,
        "duplicates": [data.decode("utf-8", "backslashreplace") for data in check.duplicates],
        "lost": check.lost,
        "lost_scalars": check.lost_scalars,
        "incomplete_utf8": check.incomplete,
        "cut": check.cut,
    }
    return {
        "file": str(file),
        "model": check.model,
        "vocabulary": check.vocabulary,
        "normalizer": type(tokenizer.normalizer).__name__ if tokenizer.normalizer is not None else None,
        "export": label,
        "failures": check.defects(lossy, approximate=label not in (None, "exact")),
        "notes": check.notes(),
        "counts": {kind: len(items) for kind, items in found.items()},
        "examples": {kind: list(items)[:SHOWN] for kind, items in found.items() if items},
    }


def _label_beside(file: Path) -> tuple[str | None, bool]:
    """(export label, whether the method loses text) of the lexmill.json beside a file of ours; else (None, False)."""
    path = (file if file.is_dir() else file.parent) / "lexmill.json"
    if not path.is_file():
        return None, False
    identity = json.loads(path.read_text(encoding="utf-8"))
    return identity.get("export", {}).get("label"), bool(identity.get("lossy"))


def print_audit(found: dict[str, Any]) -> None:
    """One line for each defect, then what is worth knowing."""
    out = console()
    out.print(f"{found['file']}: {found['model']}, {found['vocabulary']:,} ids", markup=False, soft_wrap=True)
    for sentence in found["failures"]:
        out.print(f"  defect: {sentence}", markup=False, soft_wrap=True)
    for sentence in found["notes"]:
        if sentence not in found["failures"]:
            out.print(f"  note: {sentence}", markup=False, soft_wrap=True)
    if not found["failures"]:
        how = " as its normalizer writes it" if found["normalizer"] else ""
        out.print(f"  no defect: every byte has an id, every text comes back{how}", markup=False)
