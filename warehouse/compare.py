"""What differs between two artifacts, field by field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from warehouse.record import Record

ABSENT = None


@dataclass(frozen=True)
class Difference:
    """One field: `a` or `b` is None where the field is absent on that side (`change` tells it from a null)."""

    section: str  # recipe, params, inputs, files, metrics, packages, producer
    field: str
    change: str  # added, removed, changed
    a: Any
    b: Any

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return asdict(self)


def diff(a: Record, b: Record) -> list[Difference]:
    """Differences from `a` to `b`, those that decide the fingerprint first; [] when they agree in all of them."""
    found: list[Difference] = []
    for section, take in _SECTIONS.items():
        found += compare_fields(section, take(a), take(b))
    return found


def compare_fields(section: str, a: Mapping[str, Any], b: Mapping[str, Any]) -> list[Difference]:
    """Differences between two flat mappings, sorted by field."""
    found = []
    for field in sorted(a.keys() | b.keys()):
        if field not in a:
            found.append(Difference(section, field, "added", ABSENT, b[field]))
        elif field not in b:
            found.append(Difference(section, field, "removed", a[field], ABSENT))
        elif not _same(a[field], b[field]):
            found.append(Difference(section, field, "changed", a[field], b[field]))
    return found


def flatten(value: Any, prefix: str = "") -> dict[str, Any]:
    """Nested JSON -> `a.b.0.c`: leaf.  Empty objects and lists are leaves."""
    if isinstance(value, Mapping) and value:
        parts = value.items()
    elif isinstance(value, list | tuple) and value:
        parts = ((str(at), item) for at, item in enumerate(value))  # type: ignore[assignment]
    else:
        return {prefix: value}
    flat: dict[str, Any] = {}
    for key, item in parts:
        flat |= flatten(item, f"{prefix}.{key}" if prefix else str(key))
    return flat


def _same(a: Any, b: Any) -> bool:
    # 1, 1.0 and True are equal in Python and different in a recipe.
    return type(a) is type(b) and a == b


def _recipe(record: Record) -> dict[str, Any]:
    return {
        "kind": record.kind,
        "name": record.name,
        "recipe_version": record.recipe_version,
        "build": record.build,
        "fingerprint": record.fingerprint,
        "content_digest": record.content_digest,
    }


def _inputs(record: Record) -> dict[str, Any]:
    numbered: dict[str, Any] = {}
    for ref in record.inputs:
        field = f"{ref.role}: {ref.kind}/{ref.name}"
        numbered[f"{field} fingerprint"] = ref.fingerprint
        numbered[f"{field} content_digest"] = ref.content_digest
    return numbered


def _metrics(record: Record) -> dict[str, Any]:
    return {
        f"{m.name}{{{', '.join(f'{key}={value}' for key, value in sorted(m.labels.items()))}}}": m.value
        for m in record.metrics
    }


_SECTIONS = {
    "recipe": _recipe,
    "params": lambda record: flatten(record.params) if record.params else {},
    "inputs": _inputs,
    "files": lambda record: {entry.path: entry.sha256 for entry in record.files},
    "metrics": _metrics,
    "packages": lambda record: record.producer.packages,
    "producer": lambda record: {"commit": record.producer.commit, "python": record.producer.python},
}
