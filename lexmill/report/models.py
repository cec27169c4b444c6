"""The model section: bits per byte before, between and after; curves; how the vocabulary was filled; samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lexmill.report.formatting import count, size
from lexmill.report.languages import direction, language_name
from lexmill.report.results import Cell, Results

POINTS = 200  # of a training curve; longer ones are thinned evenly, first and last point kept
CURVE_PREFIX = "bits_per_byte_"
_PHASES = {"base": "base model", "init": "init", "adapted": "trained"}
_ORDER = {phase: place for place, phase in enumerate(_PHASES)}
_ACTIONS = {action: place for place, action in enumerate(("copy", "role", "compose", "fallback", "pad"))}
Model = tuple[str, str]  # phase (base, init, adapted), method (empty for base)


def model_data(
    name: str,
    results: Results,
    summary: Mapping[str, Any] | None = None,
    runs: Sequence[tuple[Model, Sequence[Mapping[str, Any]]]] = (),
    plans: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """One model family as JSON values.

    `results` has the metrics `bits_per_byte`, `tokens_per_byte` and `bits_per_byte_difference`, labelled `phase`,
    `method` and `language`; `summary` is the evaluation's `results.json`; `runs` are (model, rows of
    `training.parquet`), `plans` the contents of `plan.json`.
    """
    summary = summary or {}
    scored = results.by("phase").by("language")
    languages = scored.values_of("language")
    rows = _scores(scored, languages)
    methods = scored.values_of("method")
    described = [
        _plan(plan)
        for plan in sorted(plans, key=lambda p: methods.index(p["method"]) if p["method"] in methods else 99)
    ]
    return {
        "name": name,
        "about": _about(summary, scored),
        "languages": languages,
        "scores": rows,
        "has_intervals": any(entry["lower"] is not None for row in rows for entry in row["cells"].values()),
        "interval": str(summary.get("interval") or "intervals as recorded by the evaluation"),
        "differences": _differences(scored, languages),
        "difference_reference": str(summary.get("difference_reference") or "the first method"),
        "training": [
            _run(model, points)
            for model, points in sorted(runs, key=lambda run: (_ORDER[run[0][0]], run[0][1]))
            if points
        ],
        "plans": described,
        "actions": list(dict.fromkeys(action for plan in described for action in plan["actions"])),
        "samples": [
            {
                "label": model_label((sample["phase"], sample["method"])),
                "language": sample["language"],
                "direction": direction(sample["language"]),
                "prompt": sample["prompt"],
                "text": sample["text"],
            }
            for sample in summary.get("samples") or ()
        ],
    }


def model_label(model: Model) -> str:
    """(`adapted`, `subtoken_mean`) -> `subtoken mean, trained`; (`base`, ``) -> `base model`."""
    phase, method = model
    word = _PHASES.get(phase, phase)
    return f"{method.replace('_', ' ')}, {word}" if method else word


def model_of(name: str) -> Model:
    """The model that an artifact's name ends in: `base`, `mean-init`, `mean-adapted`."""
    method, _, phase = name.rpartition("-")
    return (phase, method)


def _scores(scored: Results, languages: Sequence[str]) -> list[dict[str, Any]]:
    """Bits per byte and tokens per byte by model, in the order base, init, adapted, methods as evaluated."""
    models = dict.fromkeys((row["phase"], row.get("method") or "") for row in scored.of("bits_per_byte"))
    rows = []
    for phase, method in sorted(models, key=lambda model: _ORDER.get(model[0], len(_ORDER))):
        one = scored.select(phase=phase, method=method or None)
        rows.append(
            {
                "phase": phase,
                "method": method,
                "label": model_label((phase, method)),
                "cells": {
                    code: cell for code in languages if (cell := one.cell("bits_per_byte", language=code))
                },
                "tokens": {
                    code: cell for code in languages if (cell := one.cell("tokens_per_byte", language=code))
                },
            }
        )
    _mark_best(rows, languages)
    return rows


def _differences(scored: Results, languages: Sequence[str]) -> list[dict[str, Any]]:
    """Paired differences of bits per byte between methods, by method and language."""
    found = Results(scored.of("bits_per_byte_difference"))
    return [
        {
            "label": f"{method.replace('_', ' ')}",
            "cells": {
                code: cell
                for code in languages
                if (cell := found.cell("bits_per_byte_difference", method=method, language=code))
            },
        }
        for method in found.values_of("method")
    ]


def _about(summary: Mapping[str, Any], scored: Results) -> str:
    """What the scores were measured on."""
    sizes = {row["language"]: (row.get("documents"), row.get("bytes")) for row in scored.of("bits_per_byte")}
    parts = [
        f"{language_name(code)} {count(documents)} documents, {size(total)}"
        for code, (documents, total) in sizes.items()
        if documents is not None and total is not None
    ]
    if not parts:
        return ""
    text = f"Held-out text (split {summary.get('split', 'not stated')}): {'; '.join(parts)}."
    if summary.get("window_tokens"):
        text += f" Scored in windows of {count(summary['window_tokens'])} tokens."
    return text


def _mark_best(rows: Sequence[dict[str, Any]], languages: Sequence[str]) -> None:
    for row in rows:
        row["best"] = []
    for language in languages:
        found = [row for row in rows if language in row["cells"]]
        if len(found) > 1:
            lowest = min(row["cells"][language]["value"] for row in found)
            for row in found:
                if row["cells"][language]["value"] == lowest:
                    row["best"].append(language)


def _run(model: Model, points: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    last = points[-1]
    kept = _thinned(points)
    keys = [key for key in points[0] if key.startswith(CURVE_PREFIX)]
    series = [{"label": "training text", "bits": [point["bits_per_byte"] for point in kept]}]
    series += [
        {
            "label": f"{language_name(key[len(CURVE_PREFIX) :])}, held out",
            "bits": [point[key] for point in kept],
        }
        for key in keys
    ]
    return {
        "model": "-".join(part for part in reversed(model) if part),
        "label": model_label(model),
        "steps": last["step"],
        "tokens": last["tokens"],
        "bytes": last["bytes"],
        "points": [
            {key: point[key] for key in ("step", "tokens", "bytes", "learning_rate")} for point in kept
        ],
        "series": series,
    }


def _thinned(points: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    if len(points) <= POINTS:
        return list(points)
    return [points[round(index * (len(points) - 1) / (POINTS - 1))] for index in range(POINTS)]


def _plan(plan: Mapping[str, Any]) -> dict[str, Any]:
    found = {str(action): int(rows) for action, rows in plan["actions"].items()}
    actions = {action: found[action] for action in sorted(found, key=lambda a: (_ACTIONS.get(a, 9), a))}
    return {
        "method": str(plan["method"]).replace("_", " "),
        "actions": actions,
        "rows": sum(actions.values()),
        "shared": plan["shared_share_of_target"],
    }


def change(model: Mapping[str, Any], language: str) -> tuple[Cell, Cell] | None:
    """Bits per byte of the base model and of the best trained model in a language, if both are known."""
    cells = {phase: [r["cells"][language] for r in model["scores"] if r["phase"] == phase and language in r["cells"]]
             for phase in ("base", "adapted")}  # fmt: skip
    if not cells["base"] or not cells["adapted"]:
        return None
    return cells["base"][0], min(cells["adapted"], key=lambda entry: entry["value"] or 0.0)
