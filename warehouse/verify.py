"""Read every byte again and compare with the records."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any, Literal

from warehouse.digest import combine, parquet_digest, stream_digest
from warehouse.record import FileEntry, Record
from warehouse.references import Version
from warehouse.store import RESERVED_FILES, RecordError, Warehouse

Status = Literal["ok", "corrupt file", "missing", "digest mismatch"]


@dataclass(frozen=True)
class Verification:
    """The result for one artifact; `problems` has one sentence for each file that is wrong."""

    kind: str
    name: str
    fingerprint: str
    status: Status
    problems: list[str]
    bytes: int  # read
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """JSON form."""
        return asdict(self)


def verify(warehouse: Warehouse, ref: str | None = None) -> list[Verification]:
    """Re-hash the artifact that `ref` means, or all.  Raises LookupError.

    `missing`: the record or a file is not there; `corrupt file`: a file's bytes, or its being there, disagree with the
    record, or the record cannot be read; `digest mismatch`: the files are as recorded, but together they do not have
    the recorded content digest, so the record was altered.
    """
    return [_verify(warehouse, version) for version in _versions(warehouse, ref)]


def _versions(warehouse: Warehouse, ref: str | None) -> list[Version]:
    if ref is None:
        return warehouse.versions()
    from warehouse.references import matching

    found, wants_latest = matching(ref, warehouse.versions())
    latest = warehouse.latest_fingerprint(found[0].kind, found[0].name) if wants_latest else None
    return [version for version in found if latest in (None, version.fingerprint)]


def _verify(warehouse: Warehouse, version: Version) -> Verification:
    started = time.monotonic()
    try:
        record = warehouse.get(*version).record
    except RecordError as error:
        missing = not warehouse.place.exists("/".join((*version, "artifact.json")))
        return Verification(*version, "missing" if missing else "corrupt file", [str(error)], 0, 0.0)
    status, problems = _check(warehouse, version, record)
    size = sum(entry.bytes for entry in record.files)
    return Verification(*version, status, problems, size, time.monotonic() - started)


def _check(warehouse: Warehouse, version: Version, record: Record) -> tuple[Status, list[str]]:
    folder = "/".join(version)
    sizes = warehouse.place.sizes(folder)
    known = {entry.path for entry in record.files}
    missing = [f"{path} is missing" for path in sorted(known - sizes.keys())]
    extra = [f"{path} is not in the record" for path in sorted(sizes.keys() - known - RESERVED_FILES)]
    present = [entry for entry in record.files if entry.path in sizes]
    corrupt = [f"{entry.path} has other bytes" for entry in present if not _is_same(warehouse, folder, entry)]
    if (record.kind, record.name, record.fingerprint) != tuple(version):
        corrupt.append(f"the record is that of {record.kind}/{record.name}@{record.fingerprint}")
    if missing:
        return "missing", missing + corrupt + extra
    if corrupt or extra:
        return "corrupt file", corrupt + extra
    if _content_digest(warehouse, folder, record) != record.content_digest:
        return "digest mismatch", ["the files do not have the recorded content digest"]
    return "ok", []


def _is_same(warehouse: Warehouse, folder: str, entry: FileEntry) -> bool:
    with warehouse.place.open(f"{folder}/{entry.path}") as stream:
        return stream_digest(stream) == entry.sha256


def _content_digest(warehouse: Warehouse, folder: str, record: Record) -> str:
    digests = []
    for entry in record.files:
        if entry.path.endswith(".parquet"):
            with warehouse.place.open(f"{folder}/{entry.path}") as stream:
                digests.append((entry.path, parquet_digest(stream)))
        else:
            digests.append((entry.path, entry.sha256))
    return combine(digests)
