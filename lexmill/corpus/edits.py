"""The edits that every document gets before anything is measured of it."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from lexmill.corpus.languages import is_code
from lexmill.corpus.normalize import normalized, normalized_code
from lexmill.corpus.params import AttributeParams


def code_mask(languages: pa.Array) -> pa.Array:
    """Boolean array: which labels name programming languages."""
    names = pc.unique(languages).to_pylist()
    code = pa.array([name for name in names if name is not None and is_code(name)], pa.string())
    return pc.is_in(languages, value_set=code)


def edited(texts: pa.Array, declared: pa.Array, params: AttributeParams) -> pa.Array:
    """Texts as they are measured and kept, string to string array of the same length.

    Mojibake is repaired where asked for, then the text is normalised (see `lexmill.corpus.normalize`); of source code
    (by `declared` label) only line ends and control characters change.  Lines that C4 takes out go where asked for.
    """
    if params.normalization == "as_is" and params.mojibake == "keep" and not params.c4_lines:
        return texts
    code = code_mask(declared)
    if not pc.any(code, min_count=0).as_py():
        return _human(texts, params)
    human = pc.invert(code)
    result = texts
    if params.normalization != "as_is":
        result = pc.replace_with_mask(texts, code, normalized_code(texts.filter(code)))
    return pc.replace_with_mask(result, human, _human(texts.filter(human), params))


def _human(texts: pa.Array, params: AttributeParams) -> pa.Array:
    if params.mojibake == "repair":
        from lexmill.corpus.mojibake import repaired

        texts = repaired(texts)
    if params.normalization != "as_is":
        texts = normalized(texts, params.normalization)
    if params.c4_lines:
        from lexmill.corpus.c4 import c4_lines

        texts = c4_lines(texts)
    return texts
