"""Unicode normalisation, control characters and white space, on Arrow string arrays."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lexmill.corpus.normalize_kernel import abnormal_kernel, normal_table
from lexmill.corpus.textbytes import text_bytes

# RE2 syntax.  Kept on purpose: tab and line feed, zero-width (non-)joiners and bidirectional marks, which carry
# meaning in Persian, Indic and Hebrew text.
_LINE_ENDS = r"\r\n|[\r\x0b\x0c\x{85}\x{2028}\x{2029}]"
_CONTROLS = r"[\x00-\x08\x0e-\x1f\x7f-\x{9f}\x{feff}\x{fff9}-\x{fffb}\x{fdd0}-\x{fdef}\x{fffe}\x{ffff}]+"
_SPACES = r"[ \t\x{a0}\x{1680}\x{2000}-\x{200a}\x{202f}\x{205f}\x{3000}]+"


def normalized(texts: pa.Array, form: Literal["NFC", "NFKC", "none"]) -> pa.Array:
    """Human text, string array to string array of the same length; applying it twice changes nothing more.

    Line ends become line feeds, control characters and non-characters go, the Unicode form is applied, runs of spaces
    become one, lines and the text are stripped, and at most one empty line stays between lines.
    """
    data, offsets = text_bytes(texts)
    abnormal = np.zeros(len(texts), np.bool_)
    abnormal_kernel(data, offsets, normal_table(form), abnormal)
    if not abnormal.any():
        return texts
    mask = pa.array(abnormal)
    return pc.replace_with_mask(texts, mask, _normalized(texts.filter(mask), form))


def _normalized(texts: pa.Array, form: Literal["NFC", "NFKC", "none"]) -> pa.Array:
    texts = pc.replace_substring_regex(texts, _LINE_ENDS, "\n")
    texts = pc.replace_substring_regex(texts, _CONTROLS, "")
    if form != "none":
        texts = pc.utf8_normalize(texts, form)
    texts = pc.replace_substring_regex(texts, _SPACES, " ")
    texts = pc.replace_substring_regex(texts, r" ?\n ?", "\n")
    texts = pc.replace_substring_regex(texts, r"\n{3,}", "\n\n")
    return pc.utf8_trim(texts, " \n")


def normalized_code(texts: pa.Array) -> pa.Array:
    """Source code: only line ends and control characters are touched, since white space and letters have meaning."""
    texts = pc.replace_substring_regex(texts, r"\r\n|\r", "\n")
    texts = pc.replace_substring_regex(texts, r"[\x00-\x08\x0e-\x1f\x7f\x{feff}]+", "")
    return pc.utf8_rtrim(texts, " \t\n")
