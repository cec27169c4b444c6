"""Gettext `.po` catalogs: the entries that carry a finished translation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_KEYWORD = re.compile(r'(msgctxt|msgid_plural|msgid|msgstr(?:\[\d+\])?)\s*"(.*)"\s*$')
_CONTINUATION = re.compile(r'"(.*)"\s*$')
_ESCAPE = re.compile(r"\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|(.))")
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


class Entry(NamedTuple):
    """One translated message; of plural forms the first."""

    context: str
    source: str
    translation: str


class PoError(ValueError):
    """A line that no PO file may hold."""


def parse_po(text: str) -> Iterator[Entry]:
    """Entries in file order, without the header, fuzzy, obsolete and untranslated ones.

    The format is gettext's (GNU gettext manual, "The Format of PO Files").  Raises PoError with the line number.
    """
    fields: dict[str, str] = {}
    fuzzy, current = False, ""
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        line = line.strip()
        if line.startswith("#") or not line:
            if "msgstr" in fields or not line:
                yield from _entry(fields, fuzzy)
                fields, fuzzy, current = {}, False, ""
            fuzzy = fuzzy or (line.startswith("#,") and "fuzzy" in line)
            continue
        keyword = _KEYWORD.match(line)
        if keyword:
            current = keyword[1].removesuffix("[0]")
            if (
                current in ("msgctxt", "msgid") and "msgstr" in fields
            ):  # the next entry, without an empty line between
                yield from _entry(fields, fuzzy)
                fields, fuzzy = {}, False
            fields[current] = _unescaped(keyword[2])
        elif current and (continuation := _CONTINUATION.match(line)):
            fields[current] += _unescaped(continuation[1])
        else:
            raise PoError(f"line {number}: expected msgid, msgstr or a quoted string, found {line[:60]!r}")
    yield from _entry(fields, fuzzy)


def _entry(fields: dict[str, str], fuzzy: bool) -> Iterator[Entry]:
    if fields.get("msgid") and fields.get("msgstr") and not fuzzy:
        yield Entry(fields.get("msgctxt", ""), fields["msgid"], fields["msgstr"])


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(_unescape, text) if "\\" in text else text


def _unescape(match: re.Match[str]) -> str:
    octal, hexadecimal, character = match.groups()
    if octal:
        return chr(int(octal, 8))
    return chr(int(hexadecimal, 16)) if hexadecimal else _ESCAPED.get(character, character)
