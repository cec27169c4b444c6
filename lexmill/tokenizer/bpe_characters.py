"""Character integrity for byte-level BPE (Land & Arnett 2025, SCRIPT-BPE, arXiv 2505.24689).

A token is whole characters, or lies inside one character and begins with its first byte.  So a merge joins whole
characters to whole characters, or the beginning of a character to its next byte.  The rule acts in training only: the
merges that are learned keep it when they are applied.

Classes of byte strings: 0, whole characters; 1, 2, 3, the beginning of a character that lacks so many bytes;
`CONTINUATION`, one continuation byte; `OTHER`, everything else, which is never merged.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

WHOLE = 0
CONTINUATION = 4
OTHER = 5


def _joined() -> np.ndarray:
    joined = np.full((6, 6), -1, np.int8)
    joined[WHOLE, WHOLE] = WHOLE
    for missing in (1, 2, 3):
        joined[missing, CONTINUATION] = missing - 1
    joined.flags.writeable = False
    return joined


JOINED: np.ndarray = _joined()
"""int8[6, 6]: the class of what two classes make, -1 where they may not be joined."""


def character_class(token: bytes) -> int:
    """The class of a byte string."""
    if len(token) == 1 and 0x80 <= token[0] < 0xC0:
        return CONTINUATION
    if token and _missing(token[0]) + 1 > len(token):
        rest = all(0x80 <= byte < 0xC0 for byte in token[1:])
        return _missing(token[0]) + 1 - len(token) if rest else OTHER
    try:
        token.decode()
    except UnicodeDecodeError:
        return OTHER
    return WHOLE


def character_classes(tokens: Sequence[bytes]) -> np.ndarray:
    """int8[n], the class of every token."""
    return np.fromiter(map(character_class, tokens), np.int8, len(tokens))


def _missing(first: int) -> int:
    """How many bytes follow the first byte of a character in UTF-8 (RFC 3629)."""
    if 0xC2 <= first < 0xE0:
        return 1
    if 0xE0 <= first < 0xF0:
        return 2
    return 3 if 0xF0 <= first < 0xF5 else 0
