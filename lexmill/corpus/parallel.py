"""Readers of parallel text: TMX translation memories and TSV files with a column a language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from lexmill.corpus.encoding import text_stream
from lexmill.corpus.languages import UnknownLanguageError, language_label
from lexmill.corpus.members import Member, ReadError, readable
from lexmill.corpus.params import CorpusParams
from lexmill.corpus.plain import MAX_DOCUMENT_BYTES, decoded, lines_of
from lexmill.corpus.records import record_document
from lexmill.corpus.schema import Document, Refusal
from lexmill.corpus.xml_events import Event, XmlError, xml_events

# Inside `<seg>`, markup of the original file stands in these elements (TMX 1.4b, section "Content markup").
_NATIVE_CODES = frozenset(("bpt", "ept", "it", "ph", "ut"))

# Codes of languages that head columns of other things much more often.
_OTHER_COLUMNS = frozenset(
    ("age", "and", "bad", "cat", "com", "dev", "doc", "for", "hit", "ids", "key", "len", "map", "max",
     "may", "min", "mod", "net", "new", "not", "num", "old", "one", "org", "par", "per", "pos", "raw",
     "ref", "row", "run", "seg", "seq", "set", "src", "std", "sub", "sum", "tag", "tgt", "the", "top",
     "try", "url", "val", "var", "way", "yes")
)  # fmt: skip
_ID, _NO = "id", "no"  # Indonesian or a number, Norwegian or a number


class _Variant(NamedTuple):
    code: str
    text: str


def read_tmx(member: Member, params: CorpusParams) -> Iterator[Document | Refusal]:
    """One document a language variant, one group a translation unit (TMX 1.4b); streamed.

    Origins are `<file>#<number of the unit>:<language>`; the group is `<corpus>:<file>#<tuid>`, as many tools count
    from 1 in every file, and `<corpus>:<file>:<number of the unit>` where a unit has none.  Raises ReadError at the
    first damage of the XML.
    """
    number = 0
    try:
        with readable(member) as handle:
            for number, (tuid, variants) in enumerate(_units(xml_events(handle, params)), start=1):
                group = f"{member.group or params.name}:{member.name}{f'#{tuid}' if tuid else f':{number}'}"
                seen: dict[str, int] = {}
                for code, text in variants:
                    seen[code] = seen.get(code, 0) + 1
                    again = f":{seen[code]}" if seen[code] > 1 else ""
                    origin = f"{member.name}#{number}:{code}{again}"
                    yield _variant_document(text, code, group, origin, member)
    except XmlError as error:
        raise ReadError(f"{member.name} cannot be read after unit {number}: {error}") from error


def _units(events: Iterator[Event]) -> Iterator[tuple[str, list[_Variant]]]:
    """(tuid or "", variants) of every translation unit."""
    tuid, code = "", ""
    variants: list[_Variant] = []
    segment: list[str] | None = None
    codes = size = 0
    for kind, value, attributes in events:
        if kind == "text":
            if segment is not None and not codes:
                size += len(value)
                if size > MAX_DOCUMENT_BYTES:
                    raise XmlError(f"a unit of more than {MAX_DOCUMENT_BYTES:,} characters")
                segment.append(value)
        elif value in _NATIVE_CODES:
            codes += 1 if kind == "start" else -1
        elif kind == "start":
            if value == "tu":
                tuid, variants, size = attributes.get("tuid", ""), [], 0
            elif value == "tuv":
                code = attributes.get("xml:lang") or attributes.get("lang") or ""
            elif value == "seg":
                segment = []
        elif value == "seg" and segment is not None:
            variants.append(_Variant(code, "".join(segment).strip()))
            segment = None
        elif value == "tu":
            yield tuid, variants


def _variant_document(text: str, code: str, group: str, origin: str, member: Member) -> Document | Refusal:
    try:
        return Document(text, language_label(code), member.domain, group, origin)
    except UnknownLanguageError as error:
        return Refusal(
            "unknown_language", str(error), origin, len(text.encode()), None, member.domain, text[:200]
        )


def read_tsv(member: Member, params: CorpusParams) -> Iterator[Document | Refusal]:
    """Rows of a tab-separated file with a header line; no quotes, no tabs or line ends in cells.

    When the header has all `fields`, a row is a document as in CSV.  Else every column named by a language code (only
    those of `languages`, when given) is parallel text: a document a cell, a group a row, by `group_field` or number.
    Codes that are words as well (`id`, `no`, `it`) need `languages`.  Raises ReadError for a header that is neither.
    """
    with text_stream(member, params) as (handle, known):
        lines = lines_of(handle)
        first = decoded(next(lines, (1, b""))[1], known, f"{member.name}:1")
        if isinstance(first, Refusal):
            raise ReadError(f"{member.name}: its header line cannot be read: {first.detail}")
        header = first.split("\t")
        needed = [name for name in (*params.fields, params.language_field, params.group_field) if name]
        languages = {} if set(needed) <= set(header) else _language_columns(header, member, params)
        for number, line in lines:
            origin = f"{member.name}:{number}"
            text = decoded(line, known, origin, member.language)
            if isinstance(text, Refusal):
                yield text
                continue
            cells = text.split("\t")
            if len(cells) != len(header):
                if line:
                    detail = f"{len(cells)} cells where the header has {len(header)}"
                    yield Refusal("bad_tsv", detail, origin, len(line), member.language, member.domain)
                continue
            row = dict(zip(header, cells, strict=True))
            if languages:
                yield from _row_documents(row, languages, member, params, number)
            else:
                yield record_document(row, member, params, origin, len(line))


def _language_columns(header: list[str], member: Member, params: CorpusParams) -> dict[str, str]:
    """Column -> language label of the columns that hold parallel text."""
    found, doubtful = {}, []
    for name in header:
        if name != params.group_field:
            try:
                label = language_label(name)
            except UnknownLanguageError:
                continue
            if not params.languages and name.lower() in (_ID, _NO, *_OTHER_COLUMNS):
                doubtful += [name] if name.lower() == _NO else []
            elif not params.languages or label in params.languages:
                found[name] = label
    if doubtful:
        raise ReadError(
            f"{member.name} has the columns {', '.join(header)[:200]}: "
            f"set `languages` to say whether {doubtful[0]} is a language"
        )
    if not found or (params.group_field and params.group_field not in header):
        wanted = ", ".join(name for name in (*params.fields, params.group_field) if name)
        raise ReadError(
            f"{member.name} has the columns {', '.join(header)[:200]}: "
            f"neither {wanted} nor language codes; set `fields`"
        )
    return found


def _row_documents(
    row: Mapping[str, str], languages: Mapping[str, str], member: Member, params: CorpusParams, number: int
) -> Iterator[Document]:
    key = row[params.group_field] if params.group_field else f"{member.name}:{number}"
    group = f"{member.group or params.name}:{key}"
    for column, label in languages.items():
        if cell := row[column].strip():
            yield Document(cell, label, member.domain, group, f"{member.name}:{number}#{column}")
