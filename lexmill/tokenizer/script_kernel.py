"""Words as symbols of the SCRIPT encoding (compiled by numba)."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def symbols_of(data, offsets, id_of_byte, block_of, index_of):  # type: ignore[no-untyped-def]  # numba infers types
    """Write words (uint8 data, int64 offsets[n + 1]) in symbols.

    block_of, index_of: int32 by code point, -1 for characters that are written as bytes, as is everything that is no
    UTF-8.  Returns int32 symbols and int64 bounds[n + 1].
    """
    symbols = np.empty(2 * (offsets[-1] - offsets[0]), np.int32)
    bounds = np.zeros(len(offsets), np.int64)
    found = 0
    for word in range(len(offsets) - 1):
        at, stop = offsets[word], offsets[word + 1]
        while at < stop:
            lead = np.int64(data[at])
            size = 1 if lead < 0x80 else 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
            code = lead if lead < 0x80 else lead & (0x7F >> size)
            whole = at + size <= stop and not 0x80 <= lead < 0xC2 and lead < 0xF5
            for behind in range(at + 1, min(at + size, stop)):
                whole = whole and (data[behind] & 0xC0) == 0x80
                code = (code << 6) | np.int64(data[behind] & 0x3F)
            if whole and code < len(block_of) and block_of[code] >= 0:
                symbols[found], symbols[found + 1] = block_of[code], index_of[code]
                found += 2
            else:
                size = size if whole else 1
                for behind in range(at, at + size):
                    symbols[found] = id_of_byte[data[behind]]
                    found += 1
            at += size
        bounds[word + 1] = found
    return symbols[:found].copy(), bounds
