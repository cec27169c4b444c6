"""Task: the romanised view of a pipeline's documents."""

from __future__ import annotations

import time
from collections import Counter

import pyarrow as pa

from lexmill.corpus.romanize import RomanizationError, is_romanizable, romanized
from lexmill.corpus.romanize_params import RomanizationParams
from lexmill.corpus.tables import parquet_writer, read_shards, row_count
from tasks.step import BuildContext, InputError

ROMANIZED = pa.schema([("id", pa.string()), ("language", pa.string()), ("text", pa.string())])


def build_romanization(context: BuildContext) -> None:
    """Write romanized.parquet (schema `ROMANIZED`): the chosen documents in their order; `id` joins them to the text.

    Raises InputError when uroman is missing, and when no document is in a language to romanise.
    """
    wanted = RomanizationParams.model_validate(dict(context.params)).languages
    documents = context.input("documents").file("documents.parquet")
    rows = row_count(documents)
    done, characters, started = 0, Counter[str](), time.perf_counter()
    with parquet_writer(context.out / "romanized.parquet", ROMANIZED) as writer:
        for batch in read_shards(documents, ["id", "language", "text"]):
            chosen = [
                is_romanizable(label) if wanted is None else label in wanted
                for label in batch["language"].to_pylist()
            ]
            part = batch.filter(pa.array(chosen, pa.bool_()))
            if part.num_rows:
                writer.write_batch(_view(part))
            for label, text in zip(part["language"].to_pylist(), part["text"].to_pylist(), strict=True):
                characters[label] += len(text)
            done += batch.num_rows
            context.progress(done / rows, f"{done:,} of {rows:,} documents read")
    _report(context, characters, wanted, time.perf_counter() - started)


def _view(batch: pa.RecordBatch) -> pa.RecordBatch:
    languages = batch["language"].to_pylist()
    try:
        texts = romanized(batch["text"].to_pylist(), languages)
    except RomanizationError as error:
        raise InputError(str(error)) from error
    columns = [batch["id"], batch["language"], pa.array(texts, pa.string())]
    return pa.RecordBatch.from_arrays(columns, schema=ROMANIZED)


def _report(
    context: BuildContext, characters: Counter[str], wanted: tuple[str, ...] | None, seconds: float
) -> None:
    if not characters:
        what = ", ".join(wanted) if wanted else "a script other than Latin"
        raise InputError(f"{context.name}: no document is in {what}, so there is nothing to romanise")
    for label in wanted or ():
        if label not in characters:
            context.log(f"no document is in {label}: nothing of it was romanised")
    context.stats["seconds"] = seconds
    for label, count in sorted(characters.items()):
        context.metric("characters", count, "characters", language=label)
    total = sum(characters.values())
    context.log(f"{total:,} characters romanised, {total / max(seconds, 1e-9):,.0f} a second")
