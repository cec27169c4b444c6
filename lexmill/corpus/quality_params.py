"""Parameters of the quality rules: the `quality` section of `cleaning`.

The flat keys are the default rules, tuned for short multilingual text.  `gopher`, `gopher_repetition`, `fineweb`, `c4`
and `starcoder` add the published sets, `{}` with their published thresholds.  `null` switches a rule or a set off.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from lexmill.corpus.fields import Params, Share
from lexmill.corpus.languages import language_label

# Gopher (Rae et al. 2021, appendix A1.1).
GOPHER_STOP_WORDS: dict[str, tuple[str, ...]] = {
    "eng_Latn": ("the", "be", "to", "of", "and", "that", "have", "with")
}
Count = Annotated[int, Field(ge=0)]
Number = Annotated[float, Field(ge=0.0)]
Label = Annotated[str, AfterValidator(language_label)]


class GopherParams(Params):
    """Quality rules of Gopher (Rae et al. 2021, appendix A1.1), for human text."""

    min_words: Count | None = 50
    """Words that are no symbols."""
    max_words: Count | None = 100_000
    min_word_length: Number | None = 3.0
    """Mean characters a word.  Not applied to scripts without spaces."""
    max_word_length: Number | None = 10.0
    max_hashes: Share | None = 0.1
    """"#" by word (token, symbols included)."""
    max_ellipses: Share | None = 0.1
    """Ellipses by word (token, symbols included)."""
    max_bullet_lines: Share | None = 0.9
    """Share of lines, empty ones included, that start with a bullet."""
    max_ellipsis_lines: Share | None = 0.3
    """Share of lines, empty ones included, that end with an ellipsis."""
    min_alphabetic_words: Share | None = 0.8
    """Share of words (tokens, symbols included) with a letter."""
    min_stop_words: Count | None = 2
    """Different stop words.  A language without a list is not judged."""
    stop_words: dict[Label, tuple[str, ...]] = GOPHER_STOP_WORDS
    """By language, as written in text; replaces the English list."""


class GopherRepetitionParams(Params):
    """Repetition rules of Gopher (Rae et al. 2021, table A1), for human text: the largest share of each."""

    max_repeated_lines: Share | None = 0.30
    max_repeated_paragraphs: Share | None = 0.30
    max_repeated_line_characters: Share | None = 0.20
    """Shares of characters here are of all characters of the text."""
    max_repeated_paragraph_characters: Share | None = 0.20
    max_top_2gram: Share | None = 0.20
    """Characters of the most frequent word 2-gram, times its occurrences.  Word n-grams are not judged in scripts
    without spaces, where a token is one character."""
    max_top_3gram: Share | None = 0.18
    max_top_4gram: Share | None = 0.16
    max_duplicate_5gram: Share | None = 0.15
    """Characters in word 5-grams that appeared before."""
    max_duplicate_6gram: Share | None = 0.14
    max_duplicate_7gram: Share | None = 0.13
    max_duplicate_8gram: Share | None = 0.12
    max_duplicate_9gram: Share | None = 0.11
    max_duplicate_10gram: Share | None = 0.10


class FineWebParams(Params):
    """Rules of FineWeb (Penedo et al. 2024, section 3.6), for human text."""

    min_terminal_lines: Share | None = 0.12
    """Share of lines that end with a mark that ends a sentence."""
    max_short_lines: Share | None = 0.67
    """Share of lines of at most 30 characters."""
    max_repeated_line_characters: Share | None = 0.01
    """Characters in lines that appeared before, as a share of those in all lines (0.1 in FineWeb-2)."""
    max_newlines: Number | None = 0.3
    """Line feeds by word (token, symbols included)."""


class C4Params(Params):
    """C4 (Raffel et al. 2020, section 2.2): lines are removed before anything is measured (see
    `lexmill.corpus.c4`), then these rules look at what is left.  Human text only."""

    min_sentences: Count | None = 5
    drop_lorem_ipsum: bool = True
    drop_curly_brackets: bool = True


class StarCoderParams(Params):
    """Rules of StarCoder (Li et al. 2023, section 3) beside the flat ones, for source code."""

    max_mean_line_characters: Number | None = 100.0
    min_alphabetic: Share | None = 0.25
    """Letters as a share of characters."""
    drop_xml: bool = True
    """"<?xml version=" within the first 100 characters."""
    min_html_visible: Share | None = 0.2
    """HTML: characters outside tags, comments, scripts and styles, as a share of characters."""
    min_html_visible_characters: Count | None = 100


class QualityParams(Params):
    """Rules by document.  `null` switches one off."""

    min_characters: int | None = Field(default=20, ge=0)
    """Han, kana and Hangul characters count double."""
    min_letters: Share | None = 0.5
    """Letters and marks as a share of all characters but white space."""
    max_replacement: Share | None = 0.001
    """U+FFFD, left by wrong decoding, as a share of characters."""
    max_repeated_lines: Share | None = 0.3
    """Lines that appeared before in the document (Gopher, Rae et al. 2021, table A1: 0.30)."""
    max_repeated_line_characters: Share | None = 0.2
    """Characters in such lines (Gopher: 0.20)."""
    min_word_length: float | None = 2.0
    max_word_length: float | None = 20.0
    """Mean word length in letters where words are parted by spaces.  Gopher's 3-10 fit English; Finnish or Tamil
    interface text passes 10."""
    max_english: Share | None = 0.15
    """English function words as a share of Latin-letter words in documents that are not English."""
    max_line_characters: int | None = Field(default=1000, ge=1)
    """Source code: longest line (StarCoder, Li et al. 2023, appendix)."""
    min_code_alphanumeric: Share | None = 0.25
    """Source code: letters and digits as a share of characters (StarCoder)."""
    gopher: GopherParams | None = None
    gopher_repetition: GopherRepetitionParams | None = None
    fineweb: FineWebParams | None = None
    c4: C4Params | None = None
    starcoder: StarCoderParams | None = None
    language_thresholds: Literal["published", "fineweb2"] = "published"
    """`fineweb2`: in the languages of `lexmill.corpus.fineweb2` the numbers of FineWeb-2 (Penedo et al. 2025) replace
    those of `gopher`, `gopher_repetition` and `fineweb`, and as there short lines, repeated paragraphs and (beside
    FineWeb's rule, then 0.1) repeated line characters are not judged.  What is `null` stays off."""


def stop_words_of(params: QualityParams) -> dict[str, tuple[str, ...]]:
    """The stop words that documents are measured with: those of `gopher`, or the built-in English list."""
    return dict(params.gopher.stop_words) if params.gopher else dict(GOPHER_STOP_WORDS)
