"""Encodings: which one a file's bytes are in, and streams whose lines can be found as bytes."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from resiliparse.parse.encoding import detect_encoding, map_encoding_to_html5

from lexmill.corpus.languages import DETECT
from lexmill.corpus.members import Member, readable
from lexmill.corpus.params import CorpusParams
from lexmill.corpus.schema import Refusal

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

SAMPLE_BYTES = 4 * 2**20
"""Of each file, as much is looked at to detect its encoding."""
_DECLARED_SAMPLE_BYTES = 2**16
_STATISTICS_BYTES = 2**16
_CHUNK_BYTES = 2**17
MAX_CONTROL_SHARE = 0.02
"""Of the bytes of text; UTF-16 read as UTF-8 has half NULs, random bytes have a tenth of controls."""
_CONTROLS = bytes(b for b in range(32) if b not in b"\t\n\v\f\r\x1b")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins with the mark of UTF-16-LE
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WIDE = {"utf-32-le": 4, "utf-32-be": 4, "utf-16-le": 2, "utf-16-be": 2}  # codec -> bytes a unit
_DECLARATION = re.compile(
    rb"""<\?xml[^>]{1,200}?\bencoding\s{0,9}=\s{0,9}["']([\w.:-]{1,40})|<meta\b[^>]{1,500}?\bcharset\s{0,9}=\s{0,9}["']?([\w.:-]{1,40})""",
    re.I,
)
_DECLARED_CODECS = frozenset(
    ("big5hkscs", "cp1125", "cp437", "cp775", "cp850", "cp852", "cp855", "cp857", "cp862", "cp949", "euc_jis_2004",
     "hz", "iso2022_kr", "johab", "mac-cyrillic", "mac-greek", "mac-latin2", "shift_jis_2004")
)  # fmt: skip
"""Python's names of what documents may declare besides the encodings of the HTML standard."""
_ISO_2022 = re.compile(rb"\x1b[$(]")


class RefusedFileError(ValueError):
    """A file that is no text at all; `refusal` says why."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"{refusal.origin}: {refusal.detail}")
        self.refusal = refusal


@contextmanager
def text_stream(member: Member, params: CorpusParams) -> Iterator[tuple[IO[bytes], CorpusParams]]:
    """Open a member as bytes whose lines end in `\\n`, with parameters whose `encoding` is the codec of these bytes.

    `detect` is resolved for this file; UTF-16 and UTF-32 are transcoded to UTF-8, and what is not valid in them becomes
    bytes that are not valid in UTF-8 either.  Raises RefusedFileError for binary files, ReadError for damaged ones.
    """
    detect = params.encoding == DETECT
    with readable(member) as handle:
        head = handle.read(SAMPLE_BYTES if detect else _DECLARED_SAMPLE_BYTES)
        codec = _codec(head, member, params)
        handle = io.BufferedReader(_Rejoined(head, handle), _CHUNK_BYTES)
        if codec.replace("_", "-").startswith(("utf-16", "utf-32")):
            errors = "replace" if params.invalid_bytes == "replace" else "lexmill.invalid"
            handle = io.BufferedReader(_Transcoded(handle, codec, errors), _CHUNK_BYTES)
            codec = "utf-8"
        yield handle, params if codec == params.encoding else params.model_copy(update={"encoding": codec})


def detected_encoding(sample: bytes, complete: bool = True) -> str | None:
    """Python codec of a file that starts with `sample` (is it, when `complete`), or None when it is no text.

    By byte-order mark, by the NULs of UTF-16 and UTF-32, UTF-8 where it is valid, else by the statistics of uchardet
    (through resiliparse) over the lines that are not ASCII.
    """
    marked = next((codec for mark, codec in _MARKS if sample.startswith(mark)), None)
    if marked or (marked := _wide_codec(sample)):
        return marked
    if _is_binary(sample):
        return None
    if _is_utf8(sample, complete) and not _ISO_2022.search(sample):
        return "utf-8"
    lines = io.BytesIO()
    for line in sample.splitlines(keepends=True):
        if not line.isascii() or b"\x1b" in line:
            lines.write(line[:_STATISTICS_BYTES])
        if lines.tell() >= _STATISTICS_BYTES:
            break
    guess = detect_encoding(lines.getvalue(), max_len=0, html5_compatible=False)
    return _python_codec(guess) or "cp1252"


def document_encoding(raw: bytes, params: CorpusParams) -> str | None:
    """Python codec of a whole HTML or XML document, or None when it is no text.

    By byte-order mark, else `params.encoding` when it is neither UTF-8 nor `detect`, else as the document declares,
    else UTF-8 or detection.
    """
    marked = next((codec for mark, codec in _MARKS if raw.startswith(mark)), None)
    if marked or (marked := _wide_codec(raw[:_DECLARED_SAMPLE_BYTES])):
        return marked
    if _is_binary(raw[:_DECLARED_SAMPLE_BYTES]):
        return None
    if params.encoding not in ("utf-8", DETECT):
        return params.encoding
    if declared := _DECLARATION.search(raw[:4096]):
        name = (declared[1] or declared[2]).decode("ascii", "replace")
        if codec := declared_codec(name):  # a declaration that can be read as ASCII is not in UTF-16
            return "utf-8" if codec.startswith("utf-16") else codec
    return detected_encoding(raw) if params.encoding == DETECT else "utf-8"


def declared_codec(name: str | None) -> str | None:
    """Python codec of the charset that a document or its server names, or None for what is no known encoding of text.

    Such names are written by anyone: Python's own (`idna`, `hex`, `unicode_escape`) are codecs, but none of text.
    """
    try:
        codec = codecs.lookup((name or "").strip()).name
    except (LookupError, ValueError):
        codec = ""
    for known in (name or "", codec):
        if found := map_encoding_to_html5(known, fallback_utf8=False):
            return codecs.lookup(found).name
    return codec if codec in _DECLARED_CODECS else None


def _codec(head: bytes, member: Member, params: CorpusParams) -> str:
    """The codec of a file by its parameters and its first bytes; raises RefusedFileError when it cannot be text."""
    if params.encoding == DETECT:
        codec = detected_encoding(head, complete=len(head) < SAMPLE_BYTES)
        if codec is None:
            raise _refused(member, "binary", "its control characters say that it is no text", len(head))
        return codec
    if params.encoding.replace("_", "-").lower().startswith(("utf-16", "utf-32")):
        return params.encoding
    wide = next((codec for mark, codec in _MARKS[1:] if head.startswith(mark)), None) or _wide_codec(head)
    if wide:
        detail = f"it is in {wide}, not in {params.encoding}; set `encoding: detect`"
        raise _refused(member, "wrong_encoding", detail, len(head))
    if _is_binary(head):
        raise _refused(member, "binary", "its control characters say that it is no text", len(head))
    return params.encoding


def _refused(member: Member, reason: str, detail: str, size: int) -> RefusedFileError:
    return RefusedFileError(Refusal(reason, detail, member.name, size, member.language, member.domain))


def _is_binary(sample: bytes) -> bool:
    return len(sample) - len(sample.translate(None, _CONTROLS)) > max(MAX_CONTROL_SHARE * len(sample), 2)


def _is_utf8(sample: bytes, complete: bool) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample, final=complete)
    except UnicodeDecodeError:
        return False
    return True


def _wide_codec(sample: bytes) -> str | None:
    """UTF-16 or UTF-32 without byte-order mark: NULs on one side of the units, and text when decoded."""
    sample = sample[: _STATISTICS_BYTES - _STATISTICS_BYTES % 4]
    nuls = sample.count(0)
    if nuls < max(1, 0.005 * len(sample)) or len(sample) < 4:
        return None
    if 5 * nuls < len(sample) and _is_utf8(sample, complete=False):  # a few stray NULs
        return None
    for codec, width in _WIDE.items():
        high = 0 if codec.endswith("be") else width - 1
        if 10 * sample[high::width].count(0) * (width - 1) < 8 * nuls:
            continue
        text = codecs.getincrementaldecoder(codec)("replace").decode(sample)
        bad = sum(
            c == "\ufffd" or (c < " " and c not in "\t\n\f\r") or "\ue000" <= c <= "\uf8ff" for c in text
        )
        if bad <= MAX_CONTROL_SHARE * len(text):
            return codec
    return None


def _python_codec(name: str | None) -> str | None:
    """Python's name of a codec of text that contains ASCII (or UTF-16), or None."""
    try:
        codec = codecs.lookup(name or "").name
        codec = (
            "cp1252" if codec == "iso8859-1" else codec
        )  # as browsers do: it holds typographic quotes as well
        return codec if codec.startswith("utf-16") or "a\n".encode(codec) == b"a\n" else None
    except (LookupError, UnicodeError):
        return None


def _mark_invalid(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return "\udcff", error.end  # UTF-8 of a lone surrogate is invalid, so the line or document is refused


codecs.register_error("lexmill.invalid", _mark_invalid)


class _Rejoined(io.RawIOBase):
    """What was read of a stream already, and the rest of it."""

    def __init__(self, head: bytes, rest: IO[bytes]) -> None:
        self._head, self._rest = io.BytesIO(head), rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        return self._head.readinto(buffer) or int(self._rest.readinto(buffer))  # type: ignore[attr-defined]

    def readall(self) -> bytes:
        return self._head.read() + self._rest.read()  # a compressed file's own limit holds


class _Transcoded(io.RawIOBase):
    """A stream of another codec as UTF-8."""

    def __init__(self, source: IO[bytes], codec: str, errors: str) -> None:
        self._source, self._ready, self._done = source, memoryview(b""), False
        self._decoder = codecs.getincrementaldecoder(codec)(errors)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        while not self._ready and not self._done:
            chunk = self._source.read(_CHUNK_BYTES)
            self._done = not chunk
            text = self._decoder.decode(chunk, final=self._done)
            self._ready = memoryview(text.encode("utf-8", "surrogatepass"))
        view = memoryview(buffer).cast("B")
        count = min(len(view), len(self._ready))
        view[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def readall(self) -> bytes:
        rest = self._decoder.decode(self._source.read(), final=True)
        return bytes(self._ready) + rest.encode("utf-8", "surrogatepass")
