"""The byte-level alphabet: one printable character for each of the 256 bytes (GPT-2, openai/gpt-2, MIT).

Printable Latin-1 bytes stand for themselves; the other 68 take the code points from U+0100 on, in byte order.
A token of a byte-level `tokenizer.json` is written in this alphabet.
"""

from __future__ import annotations

import numpy as np

_SELF = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
_MOVED = [byte for byte in range(256) if byte not in _SELF]

CHAR_OF_BYTE: dict[int, str] = {byte: chr(byte) for byte in _SELF} | {
    byte: chr(0x100 + index) for index, byte in enumerate(_MOVED)
}
BYTE_OF_CHAR: dict[str, int] = {char: byte for byte, char in CHAR_OF_BYTE.items()}

# Base ids in the order of `tokenizers`: characters sorted by code point, so the 68 moved bytes come last.
BYTE_OF_ID: np.ndarray = np.array(_SELF + _MOVED, dtype=np.uint8)
ID_OF_BYTE: np.ndarray = np.argsort(BYTE_OF_ID).astype(np.int32)


def to_alphabet(data: bytes) -> str:
    """Bytes written in the byte-level alphabet."""
    return "".join(map(CHAR_OF_BYTE.__getitem__, data))


def from_alphabet(token: str) -> bytes | None:
    """The bytes that a byte-level token stands for; None when a character is outside the alphabet."""
    try:
        return bytes(map(BYTE_OF_CHAR.__getitem__, token))
    except KeyError:
        return None
