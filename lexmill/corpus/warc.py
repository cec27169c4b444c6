"""Readers of web archives: WARC with the pages' main text, and WET with text that was extracted before."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import IO, Any, NamedTuple

from fastwarc.warc import WarcRecord
from resiliparse.parse.encoding import bytes_to_str, detect_encoding

from lexmill.corpus.encoding import declared_codec
from lexmill.corpus.html import html_text, page_fault
from lexmill.corpus.members import Member, ReadError, readable
from lexmill.corpus.params import CorpusParams
from lexmill.corpus.schema import Document, Refusal

MAX_RECORD_BYTES = 8 * 2**20
"""Of a record's payload, after its content encoding; longer ones are refused.  Crawlers cut pages at 1 to 5 MiB."""
MAX_HEADER_BYTES = 2**16
"""Of a line of a record's header."""
_MAX_HEADER_LINES = 200
_CHUNK_BYTES = 2**20
_FIELD = re.compile(rb"^([\w-]{1,100}):(.*)$", re.M)
_LENGTH = re.compile(r"[0-9]{1,15}")
_MAX_URL_CHARACTERS = 2000
_SUCCESS = (200, 203)
_Fault = tuple[str, str]  # reason and detail
_HTML = ("text/html", "application/xhtml+xml")


class _Record(NamedTuple):
    origin: str
    raw: bytes  # header and content as far as it is there; the header alone when there is a fault
    start: int  # of the content in it
    size: int  # of the content, as announced
    fault: _Fault | None  # why it is not to be used


def read_warc(member: Member, params: CorpusParams) -> Iterator[Document | Refusal]:
    """HTML and plain-text pages of a WARC file (ISO 28500), one document a response; streamed.

    The origin is `<file>:<offset of the record in the unpacked file> <URL>`.  The charset is the server's where it is a
    known one, else the page's own, else detected.  Responses without success, cut ones and those beyond the limits are
    refused; records and content of other types are passed over.  `<html lang>` is not trusted: on the web it is often a
    template's.  Raises ReadError where no record begins.
    """
    for record in _records(member, "response"):
        if record.fault:
            yield _refusal(record.fault, record, member)
            continue
        try:
            text = _page_text(WarcRecord.from_bytes(record.raw))
        except OSError as error:
            text = "bad_content", f"its HTTP message is damaged: {error}"
        if isinstance(text, str):
            yield Document(text, member.language, member.domain, member.group, record.origin)
        elif text is not None:
            yield _refusal(text, record, member)


def read_wet(member: Member, params: CorpusParams) -> Iterator[Document | Refusal]:
    """Conversion records of a WET file (Common Crawl), which are UTF-8 text; origins as in `read_warc`."""
    errors = "strict" if params.invalid_bytes == "reject" else "replace"
    for record in _records(member, "conversion"):
        if record.fault:
            yield _refusal(record.fault, record, member)
            continue
        try:
            text = record.raw[record.start :].decode("utf-8", errors)
            yield Document(text, member.language, member.domain, member.group, record.origin)
        except UnicodeDecodeError as error:
            fault = ("invalid_bytes", f"byte at offset {error.start} is not valid utf-8")
            yield _refusal(fault, record, member)


def _records(member: Member, kind: str) -> Iterator[_Record]:
    """The records of one type.

    The file is cut into records here, and not by fastwarc's own iterator, which needs streams that can seek.
    """
    with readable(member) as handle:
        place = 0
        while line := handle.readline(MAX_HEADER_BYTES):
            if not line.strip():
                place += len(line)
                continue
            head = [line]
            while len(head) < _MAX_HEADER_LINES and (line := handle.readline(MAX_HEADER_BYTES)).strip():
                head.append(line)
            header = b"".join((*head, line))
            fields = _FIELD.findall(header)
            named = {name.lower(): value.decode("utf-8", "replace").strip() for name, value in fields}
            length = named.get(b"content-length", "")
            complete = line in (b"\r\n", b"\n")
            if not header.startswith(b"WARC/") or (complete and not _LENGTH.fullmatch(length)):
                raise ReadError(
                    f"{member.name} holds no WARC record at offset {place:,}; replace it or leave it out"
                )
            size = int(length) if complete else 0
            url = named.get(b"warc-target-uri", "").strip("<>")[:_MAX_URL_CHARACTERS]
            origin = f"{member.name}:{place} {url}".rstrip()
            wanted = named.get(b"warc-type", "").lower() == kind
            fault = _fault(named, size, complete)
            if wanted and not fault:
                content = handle.read(size)
                if len(content) < size:
                    fault = "truncated", f"{len(content):,} of {size:,} bytes are there"
                yield _Record(origin, header + content, len(header), size, fault)
            else:
                _skip(handle, size)
                if wanted or not complete:
                    yield _Record(origin, header, len(header), size, fault)
            place += len(header) + size


def _fault(named: Mapping[bytes, str], size: int, complete: bool) -> _Fault | None:
    if not complete:
        return "truncated", "its header is cut short"
    if cut := named.get(b"warc-truncated"):
        return "truncated", f"the crawler stopped: {cut[:100]}"
    return ("too_large", f"more than {MAX_RECORD_BYTES:,} bytes") if size > MAX_RECORD_BYTES else None


def _skip(handle: IO[bytes], size: int) -> None:
    while size and (chunk := handle.read(min(size, _CHUNK_BYTES))):
        size -= len(chunk)


def _page_text(response: Any) -> str | _Fault | None:
    """Text of a page, why it is not to be used, or None when it is of another type."""
    response.parse_http(auto_decode="all")
    kind = response.http_content_type or ""
    if kind not in (*_HTML, "text/plain"):
        return None
    status = response.http_headers.status_code
    if status not in _SUCCESS:
        return "http_status", str(status)
    payload = bytes(response.reader.read(MAX_RECORD_BYTES + 1))
    if len(payload) > MAX_RECORD_BYTES:
        return "too_large", f"it unpacks to more than {MAX_RECORD_BYTES:,} bytes"
    text = _decoded(payload, response.http_charset)
    if kind not in _HTML:
        return text
    return page_fault(text) or html_text(text)[0]


def _refusal(fault: _Fault, record: _Record, member: Member) -> Refusal:
    return Refusal(*fault, record.origin, record.size, member.language, member.domain)


def _decoded(payload: bytes, charset: str | None) -> str:
    """Text of a page; bytes that are valid nowhere become U+FFFD, as in browsers."""
    codec = (
        declared_codec(charset) or declared_codec(detect_encoding(payload, from_html_meta=True)) or "utf-8"
    )
    return bytes_to_str(payload, encoding=codec, errors="replace", strip_bom=True)
