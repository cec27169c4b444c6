"""MediaWiki markup as plain text, in time linear in its length."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from lexmill.corpus.markup import unescaped

MAX_DEPTH = 100
"""Of templates, tables and links within each other."""
_DROPPED_TAGS = (
    "ref|gallery|math|chem|ce|timeline|imagemap|score|syntaxhighlight|source|graph|mapframe|maplink|templatestyles|"
    "categorytree|inputbox|hiero|section|noinclude|includeonly|pre|style|script"
)
_COMMENT = re.compile(r"<!--.*?-->", re.S)
_PAIRED = re.compile(rf"<(/?)({_DROPPED_TAGS})\b((?:[^<>\"']|\"[^\"<>]*\"|'[^'<>]*')*+)>", re.I)
_NOWIKI = re.compile(r"<(/?)nowiki\b[^<>]{0,100}>", re.I)
_BRACES = re.compile(r"\{\{|\}\}|(?:^|(?<=\n))[ \t:]*+\{\||(?:^|(?<=\n))[ \t]*+\|\}(?!\})")
_LINKS = re.compile(r"\[\[|\]\]")
_EXTERNAL = re.compile(r"\[(?:https?:|ftp:|mailto:)?//[^\s\[\]]{1,2000}+(?:[ \t]++([^\[\]\n]{0,2000}))?\]")
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,1000}>")
_BREAK = re.compile(
    r"<(?:br|p|div|hr|li|tr|blockquote|poem)\b[^<>]{0,1000}>|</(?:p|div|blockquote|poem)>", re.I
)
_EMPHASIS = re.compile(r"'{2,5}")
_MAGIC = re.compile(r"__[A-Z]{3,30}__")
_HEADING_START = re.compile(r"={1,6}[ \t]*+")
_LIST = re.compile(r"[*#:;]+[ \t]*")
_EMPTY_BRACKETS = re.compile(r"[ \t]?\([ \t,;:،、]*\)|[ \t]?（[ \t,;:、]*）")  # left where a template was
_INTERWIKI = re.compile(r"[a-z]{2,3}(?:-[a-z]{2,12}){0,2}|simple")


class WikitextError(ValueError):
    """Markup that is nested deeper than any page is."""


class Namespaces(NamedTuple):
    """Lower-case names, in the wiki's language and in English, of what is no text of the page."""

    files: frozenset[str] = frozenset(("file", "image", "media"))
    categories: frozenset[str] = frozenset(("category",))


def wiki_text(markup: str, names: Namespaces | None = None) -> str:
    """Prose of a page; an empty line parts paragraphs, a heading or list item is a line.

    Templates, tables, references, files, categories, comments, galleries and formulas are left out; links give their
    text.  What is not closed stays as text.  Raises WikitextError beyond `MAX_DEPTH`.
    """
    closed, end, rest = markup.rpartition("-->")  # after it, each `<!--` would cost a scan
    text = _without_pairs(_COMMENT.sub("", closed + end) + rest)
    text = _without_braces(text)
    text = _link_texts(text, names or Namespaces())
    text = _EXTERNAL.sub(lambda found: found[1] or "", text)
    text = _MAGIC.sub("", _EMPHASIS.sub("", text))
    text = _TAG.sub("", _NOWIKI.sub("", _BREAK.sub("\n", text)))
    text = unescaped(text)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(_lines(text))).strip()


def _lines(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        if heading := _heading(line):
            yield f"\n{heading}\n"
            continue
        if item := _LIST.match(line):
            line = line[item.end() :]
        line = _EMPTY_BRACKETS.sub("", line)
        yield line.strip()


def _heading(line: str) -> str:
    """The text between the signs of a heading, or "" when the line is none."""
    start, line = _HEADING_START.match(line), line.rstrip(" \t")
    return line[start.end() :].rstrip("=").rstrip(" \t") if start and line.endswith("=") else ""


def _without_pairs(text: str) -> str:
    """Without the dropped elements; an opening tag whose end is missing drops nothing."""
    tags = list(_PAIRED.finditer(text))
    closing = {tag[2].lower(): tag.start() for tag in tags if tag[1]}  # the last end of every element
    pieces, copied, inside = [], 0, ""
    for tag in tags:
        name = tag[2].lower()
        if tag.start() < copied:
            continue
        if inside:
            if tag[1] and name == inside:
                copied, inside = tag.end(), ""
        elif tag[1] or tag[3].endswith("/"):
            pieces.append(text[copied : tag.start()])
            copied = tag.end()
        elif closing.get(name, -1) > tag.start():
            pieces.append(text[copied : tag.start()])
            copied, inside = tag.start(), name
    return "".join(pieces) + text[copied:]


def _without_braces(text: str) -> str:
    """Without templates and tables, also within each other; unmatched braces stay."""
    marks = list(_BRACES.finditer(text))
    opened: list[re.Match[str]] = []
    spans: list[tuple[int, int]] = []
    for mark in marks:
        brace = mark[0].lstrip(" \t:")
        if brace in ("{{", "{|"):
            opened.append(mark)
            continue
        wanted = "{{" if brace == "}}" else "{|"
        # A table that is not closed inside a template ends with it, and the other way round.
        place = next((i for i in range(len(opened) - 1, max(len(opened) - 1 - MAX_DEPTH, -1), -1)
                      if opened[i][0].lstrip(" \t:") == wanted), -1)  # fmt: skip
        if place >= 0:
            start = opened[place].start()
            del opened[place:]
            while spans and spans[-1][0] >= start:
                spans.pop()
            spans.append((start, mark.end()))
    return _cut(text, spans)


def _cut(text: str, spans: list[tuple[int, int]]) -> str:
    pieces, copied = [], 0
    for start, end in spans:
        pieces.append(text[copied:start])
        copied = end
    return "".join(pieces) + text[copied:]


def _link_texts(text: str, names: Namespaces) -> str:
    """Every `[[target|text]]` as its text; files, categories and links to other languages are left out."""
    stack: list[list[str]] = [[]]
    copied = 0
    for mark in _LINKS.finditer(text):
        stack[-1].append(text[copied : mark.start()])
        copied = mark.end()
        if mark[0] == "[[":
            if len(stack) > MAX_DEPTH:
                raise WikitextError(f"links are nested deeper than {MAX_DEPTH}")
            stack.append([])
        elif len(stack) > 1:
            inner = "".join(stack.pop())
            stack[-1].append(_link_text(inner, names))
        else:
            stack[-1].append("]]")
    stack[-1].append(text[copied:])
    while len(stack) > 1:  # never closed
        rest = "".join(stack.pop())
        stack[-1].append(f"[[{rest}")
    return "".join(stack[0])


def _link_text(inner: str, names: Namespaces) -> str:
    target, bar, text = inner.partition("|")
    prefix, colon, title = target.partition(":")
    name = prefix.strip().lower().replace("_", " ")
    interwiki = not bar and _INTERWIKI.fullmatch(prefix.strip())
    if colon and name and (name in names.files or name in names.categories or interwiki):
        return ""
    if bar:
        return text.rpartition("|")[2] if text else (title or prefix).partition("(")[0].strip()
    return target.strip().removeprefix(":")
