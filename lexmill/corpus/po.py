"""Gettext `.po` catalogs: the entries that carry a finished translation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_KEYWORD = re.compile(r'(msgctxt|msgid_plural|msgid|msgstr(?:\[\d+\])?)\s*"(.*)"\s*$')
_CONTINUATION = re.compile(r'"(.*)"\s*$')
_ESCAPE = re.compile(r"\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|(.))")
_HEADER = re.compile(rb'^msgid[ \t]*""[ \t\r]*\nmsgstr[ \t]*((?:"[^\n]*(?:\n[ \t]*|\Z))+)', re.M)
_ESCAPED_BYTE = re.compile(r"[\udc80-\udcff]")
CHARSET = re.compile(rb"charset=([\w.:-]{1,40})", re.I)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


class Entry(NamedTuple):
    """One translated message; of plural forms the first."""

    context: str
    source: str
    translation: str


class PoError(ValueError):
    """A line that no PO file may hold."""


def po_charset(raw: bytes) -> str | None:
    """The charset that the header of a file names, when Python knows it and it contains ASCII."""
    header = _HEADER.search(raw)
    declared = CHARSET.search(header[1]) if header else None
    if not declared:
        return None
    name = declared[1].decode("ascii")
    try:
        return name if "a\n".encode(name) == b"a\n" else None
    except (LookupError, UnicodeError):
        return None


def parse_po(text: str, encoding: str = "utf-8") -> Iterator[Entry]:
    """Entries in file order, without the header, fuzzy, obsolete and untranslated ones.

    The format is gettext's (GNU gettext manual, "The Format of PO Files").  Octal and hexadecimal escapes are bytes in
    `encoding`, that of the file; those that are not valid become lone surrogates.  Raises PoError with the line number.
    """
    fields: dict[str, list[str]] = {}
    fuzzy, current = False, ""
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        line = line.strip()
        if line.startswith("#") or not line:
            if "msgstr" in fields or not line:
                yield from _entry(fields, fuzzy, encoding)
                fields, fuzzy, current = {}, False, ""
            fuzzy = fuzzy or (line.startswith("#,") and "fuzzy" in line)
            continue
        keyword = _KEYWORD.match(line)
        if keyword:
            current = keyword[1].removesuffix("[0]")
            if (
                current in ("msgctxt", "msgid") and "msgstr" in fields
            ):  # the next entry, without an empty line between
                yield from _entry(fields, fuzzy, encoding)
                fields, fuzzy = {}, False
            fields[current] = [_unescaped(keyword[2])]
        elif current and (continuation := _CONTINUATION.match(line)):
            fields[current].append(_unescaped(continuation[1]))
        else:
            raise PoError(f"line {number}: expected msgid, msgstr or a quoted string, found {line[:60]!r}")
    yield from _entry(fields, fuzzy, encoding)


def _entry(fields: dict[str, list[str]], fuzzy: bool, encoding: str) -> Iterator[Entry]:
    if fuzzy:
        return
    context, source, translation = (
        _joined(fields.get(name, []), encoding) for name in ("msgctxt", "msgid", "msgstr")
    )
    if source and translation:
        yield Entry(context, source, translation)


def _joined(pieces: list[str], encoding: str) -> str:
    """The text of a field whose escaped bytes are lone surrogates so far: one character may take several."""
    text = "".join(pieces)
    if not _ESCAPED_BYTE.search(text):
        return text
    try:
        return text.encode(encoding, "surrogateescape").decode(encoding, "surrogateescape")
    except UnicodeError:
        return text


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(_unescape, text) if "\\" in text else text


def _unescape(match: re.Match[str]) -> str:
    octal, hexadecimal, character = match.groups()
    if character:
        return _ESCAPED.get(character, character)
    byte = int(octal, 8) & 0xFF if octal else int(hexadecimal, 16)
    return chr(byte if byte < 0x80 else 0xDC00 + byte)
