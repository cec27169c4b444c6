"""Reading the protobuf wire format: fields by number, nothing more (protobuf.dev, "Encoding")."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_VARINT_BYTES = 10


class WireError(ValueError):
    """The bytes are not a protobuf message."""


def fields(data: bytes | memoryview) -> Iterator[tuple[int, int | float | memoryview]]:
    """(field number, value) in file order: int of a varint, float of 32 or 64 bits, memoryview of a byte field.

    Raises WireError for bytes that end early, numbers of more than 64 bits, and groups.
    """
    view = memoryview(data)
    at = 0
    while at < len(view):
        key, at = _varint(view, at)
        number, form = key >> 3, key & 7
        if number == 0:
            raise WireError(f"field number 0 at byte {at}")
        if form == _VARINT:
            value, at = _varint(view, at)
            yield number, value
        elif form == _BYTES:
            size, at = _varint(view, at)
            if size > len(view) - at:
                raise WireError(
                    f"field {number} at byte {at} is {size} bytes long, but {len(view) - at} are left"
                )
            yield number, view[at : at + size]
            at += size
        elif form in (_FIXED32, _FIXED64):
            size = 4 if form == _FIXED32 else 8
            if size > len(view) - at:
                raise WireError(f"field {number} at byte {at} is cut off")
            yield number, struct.unpack_from("<f" if size == 4 else "<d", view, at)[0]
            at += size
        else:
            raise WireError(f"field {number} at byte {at} has wire type {form}")


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for i in range(_VARINT_BYTES):
        if at + i >= len(view):
            raise WireError(f"a number at byte {at} is cut off")
        byte = view[at + i]
        value |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:
            if value >> 64:
                break
            return value, at + i + 1
    raise WireError(f"a number at byte {at} has more than 64 bits")
