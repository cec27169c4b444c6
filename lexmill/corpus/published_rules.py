"""The published rule sets for human text and source code: Gopher, C4, FineWeb (with FineWeb-2's numbers), StarCoder.

Reasons, in the order in which they are tried:

`gopher_repetition_`: `repeated_paragraphs`, `repeated_paragraph_characters`, `repeated_lines`,
`repeated_line_characters`, `top_2gram` to `top_4gram`, `duplicate_5gram` to `duplicate_10gram`.
`gopher_`: `few_words`, `many_words`, `short_words`, `long_words`, `hashes`, `ellipses`, `bullet_lines`,
`ellipsis_lines`, `few_alphabetic_words`, `few_stop_words`.
`c4_`: `lorem_ipsum`, `curly_bracket`, `few_sentences`.
`fineweb_`: `few_terminal_lines`, `short_lines`, `repeated_line_characters`, `newlines`.
`starcoder_`: `long_mean_line`, `few_letters`, `xml`, `html_markup`, `html_little_text`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lexmill.corpus.fineweb2 import fineweb2_thresholds
from lexmill.corpus.quality_params import (
    C4Params,
    FineWebParams,
    GopherParams,
    GopherRepetitionParams,
    QualityParams,
    StarCoderParams,
)
from lexmill.corpus.rule import Rule, Table, share

_Thresholds = dict[str, dict[str, float]]  # language -> name of FineWeb-2's setting -> number
# In FineWeb-2's own pipeline these are the same for all languages: off, or this number.
_EVERYWHERE = {
    "dup_para_frac": np.nan,
    "dup_para_char_frac": np.nan,
    "dup_line_char_frac": np.nan,
    "short_line_thr": np.nan,
    "char_duplicates_ratio": 0.1,
}


def published_rules(table: Table, params: QualityParams) -> Iterator[Rule]:
    """The rules for human text of the sets that are on, in order."""
    languages: _Thresholds = {}
    if params.language_thresholds == "fineweb2":
        languages = {label: _EVERYWHERE | row for label, row in fineweb2_thresholds().items()}
    if params.gopher_repetition:
        yield from _gopher_repetition(table, params.gopher_repetition, languages)
    if params.gopher:
        yield from _gopher(table, params.gopher, languages)
    if params.c4:
        yield from _c4(table, params.c4)
    if params.fineweb:
        yield from _fineweb(table, params.fineweb, languages)


def _limits(table: Table, limit: float | None, languages: _Thresholds, setting: str) -> np.ndarray:
    return table.limits(limit, {label: row[setting] for label, row in languages.items()})


def _gopher_repetition(
    table: Table, params: GopherRepetitionParams, languages: _Thresholds
) -> Iterator[Rule]:
    characters = table["characters"]
    for unit, setting in (("paragraph", "para"), ("line", "line")):
        limit = _limits(table, getattr(params, f"max_repeated_{unit}s"), languages, f"dup_{setting}_frac")
        values = share(table[f"repeated_{unit}s"], table[f"{unit}s"])
        yield Rule(f"gopher_repetition_repeated_{unit}s", values, limit, False, f"of {unit}s are repeated")
        limit = getattr(params, f"max_repeated_{unit}_characters")
        limit = _limits(table, limit, languages, f"dup_{setting}_char_frac")
        values = share(table[f"repeated_{unit}_characters"], characters)
        reason = f"gopher_repetition_repeated_{unit}_characters"
        yield Rule(reason, values, limit, False, f"of characters are in repeated {unit}s")
    for kind, short, lengths in (("top", "top", (2, 3, 4)), ("duplicate", "dup", (5, 6, 7, 8, 9, 10))):
        for n in lengths:
            limit = _limits(table, getattr(params, f"max_{kind}_{n}gram"), languages, f"{short}_{n}")
            limit = np.where(table.single, np.nan, limit)
            values = share(table[f"{kind}_{n}gram_characters"], characters)
            unit = f"of characters are in {'the most frequent' if kind == 'top' else 'repeated'} {n}-gram"
            yield Rule(
                f"gopher_repetition_{kind}_{n}gram", values, limit, False, unit + "s" * (kind != "top")
            )


def _gopher(table: Table, params: GopherParams, languages: _Thresholds) -> Iterator[Rule]:
    limits, tokens, words = table.limits, table["tokens"], table["words"]
    lines = table["newlines"] + 1
    yield Rule("gopher_few_words", words, limits(params.min_words), True, "words")
    yield Rule("gopher_many_words", words, limits(params.max_words), False, "words")
    lengths = share(table["word_characters"], words)
    least = _limits(table, params.min_word_length, languages, "min_avg_word_length")
    most = _limits(table, params.max_word_length, languages, "max_avg_word_length")
    for reason, limit, is_least in (("gopher_short_words", least, True), ("gopher_long_words", most, False)):
        yield Rule(reason, lengths, np.where(table.single, np.nan, limit), is_least, "characters a word")
    for name, most_allowed in (("hashes", params.max_hashes), ("ellipses", params.max_ellipses)):
        yield Rule(f"gopher_{name}", share(table[name], tokens), limits(most_allowed), False, "a word")
    for name, most_allowed in (("bullet", params.max_bullet_lines), ("ellipsis", params.max_ellipsis_lines)):
        values = share(table[f"{name}_lines"], lines)
        yield Rule(f"gopher_{name}_lines", values, limits(most_allowed), False, "of lines")
    values = share(table["alphabetic_words"], tokens)
    least = _limits(table, params.min_alphabetic_words, languages, "max_non_alpha_words_ratio")
    yield Rule("gopher_few_alphabetic_words", values, least, True, "of words have a letter")
    listed = np.array([label in params.stop_words for label in table.languages], bool)
    least = np.where(listed, limits(params.min_stop_words), np.nan)
    yield Rule("gopher_few_stop_words", table["stop_words"], least, True, "different stop words")


def _c4(table: Table, params: C4Params) -> Iterator[Rule]:
    lorem = table.limits(0.0 if params.drop_lorem_ipsum else None)
    yield Rule("c4_lorem_ipsum", table["lorem_ipsum"], lorem, False, '"lorem ipsum"')
    braces = table.limits(0.0 if params.drop_curly_brackets else None)
    yield Rule("c4_curly_bracket", table["braces"], braces, False, '"{"')
    yield Rule("c4_few_sentences", table["sentences"], table.limits(params.min_sentences), True, "sentences")


def _fineweb(table: Table, params: FineWebParams, languages: _Thresholds) -> Iterator[Rule]:
    lines = table["lines"]
    least = _limits(table, params.min_terminal_lines, languages, "line_punct_thr")
    values = share(table["terminal_lines"], lines)
    yield Rule("fineweb_few_terminal_lines", values, least, True, "of lines end as sentences do")
    most = _limits(table, params.max_short_lines, languages, "short_line_thr")
    yield Rule("fineweb_short_lines", share(table["short_lines"], lines), most, False, "of lines are short")
    most = _limits(table, params.max_repeated_line_characters, languages, "char_duplicates_ratio")
    values = share(table["repeated_line_characters"], table["characters"] - table["newlines"])
    reason = "fineweb_repeated_line_characters"
    yield Rule(reason, values, most, False, "of characters are in repeated lines")
    most = _limits(table, params.max_newlines, languages, "new_line_ratio")
    yield Rule(
        "fineweb_newlines", share(table["newlines"], table["tokens"]), most, False, "line feeds a word"
    )


def starcoder_rules(table: Table, params: StarCoderParams) -> Iterator[Rule]:
    """The rules for source code, in order."""
    characters, limits = table["characters"], table.limits
    lengths = share(characters - table["newlines"], table["newlines"] + 1)
    most = limits(params.max_mean_line_characters)
    yield Rule("starcoder_long_mean_line", lengths, most, False, "characters a line")
    values = share(table["alphabetic"], characters)
    yield Rule(
        "starcoder_few_letters", values, limits(params.min_alphabetic), True, "of characters are letters"
    )
    xml = limits(0.0 if params.drop_xml else None)
    yield Rule("starcoder_xml", table["xml_header"], xml, False, "XML header")
    html = np.array([label == "html" for label in table.languages], bool)
    least = np.where(html, limits(params.min_html_visible), np.nan)
    values = share(table["visible_characters"], characters)
    yield Rule("starcoder_html_markup", values, least, True, "of characters are visible text")
    least = np.where(html, limits(params.min_html_visible_characters), np.nan)
    yield Rule(
        "starcoder_html_little_text", table["visible_characters"], least, True, "characters of visible text"
    )
