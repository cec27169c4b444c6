"""C4's removal of lines (Raffel et al. 2020, section 2.2; TensorFlow Datasets, c4_utils), on Arrow string arrays."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lexmill.corpus.codepoints import TERMINAL, character_flags

MIN_WORDS = 3
MAX_WORD_CHARACTERS = 1000
_CITATION = r"\[\d*\]|\[edit\]|\[citation needed\]"
_POLICY = r"(?i)terms of use|privacy policy|cookie policy|uses cookies|use of cookies|use cookies"
_QUOTES = "\"'\u2019\u201d\u00bb\u300d\u300f"
# Thai, Lao and Tibetan do not end sentences with marks that Unicode knows.
_UNMARKED = r"[\p{Thai}\p{Lao}\p{Tibetan}]\s*$"
_SINGLE = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Bopomofo}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}]"


def c4_lines(texts: pa.Array) -> pa.Array:
    """Texts without the lines that C4 removes, string array to string array; null becomes empty.

    A line stays when it ends with a mark that ends a sentence or a quote (C4: . ? ! " '; here every script's marks) but
    not with "...", has at least 3 words (or 3 characters of a script without spaces) and none over 1000 characters, and
    speaks neither of javascript nor of cookies and terms of use.  Lines that make C4 drop the whole document ("lorem
    ipsum", "{") stay, for the rules to see.  Wikipedia's citation marks ("[1]") go from the lines.
    """
    lists = pc.split_pattern(pc.fill_null(texts, ""), "\n")
    parents = pc.list_parent_indices(lists).to_numpy()
    lines = pc.utf8_trim_whitespace(pc.list_flatten(lists))
    few = _few_words(lines)
    long = _has_long_word(lines)
    lines = pc.replace_substring_regex(lines, _CITATION, "")
    dropped_document = _true(pc.match_substring(lines, "lorem ipsum", ignore_case=True))
    javascript = _true(pc.match_substring(lines, "javascript", ignore_case=True))
    policy = _true(pc.match_substring_regex(lines, _POLICY)) & ~_true(pc.match_substring(lines, "{"))
    kept = _ends(lines) & ~few & ~long & (dropped_document | ~(javascript | policy))
    sizes = np.bincount(parents[kept], minlength=len(texts))
    offsets = pa.array(np.concatenate([[0], np.cumsum(sizes)]), pa.int32())
    rest = pa.ListArray.from_arrays(offsets, lines.filter(pa.array(kept)))
    return pc.utf8_trim_whitespace(pc.binary_join(rest, "\n"))


def _true(mask: pa.Array) -> np.ndarray:
    return mask.to_numpy(zero_copy_only=False).astype(bool)


def _ends(lines: pa.Array) -> np.ndarray:
    """Whether each line ends as a sentence does."""
    ends = _true(pc.match_substring_regex(lines, _marks() + "$")) & ~_true(pc.ends_with(lines, "..."))
    return ends | _true(pc.match_substring_regex(lines, _UNMARKED))


def _few_words(lines: pa.Array) -> np.ndarray:
    words = pc.count_substring_regex(lines, r"\S+").to_numpy()
    return (words < MIN_WORDS) & (pc.count_substring_regex(lines, _SINGLE).to_numpy() < MIN_WORDS)


def _has_long_word(lines: pa.Array) -> np.ndarray:
    found = np.zeros(len(lines), bool)
    for row in np.flatnonzero(pc.utf8_length(lines).to_numpy() > MAX_WORD_CHARACTERS):
        found[row] = any(len(word) > MAX_WORD_CHARACTERS for word in lines[row].as_py().split())
    return found


@lru_cache(maxsize=1)
def _marks() -> str:
    """RE2 class of the characters that may end a line."""
    points = np.flatnonzero(character_flags() & TERMINAL).tolist()
    return "[" + "".join(rf"\x{{{point:x}}}" for point in [*points, *map(ord, _QUOTES)]) + "]"
