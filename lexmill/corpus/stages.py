"""The cleaning stages: pure functions from an Arrow batch to a verdict by document, and the accounting around them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from lexmill.corpus.dedup import DuplicateIndex, duplicate_key, split_of
from lexmill.corpus.identify import UNKNOWN, contradicts, detect_language
from lexmill.corpus.languages import is_code, script_of
from lexmill.corpus.normalize import normalized, normalized_code
from lexmill.corpus.params import CleaningParams, LanguageParams
from lexmill.corpus.quality import quality_finding
from lexmill.corpus.schema import REJECTIONS, STAGE_REPORT, excerpt_of
from lexmill.corpus.scripts import script_counts, script_share

STAGES = ("read", "normalize", "language", "quality", "exact_dedup")


class Verdict(NamedTuple):
    """What a stage says of a batch: the batch with its edits, and for each row a drop reason or null."""

    batch: pa.RecordBatch
    reasons: list[str | None]
    details: list[str | None]
    duplicate_of: list[str | None] | None = None


@dataclass
class Tally:
    """Documents and bytes by (stage, corpus, reason), and seconds by stage (wall clock; not part of any payload)."""

    documents: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    bytes: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)

    def add(self, stage: str, corpus: str, reason: str, documents: int, size: int) -> None:
        """Count documents and their bytes."""
        self.documents[stage, corpus, reason] += documents
        self.bytes[stage, corpus, reason] += size

    def time(self, stage: str, seconds: float) -> None:
        """Add seconds to a stage."""
        self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds

    def merge(self, other: Tally) -> None:
        """Add another tally to this one."""
        self.documents.update(other.documents)
        self.bytes.update(other.bytes)
        for stage, seconds in other.seconds.items():
            self.time(stage, seconds)

    def table(self) -> pa.Table:
        """The stage report (schema `STAGE_REPORT`), by stage, corpus, `in`, drops, `edited`, `out`.

        For each stage and corpus `in` = `out` + drops + `edited`, in documents and in bytes.
        """
        rank = {"in": 0, "edited": 2, "out": 3}
        keys = sorted(self.documents, key=lambda k: (STAGES.index(k[0]), k[1], rank.get(k[2], 1), k[2]))
        columns = [*zip(*keys, strict=True)] if keys else [(), (), ()]
        counts = [[self.documents[key] for key in keys], [self.bytes[key] for key in keys]]
        return pa.table([*map(list, columns), *counts], schema=STAGE_REPORT)


@dataclass
class Cleaned:
    """A cleaned batch, the rejected documents (schema `REJECTIONS`), and the counts of both."""

    batch: pa.RecordBatch
    rejections: list[pa.RecordBatch]
    tally: Tally


def normalize_stage(batch: pa.RecordBatch, params: CleaningParams) -> Verdict:
    """Normalise the text; drop what is `empty` then."""
    code = pa.array(
        [name is not None and is_code(name) for name in batch["language"].to_pylist()], pa.bool_()
    )
    human = normalized(batch["text"], params.normalization)
    texts = pc.if_else(code, normalized_code(batch["text"]), human) if pc.any(code).as_py() else human
    reasons = ["empty" if size == 0 else None for size in pc.binary_length(texts).to_pylist()]
    return Verdict(_with_text(batch, texts), reasons, [None] * len(reasons))


def language_stage(batch: pa.RecordBatch, params: CleaningParams) -> Verdict:
    """Identify language and script; set `language`, `detected_language`, `detection_score`.

    Reasons: `low_detection_score` (nothing declared), `language_mismatch`, `script_mismatch`, `unknown_language`.
    """
    decided = [
        _decide(text, declared, params.language)
        for text, declared in zip(
            batch["text"].to_pylist(), batch["declared_language"].to_pylist(), strict=True
        )
    ]
    changed = {
        "language": pa.array([d.language for d in decided], pa.string()),
        "detected_language": pa.array([d.detected for d in decided], pa.string()),
        "detection_score": pa.array([d.score for d in decided], pa.float32()),
    }
    return Verdict(_replaced(batch, changed), [d.reason for d in decided], [d.detail for d in decided])


def quality_stage(batch: pa.RecordBatch, params: CleaningParams) -> Verdict:
    """Apply the quality rules (see `lexmill.corpus.quality`)."""
    found = [
        quality_finding(text, language, params.quality)
        for text, language in zip(batch["text"].to_pylist(), batch["language"].to_pylist(), strict=True)
    ]
    return Verdict(batch, [f.reason if f else None for f in found], [f.detail if f else None for f in found])


# The stages that look at one document only: shards of them can run anywhere, in any order.
DOCUMENT_STAGES: dict[str, Callable[[pa.RecordBatch, CleaningParams], Verdict]] = {
    "normalize": normalize_stage,
    "language": language_stage,
    "quality": quality_stage,
}


def clean_batch(batch: pa.RecordBatch, params: CleaningParams) -> Cleaned:
    """All document stages on one batch (schema `DOCUMENTS`)."""
    result = Cleaned(batch, [], Tally())
    for name, stage in DOCUMENT_STAGES.items():
        started = time.perf_counter()
        verdict = stage(result.batch, params)
        result.tally.time(name, time.perf_counter() - started)
        _apply(name, result, verdict)
    return result


def finish_batch(cleaned: Cleaned, params: CleaningParams, index: DuplicateIndex) -> Cleaned:
    """Exact deduplication against everything in `index`, then the split: in the stable order of documents, once."""
    started = time.perf_counter()
    batch = cleaned.batch
    if params.exact_dedup:
        rows = zip(*(batch[name].to_pylist() for name in ("text", "id", "language")), strict=True)
        earlier = [
            index.first(duplicate_key(text, is_code(label)), identifier) for text, identifier, label in rows
        ]
        reasons = ["duplicate" if first else None for first in earlier]
        cleaned.tally.time("exact_dedup", time.perf_counter() - started)
        _apply("exact_dedup", cleaned, Verdict(batch, reasons, [None] * len(reasons), earlier))
    keys = pc.coalesce(cleaned.batch["group"], cleaned.batch["id"]).to_pylist()
    splits = pa.array([split_of(key, params.splits) for key in keys], pa.string())
    cleaned.batch = _replaced(cleaned.batch, {"split": splits})
    return cleaned


def clean(batches: Iterable[pa.RecordBatch], params: CleaningParams) -> Iterator[Cleaned]:
    """All stages over a stream of batches, in order, in this process."""
    index = DuplicateIndex()
    for batch in batches:
        yield finish_batch(clean_batch(batch, params), params, index)


class _Decision(NamedTuple):
    language: str | None
    detected: str | None
    score: float | None
    reason: str | None = None
    detail: str | None = None


def _decide(text: str, declared: str | None, params: LanguageParams) -> _Decision:
    """Language of one document, and why it is dropped if it is."""
    if declared is not None and is_code(declared):
        return _Decision(declared, None, None)
    if not params.detect:
        if declared is None:
            return _Decision(None, None, None, "unknown_language", "none declared and detection is off")
        return _checked_script(text, _Decision(declared, None, None), params)
    found = detect_language(text)
    if declared is None:
        decision = _Decision(found.language, found.language, found.score)
        if found.language == UNKNOWN or found.score < params.min_score:
            return decision._replace(
                reason="low_detection_score", detail=f"{found.language} {found.score:.2f}"
            )
        return decision
    decision = _Decision(declared, found.language, found.score)
    confident = found.score >= params.mismatch_score and len(text) >= params.mismatch_characters
    if params.mismatch != "keep" and confident and contradicts(declared, found.language):
        if params.mismatch == "relabel":
            return decision._replace(language=found.language)
        return decision._replace(
            reason="language_mismatch", detail=f"detected {found.language} {found.score:.2f}"
        )
    return _checked_script(text, decision, params)


def _checked_script(text: str, decision: _Decision, params: LanguageParams) -> _Decision:
    share = script_share(script_counts(text), script_of(str(decision.language)))
    if share >= params.min_script_share:
        return decision
    return decision._replace(reason="script_mismatch", detail=f"{share:.2f} of letters in script")


def _apply(stage: str, result: Cleaned, verdict: Verdict) -> None:
    """Divide the batch by the verdict and count, by corpus: in, each drop reason, bytes edited away, out."""
    before, after = result.batch, verdict.batch
    kept = pa.array([reason is None for reason in verdict.reasons], pa.bool_())
    old, new = before["bytes"].to_pylist(), after["bytes"].to_pylist()
    for row, corpus in enumerate(before["corpus"].to_pylist()):
        reason = verdict.reasons[row]
        result.tally.add(stage, corpus, "in", 1, old[row])
        if old[row] != new[row]:
            result.tally.add(stage, corpus, "edited", 0, old[row] - new[row])
        result.tally.add(stage, corpus, reason or "out", 1, new[row])
    if not all(kept.to_pylist()):
        result.rejections.append(_rejected(stage, before, verdict))
    result.batch = after.filter(kept)


def _rejected(stage: str, before: pa.RecordBatch, verdict: Verdict) -> pa.RecordBatch:
    """Rejected rows; the excerpt shows the text as it came into the stage, the bytes are those after its edits."""
    rows = [
        {
            **{
                name: verdict.batch[name][row].as_py()
                for name in ("id", "corpus", "language", "domain", "origin")
            },
            "bytes": verdict.batch["bytes"][row].as_py(),
            "stage": stage,
            "reason": reason,
            "detail": verdict.details[row],
            "duplicate_of": verdict.duplicate_of[row] if verdict.duplicate_of else None,
            "excerpt": excerpt_of(before["text"][row].as_py()),
        }
        for row, reason in enumerate(verdict.reasons)
        if reason is not None
    ]
    return pa.RecordBatch.from_pylist(rows, schema=REJECTIONS)


def _with_text(batch: pa.RecordBatch, texts: pa.Array) -> pa.RecordBatch:
    return _replaced(batch, {"text": texts, "bytes": pc.binary_length(texts).cast(pa.int64())})


def _replaced(batch: pa.RecordBatch, columns: dict[str, pa.Array]) -> pa.RecordBatch:
    arrays = [columns.get(name, batch[name]) for name in batch.schema.names]
    return pa.RecordBatch.from_arrays(arrays, schema=batch.schema)
