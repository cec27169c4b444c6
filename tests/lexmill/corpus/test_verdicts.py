"""From measures to decisions: every reason, and which one comes first."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from lexmill.corpus.attributes import ATTRIBUTES
from lexmill.corpus.params import CleaningParams
from lexmill.corpus.verdicts import judged

# An English text of 200 characters that breaks no rule.
GOOD = {
    **dict.fromkeys(ATTRIBUTES.names, 0),
    **{
        "id": "c:0",
        "bytes": 200,
        "detected_language": "eng_Latn",
        "detection_score": 0.9,
        "script_share": 1.0,
    },
    **{
        "characters": 200,
        "alphabetic": 160,
        "script_letters": 160,
        "space": 35,
        "space_words": 36,
        "words": 36,
    },
    **{
        "tokens": 40,
        "word_characters": 160,
        "alphabetic_words": 36,
        "lines": 2,
        "newlines": 1,
        "paragraphs": 1,
    },
}
TWO = {"detected_language": "deu_Latn", "detection_score": 0.9}
FEW_LETTERS = {"alphabetic": 10, "script_letters": 10}


def verdict(declared: str | None, change: dict[str, Any], **params: Any) -> tuple[Any, ...]:
    """(language, stage, reason, detail) of one document."""
    batch = pa.RecordBatch.from_pylist([GOOD | change], schema=ATTRIBUTES)
    found = judged([declared], batch, CleaningParams.model_validate(params))
    return tuple(column[0] for column in found)


@pytest.mark.parametrize(
    ("declared", "change", "params", "expected"),
    [
        ("eng_Latn", {}, {}, ("eng_Latn", None, None)),
        (None, {}, {}, ("eng_Latn", None, None)),
        ("eng_Latn", {"bytes": 0, **TWO, **FEW_LETTERS}, {}, ("eng_Latn", "normalize", "empty")),
        (None, {"detection_score": 0.2}, {}, ("eng_Latn", "language", "low_detection_score")),
        (None, {"detected_language": "und_Zyyy"}, {}, ("und_Zyyy", "language", "low_detection_score")),
        (
            None,
            {"detected_language": None, "detection_score": None},
            {},
            (None, "language", "unknown_language"),
        ),
        ("eng_Latn", {"detected_language": None, "detection_score": None}, {}, ("eng_Latn", None, None)),
        ("eng_Latn", TWO, {}, ("eng_Latn", "language", "language_mismatch")),
        ("eng_Latn", TWO, {"language": {"mismatch": "keep"}}, ("eng_Latn", None, None)),
        ("eng_Latn", TWO, {"language": {"mismatch": "relabel"}}, ("deu_Latn", None, None)),
        ("eng_Latn", TWO | {"detection_score": 0.69}, {}, ("eng_Latn", None, None)),
        ("eng_Latn", TWO | {"characters": 99}, {}, ("eng_Latn", None, None)),
        ("dan_Latn", {"detected_language": "nob_Latn"}, {}, ("dan_Latn", None, None)),
        ("eng_Latn", {"script_share": 0.34}, {}, ("eng_Latn", "language", "script_mismatch")),
        ("eng_Latn", {"script_share": 0.35}, {}, ("eng_Latn", None, None)),
        ("python", {"script_share": 0.0, "detected_language": None}, {}, ("python", None, None)),
        ("eng_Latn", FEW_LETTERS, {}, ("eng_Latn", "quality", "few_letters")),
        ("eng_Latn", {"contaminated": 3}, {}, ("eng_Latn", None, None)),
    ],
)
def test_each_reason(
    declared: str | None, change: dict[str, Any], params: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    assert verdict(declared, change, **params)[:3] == expected


def test_contamination_counts_only_above_its_limit() -> None:
    strict = {"decontamination": {"corpora": ["exam"]}}
    loose = {"decontamination": {"corpora": ["exam"], "max_matches": 3}}
    assert verdict("eng_Latn", {"contaminated": 3}, **strict)[1:] == (
        "decontamination",
        "contaminated",
        "3 n-grams shared with evaluation text",
    )
    assert verdict("eng_Latn", {"contaminated": 0}, **strict)[1] is None
    assert verdict("eng_Latn", {"contaminated": 3}, **loose)[1] is None
    assert verdict("eng_Latn", {"contaminated": 4}, **loose)[1] == "decontamination"


def test_the_first_stage_that_objects_decides() -> None:
    """Empty, then language, then quality, then contamination."""
    strict = {"decontamination": {"corpora": ["exam"]}}
    faults: list[dict[str, Any]] = [{"bytes": 0}, TWO, FEW_LETTERS, {"contaminated": 1}]
    stages = []
    while faults:
        worst = {key: value for fault in faults for key, value in fault.items()}
        stages.append(verdict("eng_Latn", worst, **strict)[1])
        faults.pop(0)
    assert stages == ["normalize", "language", "quality", "decontamination"]


def test_details_say_what_was_found() -> None:
    assert verdict("eng_Latn", TWO)[3] == "detected deu_Latn 0.90"
    assert verdict("eng_Latn", {"script_share": 0.125})[3] == "0.12 of letters in script"
    assert "letters" in verdict("eng_Latn", FEW_LETTERS)[3]


def test_rows_are_judged_each_for_itself() -> None:
    changes = [{}, {"bytes": 0}, TWO, FEW_LETTERS, {"script_share": 0.0}]
    declared = ["eng_Latn", None, "eng_Latn", "eng_Latn", "rus_Cyrl"]
    chance = np.random.default_rng(0).permutation(np.repeat(np.arange(5), 4)).tolist()
    batch = pa.RecordBatch.from_pylist([GOOD | changes[row] for row in chance], schema=ATTRIBUTES)
    found = judged([declared[row] for row in chance], batch, CleaningParams())
    alone = [verdict(declared[row], changes[row]) for row in chance]
    assert list(zip(*found, strict=True)) == alone
