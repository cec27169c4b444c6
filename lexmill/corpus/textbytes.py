"""Arrow strings as flat bytes, for loops over UTF-8."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def text_bytes(texts: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """(uint8 UTF-8 of all texts, int64 (rows + 1,) offsets into it) of a string array, without a copy of the text.

    Null counts as empty.  Raises TypeError for an array of another type.
    """
    if not (pa.types.is_string(texts.type) or pa.types.is_large_string(texts.type)):
        raise TypeError(f"texts must be a string array, not {texts.type}")
    if texts.null_count:
        texts = pc.fill_null(texts, "")
    _, places, buffer = texts.buffers()
    kind = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    if places is None or len(texts) == 0:
        return np.zeros(0, np.uint8), np.zeros(1, np.int64)
    offsets = np.frombuffer(places, kind)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
    data = np.frombuffer(buffer, np.uint8) if buffer is not None and buffer.size else np.zeros(0, np.uint8)
    return data[offsets[0] : offsets[-1]], offsets - offsets[0]
