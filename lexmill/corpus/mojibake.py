"""Repair of text that was decoded with the wrong encoding (`cafÃ© â€“ naÃ¯ve`), by ftfy (Speer 2019)."""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# Python's classes over Unicode, in RE2's words.
_CLASSES = {r"\s": r"[\s\x{85}\p{Z}]", r"\w": r"[\p{L}\p{N}_]", r"\b": ""}


def repaired(texts: pa.Array) -> pa.Array:
    """The texts with mojibake repaired, line by line; nothing else is changed, and null stays null.

    Only texts in which ftfy's own test finds a suspicious sequence of characters reach ftfy: for the others its
    repair is the identity.  The test runs as one RE2 scan over the batch.
    """
    import ftfy

    suspicious = pc.fill_null(pc.match_substring_regex(texts, badness_pattern()), False)
    if not pc.any(suspicious).as_py():
        return texts
    rows = np.flatnonzero(suspicious.to_numpy(zero_copy_only=False))
    fixed = [
        "\n".join(map(ftfy.fix_encoding, text.split("\n"))) for text in texts.take(pa.array(rows)).to_pylist()
    ]
    return pc.replace_with_mask(texts, suspicious, pa.array(fixed, texts.type))


@lru_cache(maxsize=1)
def badness_pattern() -> str:
    """ftfy's regex of suspicious sequences (`ftfy.badness`) in RE2's syntax: without the white space and comments of
    Python's verbose form, and with classes over Unicode."""
    from ftfy.badness import BADNESS_RE

    parts = []
    for piece in re.finditer(r"\[(?:\\.|[^\]\\])*\]|\\.|#[^\n]*|\s+|[^\s\[\\#]+", BADNESS_RE.pattern):
        text = piece.group()
        if not text.startswith("#") and not text.isspace():
            parts.append(_CLASSES.get(text, text))
    return "".join(parts)
