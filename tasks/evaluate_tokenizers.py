"""Task: compare a pipeline's tokenizers on held-out text."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lexmill.evaluation.params import EvaluationParams
from lexmill.evaluation.segment import SEGMENTER, SEGMENTER_DESCRIPTION, has_words
from lexmill.evaluation.tokenizers import ALL, RESULT_SCHEMA, Measured, evaluate_parallel, evaluate_tokenizer
from lexmill.tokenizer.encoders.load import load_encoder
from lexmill.tokenizer.load import load_tokenizer
from tasks.step import BuildContext, InputError
from warehouse.store import Artifact

_COLUMNS = ["text", "language", "domain", "corpus", "group", "split"]


def build_tokenizer_evaluation(context: BuildContext) -> None:
    """Write results.parquet (RESULT_SCHEMA) and results.json (rows, splits, segmenter, groups behind premiums)."""
    params = EvaluationParams.model_validate(dict(context.params))
    documents = _held_out(context.input("documents"), params.splits)
    parallel = documents.filter(pc.is_valid(documents["group"]))
    if params.parallel_corpus is not None:
        parallel = parallel.filter(pc.equal(parallel["corpus"], params.parallel_corpus))
    artifacts = context.inputs["tokenizers"]
    rows: list[dict[str, object]] = []
    groups: dict[str, int] = {}
    for index, artifact in enumerate(artifacts):
        context.progress(index / len(artifacts), f"measuring {artifact.record.name}")
        measured = _open(artifact)
        rows += evaluate_tokenizer(measured, documents)
        premiums, groups = evaluate_parallel(measured, parallel, params.reference_language)
        rows += premiums
    if not groups:
        context.log(f"no group pairs {params.reference_language} with another language: no premiums")
    pq.write_table(
        pa.Table.from_pylist(rows, RESULT_SCHEMA), context.out / "results.parquet", compression="zstd"
    )
    languages = pc.unique(documents["language"]).to_pylist()
    summary = {
        "splits": list(params.splits),
        "documents": documents.num_rows,
        "segmenter": {"name": SEGMENTER, "description": SEGMENTER_DESCRIPTION},
        "languages_without_words": sorted(language for language in languages if not has_words(language)),
        "reference_language": params.reference_language,
        "parallel_corpus": params.parallel_corpus,
        "parallel_groups": groups,
        "interval": "percentile bootstrap over groups, 95 %",
        "results": rows,
    }
    text = json.dumps(summary, indent=1, sort_keys=True, ensure_ascii=False)
    (context.out / "results.json").write_text(text + "\n", encoding="utf-8")
    context.stats["selection"] = {"splits": list(params.splits), "languages": None, "domains": None}
    for row in rows:
        if row["domain"] == ALL:
            labels = {name: str(row[name]) for name in ("tokenizer", "language")}
            context.metric(str(row["metric"]), float(str(row["value"])), str(row["unit"]), **labels)


def _held_out(documents: Artifact, splits: Sequence[str]) -> pa.Table:
    table = pq.read_table(documents.file("documents.parquet"), columns=_COLUMNS)
    table = table.filter(pc.is_in(table["split"], pa.array(list(splits))))
    if not table.num_rows:
        raise InputError(f"no document is in splits {', '.join(splits)}: name other splits, or add text")
    return table


def _open(artifact: Artifact) -> Measured:
    """A tokenizer artifact and the encoder that is exactly its method."""
    folder = artifact.file("lexmill.json").parent
    vocabulary = load_tokenizer(folder).get_vocab_size(with_added_tokens=True)
    return Measured(artifact.record.name, load_encoder(folder), vocabulary)
