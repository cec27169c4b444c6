"""Quality measures of documents: the counts that the published rules compare with their thresholds.

Counts, not shares: a share made of two whole numbers is exact, and any threshold can be applied later.  Definitions
follow the papers and, where those leave room, datatrove 0.10 (`gopher_repetition`, `gopher_quality`, `fineweb_quality`
and `c4` filters), which is what Gopher's and FineWeb's rules mean in practice.  Where this module differs:

- words are those of `lexmill.corpus.words` in every language; a run of one symbol ("-----") is one token, and one ASCII
  symbol inside a word ("on-line", "org.example") is none where rules count symbols as words;
- n-grams are compared word by word, not as joined text ("ab c" is not "a bc"), but for equal 64-bit hashes;
- a line ends with a mark when its last character has Unicode's Sentence_Terminal property (datatrove: a list made of
  it, with three Khmer marks more and sixteen rare ones less);
- sentences are counted by their marks, not by a trained splitter;
- a word with a letter or mark counts as alphabetic, so a lone combining mark does too;
- only a line feed ends a line, and lines of white space alone are no lines (normalised text has neither);
- paragraphs are parted by empty lines, and white space around the text is not stripped again.

Sources: Gopher (Rae et al. 2021, appendix A1.1), C4 (Raffel et al. 2020, section 2.2), FineWeb (Penedo et al. 2024),
StarCoder (Li et al. 2023, section 3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lexmill.corpus.codepoints import character_flags
from lexmill.corpus.markup_kernel import BYTE_COUNTS, count_bytes, english_table
from lexmill.corpus.quality_params import GOPHER_STOP_WORDS
from lexmill.corpus.repetition_kernel import DUPLICATE_LENGTHS, TOP_LENGTHS, WORD_COUNTS, count_words
from lexmill.corpus.stop_words import count_stop_words
from lexmill.corpus.text_kernel import TEXT_COUNTS, count_texts
from lexmill.corpus.words import Words

_TOPS = tuple(f"top_{n}gram_characters" for n in TOP_LENGTHS)
_DUPLICATES = tuple(f"duplicate_{n}gram_characters" for n in DUPLICATE_LENGTHS)
_FOUND = ("lorem_ipsum", "xml_header")
_COLUMNS = (*TEXT_COUNTS, *WORD_COUNTS, *_TOPS, *_DUPLICATES, *BYTE_COUNTS, "stop_words", *_FOUND)
MEASURES = pa.schema([pa.field(name, pa.int32(), nullable=False) for name in _COLUMNS])
"""One int32 column a count (those beyond 2**31 - 1 stay there), one row a document.

Characters (code points): `characters`, `alphabetic` (general category L), `numeric` (N), `space` (white space),
`script_letters` (letters and marks of the scripts of `lexmill.corpus.scripts`), `wide` (Han, kana, Hangul among them),
`replacement` (U+FFFD), `hashes` (#), `ellipses` ("..." and "…"), `braces` ({), `newlines`.
Words: `space_words` (parted by white space), `words` (tokens that are no symbols), `word_characters` (of these),
`alphabetic_words` (with a letter or mark), `tokens` (with symbols, but for those inside a word), `longest_word`
(characters), `stop_words` (how many different ones of the document's list), `latin_words` (runs of a-z and
apostrophes), `english_words` (frequent English ones among them), `english_kinds` (how many different ones).
Sentences: `sentences`, ends of sentences (Unicode Sentence_Terminal, then white space unless the mark is not ASCII) and
what is left at the end of a line.
Lines (with something visible): `lines`, `bullet_lines` (start with - or •), `ellipsis_lines` (end with an ellipsis),
`terminal_lines` (end with Sentence_Terminal), `short_lines` (at most 30 characters), `longest_line` (characters),
`repeated_lines` (equal to an earlier one) and their characters `repeated_line_characters`.
Paragraphs (parted by empty lines): `paragraphs`, `repeated_paragraphs`, `repeated_paragraph_characters`.
Repetition: `top_Ngram_characters` for N = 2 to 4, `duplicate_Ngram_characters` for N = 5 to 10 (see
`lexmill.corpus.repetition_kernel.count_words`).
Markup: `visible_characters` (outside tags, comments, scripts and styles), `xml_header` (1 when the first 100
characters hold "<?xml version="), `lorem_ipsum` (1 when the phrase stands anywhere, in any case).
"""


def measure(
    texts: pa.Array,
    words: Words,
    languages: Sequence[str | None] | None = None,
    stop_words: Mapping[str, Sequence[str]] = GOPHER_STOP_WORDS,
) -> pa.RecordBatch:
    """Measures (schema `MEASURES`) of a string array and its `split_words`.

    `languages`: labels that choose the list of `stop_words`; a document without a list has 0.  Without `languages`
    every document is measured with Gopher's English list.
    """
    groups = (TEXT_COUNTS, BYTE_COUNTS, WORD_COUNTS, _TOPS, _DUPLICATES)
    blocks = [np.zeros((len(texts), len(names)), np.int64) for names in groups]
    count_texts(words.data, words.texts, character_flags(), blocks[0])
    count_bytes(words.data, words.texts, _english(), blocks[1])
    count_words(words.rows, words.start, words.end, words.kind, words.characters, words.hash, *blocks[2:])
    columns = {
        name: block[:, k] for names, block in zip(groups, blocks, strict=True) for k, name in enumerate(names)
    }
    columns["stop_words"] = count_stop_words(words, languages, stop_words)
    columns["lorem_ipsum"] = _contains(texts, "lorem ipsum", ignore_case=True)
    columns["xml_header"] = _contains(pc.utf8_slice_codeunits(texts, 0, 100), "<?xml version=")
    limit = np.iinfo(np.int32).max
    arrays = [pa.array(np.minimum(columns[name], limit).astype(np.int32)) for name in _COLUMNS]
    return pa.RecordBatch.from_arrays(arrays, schema=MEASURES)


def _contains(texts: pa.Array, phrase: str, ignore_case: bool = False) -> np.ndarray:
    found = pc.match_substring(texts, phrase, ignore_case=ignore_case)
    return pc.fill_null(found, False).to_numpy(zero_copy_only=False)


@lru_cache(maxsize=1)
def _english() -> np.ndarray:
    return english_table()
