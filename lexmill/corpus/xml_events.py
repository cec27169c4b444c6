"""XML as a stream of events, with bounded memory, without entities of entities and without anything external."""

from __future__ import annotations

import codecs
import html.entities
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any, NamedTuple
from xml.parsers import expat

from lexmill.corpus.encoding import document_encoding
from lexmill.corpus.params import CorpusParams

MAX_DEPTH = 250
MAX_TOKEN_BYTES = 4 * 2**20
"""Of a tag or comment; the parser holds it whole.  Text comes in parts and has no limit here."""
MAX_ENTITY_CHARACTERS = 200
_CHUNK_BYTES = 2**16


class XmlError(ValueError):
    """XML that is not well-formed, not in its encoding, or beyond the limits."""


class Event(NamedTuple):
    """`start` of the element `value`, its `end`, or `text`; names are without their prefix."""

    kind: str
    value: str
    attributes: Mapping[str, str]


def xml_events(handle: IO[bytes], params: CorpusParams) -> Iterator[Event]:
    """Events of one XML document, read by chunks.

    Entities that the document declares as plain text are resolved, and HTML's named ones; others are left out, and
    nothing is ever fetched.  Invalid bytes are replaced when `params.invalid_bytes` says so.  Raises XmlError at the
    first damage.
    """
    parser = expat.ParserCreate()
    parser.buffer_text, parser.buffer_size = True, _CHUNK_BYTES  # fewer, longer texts
    found: list[Event] = []
    _set_handlers(parser, found)
    head = handle.read(_CHUNK_BYTES)
    codec = document_encoding(head, params)
    if codec is None:
        raise XmlError("its control characters say that it is no text")
    decode = codecs.getincrementaldecoder(codec)(
        "replace" if params.invalid_bytes == "replace" else "strict"
    ).decode
    depth = quiet = 0
    chunk = head
    while True:
        failure = _feed(parser, decode, chunk, codec, first=chunk is head)
        quiet = 0 if found else quiet + len(chunk)
        if quiet > MAX_TOKEN_BYTES:
            raise XmlError(f"a tag or comment of more than {MAX_TOKEN_BYTES:,} bytes")
        for event in found:
            depth += (event.kind == "start") - (event.kind == "end")
            if depth > MAX_DEPTH:
                raise XmlError(f"its elements are nested deeper than {MAX_DEPTH}")
            if event.value or event.kind != "text":
                yield event
        found.clear()
        if failure:  # after what stands before the damage, wherever chunks end
            raise failure
        if not chunk:
            return
        chunk = handle.read(_CHUNK_BYTES)


def _feed(
    parser: expat.XMLParserType, decode: Callable[..., str], chunk: bytes, codec: str, first: bool
) -> XmlError | None:
    try:
        text = decode(chunk, final=not chunk)
        parser.Parse(text.removeprefix("\ufeff") if first else text, not chunk)
    except UnicodeDecodeError as error:
        return XmlError(f"it is not valid {codec} ({error.reason}); set `encoding` or `invalid_bytes`")
    except expat.ExpatError as error:
        return XmlError(f"it is not well-formed: {error}")
    except XmlError as error:
        return error
    return None


def _set_handlers(parser: expat.XMLParserType, found: list[Event]) -> None:
    declared: dict[str, str] = {}

    def start(name: str, attributes: dict[str, str]) -> None:
        found.append(Event("start", name.rpartition(":")[2], attributes))

    def end(name: str) -> None:
        found.append(Event("end", name.rpartition(":")[2], {}))

    def text(data: str) -> None:
        found.append(Event("text", data, {}))

    def entity(name: str, is_parameter: int, value: str | None, *_: Any) -> None:
        if is_parameter or value is None:  # a parameter entity or an external one: never read
            return
        if "&" in value or len(value) > MAX_ENTITY_CHARACTERS:
            raise XmlError(f"it declares entity {name!r} by other entities or by a long text; it is refused")
        declared[name] = "" if "<" in value else value

    def other(data: str) -> None:
        # References come here too, because a default handler switches their expansion off.
        name = data[1:-1] if data.startswith("&") and data.endswith(";") else ""
        text(declared.get(name, html.entities.html5.get(f"{name};", "")) if name else "")

    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.EntityDeclHandler = entity
    parser.DefaultHandler = other
