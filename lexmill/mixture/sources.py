"""The categories of an audit as local files: `NAME=PATH`, read document by document in bounded memory.

A path is a file, a folder (read recursively) or a glob of `.txt`, `.md`, `.jsonl`, `.parquet` and source files; all but
Parquet may be packed as `.gz`, `.zst`, `.bz2` or `.xz`.  One document is in memory at a time, one batch of rows for
Parquet.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple, get_args

from lexmill.archives import decompressed
from lexmill.corpus.files import PathError, compression_of, local_files
from lexmill.corpus.members import Member, ReadError, readable
from lexmill.corpus.params import format_of
from lexmill.corpus.plain import MAX_DOCUMENT_BYTES, lines_of, text_pieces
from lexmill.corpus.records import parquet_rows

DocumentRule = Literal["line", "paragraph", "file"]
RULES: tuple[DocumentRule, ...] = get_args(DocumentRule)
MAX_NAME = 64  # characters of a category's name
LABELS = ("group", "id", "source")  # fields of a record beside its text
_FORMATS = ("text", "markdown", "code", "jsonl", "parquet")


class SourceError(ValueError):
    """A category that cannot be read, and where; the message is for the user."""


class TextDocument(NamedTuple):
    """One document of a category."""

    unit: str  # documents of one unit stand or fall together when documents are resampled
    category: str
    source: str  # where it is from, for the spread between sources
    text: str


@dataclass(frozen=True)
class Category:
    """A category's name and the file, folder or glob that holds its text."""

    name: str
    path: str


@dataclass
class ReadTally:
    """What was read of a category; grows while `read_category` runs."""

    files: int = 0
    documents: int = 0
    bytes: int = 0  # UTF-8 bytes of their text
    invalid_documents: int = 0  # documents that were not valid UTF-8
    invalid_sequences: int = 0  # byte sequences in them that were replaced by U+FFFD


def parse_categories(values: Sequence[str]) -> tuple[Category, ...]:
    """Categories of `NAME=PATH` arguments, in the order given.

    Raises SourceError for an argument of another form, a name twice, and fewer than two categories.
    """
    found: list[Category] = []
    for value in values:
        category = Category(*named_path(value, "--category"))
        if any(category.name == other.name for other in found):
            raise SourceError(
                f"the category {category.name!r} is given twice: name every category once, and let a folder or a "
                "glob hold several files"
            )
        found.append(category)
    if len(found) < 2:
        raise SourceError(
            f"a mixture needs at least two categories, but there is {len(found) or 'none'}: give --category "
            "NAME=PATH once for each"
        )
    return tuple(found)


def named_path(value: str, flag: str) -> tuple[str, str]:
    """The two parts of a `NAME=PATH` argument of `flag`.  Raises SourceError."""
    name, equals, path = value.partition("=")
    if not equals or not name.strip() or not path:
        raise SourceError(f"{flag} {value!r}: write NAME=PATH, for example french=texts/fr.txt")
    name = name.strip()
    if len(name) > MAX_NAME or not name.isprintable():
        raise SourceError(f"{flag} {value!r}: a name has at most {MAX_NAME} printable characters")
    return name, path


def category_files(category: Category) -> list[tuple[str, Path]]:
    """(name, path) of a category's files, sorted by name.

    Raises SourceError when the path names nothing, or a file of a kind that is not read here.
    """
    path = Path(category.path).expanduser()
    try:
        files = local_files(path)
    except (PathError, OSError) as error:
        raise SourceError(f"category {category.name!r}: {error}") from error
    for name, _ in files:
        if format_of(name) not in _FORMATS:
            raise SourceError(
                f"category {category.name!r}: {name} is of a kind that is not read here: give .txt, .md, .jsonl "
                "(plain, .gz or .zst), .parquet or source code"
            )
    return files


def read_category(
    category: Category,
    files: Sequence[tuple[str, Path]],
    rule: DocumentRule = "paragraph",
    text_field: str = "text",
    tally: ReadTally | None = None,
) -> Iterator[TextDocument]:
    """Documents of `files` (see `category_files`) that hold more than white space, in order.

    `rule` parts text files; a source file is one document, and so is a record of JSON Lines and Parquet, whose text is
    in `text_field`.  A record's `group`, else its `id` within the file, else its number is the unit; its `source`, else
    the file, the source.  Bytes that are not UTF-8 are replaced by U+FFFD and counted in `tally`.
    Raises SourceError, with file and record, for a file that is damaged or truncated, a record that is no JSON object
    or has no such text, and a document beyond 64 MiB.
    """
    tally = ReadTally() if tally is None else tally
    for name, path in files:
        kind = format_of(name)
        assert kind is not None  # `category_files` has looked
        member = Member(name, kind, None, "", None, _opener(path))
        tally.files += 1
        place = _Place(category.name, name)
        try:
            for record in _records(member, rule, text_field, place):
                document = _document(record, category.name, place, tally)
                if document is not None:
                    yield document
        except ReadError as error:
            raise SourceError(f"category {category.name!r}: {error} (after {place})") from error


@dataclass
class _Place:
    """Where reading has come to, for messages."""

    category: str
    file: str
    unit: str = "record"
    number: int = 0  # of the last record begun, from 1

    def __str__(self) -> str:
        return f"{self.unit} {self.number}"

    def error(self, what: str) -> SourceError:
        return SourceError(f"category {self.category!r}: {self.file}, {self}: {what}")


class _Record(NamedTuple):
    """One record's text, how many byte sequences in it were no UTF-8, and what it says of itself."""

    text: str
    replaced: int
    group: str | None = None
    identifier: str | None = None
    source: str | None = None


def valid_text(raw: bytes | str) -> tuple[str, int]:
    """(text, replaced): UTF-8 bytes, or a string, in which what cannot be UTF-8 became U+FFFD, and how often."""
    if isinstance(raw, str):  # JSON escapes can make lone surrogates
        if raw.isascii():
            return raw, 0
        raw = raw.encode("utf-8", "surrogatepass")
    try:
        return raw.decode(), 0
    except UnicodeDecodeError:
        text = raw.decode("utf-8", "replace")
        return text, text.count("\ufffd") - raw.count("\ufffd".encode())


def _opener(path: Path) -> Callable[[], IO[bytes]]:
    return lambda: decompressed(path.open("rb"), compression_of(path.name))


def _records(member: Member, rule: DocumentRule, text_field: str, place: _Place) -> Iterator[_Record]:
    if member.format == "jsonl":
        yield from _json_lines(member, text_field, place)
    elif member.format == "parquet":
        place.unit = "row"
        for place.number, row in enumerate(parquet_rows(member, (text_field, *LABELS), (text_field,)), 1):
            yield _record(row, text_field, place)
    else:
        place.unit = "document"
        pieces = text_pieces(member, "file" if member.format == "code" else rule)
        for place.number, (_, raw) in enumerate(pieces, 1):
            _check_size(raw, place, "part the text with --document line or paragraph")
            yield _Record(*valid_text(raw))


def _json_lines(member: Member, text_field: str, place: _Place) -> Iterator[_Record]:
    place.unit = "line"
    with readable(member) as handle:
        for place.number, line in lines_of(handle):
            if not line.strip():
                continue
            _check_size(line, place, "leave the line out")
            text, replaced = valid_text(line)
            try:
                row = json.loads(text.removeprefix("\ufeff"))
            except (ValueError, RecursionError) as error:
                raise place.error(f"not JSON ({error}): mend the file or leave it out") from None
            if not isinstance(row, Mapping):
                raise place.error(f"expected a JSON object, found {type(row).__name__}")
            record = _record(row, text_field, place)
            yield record._replace(replaced=record.replaced + replaced)


def _record(row: Mapping[str, Any], text_field: str, place: _Place) -> _Record:
    if text_field not in row:
        there = ", ".join(ascii(field)[1:-1] for field in list(row)[:8]) or "none"
        raise place.error(f"no field {text_field!r} (there is {there}): set --text-field")
    raw = "" if row[text_field] is None else row[text_field]
    if not isinstance(raw, str | bytes):
        raise place.error(f"the field {text_field!r} is {type(raw).__name__}, not text: set --text-field")
    _check_size(raw, place, "leave the record out")
    text, replaced = valid_text(raw)
    return _Record(text, replaced, *(_label(row.get(field)) for field in LABELS))


def _check_size(raw: bytes | str, place: _Place, advice: str) -> None:
    if len(raw) > MAX_DOCUMENT_BYTES:
        raise place.error(f"one document of more than {MAX_DOCUMENT_BYTES >> 20} MiB: {advice}")


def _label(value: Any) -> str | None:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return valid_text(str(value))[0] if isinstance(value, str | int) and value != "" else None


def _document(record: _Record, category: str, place: _Place, tally: ReadTally) -> TextDocument | None:
    """The document of a record and its place in `tally`; None when it is empty."""
    text = record.text.removeprefix("\ufeff")
    if not text or text.isspace():
        return None
    tally.documents += 1
    tally.bytes += len(text.encode())
    tally.invalid_documents += record.replaced > 0
    tally.invalid_sequences += record.replaced
    number = place.number if record.identifier is None else record.identifier
    # a group (translations of one document) may span files and categories; an id or a number is of its file
    unit = record.group if record.group is not None else f"{category}/{place.file}:{number}"
    return TextDocument(unit, category, record.source or place.file, text)
