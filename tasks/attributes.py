"""Task: the attributes of one source, beside its text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lexmill.corpus.attributes import ATTRIBUTES, EDITED, PII, attributes_of, signatures_schema
from lexmill.corpus.contamination import ngram_set
from lexmill.corpus.edits import edited
from lexmill.corpus.params import AttributeParams
from lexmill.corpus.tables import parquet_writer, read_shards, row_count
from lexmill.corpus.words import Words, split_words
from tasks.step import BuildContext, InputError


def build_attributes(context: BuildContext) -> None:
    """Write `attributes.parquet`, `signatures.parquet` and `edited.parquet` (texts that the edits change), row by row
    with the source, and `pii.parquet`."""
    params = AttributeParams.model_validate(dict(context.params))
    source = context.input("source").file("documents.parquet")
    total, done = row_count(source), 0
    grams = _evaluation_grams(context, params)
    seconds: Counter[str] = Counter()
    spans: Counter[str] = Counter()
    with (
        parquet_writer(context.out / "attributes.parquet", ATTRIBUTES) as attributes,
        parquet_writer(context.out / "signatures.parquet", signatures_schema(params)) as signatures,
        parquet_writer(context.out / "edited.parquet", EDITED) as texts,
        parquet_writer(context.out / "pii.parquet", PII) as pii,
    ):
        for batch in read_shards(source):
            found = attributes_of(batch, params, grams)
            attributes.write_batch(found.attributes)
            signatures.write_batch(found.signatures)
            texts.write_batch(found.edited)
            if found.pii.num_rows:
                pii.write_batch(found.pii)
                spans.update(found.pii["kind"].to_pylist())
            seconds.update(found.seconds)
            done += batch.num_rows
            context.progress(done / max(total, 1), f"{done:,} of {total:,} documents")
    context.stats |= {
        "documents": total,
        "pii": dict(sorted(spans.items())),
        "stage_seconds": {stage: round(value, 3) for stage, value in seconds.items()},
    }
    context.metric("documents", total, "documents")
    for kind, count in sorted(spans.items()):
        context.metric("pii_spans", count, "spans", kind=kind)


def _evaluation_grams(context: BuildContext, params: AttributeParams) -> np.ndarray | None:
    """Hashes of the word n-grams of the evaluation corpora; None where none are configured."""
    if params.contamination_words is None:
        return None
    grams = ngram_set(_evaluation_words(context, params), params.contamination_words)
    if len(grams) == 0:
        raise InputError(
            f"no evaluation text has {params.contamination_words} words in a row: nothing could be found by it; "
            "set a smaller cleaning.decontamination.words"
        )
    return grams


def _evaluation_words(context: BuildContext, params: AttributeParams) -> Iterator[Words]:
    for artifact in context.inputs["evaluation"]:
        for batch in read_shards(artifact.file("documents.parquet"), ["text", "declared_language"]):
            text = pc.fill_null(edited(batch["text"], batch["declared_language"], params), "")
            yield split_words(text.cast(pa.string()))
