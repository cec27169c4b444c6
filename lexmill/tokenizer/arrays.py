"""Arrow columns as the flat numpy arrays that the numba kernels read."""

from __future__ import annotations

import numpy as np
import pyarrow as pa


def flat_bytes(words: pa.Array | pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    """The bytes of Arrow binary or string values as (uint8 data, int64 offsets[n + 1] into it), without copying."""
    if isinstance(words, pa.ChunkedArray):
        words = words.combine_chunks()
    words = words.cast(pa.large_binary())
    if not len(words):
        return np.empty(0, np.uint8), np.zeros(1, np.int64)
    offsets = np.frombuffer(words.buffers()[1], np.int64)[words.offset : words.offset + len(words) + 1]
    data = words.buffers()[2]
    return np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8), offsets


def read_only(array: np.ndarray) -> np.ndarray:
    """A read-only view, so that a kernel is compiled once, whether its input came from Arrow or from numpy."""
    view = array.view()
    view.flags.writeable = False
    return view
