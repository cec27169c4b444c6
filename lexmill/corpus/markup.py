"""Plain text out of interface strings and Markdown."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

# Tags only: `<`, then a letter or a slash, so that "a < b" and "<3" stay.
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,2000}>|<!--.*?-->", re.S)
_LINK = re.compile(r"!?\[([^\]\[]*)\]\([^()\s]*(?:\s+\"[^\"]*\")?\)")
_SPACE = re.compile(r"[ \t\r\n\u00a0\u2000-\u200a\u2028\u2029\u202f\u3000\ufeff]+")
_EMPHASIS = re.compile(r"(\*\*|__|\*|`)(?=\S)(.+?)(?<=\S)\1")
_FENCE = re.compile(r"^ {0,3}(```+|~~~+)[^\n]*\n.*?(?:^ {0,3}\1[ \t]*$|\Z)", re.M | re.S)
_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.S)
_LINE_MARKER = re.compile(r"^\s*(?:#{1,6}\s+|>\s?|[-*+]\s+|\d+[.)]\s+)+")
_TABLE_RULE = re.compile(r"^\s*\|?[\s:|-]+\|?\s*$")
# printf (%s, %(name)s, %1$d), brace ({name}, {0}, {{ x }}), and key references.
PLACEHOLDER = re.compile(r"%(?:\([A-Za-z_]\w*\)|\d+\$)?[-+0#]*\d*(?:\.\d+)?[sdifrux]|\{+[^{}\n]{0,60}\}+")
REFERENCE = re.compile(r"\s*\[%key:[^\]]*%\]\s*")


def segment_text(text: str) -> str:
    """One interface string as one line of plain text: tags and link targets gone, entities resolved."""
    if "<" in text:
        text = _TAG.sub(" ", text)
    if "](" in text:
        text = _LINK.sub(r"\1", text)
    if "&" in text:
        text = html.unescape(text)
    return _SPACE.sub(" ", text).strip()


def markdown_text(text: str) -> str:
    """Markdown as plain text: paragraphs stay parted by empty lines; code blocks, front matter and tables' rules go.

    Good enough for prose; it is no CommonMark parser (nested structures lose their nesting).
    """
    text = text.replace("\r\n", "\n")
    text = _FENCE.sub("", _FRONT_MATTER.sub("", text))
    text = _TAG.sub("", text)
    return "\n".join(_markdown_lines(text)).strip()


def _markdown_lines(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        if "|" in line and _TABLE_RULE.match(line):
            continue
        line = _LINK.sub(r"\1", _LINE_MARKER.sub("", line))
        line = _EMPHASIS.sub(r"\2", line)
        yield html.unescape(line).strip(" |")
