"""Step: bits per byte of a model before the swap of vocabularies, after it by each method, and after training."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lexmill.evaluation.models import (
    Estimate,
    LossyTokenizerError,
    Scores,
    bits_per_byte,
    bits_per_byte_difference,
    generate,
    ratio_of_sums,
    score_documents,
)
from lexmill.training.checkpoint import load_model
from lexmill.training.loop import repeatable
from lexmill.training.params import HeldOutParams
from lexmill.training.stream import NoTextError, read_documents, sample_documents
from lexmill.training.vocabulary import load_vocabulary
from tasks.step import BuildContext, InputError
from tasks.training import open_folder

PROMPT_WORDS = 6
PROMPT_CHARACTERS = 60  # scripts without spaces have no words to count

RESULTS_SCHEMA = pa.schema(
    [
        ("metric", pa.string()),
        ("value", pa.float64()),
        ("unit", pa.string()),
        ("standard_error", pa.float64()),
        ("lower", pa.float64()),
        ("upper", pa.float64()),
        ("phase", pa.string()),
        ("method", pa.string()),
        ("language", pa.string()),
        ("split", pa.string()),
        ("documents", pa.int64()),
        ("bytes", pa.int64()),
    ]
)


@dataclass(frozen=True)
class Phase:
    """One model to score: `phase` is base, init or adapted; `method` is empty for the base model."""

    phase: str
    method: str
    role: str
    position: int


def build_model_evaluation(context: BuildContext) -> None:
    """Write `results.parquet` (long), `results.json` (with generated samples) and `documents_seen.parquet`."""
    params = HeldOutParams.model_validate(context.params["evaluation"])
    started = time.perf_counter()
    documents = _held_out_documents(context, params)
    phases = _phases(context)
    rows: list[dict[str, Any]] = []
    samples: list[dict[str, str]] = []
    reference: dict[str, Scores] = {}  # of the first init method, by language
    with repeatable(context.params["threads"]):
        for index, phase in enumerate(phases):
            folder = open_folder(context, phase.role, phase.position)
            model, vocabulary = load_model(folder), load_vocabulary(folder)
            for language, table in documents.items():
                texts = table["text"].to_pylist()
                try:
                    scores = score_documents(model, vocabulary, texts, context.params["window"])
                except LossyTokenizerError as error:
                    raise InputError(f"evaluation {context.name}, {language}: {error}") from error
                labels = {"phase": phase.phase, "method": phase.method, "language": language}
                rows += _rows(scores, labels, params)
                if phase.phase == "init":
                    first = reference.setdefault(language, scores)
                    if first is not scores:
                        rows.append(_difference(scores, first, labels, params))
                if params.sample_tokens:
                    prompt = prompt_of(texts[0])
                    text = generate(model, vocabulary, prompt, params.sample_tokens, params.seed)
                    samples.append(labels | {"prompt": prompt, "text": text})
            context.progress((index + 1) / len(phases), f"scored {phase.phase} {phase.method}".strip())
    _write(context, rows, samples, documents, params)
    context.stats["seconds"] = round(time.perf_counter() - started, 3)


def prompt_of(text: str) -> str:
    """The first words of a text, at most 60 characters."""
    return " ".join(text.split()[:PROMPT_WORDS])[:PROMPT_CHARACTERS].rstrip()


def _held_out_documents(context: BuildContext, params: HeldOutParams) -> dict[str, pa.Table]:
    path = context.input("documents").file("documents.parquet")
    try:
        return {
            language: sample_documents(
                read_documents(path, [language], params.domains, params.split),
                params.bytes_per_language,
                params.seed,
            )
            for language in params.languages or ()
        }
    except NoTextError as error:
        raise InputError(f"evaluation {context.name}: {error}") from error


def _phases(context: BuildContext) -> list[Phase]:
    methods, adapted = context.params["methods"], context.params["adapted_methods"]
    return [
        Phase("base", "", "base", 0),
        *(Phase("init", method, "init", index) for index, method in enumerate(methods)),
        *(Phase("adapted", method, "adapted", index) for index, method in enumerate(adapted)),
    ]


def _rows(scores: Scores, labels: dict[str, str], params: HeldOutParams) -> list[dict[str, Any]]:
    estimates = {
        ("bits_per_byte", "bits/byte"): bits_per_byte(scores, params.seed),
        ("tokens_per_byte", "tokens/byte"): ratio_of_sums(scores.tokens, scores.bytes, params.seed),
    }
    return [_row(name, unit, e, scores, labels, params) for (name, unit), e in estimates.items()]


def _difference(
    scores: Scores, reference: Scores, labels: dict[str, str], params: HeldOutParams
) -> dict[str, Any]:
    estimate = bits_per_byte_difference(scores, reference, params.seed)
    return _row("bits_per_byte_difference", "bits/byte", estimate, scores, labels, params)


def _row(
    metric: str, unit: str, estimate: Estimate, scores: Scores, labels: dict[str, str], params: HeldOutParams
) -> dict[str, Any]:
    size = {"documents": len(scores.bytes), "bytes": int(scores.bytes.sum())}
    return {"metric": metric, "unit": unit, "split": params.split} | asdict(estimate) | labels | size


def _write(
    context: BuildContext,
    rows: list[dict[str, Any]],
    samples: list[dict[str, str]],
    documents: dict[str, pa.Table],
    params: HeldOutParams,
) -> None:
    pq.write_table(pa.Table.from_pylist(rows, schema=RESULTS_SCHEMA), context.out / "results.parquet")
    about = {
        "window_tokens": context.params["window"],
        "split": params.split,
        "seed": params.seed,
        "difference_reference": f"init {context.params['methods'][0]}",
        "interval": "95 %, bootstrap over documents",
    }
    text = json.dumps(
        about | {"results": rows, "samples": samples}, indent=2, sort_keys=True, ensure_ascii=False
    )
    (context.out / "results.json").write_text(text + "\n", encoding="utf-8")
    seen = pa.concat_tables([table.select(["id", "bytes"]) for table in documents.values()])
    order = pc.sort_indices(seen, sort_keys=[("id", "ascending")])
    pq.write_table(seen.take(order), context.out / "documents_seen.parquet")
    for row in rows:
        labels = {name: row[name] for name in ("phase", "method", "language", "split") if row[name]}
        context.metric(row["metric"], row["value"], row["unit"], **labels)
