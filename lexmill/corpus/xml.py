"""Reader of XML documents: DocBook, Mallard and others, their text by paragraphs."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lexmill.corpus.languages import UnknownLanguageError, language_label
from lexmill.corpus.members import Member, readable
from lexmill.corpus.params import CorpusParams
from lexmill.corpus.plain import MAX_DOCUMENT_BYTES, extracted
from lexmill.corpus.schema import Document, Refusal
from lexmill.corpus.xml_events import Event, XmlError, xml_events

# Elements of DocBook, Mallard, TEI, DITA and XHTML whose children are parts of one sentence.
_PARAGRAPHS = frozenset(
    ("p", "para", "simpara", "formalpara", "title", "subtitle", "titleabbrev", "bridgehead", "desc", "term", "seg",
     "head", "h1", "h2", "h3", "h4", "h5", "h6")
)  # fmt: skip
_ROWS = frozenset(("row", "tr", "strow"))  # one paragraph, whatever their cells are made of
_KEYS = frozenset(("keyseq", "keycombo"))
_DROPPED = frozenset(
    ("script", "style", "programlisting", "screen", "synopsis", "cmdsynopsis", "funcsynopsis", "classsynopsis",
     "literallayout", "indexterm", "remark", "svg", "math", "teiHeader", "prolog", "revhistory", "index", "toc")
)  # fmt: skip
_SPACE = re.compile(r"[ \t\r\n]+")


class _TooLongError(XmlError):
    """Text that is longer than any document may be."""


@dataclass
class _Element:
    name: str
    joins: bool  # its children are parts of one paragraph
    run: list[str] = field(default_factory=list)  # of the paragraph that is being read
    blocks: list[str] = field(default_factory=list)  # finished paragraphs


def read_xml(member: Member, params: CorpusParams) -> Iterator[Document | Refusal]:
    """The text of an XML file in documents by `params.document`; a file that is not well-formed is refused.

    The language is that of the root's `xml:lang` where none is declared otherwise.
    """
    with readable(member) as handle:
        raw = handle.read(MAX_DOCUMENT_BYTES + 1)
    if len(raw) > MAX_DOCUMENT_BYTES:
        detail = f"more than {MAX_DOCUMENT_BYTES:,} bytes"
        yield Refusal("too_large", detail, member.name, len(raw), member.language, member.domain)
        return
    try:
        text, language = xml_text(xml_events(io.BytesIO(raw), params))
    except _TooLongError as error:
        yield Refusal("too_large", str(error), member.name, len(raw), member.language, member.domain)
        return
    except XmlError as error:
        yield Refusal("bad_xml", str(error), member.name, len(raw), member.language, member.domain)
        return
    yield from extracted(text, member.language or language, member, params)


def xml_text(events: Iterator[Event]) -> tuple[str, str | None]:
    """(text, language label of the root's `xml:lang` or None) of a document; an empty line parts paragraphs.

    An element is part of its parent's paragraph when the parent is a known paragraph or holds text of its own, else a
    paragraph itself.  Listings, indexes and metadata but for the title are left out.  Raises XmlError as
    soon as the text has more than `MAX_DOCUMENT_BYTES` characters, as with many references to an entity.
    """
    language: str | None = None
    stack = [_Element("", joins=False)]
    skipped = characters = 0
    for event in events:
        if event.kind == "text":
            if not skipped:
                characters += len(event.value)
                if characters > MAX_DOCUMENT_BYTES:
                    raise _TooLongError(f"its text has more than {MAX_DOCUMENT_BYTES:,} characters")
                stack[-1].run.append(event.value)
                stack[-1].joins |= not event.value.isspace()
        elif event.kind == "start":
            if len(stack) == 1 and not skipped:
                language = _label(event.attributes)
            if skipped or _is_dropped(event, stack[-1].name):
                skipped += 1
            else:
                stack.append(_Element(event.value, event.value in _PARAGRAPHS))
        elif skipped:
            skipped -= 1
        else:
            element = stack.pop()
            _close(element, stack[-1])
    return "\n\n".join(stack[0].blocks), language


def _close(element: _Element, parent: _Element) -> None:
    """Give an element's text to its parent: as a part of the parent's paragraph, or as paragraphs of their own."""
    if element.name in _KEYS:
        element.run = ["+".join(key for part in element.run if (key := part.strip()))]
    is_block = element.name in _PARAGRAPHS or element.name in _ROWS or parent.name == ""
    if element.blocks or is_block:
        _flush(element)
        if element.name in _ROWS:
            element.blocks = [" ".join(element.blocks)] if element.blocks else []
        _flush(parent)
        parent.blocks += element.blocks
    elif parent.joins:
        parent.run += element.run
    else:  # it may yet turn out to begin a sentence of the parent
        parent.run.append("".join(element.run))


def _flush(element: _Element) -> None:
    """Finish the paragraph that is being read; the parts of what is no paragraph become paragraphs each."""
    parts = ["".join(element.run)] if element.joins else element.run
    element.blocks += [text for part in parts if (text := _SPACE.sub(" ", part).strip())]
    element.run = []


def _is_dropped(event: Event, parent: str) -> bool:
    if event.value in _DROPPED:
        return True
    return parent.endswith("info") and (event.value != "title" or "type" in event.attributes)


def _label(attributes: Mapping[str, str]) -> str | None:
    try:
        return language_label(attributes.get("xml:lang") or attributes.get("lang") or "")
    except UnknownLanguageError:
        return None
