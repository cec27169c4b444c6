"""The whole report as one dictionary of JSON values: what the page shows and what `report.json` holds."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from lexmill.report.formatting import count, number, percent, size
from lexmill.report.languages import language_name, script_of
from lexmill.report.models import change

FORMAT_VERSION = 1


def report_data(
    pipeline: Mapping[str, Any],
    lineage: Mapping[str, Any],
    corpus: Mapping[str, Any] | None = None,
    tokenizers: Mapping[str, Any] | None = None,
    mixtures: Sequence[Mapping[str, Any]] = (),
    models: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Put the sections together under their summary.

    `pipeline` has name, title, description, fingerprint and recipe_version; the others are the results of the section
    modules.  A section that is None or empty is absent from the page.
    """
    return {
        "format_version": FORMAT_VERSION,
        "pipeline": dict(pipeline),
        "tiles": _tiles(corpus, tokenizers, mixtures, models, lineage),
        "corpus": corpus,
        "tokenizers": tokenizers,
        "mixtures": list(mixtures),
        "models": list(models),
        "lineage": lineage,
    }


def as_json(data: Mapping[str, Any]) -> bytes:
    """UTF-8 JSON, keys sorted, one a line; numbers that JSON lacks become null, lone surrogates question marks."""
    text = json.dumps(_plain(data), sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode("utf-8", errors="replace")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _tiles(
    corpus: Mapping[str, Any] | None,
    tokenizers: Mapping[str, Any] | None,
    mixtures: Sequence[Mapping[str, Any]],
    models: Sequence[Mapping[str, Any]],
    lineage: Mapping[str, Any],
) -> list[dict[str, str]]:
    tiles = []
    if corpus is not None:
        tiles += _corpus_tiles(corpus)
    if tokenizers is not None:
        tiles += _tokenizer_tiles(tokenizers)
    tiles += [tile for audit in mixtures if (tile := _audit_tile(audit))]
    tiles += [tile for model in models for tile in _model_tiles(model)]
    kinds = len({artifact["kind"] for artifact in lineage["artifacts"]})
    tiles.append(
        _tile("Artifacts", count(len(lineage["artifacts"])), "", f"of {kinds} kinds, each with its recipe")
    )
    return tiles


def _corpus_tiles(corpus: Mapping[str, Any]) -> list[dict[str, str]]:
    languages = [row["language"] for row in corpus["languages"]]
    scripts = {script for language in languages if (script := script_of(language))}
    read = corpus["stages"][0]["documents_in"] if corpus["stages"] else None
    about = f"{count(corpus['documents'])} documents kept"
    if read:
        about += f" of {count(read)} read ({percent(corpus['documents'] / read)})"
    value, _, unit = size(corpus["bytes"]).partition(" ")
    return [
        _tile("Clean text", value, unit, about),
        _tile(
            "Languages",
            count(len(languages)),
            "",
            f"in {count(len(scripts))} scripts, {len(corpus['domains'])} domains",
        ),
    ]


def _tokenizer_tiles(section: Mapping[str, Any]) -> list[dict[str, str]]:
    sizes = [row["vocab_size"] for row in section["rows"] if row["vocab_size"] is not None]
    about = f"{count(min(sizes))} to {count(max(sizes))} ids" if sizes else "in the lineage"
    tiles = [_tile("Tokenizers", count(len(section["rows"])), "", about)]
    wanted = {
        "bytes_per_token": ("Best compression", "bytes/token"),
        "premium_gini": ("Fairest tokenizer", "Gini"),
    }
    for column in section["columns"]:
        if column["metric"] in wanted and column["best"]:
            label, unit = wanted[column["metric"]]
            name = column["best"][0]
            cell = next(row["cells"][column["metric"]] for row in section["rows"] if row["name"] == name)
            tiles.append(_tile(label, number(cell["value"], column["digits"]), unit, name))
    return tiles


def _audit_tile(audit: Mapping[str, Any]) -> dict[str, str] | None:
    label = f"Audit {audit['name']}"
    if audit["error"] is not None:
        about = f"largest error against the known mixture of {audit['tokenizer']}"
        return _tile(label, number(100 * audit["error"]["largest"], 2), "points", about)
    if not audit["shares"]:
        return None
    first = audit["shares"][0]
    return _tile(label, percent(first["share"]), first["label"], f"largest share behind {audit['tokenizer']}")


def _model_tiles(model: Mapping[str, Any]) -> list[dict[str, str]]:
    tiles = []
    for language in model["languages"]:
        found = change(model, language)
        if found is not None:
            before, after = (number(cell["value"], 2) for cell in found)
            about = f"held-out {language_name(language)}: base model, then after its training"
            tiles.append(_tile(f"Model {model['name']}", f"{before} → {after}", "bits/byte", about))
    return tiles


def _tile(label: str, value: str, unit: str, about: str) -> dict[str, str]:
    return {"label": label, "value": value, "unit": unit, "about": about}
