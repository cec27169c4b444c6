"""Content digests: sha256 of files, and for Parquet a digest of the table that the file means.

A Parquet file's bytes change with the writer's version, compression and row groups, so they cannot identify the
content.  The logical digest of a table depends on column names, column types and values only:

- every column is flattened into a tree of plain sequences (validity, lengths, values, children) in row order; each
  sequence feeds its own sha256, so that neither chunks, row groups, offsets of sliced buffers nor what lies in the
  slots of nulls can have an influence;
- types that differ in encoding alone are one type: string, large_string and string_view; the same for binary; list,
  large_list, list_view and fixed-size lists; dictionary and run-end encoding count as the values they stand for;
- floating point values count by their bits (-0.0 is not 0.0); nullability flags and key-value metadata do not count.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from warehouse.record import FileEntry
from warehouse.store import RESERVED_FILES

_BATCH_ROWS = 65_536
_READ_BYTES = 1 << 20


def describe_files(folder: Path) -> tuple[list[FileEntry], str]:
    """List the payload in `folder` (sorted by path) and compute its content digest (64 hex).

    The digest is sha256 over one line `path:digest` per file, where the digest of a `.parquet` file is the logical
    one and that of any other file is its sha256.  Raises ValueError for a symbolic link or a reserved name.
    """
    entries, lines = [], []
    for path in _payload(folder):
        name = path.relative_to(folder).as_posix()
        sha256 = file_digest(path)
        entries.append(FileEntry(path=name, bytes=path.stat().st_size, sha256=sha256))
        lines.append((name, parquet_digest(path) if path.suffix == ".parquet" else sha256))
    return entries, combine(lines)


def combine(digests: Iterable[tuple[str, str]]) -> str:
    """The content digest of (path, digest) pairs; their order does not matter."""
    return hashlib.sha256(
        "".join(f"{path}:{digest}\n" for path, digest in sorted(digests)).encode()
    ).hexdigest()


def file_digest(path: Path) -> str:
    """sha256 of a file's bytes (64 hex)."""
    with path.open("rb") as stream:
        return stream_digest(stream)


def stream_digest(stream: Any) -> str:
    """sha256 of what remains in a binary stream (64 hex)."""
    digest = hashlib.sha256()
    while block := stream.read(_READ_BYTES):
        digest.update(block)
    return digest.hexdigest()


def parquet_digest(source: Any) -> str:
    """Logical digest (64 hex) of a Parquet file (path or binary stream); memory stays at one batch of rows."""
    with pq.ParquetFile(source) as file:
        # group by group: read at once, pyarrow would fetch the whole file before the first batch
        batches = (
            batch
            for group in range(file.num_row_groups)
            for batch in file.iter_batches(batch_size=_BATCH_ROWS, row_groups=[group])
        )
        return table_digest(file.schema_arrow, batches)


def table_digest(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> str:
    """Logical digest (64 hex) of the rows of `batches`, however they are cut."""
    columns = [_Column(field.type) for field in schema]
    for batch in batches:
        for column, array in zip(columns, batch.columns, strict=True):
            column.update(array)
    digest = hashlib.sha256(b"lexmill table 1\n")
    for name, column in zip(schema.names, columns, strict=True):
        encoded = name.encode()
        digest.update(len(encoded).to_bytes(8, "little") + encoded + column.digest())
    return digest.hexdigest()


class _Column:
    """Running digest of one column, or of one level of a nested column."""

    def __init__(self, kind: pa.DataType) -> None:
        self.name = _type_name(kind)
        self.rows = 0
        self.validity, self.lengths, self.values = hashlib.sha256(), hashlib.sha256(), hashlib.sha256()
        self.children = [_Column(child) for child in _child_types(kind)]

    def update(self, array: pa.Array) -> None:
        """Add the next rows."""
        array = _decoded(array)
        self.rows += len(array)
        self.validity.update(_fixed_bytes(pc.cast(array.is_valid(), pa.uint8())))
        if pa.types.is_null(array.type):
            return
        valid = array.drop_null() if array.null_count else array
        if pa.types.is_large_binary(valid.type):
            self.lengths.update(_fixed_bytes(pc.cast(pc.binary_length(valid), pa.int64())))
            self.values.update(_binary_bytes(valid))
        elif pa.types.is_nested(valid.type) and not pa.types.is_struct(valid.type):
            self.lengths.update(_fixed_bytes(pc.cast(pc.list_value_length(valid), pa.int64())))
            self.children[0].update(valid.flatten())
        elif pa.types.is_struct(valid.type):
            for child, values in zip(self.children, valid.flatten(), strict=True):
                child.update(values)
        elif pa.types.is_boolean(valid.type):
            self.values.update(_fixed_bytes(pc.cast(valid, pa.uint8())))
        else:
            self.values.update(_fixed_bytes(valid))

    def digest(self) -> bytes:
        """Digest of type, number of rows, the three sequences and the children (32 bytes)."""
        total = hashlib.sha256(f"{self.name}\n{self.rows}\n".encode())
        for sequence in (self.validity, self.lengths, self.values):
            total.update(sequence.digest())
        for child in self.children:
            total.update(child.digest())
        return total.digest()


def _decoded(array: pa.Array) -> pa.Array:
    """The same values without dictionary, run-end, extension, map or view encoding; bytes as large_binary."""
    while True:
        kind = array.type
        if isinstance(kind, pa.BaseExtensionType):
            array = array.storage
        elif pa.types.is_dictionary(kind):
            array = array.dictionary_decode()
        elif pa.types.is_run_end_encoded(kind):
            array = pc.run_end_decode(array)
        elif pa.types.is_map(kind):
            return array.cast(pa.list_(_entry(kind)))
        elif _is_bytes(kind) and not pa.types.is_large_binary(kind):
            return pc.cast(array, pa.large_binary())
        else:
            return array


def _child_types(kind: pa.DataType) -> list[pa.DataType]:
    kind = _unwrapped(kind)
    if pa.types.is_struct(kind):
        return [field.type for field in kind]
    if pa.types.is_map(kind):
        return [_entry(kind)]
    return [kind.value_type] if pa.types.is_nested(kind) else []


def _type_name(kind: pa.DataType) -> str:
    """A name of ours, so that a new spelling in pyarrow cannot change a digest.  Raises ValueError if unknown."""
    types, kind = pa.types, _unwrapped(kind)
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return "string"
    if _is_bytes(kind):
        return "binary"
    if types.is_fixed_size_binary(kind):
        return f"binary[{kind.byte_width}]"
    if types.is_struct(kind):
        return "struct" + json.dumps(
            [field.name for field in kind]
        )  # the children's types are in their digests
    if types.is_nested(kind) and not types.is_union(kind):
        return "list"
    if types.is_decimal(kind):
        return f"decimal{kind.bit_width}({kind.precision},{kind.scale})"
    if types.is_timestamp(kind):
        return f"timestamp[{kind.unit},{kind.tz or ''}]"
    if types.is_time(kind) or types.is_duration(kind):
        return f"{'time' if types.is_time(kind) else 'duration'}{kind.bit_width}[{kind.unit}]"
    if types.is_date(kind):
        return f"date{kind.bit_width}"
    for is_kind, name in _NUMBERS:
        if is_kind(kind):
            return f"{name}{kind.bit_width}"
    if types.is_null(kind) or types.is_boolean(kind):
        return "null" if types.is_null(kind) else "bool"
    raise ValueError(f"a column of type {kind} has no logical digest: store it as another type")


_NUMBERS = (
    (pa.types.is_signed_integer, "int"),
    (pa.types.is_unsigned_integer, "uint"),
    (pa.types.is_floating, "float"),
)


def _unwrapped(kind: pa.DataType) -> pa.DataType:
    while True:
        if isinstance(kind, pa.BaseExtensionType):
            kind = kind.storage_type
        elif pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
            kind = kind.value_type
        else:
            return kind


def _is_bytes(kind: pa.DataType) -> bool:
    types = pa.types
    return any(
        test(kind)
        for test in (
            types.is_string,
            types.is_large_string,
            types.is_string_view,
            types.is_binary,
            types.is_large_binary,
            types.is_binary_view,
        )
    )


def _entry(kind: pa.DataType) -> pa.DataType:
    return pa.struct([("key", kind.key_type), ("value", kind.item_type)])


def _fixed_bytes(array: pa.Array) -> bytes | memoryview:
    """The values of a fixed-width array without nulls: exactly its slice of the buffer."""
    width, values = array.type.bit_width // 8, array.buffers()[1]
    if values is None or len(array) == 0:
        return b""
    return memoryview(values)[array.offset * width : (array.offset + len(array)) * width]


def _binary_bytes(array: pa.Array) -> bytes | memoryview:
    """The concatenated values of a large_binary array without nulls."""
    _, offsets, values = array.buffers()
    if values is None or len(array) == 0:
        return b""
    bounds = memoryview(offsets).cast("q")
    return memoryview(values)[bounds[array.offset] : bounds[array.offset + len(array)]]


def _payload(folder: Path) -> list[Path]:
    found = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            raise ValueError(f"the payload holds a symbolic link, {name}: copy the file instead")
        if name in RESERVED_FILES:
            raise ValueError(f"the payload may not hold a file named {name}: the warehouse writes it")
        if path.is_file():
            found.append(path)
    return found
