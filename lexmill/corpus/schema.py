"""The tables of the corpus room: documents and rejections, as Arrow schemas and as the records readers yield."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import xxhash

EXCERPT_CHARACTERS = 200
BATCH_DOCUMENTS = 2048
BATCH_BYTES = 8 * 2**20

DOCUMENTS = pa.schema(
    [
        ("id", pa.string()),
        ("text", pa.string()),
        ("language", pa.string()),  # null in a source while it is not known
        ("domain", pa.string()),
        ("corpus", pa.string()),
        ("license", pa.string()),
        ("group", pa.string()),
        ("origin", pa.string()),
        ("bytes", pa.int64()),
        ("declared_language", pa.string()),
        ("detected_language", pa.string()),
        ("detection_score", pa.float32()),
        ("split", pa.string()),
    ]
)
REJECTIONS = pa.schema(
    [
        ("id", pa.string()),
        ("corpus", pa.string()),
        ("language", pa.string()),
        ("domain", pa.string()),
        ("origin", pa.string()),
        ("bytes", pa.int64()),
        ("stage", pa.string()),
        ("reason", pa.string()),
        ("detail", pa.string()),
        ("duplicate_of", pa.string()),
        ("excerpt", pa.string()),
    ]
)
STAGE_REPORT = pa.schema(
    [
        ("stage", pa.string()),
        ("corpus", pa.string()),
        (
            "reason",
            pa.string(),
        ),  # `in`, `out`, `edited` (signed bytes an editing stage took away), or a drop reason
        ("documents", pa.int64()),
        ("bytes", pa.int64()),
    ]
)


class Document(NamedTuple):
    """One document as a reader yields it."""

    text: str
    language: str | None  # declared label
    domain: str
    group: str | None
    origin: str  # member path, with `:line` or `#key` where a file holds several


class Refusal(NamedTuple):
    """A document that could not be read, or was not selected; `bytes` is its raw size."""

    reason: str
    detail: str
    origin: str
    bytes: int
    language: str | None = None
    domain: str = ""
    excerpt: str = ""


def document_id(corpus: str, origin: str) -> str:
    """`<corpus>:<16 hex>`: a hash of where the document stands in its corpus, so it survives edits of the text."""
    return f"{corpus}:{xxhash.xxh3_64_hexdigest(origin.encode())}"


def excerpt_of(text: str) -> str:
    """The start of a text on one line, for people."""
    return " ".join(text[: 4 * EXCERPT_CHARACTERS].split())[:EXCERPT_CHARACTERS]


def encodable(item: Document | Refusal) -> Document | Refusal:
    """The item when all its strings can be stored as UTF-8, else a refusal that can.

    Lone surrogates come from JSON escapes (also in keys) and from undecodable bytes of CSV cells.
    """
    if isinstance(item, Document) and _is_encodable(item):
        return item
    values = item._asdict().items()
    bad = [name for name, value in values if isinstance(value, str) and _printable(value) != value]
    if not bad:
        return item
    if isinstance(item, Refusal):
        fixed: dict[str, Any] = {name: _printable(getattr(item, name)) for name in bad}
        return item._replace(**fixed)
    language = None if "language" in bad else item.language
    detail = f"{', '.join(bad)}: lone surrogate or undecodable byte"
    excerpt = _printable(excerpt_of(item.text))
    size = len(item.text.encode("utf-8", "surrogatepass"))
    return Refusal(
        "invalid_bytes", detail, _printable(item.origin), size, language, _printable(item.domain), excerpt
    )


def _is_encodable(document: Document) -> bool:
    text, language, domain, group, origin = document
    try:
        if not text.isascii():
            text.encode()
        others = f"{domain}{origin}{language or ''}{group or ''}"
        return others.isascii() or bool(others.encode())
    except UnicodeEncodeError:
        return False


def _printable(text: str) -> str:
    """The same text where it is valid Unicode; lone surrogates become their escapes."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def document_batch(documents: list[Document], corpus: str, license: str) -> pa.RecordBatch:
    """Documents as one Arrow batch of schema `DOCUMENTS`; `language` is the declared one (null when there is none)."""
    rows = len(documents)
    columns_of = zip(*documents, strict=True) if documents else [()] * len(Document._fields)
    raw_texts, languages, domains, groups, origins = columns_of
    declared = pa.array(languages, pa.string())
    texts = pa.array(raw_texts, pa.string())
    columns = {
        "id": pa.array([document_id(corpus, origin) for origin in origins], pa.string()),
        "text": texts,
        "language": declared,
        "domain": pa.array(domains, pa.string()),
        "corpus": pa.repeat(pa.scalar(corpus), rows),
        "license": pa.repeat(pa.scalar(license), rows),
        "group": pa.array(groups, pa.string()),
        "origin": pa.array(origins, pa.string()),
        "bytes": pc.binary_length(texts).cast(pa.int64()),
        "declared_language": declared,
        "detected_language": pa.nulls(rows, pa.string()),
        "detection_score": pa.nulls(rows, pa.float32()),
        "split": pa.nulls(rows, pa.string()),
    }
    return pa.RecordBatch.from_arrays([columns[name] for name in DOCUMENTS.names], schema=DOCUMENTS)


def refusal_batch(refusals: Iterable[Refusal], corpus: str, stage: str = "read") -> pa.RecordBatch:
    """Refusals of a reader as one Arrow batch of schema `REJECTIONS`."""
    rows = [
        {
            "id": document_id(corpus, r.origin),
            "corpus": corpus,
            "language": r.language,
            "domain": r.domain,
            "origin": r.origin,
            "bytes": r.bytes,
            "stage": stage,
            "reason": r.reason,
            "detail": r.detail,
            "duplicate_of": None,
            "excerpt": r.excerpt,
        }
        for r in refusals
    ]
    return pa.RecordBatch.from_pylist(rows, schema=REJECTIONS)


def shards(items: Iterable[Document | Refusal]) -> Iterator[tuple[list[Document], list[Refusal]]]:
    """Parts of a stream, in order, of at most `BATCH_DOCUMENTS` items or about `BATCH_BYTES` characters."""
    documents: list[Document] = []
    refusals: list[Refusal] = []
    size = 0
    for item in items:
        if isinstance(item, Document):
            documents.append(item)
            size += len(item.text)
        else:
            refusals.append(item)
        if len(documents) + len(refusals) >= BATCH_DOCUMENTS or size >= BATCH_BYTES:
            yield documents, refusals
            documents, refusals, size = [], [], 0
    if documents or refusals:
        yield documents, refusals
