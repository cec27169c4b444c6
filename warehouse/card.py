"""The card (`README.md`) beside every artifact: what a person wants to know first, made from the record."""

from __future__ import annotations

import json
from collections.abc import Sequence

from warehouse.record import Record


def card(record: Record) -> str:
    """Markdown: identity, parameters, inputs, files, metrics and who made it; after the build's own card, if any."""
    producer = record.producer
    parts = [
        f"# {record.kind}/{record.name}",
        f"Fingerprint `{record.fingerprint}`, content `{record.content_digest[:16]}`. Made by `{record.build}`"
        f" (recipe version {record.recipe_version}) in run `{producer.run_id}` on {producer.created}"
        f" in {producer.seconds:.1f} s"
        + (f" at commit `{producer.commit}`" if producer.commit else "")
        + ".",
        "## Parameters",
        "```json\n" + json.dumps(record.params, indent=2, sort_keys=True, ensure_ascii=False) + "\n```",
        "## Inputs",
        _table(
            ("role", "artifact", "fingerprint"),
            [(i.role, f"{i.kind}/{i.name}", i.fingerprint) for i in record.inputs],
        ),
        "## Files",
        _table(("file", "bytes", "sha256"), [(f.path, f"{f.bytes:,}", f.sha256[:16]) for f in record.files]),
        "## Metrics",
        _table(
            ("metric", "value", "unit", "of"),
            [
                (m.name, f"{m.value:.6g}", m.unit, ", ".join(f"{k}={v}" for k, v in sorted(m.labels.items())))
                for m in record.metrics
            ],
        ),
    ]
    own = record.stats.get("card")
    return (f"{own}\n" if isinstance(own, str) else "") + "\n\n".join(parts) + "\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return "None."
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
