"""Readers of records: JSON Lines, JSON, CSV and Parquet, one document a record."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lexmill.corpus.encoding import text_stream
from lexmill.corpus.languages import DETECT, UnknownLanguageError, language_label
from lexmill.corpus.members import Member, ReadError, readable
from lexmill.corpus.params import CorpusParams
from lexmill.corpus.plain import MAX_DOCUMENT_BYTES, decoded, lines_of
from lexmill.corpus.schema import Document, Refusal, excerpt_of
from lexmill.corpus.sharding import WHOLE, records_of

MAX_JSON_BYTES = 256 * 2**20
_BATCH_ROWS = 1024
_BATCH_BYTES = 64 * 2**20  # of the strings of a batch of Parquet rows, which are copied up to three times
_MAX_LIST_BYTES = 256 * 2**20  # of the strings of one row
_SLOW = object()  # instead of a record: the line is for `_slow_line`


def read_jsonl(member: Member, params: CorpusParams) -> Iterator[Document | Refusal]:
    """One JSON object a line; a line that is none is refused with its number, empty lines are passed over.

    Only the lines of `member.records`.
    """
    with text_stream(member, params) as (handle, known):
        quick = codecs.lookup(known.encoding).name == "utf-8"
        lines = lines_of(handle)
        if member.records != WHOLE:
            lines = records_of((numbered for numbered in lines if not _is_blank(numbered[1])), member.records)
        for number, line in lines:
            try:
                record = orjson.loads(line) if quick and len(line) <= MAX_DOCUMENT_BYTES else _SLOW
            except orjson.JSONDecodeError:
                record = _SLOW
            if isinstance(record, dict) and not _has_float_group(record, params):
                yield record_document(record, member, params, f"{member.name}:{number}", len(line))
            elif not _is_blank(line):
                yield _slow_line(line, member, known, f"{member.name}:{number}")


def _is_blank(line: bytes) -> bool:
    return not line or line.isspace()


def _has_float_group(record: dict[str, Any], params: CorpusParams) -> bool:
    """Whether the group may be an integer beyond 64 bits, which orjson rounds."""
    return params.group_field is not None and isinstance(record.get(params.group_field), float)


def _slow_line(line: bytes, member: Member, params: CorpusParams, origin: str) -> Document | Refusal:
    """A line that orjson does not take: other encodings, invalid bytes, lone surrogates, NaN, or bad JSON."""
    text = decoded(line, params, origin, member.language)
    if isinstance(text, Refusal):
        return text
    try:
        record = json.loads(text)
    except (ValueError, RecursionError) as error:
        return Refusal("bad_json", str(error), origin, len(line), excerpt=excerpt_of(text))
    return record_document(record, member, params, origin, len(line))


def read_json(member: Member, params: CorpusParams) -> Iterator[Document | Refusal]:
    """A list of objects, or an object of objects: origins end in `#<index>` or `#<key>`.  Read whole into memory."""
    content = load_json(member, params)
    if not isinstance(content, list | dict):
        raise ReadError(f"{member.name} holds neither a list nor an object of records; set another `format`")
    pairs = content.items() if isinstance(content, dict) else enumerate(content)
    for key, record in pairs:
        item = record_document(record, member, params, f"{member.name}#{key}", 0)
        if isinstance(item, Refusal):
            item = item._replace(bytes=len(json.dumps(record, ensure_ascii=False).encode("utf-8", "replace")))
        yield item


def load_json(member: Member, params: CorpusParams) -> Any:
    """Parse a whole JSON file.  Raises ReadError when it is not JSON, not in the corpus's encoding, or too large."""
    try:
        with text_stream(member, params) as (handle, known):
            raw = handle.read(MAX_JSON_BYTES + 1)
        if len(raw) > MAX_JSON_BYTES:
            raise ReadError(
                f"{member.name} cannot be read: it takes more than {MAX_JSON_BYTES:,} bytes; "
                "split it, or make it JSON Lines"
            )
        return json.loads(raw.decode(known.encoding).removeprefix("\ufeff"))
    except ReadError:
        raise
    except (ValueError, RecursionError) as error:
        raise ReadError(f"{member.name} is not valid JSON: {error}") from error


def read_csv(member: Member, params: CorpusParams) -> Iterator[Document | Refusal]:
    """Rows of a CSV file with a header line.  Raises ReadError when a configured column is missing."""
    csv.field_size_limit(MAX_DOCUMENT_BYTES)
    with text_stream(member, params) as (handle, params):
        # Bytes that are not valid become lone surrogates, so that only their row is refused.
        lines = _CountedLines(
            io.TextIOWrapper(handle, encoding=params.encoding, errors="surrogateescape", newline=""),
            params.encoding,
        )
        rows = csv.DictReader(lines)
        _require_columns(
            member, _columns(params), [name.removeprefix("\ufeff") for name in rows.fieldnames or ()]
        )
        rows.fieldnames = [name.removeprefix("\ufeff") for name in rows.fieldnames or ()]
        while True:
            lines.size = 0
            try:
                row = next(rows, None)
            except csv.Error as error:
                yield _bad_csv(str(error), member, rows.line_num, lines.size)
                continue
            if row is None:
                return
            if any(extra := row.get(None) or ()):
                cells = len(rows.fieldnames)
                detail = f"{cells + len(extra)} cells where the header has {cells}"
                yield _bad_csv(detail, member, rows.line_num, lines.size)
                continue
            yield _csv_document(row, member, params, f"{member.name}:{rows.line_num}")


def _bad_csv(detail: str, member: Member, line: int, size: int) -> Refusal:
    return Refusal("bad_csv", detail, f"{member.name}:{line}", size, member.language, member.domain)


class _CountedLines:
    """Lines of a file; `size` are the bytes of those that were taken since it was set to 0."""

    def __init__(self, lines: Iterator[str], encoding: str) -> None:
        self._lines, self._encoding, self.size = lines, encoding, 0

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            raw = line if line.isascii() else line.encode(self._encoding, "surrogateescape")
            self.size += len(raw)
            yield line


def read_parquet(member: Member, params: CorpusParams) -> Iterator[Document | Refusal]:
    """Rows of a Parquet file, streamed by batches of the needed columns; string or list-of-string columns."""
    columns = _columns(params)
    if params.encoding == DETECT:  # Parquet strings are in UTF-8
        params = params.model_copy(update={"encoding": "utf-8"})
    for row, record in enumerate(parquet_rows(member, columns, columns)):
        yield _decoded_record(record, member, params, f"{member.name}:{row}")


def parquet_rows(
    member: Member, columns: Sequence[str], required: Sequence[str] = ()
) -> Iterator[dict[str, Any]]:
    """Rows of a Parquet file, streamed by batches; of `columns` those that are there, strings as bytes.

    Raises ReadError when the file cannot be read, lacks a `required` column or has a list of more than
    `_MAX_LIST_BYTES` in a row.
    """
    with readable(member) as handle:
        seekable = (
            handle if handle.seekable() and member.name.endswith(".parquet") else io.BytesIO(handle.read())
        )
        try:
            file = pq.ParquetFile(seekable)
            present = file.schema_arrow.names
            _require_columns(member, required, present)
            wanted = [name for name in columns if name in present]
            for batch in _batches(file, seekable, wanted):
                yield from _raw_rows(batch, member)
        except pa.ArrowInvalid as error:
            raise ReadError(f"{member.name} is not a readable Parquet file: {error}") from error


def _columns(params: CorpusParams) -> list[str]:
    return [name for name in (*params.fields, params.language_field, params.group_field) if name]


def _require_columns(member: Member, required: Sequence[str], present: Sequence[str]) -> None:
    missing = [name for name in required if name not in present]
    if missing:
        raise ReadError(
            f"{member.name} has no column {missing[0]!r} (it has {', '.join(present)}); name one of these for the text"
        )


def _batches(file: pq.ParquetFile, source: Any, wanted: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Batches of the rows; what a dictionary of a file repeats is not unfolded when that could fill the memory."""
    paths = [file.metadata.schema.column(index).path for index in range(file.metadata.num_columns)]
    strings = {
        index: name
        for index, path in enumerate(paths)
        for name in wanted
        if (path == name or path.startswith(f"{name}."))
        and _holds_strings(file.schema_arrow.field(name).type)
    }
    folded = pq.ParquetFile(source, read_dictionary=[paths[index] for index in strings])
    for number in range(file.metadata.num_row_groups):
        group = file.metadata.row_group(number)
        chunks = [(group.column(index), name) for index, name in strings.items()]
        size = sum(chunk.total_uncompressed_size for chunk, _ in chunks)
        rows, chosen = _BATCH_ROWS, file
        if size > _BATCH_BYTES:  # of the average row four times as many would fit
            rows = max(1, min(rows, _BATCH_BYTES * group.num_rows // (4 * size)))
        for chunk, name in chunks:
            nested = chunk.path_in_schema != name
            repeats = chunk.num_values if nested else min(chunk.num_values, rows)
            if repeats * chunk.total_uncompressed_size <= _BATCH_BYTES:
                continue
            longest = _longest_repeated(folded, number, chunk, name)
            if repeats * longest > _BATCH_BYTES:
                if nested or longest > _BATCH_BYTES // 16:
                    chosen = folded  # slower, as it folds what is not repeated too
                else:
                    rows = min(rows, _BATCH_BYTES // longest)
        yield from chosen.iter_batches(rows, row_groups=[number], columns=wanted)


def _longest_repeated(folded: pq.ParquetFile, number: int, chunk: Any, name: str) -> int:
    """Bytes of the longest string in the dictionary of a column of a row group."""
    if not any("DICTIONARY" in encoding for encoding in chunk.encodings):
        return 0
    first = next(folded.iter_batches(1, row_groups=[number], columns=[name]), None)
    if first is None:
        return 0
    column = first.column(0).values if chunk.path_in_schema != name else first.column(0)
    return pc.max(pc.binary_length(column.dictionary)).as_py() or 0


def _holds_strings(kind: pa.DataType) -> bool:
    if pa.types.is_list(kind) or pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _raw_rows(batch: pa.RecordBatch, member: Member) -> Iterator[dict[str, Any]]:
    """Rows with strings as bytes: Arrow does not check that Parquet strings are valid UTF-8."""
    columns = [_undecoded(column) for column in batch.columns]
    raw = pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
    if sum(map(_unfolded_bytes, columns)) <= _BATCH_BYTES:
        yield from raw.to_pylist()
        return
    for index in range(raw.num_rows):
        row = raw.slice(index, 1)
        for name, column in zip(row.schema.names, row.columns, strict=True):
            if pa.types.is_list(column.type) and _unfolded_bytes(column) > _MAX_LIST_BYTES:
                raise ReadError(
                    f"{member.name} has a row with more than {_MAX_LIST_BYTES:,} bytes in {name!r}"
                )
        yield from row.to_pylist()


def _undecoded(column: pa.Array) -> pa.Array:
    types = pa.types
    if types.is_string(column.type) or types.is_large_string(column.type):
        return column.cast(pa.large_binary())
    if types.is_dictionary(column.type):
        return pa.DictionaryArray.from_arrays(column.indices, _undecoded(column.dictionary))
    if types.is_list(column.type) and types.is_string(column.type.value_type):
        return column.cast(pa.list_(pa.binary()))
    if types.is_list(column.type) and types.is_dictionary(column.type.value_type):
        column = pa.concat_arrays([column]) if column.offset else column  # a mask fits no slice
        return pa.ListArray.from_arrays(
            column.offsets, _undecoded(column.values), mask=column.is_null() if column.null_count else None
        )
    return column


def _unfolded_bytes(column: pa.Array) -> int:
    """Bytes of the strings of a column, with what a dictionary repeats."""
    if pa.types.is_list(column.type):
        column = column.flatten()
    if pa.types.is_dictionary(column.type):
        if not pa.types.is_large_binary(column.type.value_type):
            return 0
        return pc.sum(pc.binary_length(column.dictionary).take(column.indices)).as_py() or 0
    return int(column.nbytes)


def _decoded_record(
    record: dict[str, Any], member: Member, params: CorpusParams, origin: str
) -> Document | Refusal:
    size = sum(len(value) for value in record.values() if isinstance(value, bytes))
    for name, value in record.items():
        items = [
            decoded(item, params, origin, member.language) if isinstance(item, bytes) else item
            for item in (value if isinstance(value, list) else [value])
        ]
        if refused := next((item for item in items if isinstance(item, Refusal)), None):
            return refused
        record[name] = items if isinstance(value, list) else items[0]
    return record_document(record, member, params, origin, size)


def _csv_document(
    row: Mapping[str | None, Any], member: Member, params: CorpusParams, origin: str
) -> Document | Refusal:
    raw = "".join(str(row.get(name) or "") for name in params.fields).encode(
        params.encoding, "surrogateescape"
    )
    checked = decoded(raw, params, origin, member.language)
    if isinstance(checked, Refusal):
        return checked
    if params.invalid_bytes == "replace":
        fixed = {k: _without_surrogates(v, params.encoding) for k, v in row.items() if isinstance(v, str)}
        return record_document(fixed, member, params, origin, len(raw))
    return record_document(row, member, params, origin, len(raw))


def _without_surrogates(text: str, encoding: str) -> str:
    return text.encode(encoding, "surrogateescape").decode(encoding, "replace")


def record_document(
    record: Any, member: Member, params: CorpusParams, origin: str, size: int
) -> Document | Refusal:
    """The record's text, language and group; or why there is none."""
    if type(record) is not dict and not isinstance(record, Mapping):
        return Refusal("not_an_object", f"found {type(record).__name__}", origin, size, member.language)
    text = record.get(params.fields[0]) if len(params.fields) == 1 else None
    if type(text) is not str or not text:
        joined = _joined_fields(record, member, params, origin, size)
        if isinstance(joined, Refusal):
            return joined
        text = joined
    language = member.language
    if params.language_field and (code := record.get(params.language_field)):
        try:
            language = language_label(str(code))
        except UnknownLanguageError as error:
            return Refusal("unknown_language", str(error), origin, size, excerpt=excerpt_of(text))
    group = record.get(params.group_field) if params.group_field else None
    label = member.group if group is None or group == "" else f"{params.name}:{group}"
    return Document(text, language, member.domain, label, origin)


def _joined_fields(
    record: Mapping[Any, Any], member: Member, params: CorpusParams, origin: str, size: int
) -> str | Refusal:
    lines: list[str] = []
    for name in params.fields:
        value = record.get(name)
        if value is None or value == "":
            return Refusal("missing_field", name, origin, size, member.language, member.domain)
        items = value if isinstance(value, list) else [value]
        if not all(isinstance(item, str) for item in items):
            return Refusal("not_text", f"{name} is {type(value).__name__}", origin, size, member.language)
        lines += [item for item in items if item]
    return "\n".join(lines)
