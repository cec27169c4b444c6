"""The step that renders a pipeline's report."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lexmill.report.corpus import DOCUMENT_COLUMNS, REJECTION_COLUMNS, corpus_data
from lexmill.report.data import as_json, report_data
from lexmill.report.lineage import lineage_data
from lexmill.report.markdown import documents_markdown, mixture_markdown, models_markdown, tokenizers_markdown
from lexmill.report.mixtures import mixture_data
from lexmill.report.models import model_data, model_of
from lexmill.report.page import render_page
from lexmill.report.params import ReportParams
from lexmill.report.results import Results
from lexmill.report.samples import choose_group, sample_data
from lexmill.report.tokenizers import tokenizers_data
from tasks.recipes.report import VERSION
from tasks.step import BuildContext
from warehouse.record import fingerprint_of
from warehouse.store import Artifact


def build_report(context: BuildContext) -> None:
    """Write `report.html` and `report.json` from the payloads and records of the inputs."""
    params = ReportParams(**context.params)
    everything = [artifact for artifacts in context.inputs.values() for artifact in artifacts]
    data = report_data(
        _pipeline(context, params),
        lineage_data([artifact.record.model_dump(mode="json") for artifact in everything]),
        _corpus(context),
        _tokenizers(context, params),
        [_mixture(artifact, context.name) for artifact in context.inputs.get("mixtures", ())],
        _models(context),
    )
    context.progress(0.7, "render")
    page = render_page(data).encode("utf-8", errors="replace")
    (context.out / "report.html").write_bytes(page)
    (context.out / "report.json").write_bytes(as_json(data))
    context.metric("report_artifacts", len(data["lineage"]["artifacts"]), "artifacts")
    context.metric("report_size", len(page), "B")


def artifact_markdown(artifact: Artifact, pipeline: str) -> str:
    """A short Markdown summary of a documents, mixture or evaluation artifact; empty for other kinds."""
    name, kind = artifact.record.name, artifact.record.kind
    if kind == "documents":
        return documents_markdown(_documents_data(artifact))
    if kind == "mixture":
        return mixture_markdown(_mixture(artifact, pipeline))
    if kind == "evaluation" and name == f"{pipeline}-tokenizers":
        return tokenizers_markdown(_tokenizer_results([], artifact, pipeline))
    if kind == "evaluation":
        results = Results(_table(artifact, "results.parquet").to_pylist())
        return models_markdown(
            model_data(_short(artifact, pipeline), results, _json(artifact, "results.json"))
        )
    return ""


def _pipeline(context: BuildContext, params: ReportParams) -> dict[str, Any]:
    """What the head of the page says; the fingerprint is the one the plan gives this step."""
    inputs = {role: [a.record.fingerprint for a in found] for role, found in context.inputs.items()}
    return {
        "name": context.name,
        "title": params.title or context.name,
        "description": " ".join(params.description.split()),
        "fingerprint": fingerprint_of("report", context.params, inputs, VERSION),
        "recipe_version": VERSION,
    }


def _corpus(context: BuildContext) -> dict[str, Any] | None:
    if not context.inputs.get("documents"):
        return None
    return _documents_data(context.input("documents"))


def _documents_data(artifact: Artifact) -> dict[str, Any]:
    return corpus_data(
        _table(artifact, "documents.parquet", DOCUMENT_COLUMNS),
        _table(artifact, "stage_report.parquet"),
        _table(artifact, "rejections.parquet", REJECTION_COLUMNS),
    )


def _tokenizers(context: BuildContext, params: ReportParams) -> dict[str, Any] | None:
    artifacts = [
        artifact for artifact in context.inputs.get("tokenizers", ()) if _has(artifact, "tokenizer.json")
    ]
    if not artifacts:
        return None
    identities = [_identity(artifact, context.name) for artifact in artifacts]
    evaluation = next(
        (a for a in _evaluations(context) if a.record.name == f"{context.name}-tokenizers"), None
    )
    if evaluation is None:
        data = tokenizers_data(identities, Results([]))
    else:
        data = _tokenizer_results(identities, evaluation, context.name)
    data["samples"] = _samples(context, params, artifacts, data["reference_language"])
    return data


def _tokenizer_results(
    identities: Sequence[Mapping[str, Any]], evaluation: Artifact, pipeline: str
) -> dict[str, Any]:
    rows = _table(evaluation, "results.parquet").to_pylist()
    named = [{**row, "tokenizer": row["tokenizer"].removeprefix(f"{pipeline}-")} for row in rows]
    return tokenizers_data(identities, Results(named), _json(evaluation, "results.json"))


def _identity(artifact: Artifact, pipeline: str) -> dict[str, Any]:
    """What is said about a tokenizer; one made elsewhere may lack most of it."""
    identity = _json(artifact, "lexmill.json") if _has(artifact, "lexmill.json") else {}
    trained_on = identity.get("training_data") or {}
    return {
        "name": _short(artifact, pipeline),
        "algorithm": identity.get("algorithm"),
        "pretokenizer": (identity.get("trained_with") or identity.get("pretokenizer") or {}).get("name"),
        "export": export_note(identity.get("export")),
        "vocab_size": identity.get("vocab_size"),
        "training_bytes": trained_on.get("bytes"),
        "training_languages": len(trained_on["languages"]) if "languages" in trained_on else None,
    }


def export_note(export: Any) -> str | None:
    """How exactly the file of a tokenizer encodes, in a few characters; None when nobody measured it."""
    if not isinstance(export, Mapping) or "agreement" not in export:
        return None
    if export["label"] == "exact":
        return "exact"
    return f"{export['label']}, {export['agreement']:.1%} alike, {export['token_ratio']:.3f}x tokens"


def _samples(
    context: BuildContext, params: ReportParams, tokenizers: Sequence[Artifact], reference: str
) -> list[dict[str, Any]]:
    if not context.inputs.get("documents"):
        return []
    path = context.input("documents").file("documents.parquet")
    columns = ["id", "language", "group", "bytes"]
    chosen = choose_group(pq.read_table(path, columns=columns), params.sample_languages, reference)
    if not chosen:
        return []
    found = pq.read_table(path, columns=["id", "text"], filters=pc.field("id").isin(sorted(chosen.values())))
    texts = dict(zip(found["id"].to_pylist(), found["text"].to_pylist(), strict=True))
    contents = {
        _short(a, context.name): a.file("tokenizer.json").read_text(encoding="utf-8") for a in tokenizers
    }
    return sample_data({language: texts[document] for language, document in chosen.items()}, contents)


def _mixture(artifact: Artifact, pipeline: str) -> dict[str, Any]:
    mixture = _json(artifact, "mixture.json")
    return mixture_data(
        _short(artifact, pipeline),
        mixture,
        _table(artifact, "curve.parquet").to_pylist(),
        _table(artifact, "evidence.parquet").to_pylist(),
        str(mixture["tokenizer"]).removeprefix(f"{pipeline}-").removesuffix("-subject"),
    )


def _models(context: BuildContext) -> list[dict[str, Any]]:
    """One entry for each family of models: those whose evaluation or base model is there."""
    prefix = f"{context.name}-"
    models = {artifact.record.name: artifact for artifact in context.inputs.get("models", ())}
    plans = {artifact.record.name: artifact for artifact in context.inputs.get("plans", ())}
    evaluations = {
        artifact.record.name: artifact
        for artifact in _evaluations(context)
        if artifact.record.name != f"{context.name}-tokenizers"
    }
    families = {name.removesuffix("-base") for name in models if name.endswith("-base")} | set(evaluations)
    found = []
    for family in sorted(families):
        inside = f"{family}-"
        evaluation = evaluations.get(family)
        found.append(
            model_data(
                family.removeprefix(prefix),
                Results(_table(evaluation, "results.parquet").to_pylist() if evaluation else []),
                _json(evaluation, "results.json") if evaluation else None,
                [
                    (model_of(name.removeprefix(inside)), _table(artifact, "training.parquet").to_pylist())
                    for name, artifact in models.items()
                    if name.startswith(inside) and _has(artifact, "training.parquet")
                ],
                [_json(artifact, "plan.json") for name, artifact in plans.items() if name.startswith(inside)],
            )
        )
    return found


def _evaluations(context: BuildContext) -> list[Artifact]:
    return list(context.inputs.get("evaluations", ()))


def _short(artifact: Artifact, pipeline: str) -> str:
    return artifact.record.name.removeprefix(f"{pipeline}-")


def _has(artifact: Artifact, path: str) -> bool:
    return any(entry.path == path for entry in artifact.record.files)


def _json(artifact: Artifact, path: str) -> Mapping[str, Any]:
    return json.loads(artifact.file(path).read_text(encoding="utf-8"))


def _table(artifact: Artifact, path: str, columns: Sequence[str] | None = None) -> pa.Table:
    return pq.read_table(artifact.file(path), columns=None if columns is None else list(columns))
