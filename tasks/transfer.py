"""Steps of the vocabulary transfer: the plan by each method, and the model it makes of the base model."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lexmill.training.checkpoint import CheckpointError, load_model, save_model
from lexmill.training.stream import NoTextError, read_documents, sample_documents
from lexmill.training.vocabulary import Vocabulary, load_vocabulary
from lexmill.transfer.cooccurrence import token_vectors
from lexmill.transfer.focus import focus
from lexmill.transfer.params import FocusParams, Method
from lexmill.transfer.plan import Row, make_plan, match_tokens, new_tokens, summarize_plan
from lexmill.transfer.subtoken_mean import segmenter, subtoken_mean
from lexmill.transfer.surgery import PlanError, apply_plan
from tasks.step import BuildContext, InputError
from tasks.training import open_folder


def build_plan(context: BuildContext) -> None:
    """Write `plan.parquet` and `plan.json`; for `focus` also the documents behind the auxiliary space."""
    started = time.perf_counter()
    source = load_vocabulary(open_folder(context, "base"))
    target = load_vocabulary(open_folder(context, "tokenizer"))
    method: Method = context.params["method"]
    by_pieces: Mapping[int, Row] = {}
    if method != "mean":
        by_pieces = subtoken_mean(new_tokens(source, target), segmenter(source.tokenizer))
    by_space = _focus_rows(context, source, target) if method == "focus" else {}
    plan = make_plan(source, target, {**by_pieces, **by_space}, context.params["pad_to_multiple"])
    summary = {
        "method": method,
        "composed_by": {"focus": len(by_space), "subtoken_mean": len(by_pieces.keys() - by_space.keys())},
    } | summarize_plan(plan, source, target)
    pq.write_table(plan, context.out / "plan.parquet")
    text = json.dumps(summary, indent=2, sort_keys=True)
    (context.out / "plan.json").write_text(text + "\n", encoding="utf-8")
    for action, count in summary["actions"].items():
        context.metric("plan_rows", count, "rows", method=method, action=action)
    context.metric("shared_tokens", summary["shared_tokens"], "tokens", method=method)
    context.stats["seconds"] = round(time.perf_counter() - started, 3)


def _focus_rows(context: BuildContext, source: Vocabulary, target: Vocabulary) -> dict[int, Row]:
    """Rows of the new tokens that have a vector in the auxiliary space of the target-language text."""
    params = FocusParams.model_validate(context.params["focus"])
    path = context.input("documents").file("documents.parquet")
    try:
        documents = read_documents(path, params.languages or (), context.params["domains"])
    except NoTextError as error:
        raise InputError(f"transfer plan {context.name}: {error}") from error
    documents = sample_documents(documents, params.max_bytes, context.params["seed"])
    encodings = target.tokenizer.encode_batch_fast(documents["text"].to_pylist(), add_special_tokens=False)
    ids = [np.array(encoding.ids, dtype=np.int64) for encoding in encodings]
    seen = pa.table({"id": documents["id"], "tokens": pa.array([len(d) for d in ids], type=pa.int64())})
    pq.write_table(seen, context.out / "documents_seen.parquet")
    context.progress(0.2, f"{sum(map(len, ids))} tokens of {len(ids)} documents")
    vectors = token_vectors(
        ids, target.size, params.dimensions, params.window, params.min_count, context.params["seed"]
    )
    context.progress(0.7, "auxiliary space made")
    copies, _ = match_tokens(source, target)
    return focus(sorted(new_tokens(source, target)), list(copies), list(copies.values()), vectors)


def build_init_model(context: BuildContext) -> None:
    """Apply the plan to the base model; save it with the target tokenizer's files and ids."""
    started = time.perf_counter()
    base = open_folder(context, "base")
    tokenizer = open_folder(context, "tokenizer")
    source, target = load_vocabulary(base), load_vocabulary(tokenizer)
    plan = pq.read_table(context.input("plan").file("plan.parquet"))
    try:
        model = apply_plan(load_model(base), plan, source.size)
        save_model(model, target, tokenizer, context.out)
    except (PlanError, CheckpointError) as error:
        raise InputError(f"model {context.name}: {error}") from error
    context.stats["seconds"] = round(time.perf_counter() - started, 3)
    context.stats["parameters"] = sum(parameter.numel() for parameter in model.parameters())
