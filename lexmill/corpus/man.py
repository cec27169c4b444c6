"""Reader of manual pages (roff with the man or mdoc macros): headings, paragraphs and lists as plain text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from lexmill.corpus.encoding import text_stream
from lexmill.corpus.mdoc import CALLABLE, arguments, inline_text
from lexmill.corpus.members import Member
from lexmill.corpus.params import CorpusParams
from lexmill.corpus.plain import Cut, decoded, extracted, whole
from lexmill.corpus.roff import plain_text, without_comment
from lexmill.corpus.schema import Document, Refusal

MAX_PAGE_BYTES = 16 * 2**20
_CONTROL = re.compile(r"[.'][ \t]*+(\\}|[^\s\\]{0,40})[ \t]*+(.*)", re.S)
_CONDITION = re.compile(
    r"(!?)(?:([a-zA-Z])\b|'[^']{0,200}'[^']{0,200}'|\([^()]{0,200}\)|[^\s{]{1,200})[ \t]*(.*)", re.S
)
# What is skipped, and what ends it; None: `..` or the macro that the line names.
_SKIPPED = {"de": None, "de1": None, "am": None, "am1": None, "dei": None, "ig": None,
            "TS": "TE", "EQ": "EN", "PS": "PE", "EX": "EE", "Bd -literal": "Ed"}  # fmt: skip
_SPACED = frozenset(("B", "I", "R", "SM", "SB", "C", "CW"))
_JOINED = frozenset(("BR", "BI", "IB", "IR", "RB", "RI"))
_BREAKS = frozenset(
    ["PP", "P", "LP", "HP", "sp", "Sp", "RS", "RE", "Pp", "Bl", "El", "Lp", "Rs", "Re", "YS", "ti"]
)
_HEADINGS = frozenset(["SH", "SS", "Sh", "Ss"])
_LINE_BREAKS = frozenset(["br", "nf", "fi", "in", "SY", "Ed", "Bd"])
_NOTHING_BUT_MARKS = re.compile(r"[\W\d_o]{0,4}\.?")
_WIDE = r"[\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]"  # written without spaces; Hangul is not
_WIDE_END, _WIDE_START = re.compile(rf"{_WIDE}\Z"), re.compile(_WIDE)
_MAX_STRINGS = 2000
_MAX_STRING_CHARACTERS = 100  # a reference takes three
_MAX_CONDITIONS = 20  # in one line


@dataclass
class _Page:
    paragraphs: list[str] = field(default_factory=list)
    lines: list[list[str]] = field(default_factory=list)  # in pieces, of the paragraph that is being read
    pieces: int = 0  # texts added to it
    strings: dict[str, str] = field(default_factory=dict)
    name: str = ""  # of an mdoc page
    fills: bool = True
    fresh: bool = True  # the next text begins a line
    glued: bool = False  # it follows without a space
    awaits: str = ""  # "heading" or "tag": what the next text is
    skips_to: str = ""
    skipped_depth: int = 0  # braces of a condition that is false
    last_condition: bool = True
    link: str | None = None  # target of the link that is being read
    link_start: int = 0  # `pieces` where it begins


def read_man(member: Member, params: CorpusParams) -> Iterator[Document | Refusal]:
    """The text of a manual page, in documents by `params.document`; pages that only include another are empty."""
    with text_stream(member, params) as (handle, known):
        raw = whole(handle, MAX_PAGE_BYTES)
        text = decoded(raw, known, member.name, member.language)
    if isinstance(raw, Cut):
        detail = f"more than {MAX_PAGE_BYTES:,} bytes"
        yield Refusal("too_large", detail, member.name, raw.size, member.language, member.domain)
    elif isinstance(text, Refusal):
        yield text
    else:
        yield from extracted(man_text(text), member.language, member, params)


def man_text(source: str) -> str:
    """Plain text of a page: headings and paragraphs parted by empty lines, the tag of a list item on its own line.

    The macros are those of man(7), mdoc(7) and their common extensions; other macros, macro definitions, tables,
    equations and examples (`.EX`) are left out, conditions are taken as a terminal would.
    """
    page = _Page()
    held = ""
    for line in source.replace("\r\n", "\n").split("\n"):
        line = held + line
        held = ""
        if line.endswith("\\") and (len(line) - len(line.rstrip("\\"))) % 2 and len(line) < 10_000:
            held = line[:-1]
            continue
        _read_line(page, line)
    _read_line(page, held)
    _break(page)
    return "\n\n".join(page.paragraphs)


def _read_line(page: _Page, line: str, depth: int = 0) -> None:
    if page.skips_to:
        if line[:1] in (".", "'") and line[1:].strip().split(" ")[0] == page.skips_to:
            page.skips_to = ""
        return
    line = without_comment(line)
    if page.skipped_depth:
        page.skipped_depth = max(page.skipped_depth + line.count("\\{") - line.count("\\}"), 0)
        return
    control = _CONTROL.match(line) if line[:1] in (".", "'") else None
    if control:
        _read_macro(page, control[1], control[2], depth)
    elif line.strip():
        if line[0] in " \t":
            page.fresh = True
        _add(page, plain_text(line, page.strings), glued_next=line.endswith("\\c"))
    else:
        _break(page)


def _read_macro(page: _Page, name: str, rest: str, depth: int) -> None:
    if name in _SKIPPED or (name == "Bd" and "-literal" in rest):
        end = _SKIPPED[name] if name != "Bd" else "Ed"
        words = rest.split()
        named = words[1] if name != "ig" and len(words) > 1 else words[0] if name == "ig" and words else "."
        page.skips_to = end or named
        if end:
            _break(page)
    elif name in ("if", "ie", "el", "while"):
        _read_condition(page, name, rest, depth + 1)
    elif name == "ds":
        key, _, value = rest.partition(" ")
        value = plain_text(value.lstrip(" ").removeprefix('"')[: 5 * _MAX_STRING_CHARACTERS], page.strings)
        if len(page.strings) < _MAX_STRINGS and len(value) <= _MAX_STRING_CHARACTERS:
            page.strings[key] = value
    else:
        _read_text_macro(page, name, rest)


def _read_condition(page: _Page, name: str, rest: str, depth: int) -> None:
    """`n` (a terminal) holds, everything that would need numbers or registers does not."""
    if name == "el":
        holds, body = not page.last_condition, rest
    else:
        condition = _CONDITION.match(rest)
        if not condition:
            return
        holds, body = (condition[2] == "n") != bool(condition[1]), condition[3]
        if not condition[2]:
            holds = False
        page.last_condition = holds
    if holds:
        body = body.lstrip(" ").removeprefix("\\{").lstrip(" ")
        if body.strip() and depth <= _MAX_CONDITIONS:
            _read_line(page, body.replace("\\}", ""), depth)
    else:
        page.skipped_depth = max(body.count("\\{") - body.count("\\}"), 0)


def _read_text_macro(page: _Page, name: str, rest: str) -> None:
    words = [plain_text(word, page.strings) for word in arguments(rest)]
    if name in _HEADINGS:
        _break(page)
        if words:
            page.paragraphs.append(" ".join(words).strip())
        else:
            page.awaits = "heading"
    elif name in _BREAKS:
        _break(page)
        page.fills = page.fills if name == "sp" else True
    elif name in _LINE_BREAKS:
        page.fresh = True
        page.fills = name != "nf" if name in ("nf", "fi") else page.fills
    elif name in ("TP", "TQ"):
        _break(page)
        page.awaits = "tag"
    elif name == "IP":
        _break(page)
        if words and not _NOTHING_BUT_MARKS.fullmatch(words[0]):
            _add(page, words[0])
            page.fresh = True
    elif name == "It":
        _break(page)
        if words and not words[0].startswith("Xo"):
            _add(
                page,
                inline_text(
                    words[0] if words[0] in CALLABLE else "No", words[words[0] in CALLABLE :], page.name
                ),
            )
            page.fresh = True
    elif name in _SPACED:
        _add(page, " ".join(words))
    elif name in _JOINED:
        _add(page, "".join(words))
    elif name in ("UR", "MT"):
        page.link, page.link_start = words[0] if words else "", page.pieces
    elif name in ("UE", "ME"):
        if page.link and page.link_start == page.pieces:
            _add(page, page.link)
        page.link, page.glued = None, bool(words)
        _add(page, words[0] if words else "")
    elif name in ("URL", "MTO"):
        _add(
            page,
            (words[1] if len(words) > 1 and words[1] else words[0] if words else "") + "".join(words[2:3]),
        )
    elif name == "OP":
        _add(page, f"[{' '.join(words)}]")
    elif name == "Nd":
        _add(page, f"— {' '.join(words)}")
    elif name in CALLABLE:
        if name == "Nm" and words and not page.name:
            page.name = words[0]
        _add(page, inline_text(name, words, page.name))


def _add(page: _Page, text: str, glued_next: bool = False) -> None:
    text = text.strip()
    if not text:
        return
    if page.awaits == "heading":
        page.paragraphs.append(text)
    elif page.fresh or not page.fills or not page.lines:
        page.lines.append([text])
        page.pieces += 1
    else:
        line = page.lines[-1]
        tight = page.glued or (_WIDE_END.search(line[-1][-1:]) and _WIDE_START.match(text))
        line += (text,) if tight else (" ", text)
        page.pieces += 1
    page.fresh = page.awaits == "tag"
    page.glued, page.awaits = glued_next, ""


def _break(page: _Page) -> None:
    """End the paragraph."""
    if page.lines:
        page.paragraphs.append("\n".join(map("".join, page.lines)))
    page.lines, page.pieces, page.fresh, page.glued, page.awaits = [], 0, True, False, ""
