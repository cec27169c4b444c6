"""Java `.properties` catalogs: keys and messages (java.util.Properties, "load")."""

from __future__ import annotations

import re
from collections.abc import Iterator

_SPACE = " \t\f"
_KEY = re.compile(r"(?:[^\\=: \t\f]|\\.)*+", re.S)
_SEPARATOR = re.compile(r"[ \t\f]*+[=:]?[ \t\f]*+")
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.)|$)", re.S)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "f": "\f"}
_SURROGATES = re.compile(r"[\ud800-\udbff][\udc00-\udfff]")


def parse_properties(text: str) -> Iterator[tuple[str, str]]:
    """(key, message) in file order; escapes are resolved, and a backslash at its end continues a line."""
    for line in _logical_lines(text):
        key = _KEY.match(line)
        assert key is not None  # it matches the empty string
        separator = _SEPARATOR.match(line, key.end())
        assert separator is not None
        yield _unescaped(key[0]), _unescaped(line[separator.end() :])


def _logical_lines(text: str) -> Iterator[str]:
    """Lines without comments, empty ones and leading space, continued ones joined."""
    parts: list[str] = []
    for line in re.split(r"\r\n|\n|\r", text):
        line = line.lstrip(_SPACE)
        if not parts and (not line or line[0] in "#!"):
            continue
        if (len(line) - len(line.rstrip("\\"))) % 2:
            parts.append(line[:-1])
            continue
        yield "".join((*parts, line))
        parts = []
    if any(parts):
        yield "".join(parts)


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    text = _ESCAPE.sub(
        lambda found: chr(int(found[1], 16)) if found[1] else _ESCAPED.get(found[2], found[2] or ""), text
    )
    return _SURROGATES.sub(lambda pair: pair[0].encode("utf-16", "surrogatepass").decode("utf-16"), text)
