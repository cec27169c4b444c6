"""From attributes to decisions, document by document: which stage drops it, why, and what its language is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lexmill.corpus.identify import UNKNOWN, contradicts
from lexmill.corpus.languages import is_code
from lexmill.corpus.params import CleaningParams, LanguageParams
from lexmill.corpus.rules import broken_rules


class Verdicts(NamedTuple):
    """One entry a document: the language it is kept under, the stage that drops it (None when none does), the reason
    and what a person should know about it."""

    languages: list[str | None]
    stages: list[str | None]
    reasons: list[str | None]
    details: list[str | None]


def judged(
    declared: list[str | None], attributes: pa.RecordBatch, params: CleaningParams, with_details: bool = True
) -> Verdicts:
    """Apply the thresholds to a batch of `ATTRIBUTES`; `declared` are the labels of the source, row by row.

    Stages and reasons, in order: `normalize` (`empty`), `language` (`low_detection_score`, `unknown_language`,
    `language_mismatch`, `script_mismatch`), `quality` (see `lexmill.corpus.rules`), `decontamination`
    (`contaminated`).  Without `with_details` the quality rules give no details, which is quicker.
    """
    decisions = _decisions(declared, attributes, params.language)
    attributes = _without_stop_words(declared, decisions, attributes)
    languages = [decision.language for decision in decisions]
    broken, values = broken_rules(
        attributes, [label or UNKNOWN for label in languages], params.quality, with_details
    )
    sizes = attributes["bytes"].to_numpy()
    contaminated = attributes["contaminated"].to_numpy()
    most = params.decontamination.max_matches if params.decontamination else np.iinfo(np.int32).max
    stages: list[str | None] = []
    reasons: list[str | None] = []
    details: list[str | None] = []
    for row, decision in enumerate(decisions):
        stage, reason, detail = None, None, None
        if sizes[row] == 0:
            stage, reason = "normalize", "empty"
        elif decision.reason:
            stage, reason, detail = "language", decision.reason, decision.detail
        elif broken[row]:
            stage, reason, detail = "quality", broken[row], values[row]
        elif contaminated[row] > most:
            stage, reason = "decontamination", "contaminated"
            detail = f"{contaminated[row]} n-grams shared with evaluation text"
        stages.append(stage)
        reasons.append(reason)
        details.append(detail)
    return Verdicts(languages, stages, reasons, details)


def _without_stop_words(
    declared: list[str | None], decisions: list[_Decision], attributes: pa.RecordBatch
) -> pa.RecordBatch:
    """Attributes with more than enough stop words for relabelled documents: theirs were counted in the list of the
    declared language, which says nothing of the other."""
    relabelled = [
        mine is not None and mine != d.language for mine, d in zip(declared, decisions, strict=True)
    ]
    if not any(relabelled):
        return attributes
    counts = pc.if_else(pa.array(relabelled), pa.scalar(2**31 - 1, pa.int32()), attributes["stop_words"])
    return attributes.set_column(attributes.schema.get_field_index("stop_words"), "stop_words", counts)


class _Decision(NamedTuple):
    language: str | None
    reason: str | None = None
    detail: str | None = None


def _decisions(
    declared: list[str | None], attributes: pa.RecordBatch, params: LanguageParams
) -> list[_Decision]:
    """Scores and shares are stored in single precision, so their limits are rounded to it."""
    limits = ("min_score", "mismatch_score", "min_script_share")
    params = params.model_copy(update={name: float(np.float32(getattr(params, name))) for name in limits})
    names = ("detected_language", "detection_score", "characters", "script_share")
    detected, scores, characters, shares = (attributes[name].to_pylist() for name in names)
    rows = zip(declared, detected, scores, characters, shares, strict=True)
    return [_decision(mine, found, score, size, share, params) for mine, found, score, size, share in rows]


def _decision(
    declared: str | None,
    detected: str | None,
    score: float | None,
    characters: int,
    script_share: float,
    params: LanguageParams,
) -> _Decision:
    """Language of one document, and why it is dropped if it is."""
    if declared is not None and is_code(declared):
        return _Decision(declared)
    if declared is None:
        if detected is None or score is None:
            return _Decision(None, "unknown_language", "none declared and detection is off")
        undetermined = detected.startswith("und") and params.min_score > 0
        if undetermined or score < params.min_score:
            return _Decision(detected, "low_detection_score", f"{detected} {score:.2f}")
        return _Decision(detected)
    if detected is not None and score is not None and params.mismatch != "keep":
        confident = score >= params.mismatch_score and characters >= params.mismatch_characters
        if confident and contradicts(declared, detected):
            if params.mismatch == "relabel":
                return _Decision(detected)
            return _Decision(declared, "language_mismatch", f"detected {detected} {score:.2f}")
    if script_share < params.min_script_share:
        return _Decision(declared, "script_mismatch", f"{script_share:.2f} of letters in script")
    return _Decision(declared)
