"""Readers of plain files: text, Markdown and source code, by file, paragraph or line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath
from typing import IO, Literal

from lexmill.corpus.languages import CODE_SUFFIXES
from lexmill.corpus.markup import markdown_text
from lexmill.corpus.members import Member, readable
from lexmill.corpus.params import CorpusParams
from lexmill.corpus.schema import Document, Refusal, excerpt_of

MAX_DOCUMENT_BYTES = 64 * 2**20
"""Longer lines, paragraphs or files are refused: no stage after could hold a shard of them."""


def decoded(raw: bytes, params: CorpusParams, origin: str, language: str | None = None) -> str | Refusal:
    """Text of the bytes, or a refusal that says which byte is wrong; a byte-order mark is dropped."""
    if len(raw) > MAX_DOCUMENT_BYTES:
        return Refusal("too_large", f"more than {MAX_DOCUMENT_BYTES:,} bytes", origin, len(raw), language)
    errors = "strict" if params.invalid_bytes == "reject" else "replace"
    try:
        return raw.decode(params.encoding, errors).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        detail = f"byte 0x{raw[error.start]:02x} at offset {error.start} is not valid {params.encoding}"
        excerpt = excerpt_of(raw[:400].decode(params.encoding, "replace"))
        return Refusal("invalid_bytes", detail, origin, len(raw), language, params.domain, excerpt)


def lines_of(handle: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """(line number from 1, line without its end); a line beyond `MAX_DOCUMENT_BYTES` is cut one byte after it, so
    that `decoded` refuses it and memory stays bounded."""
    number = 0
    while line := handle.readline(MAX_DOCUMENT_BYTES + 1):
        number += 1
        if len(line) > MAX_DOCUMENT_BYTES and not line.endswith(b"\n"):
            while (rest := handle.readline(MAX_DOCUMENT_BYTES)) and not rest.endswith(b"\n"):
                pass
        yield number, line.rstrip(b"\r\n") if len(line) <= MAX_DOCUMENT_BYTES else line


def read_text(member: Member, params: CorpusParams) -> Iterator[Document | Refusal]:
    """Documents of a `text` or `markdown` file by `params.document`."""
    for origin, raw in text_pieces(member, params.document):
        text = decoded(raw, params, origin, member.language)
        if isinstance(text, Refusal):
            yield text
            continue
        if member.format == "markdown":
            text = markdown_text(text)
        yield Document(text, member.language, member.domain, member.group, origin)


def read_code(member: Member, params: CorpusParams) -> Iterator[Document | Refusal]:
    """A source file as one document; its language by suffix unless declared, its domain `code` unless set."""
    language = member.language or CODE_SUFFIXES.get(PurePath(member.name.lower()).suffix)
    domain = "code" if member.domain == "general" else member.domain
    with readable(member) as handle:
        text = decoded(handle.read(MAX_DOCUMENT_BYTES + 1), params, member.name, language)
    if isinstance(text, Refusal):
        yield text
    else:
        yield Document(text, language, domain, member.group, member.name)


def text_pieces(
    member: Member, document: Literal["file", "paragraph", "line"]
) -> Iterator[tuple[str, bytes]]:
    """(origin, bytes) of each document of a text file before decoding; empty lines part paragraphs."""
    with readable(member) as handle:
        if document == "file":
            yield member.name, handle.read(MAX_DOCUMENT_BYTES + 1)
        elif document == "line":
            for number, line in lines_of(handle):
                if line.strip():
                    yield f"{member.name}:{number}", line
        else:
            yield from _paragraphs(member.name, handle)


def _paragraphs(name: str, handle: IO[bytes]) -> Iterator[tuple[str, bytes]]:
    start, lines, size = 0, [], 0
    for number, line in lines_of(handle):
        if line.strip():
            start = start or number
            if size <= MAX_DOCUMENT_BYTES:  # beyond it the paragraph is refused anyway
                lines.append(line)
            size += len(line) + 1
        elif lines:
            yield f"{name}:{start}", b"\n".join(lines)
            start, lines, size = 0, [], 0
    if lines:
        yield f"{name}:{start}", b"\n".join(lines)
