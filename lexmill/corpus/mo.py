"""Gettext `.mo` catalogs: the translated messages of the binary format."""

from __future__ import annotations

import codecs
import struct
from collections.abc import Iterator

from lexmill.corpus.po import CHARSET, Entry

_MAGIC = 0x950412DE
_MAX_SHARED = 2  # bytes of all strings together, by those of the file: strings may share their end


class MoError(ValueError):
    """Bytes that are no MO file, or whose tables point outside of it."""


def parse_mo(raw: bytes, encoding: str = "utf-8") -> Iterator[Entry]:
    """Entries in file order, without the header and untranslated ones; of plural forms the first.

    The format is gettext's (GNU gettext manual, "The Format of GNU MO Files"), in either byte order; the text is in the
    charset that the header names, else in `encoding`.  Raises MoError.
    """
    order = next((o for o in "<>" if raw[:4] == struct.pack(f"{o}I", _MAGIC)), None)
    if order is None or len(raw) < 28:
        raise MoError("it does not begin like an MO file")
    revision, count, originals, translations = struct.unpack_from(f"{order}4I", raw, 4)
    if revision >> 16 > 1:
        raise MoError(f"revision {revision >> 16} of the format is unknown")
    if max(originals, translations) + 8 * count > len(raw):
        raise MoError("its tables are cut short")
    header = next((text for key, text in _pairs(raw, order, count, originals, translations) if not key), b"")
    if declared := CHARSET.search(header):
        encoding = declared[1].decode("ascii")
    try:
        codecs.lookup(encoding)
        for original, translation in _pairs(raw, order, count, originals, translations):
            source = original.partition(b"\0")[0].decode(encoding)
            message = translation.partition(b"\0")[0].decode(encoding)
            context, mark, identifier = source.rpartition("\x04")
            if identifier and message:
                yield Entry(context if mark else "", identifier, message)
    except (LookupError, UnicodeDecodeError) as error:
        raise MoError(f"its text is not in {encoding}: {error}") from error


def _pairs(
    raw: bytes, order: str, count: int, originals: int, translations: int
) -> Iterator[tuple[bytes, bytes]]:
    size = 0
    for place in range(0, 8 * count, 8):
        pair = _string(raw, order, originals + place), _string(raw, order, translations + place)
        size += len(pair[0]) + len(pair[1])
        if size > _MAX_SHARED * len(raw):
            raise MoError(f"its strings take more than {_MAX_SHARED} times its size")
        yield pair


def _string(raw: bytes, order: str, place: int) -> bytes:
    length, offset = struct.unpack_from(f"{order}2I", raw, place)
    if offset + length > len(raw):
        raise MoError(f"a string of {length:,} bytes at {offset:,} lies outside of the file")
    return raw[offset : offset + length]
