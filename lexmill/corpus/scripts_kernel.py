"""Loop of `script_table`."""

from __future__ import annotations

import numpy as np
from numba import njit

from lexmill.corpus.utf8_kernel import decode


@njit(cache=True, nogil=True)
def count_scripts(data: np.ndarray, texts: np.ndarray, indices: np.ndarray, counts: np.ndarray) -> None:
    """Add to int32 `counts` (rows, scripts) one for every code point of a text; those beyond `indices` to index 0."""
    for row in range(len(texts) - 1):
        place, stop = texts[row], texts[row + 1]
        while place < stop:
            point, place = decode(data, place, stop)
            counts[row, indices[point] if point < len(indices) else 0] += 1
