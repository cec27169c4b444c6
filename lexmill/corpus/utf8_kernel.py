"""Reading UTF-8 in compiled loops."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit


@njit(cache=True, inline="always")
def decode(data: np.ndarray, place: int, end: int) -> tuple[Any, Any]:
    """(code point, place of the next one) of valid UTF-8; a sequence cut off at `end` never reads beyond it."""
    lead = np.int64(data[place])
    if lead < 0x80:
        return lead, place + 1
    if lead < 0xE0:
        length, point = 2, lead & 0x1F
    elif lead < 0xF0:
        length, point = 3, lead & 0x0F
    else:
        length, point = 4, lead & 0x07
    stop = min(place + length, end)
    for k in range(place + 1, stop):
        point = point << 6 | (np.int64(data[k]) & 0x3F)
    return min(point, 0x10FFFF), stop
