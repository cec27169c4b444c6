"""Plain text out of interface strings and Markdown."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

# Tags only: `<`, then a letter or a slash, so that "a < b" and "<3" stay.
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,2000}>")
_TAG_OR_COMMENT = re.compile(rf"{_TAG.pattern}|<!--.*?-->", re.S)
_LINK = re.compile(r"!?\[([^\]\[]*)\]\([^()\s]*(?:\s+\"[^\"]*\")?\)")
_SPACE = re.compile(r"[ \t\r\n\u00a0\u2000-\u200a\u2028\u2029\u202f\u3000\ufeff]+")
_EMPHASIS = re.compile(r"[*`]|__")
_EMPHASIS_END = {marker: re.compile(rf"(?<=\S){re.escape(marker)}") for marker in ("**", "__", "*", "`")}
_FENCE = re.compile(r"^ {0,3}(```++|~~~++)[^\n]*+\n.*?(?:^ {0,3}\1[ \t]*$|\Z)", re.M | re.S)
_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.S)
_LINE_MARKER = re.compile(r"^\s*(?:#{1,6}\s+|>\s?|[-*+]\s+|\d+[.)]\s+)+")
_TABLE_RULE = re.compile(r"[\s:|-]+$")
_HUGE_REFERENCE = re.compile(r"&#[0-9]{1000,}+;?")  # Python refuses to read such a number
# printf (%s, %(name)s, %1$d), brace ({name}, {0}, {{ x }}), and key references.
PLACEHOLDER = re.compile(
    r"%(?:\([A-Za-z_]\w*+\)|\d++\$)?[-+0#]*+\d*+(?:\.\d++)?[sdifrux]|(?<!\{)\{++[^{}\n]{0,60}+\}++"
)
REFERENCE = re.compile(r"\s*\[%key:[^\]]*%\]\s*")


def segment_text(text: str) -> str:
    """One interface string as one line of plain text: tags and link targets gone, entities resolved."""
    if "<" in text:
        text = _without_tags(text, " ")
    if "](" in text:
        text = _LINK.sub(r"\1", text)
    if "&" in text:
        text = unescaped(text)
    return _SPACE.sub(" ", text).strip()


def markdown_text(text: str) -> str:
    """Markdown as plain text: paragraphs stay parted by empty lines; code blocks, front matter and tables' rules go.

    Good enough for prose; it is no CommonMark parser (nested structures lose their nesting).
    """
    text = text.replace("\r\n", "\n")
    text = _FENCE.sub("", _FRONT_MATTER.sub("", text))
    text = _without_tags(text, "")
    return "\n".join(_markdown_lines(text)).strip()


def _markdown_lines(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        if "|" in line and _TABLE_RULE.match(line):
            continue
        line = _LINK.sub(r"\1", _LINE_MARKER.sub("", line))
        yield unescaped(_without_emphasis(line)).strip(" |")


def _without_tags(text: str, replacement: str) -> str:
    """Tags and closed comments replaced.  After the last `-->` no comment is looked for: each would cost a scan."""
    closed, end, rest = text.rpartition("-->")
    return _TAG_OR_COMMENT.sub(replacement, closed + end) + _TAG.sub(replacement, rest)


def _without_emphasis(line: str) -> str:
    """The line without the markers around emphasised text; a marker that is not closed stays."""
    pieces: list[str] = []
    copied = position = 0
    ends = dict(_EMPHASIS_END)  # without the markers that are closed nowhere in the rest of the line
    while opening := _EMPHASIS.search(line, position):
        start = opening.start()
        position = start + 1
        for marker in list(ends):
            first = start + len(marker)
            if not line.startswith(marker, start) or line[first : first + 1].isspace():
                continue
            closing = ends[marker].search(line, first + 1)
            if closing:
                pieces += line[copied:start], line[first : closing.start()]
                copied = position = closing.end()
                break
            del ends[marker]
    return "".join(pieces) + line[copied:]


def unescaped(text: str) -> str:
    """The text with its character references resolved; numbers that are too long to be any become U+FFFD."""
    return html.unescape(_HUGE_REFERENCE.sub("\ufffd", text))
