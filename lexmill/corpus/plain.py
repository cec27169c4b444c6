"""Readers of plain files: text, Markdown and source code, by file, paragraph or line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath
from typing import IO, Literal

from lexmill.corpus.encoding import text_stream
from lexmill.corpus.languages import CODE_SUFFIXES
from lexmill.corpus.markup import markdown_text
from lexmill.corpus.members import Member, readable
from lexmill.corpus.params import CorpusParams
from lexmill.corpus.schema import Document, Refusal, excerpt_of

MAX_DOCUMENT_BYTES = 64 * 2**20
"""Longer lines, paragraphs or files are refused: no stage after could hold a shard of them."""

_CHUNK_BYTES = 2**19


class Cut(bytes):
    """The beginning of something that is refused for its length; `size` is the whole."""

    size: int

    @classmethod
    def of(cls, beginning: bytes, size: int) -> Cut:
        """What is kept of `size` bytes."""
        cut = cls(beginning[: MAX_DOCUMENT_BYTES + 1])
        cut.size = size
        return cut


def decoded(raw: bytes, params: CorpusParams, origin: str, language: str | None = None) -> str | Refusal:
    """Text of the bytes, or a refusal that says which byte is wrong; a byte-order mark is dropped."""
    if len(raw) > MAX_DOCUMENT_BYTES:
        size = raw.size if isinstance(raw, Cut) else len(raw)
        return Refusal("too_large", f"more than {MAX_DOCUMENT_BYTES:,} bytes", origin, size, language)
    errors = "strict" if params.invalid_bytes == "reject" else "replace"
    try:
        return raw.decode(params.encoding, errors).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        detail = f"byte 0x{raw[error.start]:02x} at offset {error.start} is not valid {params.encoding}"
        excerpt = excerpt_of(raw[:400].decode(params.encoding, "replace"))
        return Refusal("invalid_bytes", detail, origin, len(raw), language, params.domain, excerpt)


def lines_of(handle: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """(line number from 1, line without its end); a line beyond `MAX_DOCUMENT_BYTES` is a `Cut` one byte after it, so
    that `decoded` refuses it and memory stays bounded."""
    number, begun, skipped = 0, bytearray(), 0  # of a line that goes on
    while chunk := handle.read(_CHUNK_BYTES):
        first, *others = chunk.split(b"\n")
        if len(begun) <= MAX_DOCUMENT_BYTES:
            begun += first
        else:
            skipped += len(first)
        if not others:
            continue
        number += 1
        yield number, _ended(bytes(begun) if begun else first, skipped)
        begun, skipped = bytearray(others.pop()), 0
        for line in others:
            number += 1
            yield number, _ended(line)
    if begun:
        yield number + 1, _ended(bytes(begun), skipped)


def _ended(line: bytes, skipped: int = 0) -> bytes:
    line = line.rstrip(b"\r")
    return line if len(line) <= MAX_DOCUMENT_BYTES else Cut.of(line, len(line) + skipped)


def whole(handle: IO[bytes], limit: int) -> bytes:
    """All bytes of a file, or a `Cut` when there are more than `limit`."""
    raw = handle.read(limit + 1)
    if len(raw) <= limit:
        return raw
    size = len(raw)
    while chunk := handle.read(_CHUNK_BYTES):
        size += len(chunk)
    return Cut.of(raw, size)


def read_text(member: Member, params: CorpusParams) -> Iterator[Document | Refusal]:
    """Documents of a `text` or `markdown` file by `params.document`."""
    with text_stream(member, params) as (handle, known):
        for origin, raw in _pieces(handle, member.name, params.document):
            text = decoded(raw, known, origin, member.language)
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
    with text_stream(member, params) as (handle, known):
        text = decoded(whole(handle, MAX_DOCUMENT_BYTES), known, member.name, language)
    if isinstance(text, Refusal):
        yield text
    else:
        yield Document(text, language, domain, member.group, member.name)


def text_pieces(
    member: Member, document: Literal["file", "paragraph", "line"]
) -> Iterator[tuple[str, bytes]]:
    """(origin, bytes) of each document of a text file before decoding; empty lines part paragraphs."""
    with readable(member) as handle:
        yield from _pieces(handle, member.name, document)


def extracted(
    text: str, language: str | None, member: Member, params: CorpusParams
) -> Iterator[Document | Refusal]:
    """Documents of the text that was extracted from one marked-up file, by `params.document`.

    Paragraphs are parted by empty lines; the origin of the n-th paragraph or line ends in `#<n>` (from 1).  Text of
    more than `MAX_DOCUMENT_BYTES` characters is refused.
    """
    if len(text) > MAX_DOCUMENT_BYTES:
        detail = f"its text has more than {MAX_DOCUMENT_BYTES:,} characters"
        yield Refusal("too_large", detail, member.name, len(text), language, member.domain)
        return
    if params.document == "file":
        yield Document(text, language, member.domain, member.group, member.name)
        return
    pieces = text.split("\n\n" if params.document == "paragraph" else "\n")
    full = (piece for piece in pieces if piece.strip())
    for number, piece in enumerate(full, start=1):
        origin = f"{member.name}#{number}"
        yield Document(piece.strip("\n"), language, member.domain, member.group, origin)


def _pieces(
    handle: IO[bytes], name: str, document: Literal["file", "paragraph", "line"]
) -> Iterator[tuple[str, bytes]]:
    if document == "file":
        yield name, whole(handle, MAX_DOCUMENT_BYTES)
    elif document == "line":
        for number, line in lines_of(handle):
            if line.strip():
                yield f"{name}:{number}", line
    else:
        yield from _paragraphs(name, handle)


def _paragraphs(name: str, handle: IO[bytes]) -> Iterator[tuple[str, bytes]]:
    start, lines, size = 0, [], 0
    for number, line in lines_of(handle):
        if line.strip():
            start = start or number
            if size <= MAX_DOCUMENT_BYTES:  # beyond it the paragraph is refused anyway
                lines.append(line)
            size += (line.size if isinstance(line, Cut) else len(line)) + 1
        elif lines:
            yield f"{name}:{start}", _paragraph(lines, size - 1)
            start, lines, size = 0, [], 0
    if lines:
        yield f"{name}:{start}", _paragraph(lines, size - 1)


def _paragraph(lines: list[bytes], size: int) -> bytes:
    joined = b"\n".join(lines)
    return joined if size <= MAX_DOCUMENT_BYTES else Cut.of(joined, size)
