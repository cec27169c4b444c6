"""Quality rules by document, each with the name that stands in `rejections`."""

from __future__ import annotations

import re
from typing import NamedTuple

from lexmill.corpus.languages import is_code, script_of
from lexmill.corpus.params import QualityParams
from lexmill.corpus.scripts import UNSPACED, letter_count, script_counts, weighted_length


class Finding(NamedTuple):
    """A broken rule and the value that broke it."""

    reason: str
    detail: str


_ASCII_WORD = re.compile(r"[a-z']+")
# Frequent English words that are rare as words of other languages in Latin script.
_ENGLISH = frozenset(
    {
        *("the", "and", "with", "this", "that", "from", "which", "you", "are", "not", "have", "will", "your"),
        *(
            "when",
            "into",
            "using",
            "these",
            "does",
            "should",
            "they",
            "their",
            "there",
            "than",
            "then",
            "what",
        ),
        *("where", "who", "would", "could", "been"),
    }
)
MIN_ENGLISH_WORDS = 4  # different ones, so that a product name or a title does not decide


def quality_finding(text: str, language: str, params: QualityParams) -> Finding | None:
    """The first rule that a document breaks, or None.

    Human text: `too_short`, `few_letters`, `replacement_characters`, `repeated_lines` (both Gopher line rules, Rae et
    al. 2021), `word_length`, `untranslated_english`.  Source code: `too_short`, `long_line`, `few_alphanumeric`
    (StarCoder, Li et al. 2023), `replacement_characters`.
    """
    if is_code(language):
        return _code_finding(text, params)
    counts = script_counts(text)
    return (
        _length_findings(text, counts, params)
        or _repetition_finding(text, params)
        or _word_length_finding(text, counts, language, params)
        or _english_finding(text, language, params)
    )


def repeated_line_shares(text: str) -> tuple[float, float]:
    """(share of lines, share of their characters) that repeat an earlier line; empty lines are not counted."""
    lines = [line for line in text.split("\n") if line]
    total = sum(map(len, lines))
    unique = set(lines)
    if not lines or len(unique) == len(lines):
        return 0.0, 0.0
    return 1 - len(unique) / len(lines), 1 - sum(map(len, unique)) / total


def english_share(text: str) -> float:
    """English function words as a share of words in a-z; 0.0 when fewer than `MIN_ENGLISH_WORDS` kinds appear."""
    words = _ASCII_WORD.findall(text.lower())
    hits = [word for word in words if word in _ENGLISH]
    return len(hits) / len(words) if len(set(hits)) >= MIN_ENGLISH_WORDS else 0.0


def _length_findings(text: str, counts: list[int], params: QualityParams) -> Finding | None:
    length = weighted_length(counts)
    if params.min_characters is not None and length < params.min_characters:
        return Finding("too_short", f"{length} characters")
    dense = sum(map(len, text.split()))
    letters = letter_count(counts) or sum(map(str.isalpha, text))  # scripts beyond the table
    if params.min_letters is not None and letters < params.min_letters * dense:
        return Finding("few_letters", f"{letters / max(dense, 1):.2f} of characters")
    return _replacement_finding(text, params)


def _replacement_finding(text: str, params: QualityParams) -> Finding | None:
    share = text.count("\ufffd") / max(len(text), 1)
    if params.max_replacement is not None and share > params.max_replacement:
        return Finding("replacement_characters", f"{share:.3f} of characters")
    return None


def _repetition_finding(text: str, params: QualityParams) -> Finding | None:
    lines, characters = repeated_line_shares(text)
    if params.max_repeated_lines is not None and lines > params.max_repeated_lines:
        return Finding("repeated_lines", f"{lines:.2f} of lines")
    if params.max_repeated_line_characters is not None and characters > params.max_repeated_line_characters:
        return Finding("repeated_lines", f"{characters:.2f} of characters")
    return None


def _word_length_finding(
    text: str, counts: list[int], language: str, params: QualityParams
) -> Finding | None:
    if script_of(language) in UNSPACED:
        return None
    mean = letter_count(counts) / max(len(text.split()), 1)
    short = params.min_word_length is not None and mean < params.min_word_length
    long = params.max_word_length is not None and mean > params.max_word_length
    return Finding("word_length", f"mean {mean:.1f} letters") if short or long else None


def _english_finding(text: str, language: str, params: QualityParams) -> Finding | None:
    if params.max_english is None or language.startswith("eng"):
        return None
    share = english_share(text)
    if share <= params.max_english:
        return None
    return Finding("untranslated_english", f"{share:.2f} of words in a-z")


def _code_finding(text: str, params: QualityParams) -> Finding | None:
    if params.min_characters is not None and len(text) < params.min_characters:
        return Finding("too_short", f"{len(text)} characters")
    longest = max(map(len, text.split("\n")))
    if params.max_line_characters is not None and longest > params.max_line_characters:
        return Finding("long_line", f"{longest} characters")
    share = sum(map(str.isalnum, text)) / max(len(text), 1)
    if params.min_code_alphanumeric is not None and share < params.min_code_alphanumeric:
        return Finding("few_alphanumeric", f"{share:.2f} of characters")
    return _replacement_finding(text, params)
