"""From the members of a corpus to documents: each format's reader, one stream."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from lexmill.corpus.catalogs import read_catalogs
from lexmill.corpus.encoding import RefusedFileError
from lexmill.corpus.html import read_html
from lexmill.corpus.man import read_man
from lexmill.corpus.mediawiki import read_mediawiki
from lexmill.corpus.members import Member, ReadError
from lexmill.corpus.parallel import read_tmx, read_tsv
from lexmill.corpus.params import CATALOG_FORMATS, CorpusParams
from lexmill.corpus.plain import read_code, read_text
from lexmill.corpus.records import read_csv, read_json, read_jsonl, read_parquet
from lexmill.corpus.schema import Document, Refusal, encodable
from lexmill.corpus.sharding import records_of
from lexmill.corpus.warc import read_warc, read_wet
from lexmill.corpus.xml import read_xml

_READERS: dict[str, Callable[[Member, CorpusParams], Iterator[Document | Refusal]]] = {
    "text": read_text,
    "markdown": read_text,
    "html": read_html,
    "xml": read_xml,
    "man": read_man,
    "code": read_code,
    "jsonl": read_jsonl,
    "json": read_json,
    "csv": read_csv,
    "tsv": read_tsv,
    "parquet": read_parquet,
    "tmx": read_tmx,
    "warc": read_warc,
    "wet": read_wet,
    "mediawiki": read_mediawiki,
}


def read_documents(
    members: Sequence[Member], params: CorpusParams, counts: Counter[str]
) -> Iterator[Document | Refusal]:
    """All documents of a corpus in a stable order, and a refusal for each one that is not used.

    `counts` gains the segments of catalogs by what became of them.  Raises ReadError for a file that cannot be read
    at all; single bad lines and records are refusals.
    """
    catalogs = [member for member in members if member.format in CATALOG_FORMATS]
    if catalogs:
        formats = sorted({member.format for member in members})
        if len(formats) > 1:
            raise ReadError(
                f"corpus {params.name!r}: catalogs cannot be mixed with other files ({', '.join(formats)})"
            )
        yield from _selected(read_catalogs(catalogs, params, counts), params)
        return
    for member in members:
        yield from _selected(_read(member, params), params)


def _read(member: Member, params: CorpusParams) -> Iterator[Document | Refusal]:
    items = _READERS[member.format](member, params)
    if member.format != "jsonl":  # which leaves lines out before it parses them
        items = records_of(items, member.records)
    try:
        yield from items
    except RefusedFileError as error:
        if member.records.part == 0:  # every shard meets it
            yield error.refusal


def _selected(items: Iterator[Document | Refusal], params: CorpusParams) -> Iterator[Document | Refusal]:
    """Refuse empty documents, those that cannot be stored, and those whose declared language is not wanted."""
    wanted = set(params.parallel or params.languages or ())
    for item in map(encodable, items):
        if isinstance(item, Refusal):
            yield item
            continue
        text, language, domain, _, origin = item
        if not text or text.isspace():
            yield Refusal("empty", "", origin, len(text.encode()), language, domain)
        elif wanted and language is not None and language not in wanted:
            size = len(text.encode())
            yield Refusal("language_not_selected", language, origin, size, language, domain)
        else:
            yield item
