"""Artifacts of a whole pipeline as the report reads them: real files of the contract's schemas, invented numbers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.tasks.report_tables import (
    SENTENCES,
    documents_tables,
    mixture_files,
    small_tokenizer,
    tokenizer_results,
    training_table,
)
from warehouse.record import FileEntry, Producer, Record, input_ref
from warehouse.store import Artifact


class Pipeline:
    """Writes artifacts below a folder and keeps them by role."""

    def __init__(self, folder: Path, name: str = "demo") -> None:
        self.folder, self.name = folder, name
        self.inputs: dict[str, list[Artifact]] = {}

    def add(
        self,
        role: str,
        kind: str,
        name: str,
        files: Mapping[str, pa.Table | Mapping[str, Any] | str],
        made_from: Sequence[tuple[str, Artifact]] = (),
        params: Mapping[str, Any] | None = None,
    ) -> Artifact:
        """Publish one artifact made from others (role, artifact)."""
        place = self.folder / kind / hashlib.sha256(name.encode()).hexdigest()[:8]
        place.mkdir(parents=True)
        for path, content in files.items():
            if isinstance(content, pa.Table):
                pq.write_table(content, place / path)
            else:
                text = content if isinstance(content, str) else json.dumps(content)
                (place / path).write_text(text, encoding="utf-8")
        entries = [
            FileEntry(path=p, bytes=(place / p).stat().st_size, sha256=_digest((place / p).read_bytes()))
            for p in files
        ]
        record = Record(
            kind=kind,
            name=name,
            fingerprint=_digest(f"{kind}/{name}".encode())[:16],
            recipe_version=1,
            params=dict(params or {}),
            inputs=[input_ref(r, a.record) for r, a in made_from],
            files=entries,
            content_digest=_digest("".join(e.sha256 for e in entries).encode()),
            build="test",
            stage="test",
            producer=Producer(
                run_id="r", created="2026-01-01T00:00:00Z", seconds=1.0, host="h", python="3.11", packages={}
            ),
        )
        artifact = Artifact(record=record, folder=place)
        self.inputs.setdefault(role, []).append(artifact)
        return artifact


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def full_pipeline(folder: Path, languages: Sequence[str] = tuple(SENTENCES), evil: str = "") -> Pipeline:
    """Every kind of artifact, joined as the flows join them."""
    made = Pipeline(folder)
    documents, rejections, stages = documents_tables(languages, evil)
    sources = [
        made.add("sources", "source", corpus + evil, {"documents.parquet": documents.slice(0, 1)})
        for corpus in ("udhr", "wiki", "medical", "stdlib_python")
    ]
    corpus = made.add(
        "documents",
        "documents",
        "demo",
        {"documents.parquet": documents, "rejections.parquet": rejections, "stage_report.parquet": stages},
        [("sources", source) for source in sources],
    )
    counts = made.add(
        "word_counts", "word_counts", "demo-gpt4o", {"settings.json": {}}, [("documents", corpus)]
    )
    texts = documents["text"].to_pylist()
    tokenizers = [
        made.add(
            "tokenizers",
            "tokenizer",
            f"demo-{name}{evil}",
            {
                "tokenizer.json": small_tokenizer(size, texts),
                "lexmill.json": {
                    "algorithm": "bpe",
                    "pretokenizer": {"name": "gpt4o" + evil},
                    "vocab_size": size,
                    "training_data": {"bytes": 8_000_000, "languages": dict.fromkeys(languages, 0.1)},
                },
            },
            [("counts", counts)],
        )
        for name, size in (("multilingual", 1200), ("medical", 600), ("english", 400))
    ]
    names = [tokenizer.record.name for tokenizer in tokenizers]
    made.add(
        "evaluations",
        "evaluation",
        "demo-tokenizers",
        {
            "results.parquet": tokenizer_results(names, languages),
            "results.json": {
                "splits": ["valid", "test"],
                "documents": 117,
                "reference_language": "eng_Latn",
                "parallel_corpus": "udhr" + evil,
                "parallel_groups": dict.fromkeys(languages, 40),
                "interval": "percentile bootstrap over groups, 95 %",
                "segmenter": {"name": "s", "description": "runs of letters, marks and digits"},
            },
        },
        [("documents", corpus), *(("tokenizers", t) for t in tokenizers)],
        {"reference_language": "eng_Latn"},
    )
    for name, truth in (("own", True), ("gpt2", False)):
        made.add(
            "mixtures",
            "mixture",
            f"demo-{name}",
            mixture_files(languages, truth, evil),
            [("tokenizer", tokenizers[0]), ("documents", corpus)],
        )
    _add_models(made, corpus, tokenizers, evil)
    return made


def _add_models(made: Pipeline, corpus: Artifact, tokenizers: Sequence[Artifact], evil: str) -> None:
    methods, pair = ("subtoken_mean", "mean", "focus"), ("eng_Latn", "fra_Latn")
    base = made.add(
        "models",
        "model",
        "demo-french-base",
        {"training.parquet": training_table(pair[:1], 4.0)},
        [("documents", corpus), ("tokenizer", tokenizers[2])],
    )
    scored = [("base", "", 2.1, 3.6)]
    models = [base]
    for place, method in enumerate(methods):
        plan = made.add(
            "plans",
            "transfer_plan",
            f"demo-french-{method}",
            {
                "plan.json": {
                    "actions": {"copy": 400, "role": 1, "compose": 700 - place, "fallback": place, "pad": 47},
                    "rows": 1148,
                    "shared_share_of_target": 0.41,
                    "method": method,
                }
            },
            [("base", base), ("tokenizer", tokenizers[0])],
        )
        init = made.add(
            "models",
            "model",
            f"demo-french-{method}-init",
            {"config.json": {}},
            [("base", base), ("plan", plan)],
        )
        models.append(init)
        scored.append(("init", method, 2.6 + place / 5, 3.9 + place / 5))
    models.append(
        made.add(
            "models",
            "model",
            "demo-french-subtoken_mean-adapted",
            {"training.parquet": training_table(pair, 3.7)},
            [("init", models[1]), ("documents", corpus)],
        )
    )
    scored.append(("adapted", methods[0], 2.15, 2.3))
    rows = []
    for phase, method, *values in scored:
        for language, value in zip(pair, values, strict=True):
            labels = {
                "phase": phase,
                "method": method,
                "language": language,
                "split": "test",
                "documents": 55,
                "bytes": 120_000,
            }
            rows.append(
                {"metric": "bits_per_byte", "value": value, "lower": value - 0.05, "upper": value + 0.05}
                | labels
            )
            rows.append({"metric": "tokens_per_byte", "value": 0.3, "lower": 0.29, "upper": 0.31} | labels)
            if phase == "init" and method != methods[0]:
                rows.append(
                    {"metric": "bits_per_byte_difference", "value": value - 2.6, "lower": 0.1, "upper": 0.3}
                    | labels
                )
    samples = [
        {
            "phase": phase,
            "method": method,
            "language": language,
            "prompt": "Le roi est" + evil,
            "text": " mort, vive le roi" + evil,
        }
        for phase, method, *_ in scored
        for language in pair
    ]
    summary = {
        "window_tokens": 256,
        "split": "test",
        "seed": 0,
        "difference_reference": "init subtoken_mean",
        "interval": "95 %, bootstrap over documents",
        "samples": samples,
    }
    made.add(
        "evaluations",
        "evaluation",
        "demo-french",
        {"results.parquet": pa.Table.from_pylist(rows), "results.json": summary},
        [("documents", corpus), *(("models", m) for m in models)],
    )
