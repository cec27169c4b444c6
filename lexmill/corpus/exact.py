"""Keys of exact duplicates: one hash for all texts that read the same."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import numpy as np
import pyarrow as pa
import xxhash

from lexmill.corpus.fold_kernel import SEVERAL, fold_kernel
from lexmill.corpus.words import text_bytes

# Letters and symbols lie below; above are private use, tags and variation selectors, which fold to themselves.
_FOLDED = 0x34000
_GROWTH = 3  # code points a byte of UTF-8 folds to, at most; but for U+FDFA, a phrase of 18, which stays
_IDEOGRAPHS = range(0x3400, 0xA000)  # fold to themselves
_CODE_ENDS = b" \t\n\r\x0b\x0c"


def text_keys(texts: pa.Array, code: np.ndarray) -> np.ndarray:
    """uint64 (rows, 2): XXH3-128 of each text of a string array up to case, compatibility forms and white space.

    Each character is replaced by the full decomposition (NFKD) of its full case folding, and runs of white space
    by one space.  Differs from NFKC with case folding of the whole text only where combining marks stand in no
    normal order; the texts are expected in a normal form.  Where `code` (bool (rows,)) holds, only white space at
    the ends is passed over.
    """
    data, offsets = text_bytes(texts)
    folds, pool = _folding()
    ends = np.zeros(len(offsets), np.int64)
    folded = np.empty(_GROWTH * len(data), np.uint32)  # pages that are never written take no memory
    fold_kernel(data, offsets, folds, pool, folded, ends)
    keys = np.empty((len(offsets) - 1, 2), np.uint64)
    points, raw = folded.data, data.data
    for row in range(len(keys)):
        if code[row]:
            plain = bytes(raw[offsets[row] : offsets[row + 1]]).strip(_CODE_ENDS)
            value = xxhash.xxh3_128_intdigest(plain)
        else:
            value = xxhash.xxh3_128_intdigest(points[ends[row] : ends[row + 1]])
        keys[row] = value >> 64, value & 0xFFFFFFFFFFFFFFFF
    return keys


@lru_cache(maxsize=1)
def _folding() -> tuple[np.ndarray, np.ndarray]:
    """(folds uint32 (points,), pool uint32), as `fold_kernel` wants them."""
    folds = np.arange(_FOLDED, dtype=np.uint32)
    pool: list[int] = []
    for point in range(_FOLDED):
        folded = _folded(point)
        if len(folded) == 1:
            folds[point] = ord(folded)
        else:
            folds[point] = SEVERAL + np.uint32(len(pool))
            pool += [*map(ord, folded), 0]
    return folds, np.array(pool, np.uint32)


def _folded(point: int) -> str:
    character = chr(point)
    if point in _IDEOGRAPHS or point == 0xFDFA:
        return character
    decomposed = unicodedata.normalize("NFKD", character)
    folded = unicodedata.normalize("NFKD", decomposed.casefold())
    return "".join(" " if c.isspace() else c for c in folded)
