"""From the members of a corpus to documents: each format's reader, one stream."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from lexmill.corpus.catalogs import read_catalogs
from lexmill.corpus.members import Member, ReadError
from lexmill.corpus.params import CATALOG_FORMATS, CorpusParams
from lexmill.corpus.plain import read_code, read_text
from lexmill.corpus.records import read_csv, read_json, read_jsonl, read_parquet
from lexmill.corpus.schema import Document, Refusal, encodable

_READERS: dict[str, Callable[[Member, CorpusParams], Iterator[Document | Refusal]]] = {
    "text": read_text,
    "markdown": read_text,
    "code": read_code,
    "jsonl": read_jsonl,
    "json": read_json,
    "csv": read_csv,
    "parquet": read_parquet,
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
        yield from _selected(_READERS[member.format](member, params), params)


def _selected(items: Iterator[Document | Refusal], params: CorpusParams) -> Iterator[Document | Refusal]:
    """Refuse empty documents, those that cannot be stored, and those whose declared language is not wanted."""
    wanted = set(params.parallel or params.languages or ())
    for item in map(encodable, items):
        if isinstance(item, Refusal):
            yield item
            continue
        size = len(item.text.encode())
        if not item.text or item.text.isspace():
            yield Refusal("empty", "", item.origin, size, item.language, item.domain)
        elif wanted and item.language is not None and item.language not in wanted:
            yield Refusal(
                "language_not_selected", item.language, item.origin, size, item.language, item.domain
            )
        else:
            yield item
