"""The model section: bits per byte before, between and after; curves; how the vocabulary was filled; samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lexmill.report.languages import direction, language_name
from lexmill.report.results import Cell, Results

POINTS = 200  # of a training curve; longer ones are thinned evenly, first and last point kept
CURVE_PREFIX = "bits_per_byte_"
_STAGES = {"base": 0, "init": 1, "adapted": 2}


def model_data(
    name: str,
    results: Results,
    runs: Sequence[tuple[str, Sequence[Mapping[str, Any]]]] = (),
    plans: Sequence[tuple[str, Mapping[str, Any]]] = (),
    samples: Sequence[Mapping[str, Any]] = (),
    about: str = "",
) -> dict[str, Any]:
    """One model family as JSON values.

    `results` has rows of the metric `bits_per_byte` labelled `model` (`base`, `mean-init`, `mean-adapted` ...) and
    `language`; `runs` are (model, rows of `training.parquet`); `plans` (method, `plan.json`); `samples` have model,
    language, prompt and text.
    """
    scores = results.by("model").by("language")
    scored = Results(scores.of("bits_per_byte"))
    languages = scored.values_of("language")
    rows = [
        {
            "model": model,
            "label": model_label(model),
            "cells": {language: entry for language in languages if (entry := scored.cell("bits_per_byte", model=model, language=language))},
        }
        for model in sorted(scored.values_of("model"), key=_order)
    ]
    _mark_best(rows, languages)
    described = [_plan(method, plan) for method, plan in plans]
    return {
        "name": name,
        "about": about,
        "languages": languages,
        "scores": rows,
        "has_intervals": any(entry["lower"] is not None for row in rows for entry in row["cells"].values()),
        "training": [_run(model, points) for model, points in sorted(runs, key=lambda run: _order(run[0])) if points],
        "plans": described,
        "actions": list(dict.fromkeys(action for plan in described for action in plan["actions"])),
        "has_overlap": any(plan["overlap"] is not None for plan in described),
        "samples": [
            {
                "label": model_label(str(sample["model"])),
                "language": sample.get("language"),
                "direction": direction(str(sample.get("language") or "")),
                "prompt": sample["prompt"],
                "text": sample["text"],
            }
            for sample in samples
        ],
    }


def model_label(model: str) -> str:
    """`subtoken_mean-adapted` -> `subtoken mean, after training`; `base` -> `base model`."""
    method, _, stage = model.rpartition("-")
    words = {"base": "base model", "init": "new vocabulary", "adapted": "after training"}
    if stage not in words:
        return model
    return f"{method.replace('_', ' ')}, {words[stage]}" if method else words[stage]


def _order(model: str) -> tuple[int, str]:
    return _STAGES.get(model.rpartition("-")[2], len(_STAGES)), model


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


def _run(model: str, points: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    last = points[-1]
    kept = _thinned(points)
    keys = [key for key in points[0] if key.startswith(CURVE_PREFIX)]
    series = [{"label": "training text", "bits": [point["bits_per_byte"] for point in kept]}]
    series += [
        {"label": f"{language_name(key[len(CURVE_PREFIX) :])}, held out", "bits": [point[key] for point in kept]}
        for key in keys
    ]
    return {
        "model": model,
        "label": model_label(model),
        "steps": last["step"],
        "tokens": last["tokens"],
        "bytes": last["bytes"],
        "points": [{key: point[key] for key in ("step", "tokens", "bytes", "learning_rate")} for point in kept],
        "series": series,
    }


def _thinned(points: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    if len(points) <= POINTS:
        return list(points)
    return [points[round(index * (len(points) - 1) / (POINTS - 1))] for index in range(POINTS)]


def _plan(method: str, plan: Mapping[str, Any]) -> dict[str, Any]:
    actions = {str(action): int(count) for action, count in plan["actions"].items()}
    return {
        "method": method,
        "actions": actions,
        "rows": sum(actions.values()),
        "overlap": plan.get("shared_share_of_target"),
    }


def change(model: Mapping[str, Any], language: str) -> tuple[Cell, Cell] | None:
    """Bits per byte of the base model and of the best model after training in a language, if both are known."""
    base = [row["cells"][language] for row in model["scores"] if row["model"] == "base" and language in row["cells"]]
    trained = [
        row["cells"][language]
        for row in model["scores"]
        if row["model"].endswith("-adapted") and language in row["cells"]
    ]
    if not base or not trained:
        return None
    return base[0], min(trained, key=lambda entry: entry["value"] or 0.0)
