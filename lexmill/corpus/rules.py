"""Quality rules: thresholds on the measures of documents, each with the name that stands in `rejections`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from lexmill.corpus.languages import is_code
from lexmill.corpus.published_rules import published_rules, starcoder_rules
from lexmill.corpus.quality_params import QualityParams
from lexmill.corpus.rule import Rule, Table, share

MIN_ENGLISH_WORDS = 4  # different ones, so that a product name or a title does not decide


def broken_rules(
    measures: pa.RecordBatch, languages: Sequence[str], params: QualityParams, with_details: bool = True
) -> tuple[list[str | None], list[str | None]]:
    """(reason, detail) of the first rule that each document breaks, None where it breaks none.

    `measures` has the columns of `lexmill.corpus.measures.MEASURES` and may have more; `languages` are labels.
    Without `with_details` all details are None.  Order:

    - human text: `too_short`, `few_letters`, `replacement_characters`, `repeated_lines` (lines, then characters),
      `word_length`, `untranslated_english`, then the sets that are on (see `lexmill.corpus.published_rules`);
    - source code: `too_short`, `long_line`, `few_alphanumeric`, `replacement_characters`, then `starcoder_...`.
    """
    table = Table(measures, languages)
    code = np.array([is_code(label) for label in languages], bool)
    reasons: list[str | None] = [None] * len(languages)
    details: list[str | None] = [None] * len(languages)
    for judged, rules in ((~code, _human_rules(table, params)), (code, _code_rules(table, params))):
        if not judged.any():
            continue
        unbroken = judged
        for rule in rules:
            broken = unbroken & rule.broken
            for row in np.flatnonzero(broken).tolist():
                reasons[row] = rule.reason
                details[row] = rule.detail(row) if with_details else None
            unbroken = unbroken & ~broken
    return reasons, details


def _human_rules(table: Table, params: QualityParams) -> Iterator[Rule]:
    characters, letters = table["characters"], table["script_letters"]
    line_characters = characters - table["newlines"]
    limits = table.limits
    yield Rule(
        "too_short",
        characters + table["wide"],
        limits(params.min_characters),
        True,
        "characters, wide ones twice",
    )
    known = np.where(letters > 0, letters, table["alphabetic"])  # scripts beyond the table
    visible = characters - table["space"]
    yield Rule(
        "few_letters", _or_none(known, visible), limits(params.min_letters), True, "of characters are letters"
    )
    yield _replacement(table, params)
    values = share(table["repeated_lines"], table["lines"])
    yield Rule("repeated_lines", values, limits(params.max_repeated_lines), False, "of lines are repeated")
    values = share(table["repeated_line_characters"], line_characters)
    most = limits(params.max_repeated_line_characters)
    yield Rule("repeated_lines", values, most, False, "of characters are in repeated lines")
    lengths = share(letters, table["space_words"])
    for limit, least in ((params.min_word_length, True), (params.max_word_length, False)):
        bounds = np.where(table.unspaced, np.nan, limits(limit))
        yield Rule("word_length", lengths, bounds, least, "letters a word")
    several = table["english_kinds"] >= MIN_ENGLISH_WORDS
    values = np.where(several, share(table["english_words"], table["latin_words"]), 0.0)
    english = np.array([label.startswith("eng") for label in table.languages], bool)
    most = np.where(english, np.nan, limits(params.max_english))
    yield Rule("untranslated_english", values, most, False, "of words in a-z are frequent English ones")
    yield from published_rules(table, params)


def _code_rules(table: Table, params: QualityParams) -> Iterator[Rule]:
    characters, limits = table["characters"], table.limits
    yield Rule("too_short", characters, limits(params.min_characters), True, "characters")
    most = limits(params.max_line_characters)
    yield Rule("long_line", table["longest_line"], most, False, "characters in a line")
    values = share(table["alphabetic"] + table["numeric"], characters)
    least = limits(params.min_code_alphanumeric)
    yield Rule("few_alphanumeric", values, least, True, "of characters are letters or digits")
    yield _replacement(table, params)
    if params.starcoder:
        yield from starcoder_rules(table, params.starcoder)


def _replacement(table: Table, params: QualityParams) -> Rule:
    values = share(table["replacement"], table["characters"])
    return Rule(
        "replacement_characters",
        values,
        table.limits(params.max_replacement),
        False,
        "of characters are U+FFFD",
    )


def _or_none(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole; 1 where whole is 0, since nothing can be said then."""
    return np.where(whole > 0, share(part, whole), 1.0)
