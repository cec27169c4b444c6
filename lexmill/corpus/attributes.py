"""What is known of every document beside its text: language, quality measures, duplicate keys, personal data.

Nothing is decided here.  The tables are keyed by document id and stand in the order of the source they describe, so
that a threshold can change without reading the text again.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lexmill.corpus.contamination import matches
from lexmill.corpus.edits import code_mask, edited
from lexmill.corpus.exact import text_keys
from lexmill.corpus.identify import detect_languages
from lexmill.corpus.languages import script_of
from lexmill.corpus.measures import MEASURES, measure
from lexmill.corpus.minhash import band_keys
from lexmill.corpus.params import AttributeParams
from lexmill.corpus.pii import pii_spans
from lexmill.corpus.scripts import script_shares, script_table
from lexmill.corpus.words import Words, split_words

LANGUAGE_COLUMNS = [
    ("id", pa.string()),
    ("bytes", pa.int64()),  # of the edited text
    ("detected_language", pa.string()),
    ("detection_score", pa.float32()),
    ("script_share", pa.float32()),  # of letters in the script of the declared language; 1 without one
    ("contaminated", pa.int32()),  # n-grams shared with evaluation text
]
ATTRIBUTES = pa.schema([*LANGUAGE_COLUMNS, *((f.name, f.type) for f in MEASURES)])
EDITED = pa.schema([("text", pa.string())])  # null where the text is as in the source
PII = pa.schema(
    [("id", pa.string()), ("kind", pa.string()), ("start", pa.int32()), ("end", pa.int32())]
)  # characters of the edited text


@dataclass
class Attributes:
    """Tables of one batch (all but `pii` row by row with it), and seconds by stage."""

    attributes: pa.RecordBatch
    signatures: pa.RecordBatch
    edited: pa.RecordBatch
    pii: pa.RecordBatch
    seconds: dict[str, float] = field(default_factory=dict)


def signatures_schema(params: AttributeParams) -> pa.Schema:
    """`id`, the exact key as two halves, and a column for every band: `band_00`, `band_01` ..."""
    bands = params.near_dedup.bands if params.near_dedup else 0
    names = ["exact_high", "exact_low", *(band_column(band) for band in range(bands))]
    return pa.schema([("id", pa.string()), *((name, pa.uint64()) for name in names)])


def band_column(band: int) -> str:
    """Name of a band's column."""
    return f"band_{band:02d}"


def attributes_of(
    batch: pa.RecordBatch, params: AttributeParams, evaluation_grams: np.ndarray | None = None
) -> Attributes:
    """Attributes of a batch of schema `DOCUMENTS`.

    `evaluation_grams` are the sorted hashes of the n-grams of the evaluation text (see
    `lexmill.corpus.contamination`), None without any.
    """
    clock = _Clock()
    declared = batch["declared_language"]
    texts = edited(batch["text"], declared, params)
    clock.lap("normalize")
    columns = {"id": batch["id"], "bytes": pc.binary_length(texts).cast(pa.int64())}
    columns |= _language(texts, declared, params)
    clock.lap("language")
    words = split_words(texts)
    known = pc.fill_null(pc.coalesce(declared, columns["detected_language"]), "").to_pylist()
    measured = measure(texts, words, known, params.stop_words)
    clock.lap("quality")
    columns["contaminated"] = pa.array(_contaminated(words, params, evaluation_grams), pa.int32())
    clock.lap("decontamination")
    signatures = _signatures(batch["id"], texts, declared, words, params, clock)
    pii = _pii(batch["id"], texts, known, params)
    clock.lap("pii")
    columns |= dict(zip(measured.schema.names, measured.columns, strict=True))
    attributes = pa.RecordBatch.from_arrays([columns[n] for n in ATTRIBUTES.names], schema=ATTRIBUTES)
    unchanged = pc.equal(texts, batch["text"])
    changed = pa.RecordBatch.from_arrays([pc.if_else(unchanged, None, texts)], schema=EDITED)
    return Attributes(attributes, signatures, changed, pii, clock.seconds)


class _Clock:
    """Seconds since the lap before, by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._last
        self._last = now


def _language(texts: pa.Array, declared: pa.Array, params: AttributeParams) -> dict[str, pa.Array]:
    """Detected language and score (null for source code and when detection is off), and the script share."""
    rows = len(texts)
    scripts = [script_of(label) if label else "" for label in declared.to_pylist()]
    shares = script_shares(script_table(texts), scripts)
    found: list[str | None] = [None] * rows
    scores = np.full(rows, np.nan, np.float32)
    human = np.flatnonzero(~code_mask(declared).to_numpy(zero_copy_only=False))
    if params.detect and len(human):
        labels, values = detect_languages(texts.take(pa.array(human)))
        scores[human] = values
        for row, label in zip(human.tolist(), labels, strict=True):
            found[row] = label
    return {
        "detected_language": pa.array(found, pa.string()),
        "detection_score": pa.array(scores, pa.float32(), mask=np.isnan(scores)),
        "script_share": pa.array(shares, pa.float32()),
    }


def _contaminated(words: Words, params: AttributeParams, grams: np.ndarray | None) -> np.ndarray:
    if grams is None or params.contamination_words is None:
        return np.zeros(len(words.texts) - 1, np.int32)
    return matches(words, grams, params.contamination_words)


def _signatures(
    ids: pa.Array, texts: pa.Array, declared: pa.Array, words: Words, params: AttributeParams, clock: _Clock
) -> pa.RecordBatch:
    exact = text_keys(texts, code_mask(declared).to_numpy(zero_copy_only=False))
    columns = [ids, pa.array(exact[:, 0].copy()), pa.array(exact[:, 1].copy())]
    clock.lap("exact_dedup")
    if params.near_dedup:
        keys = band_keys(words, params.near_dedup)
        columns += [pa.array(np.ascontiguousarray(keys[:, band])) for band in range(keys.shape[1])]
        clock.lap("near_dedup")
    return pa.RecordBatch.from_arrays(columns, schema=signatures_schema(params))


def _pii(ids: pa.Array, texts: pa.Array, languages: list[str], params: AttributeParams) -> pa.RecordBatch:
    if not params.pii:
        return pa.RecordBatch.from_pylist([], schema=PII)
    spans = pii_spans(texts, languages, params.pii)
    columns = [
        ids.take(pa.array(spans.row)),
        pa.array(spans.kind, pa.string()),
        pa.array(spans.start, pa.int32()),
        pa.array(spans.end, pa.int32()),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=PII)
