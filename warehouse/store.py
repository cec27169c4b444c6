"""The artifact store: immutable named artifacts on a disk or an object store.

    <root>/<kind>/<name>/<fingerprint>/   payload files, artifact.json, README.md, _SUCCESS (written last)
    <root>/<kind>/<name>/LATEST           fingerprint that the bare name means
    <root>/lineage/                       run logs and OpenLineage events
    <root>/.locks/, .quarantine/          locks between processes; corrupted artifacts moved out of the way

On a disk an artifact is built in a dot-prefixed folder beside its place and renamed into it.  On an object store,
which cannot rename, it is built in local scratch and uploaded, the success mark last.  Either way a folder without
`_SUCCESS` does not count, so a killed run leaves nothing half.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from warehouse.card import card
from warehouse.owners import is_abandoned, owner_token
from warehouse.place import Place
from warehouse.record import Record
from warehouse.redact import redact
from warehouse.references import Version, matching

log = logging.getLogger(__name__)

DEFAULT_URL = "warehouse/data"
RECORD, CARD, SUCCESS, LATEST = "artifact.json", "README.md", "_SUCCESS", "LATEST"
RESERVED_FILES = frozenset({RECORD, CARD, SUCCESS})
BUILDING = ".building"
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class RecordError(ValueError):
    """`artifact.json` of a published artifact cannot be read: the artifact is corrupt."""


@dataclass(frozen=True)
class Artifact:
    """A published artifact: its record and the local folder that holds (or caches) its payload."""

    record: Record
    folder: Path
    fetch: Callable[[str], None] | None = None  # copies one file of a remote artifact into `folder`
    warnings: tuple[str, ...] = ()  # what `publish` found, such as content that differs from an earlier build

    def file(self, path: str) -> Path:
        """Local path of one payload file.  Raises FileNotFoundError when the artifact has no such file."""
        if path not in {entry.path for entry in self.record.files}:
            raise FileNotFoundError(f"{self.record.kind}/{self.record.name} has no file {path}")
        local = self.folder / path
        if not local.exists() and self.fetch is not None:
            self.fetch(path)
        return local


class Warehouse:
    """All artifacts under one root.  Many processes (and machines, on shared storage) may use it at once."""

    def __init__(self, url: str = DEFAULT_URL, cache: Path | None = None) -> None:
        """Open `url`, a plain path or any fsspec URL; nothing is created until something is published.

        `cache` is where files of a remote warehouse are copied for reading (default: the user's cache folder).
        """
        self.url = url
        self.place = Place(url)
        cache = (
            cache or Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "lexmill" / "warehouse"
        )
        self._cache = cache / hashlib.sha256(url.encode()).hexdigest()[:16]

    def __repr__(self) -> str:
        """Shown in logs: without credentials."""
        return f"Warehouse({self.display_url!r})"

    @property
    def display_url(self) -> str:
        """The URL without credentials, for logs and records."""
        return self.place.display_url

    def folder(self, kind: str, name: str, fingerprint: str) -> str:
        """`<kind>/<name>/<fingerprint>`.  Raises ValueError for a part that cannot be a folder's name."""
        for part in (kind, name, fingerprint):
            if not _PART.fullmatch(part) or part == LATEST:
                raise ValueError(f"{part!r} cannot name an artifact: use letters, digits, '.', '_' and '-'")
        return f"{kind}/{name}/{fingerprint}"

    # Reading

    def has(self, kind: str, name: str, fingerprint: str) -> bool:
        """Whether the artifact was published."""
        return self.place.exists(f"{self.folder(kind, name, fingerprint)}/{SUCCESS}")

    def get(self, kind: str, name: str, fingerprint: str) -> Artifact:
        """Open a published artifact.  Raises LookupError when there is none, RecordError when it is corrupt."""
        folder = self.folder(kind, name, fingerprint)
        if not self.has(kind, name, fingerprint):
            raise LookupError(f"no artifact {kind}/{name}@{fingerprint} in {self.display_url}")
        return self._open(folder, self._read_record(folder))

    def latest(self, kind: str, name: str) -> Artifact | None:
        """The version that the bare name means; None when there is none, or when its record is corrupt."""
        fingerprint = self.latest_fingerprint(kind, name)
        try:
            return self.get(kind, name, fingerprint) if fingerprint else None
        except RecordError as error:
            log.warning("%s", error)
            return None

    def latest_fingerprint(self, kind: str, name: str) -> str | None:
        """The fingerprint in the pointer file; None without a pointer, or when that artifact is gone."""
        try:
            fingerprint = self.place.read(self._pointer(kind, name)).decode().strip()
        except FileNotFoundError:
            return None
        return fingerprint if _PART.fullmatch(fingerprint) and self.has(kind, name, fingerprint) else None

    def resolve(self, ref: str) -> Artifact:
        """Open what a person typed (see `warehouse.references`).  Raises LookupError with near matches."""
        found, wants_latest = matching(ref, self.versions())
        if wants_latest:
            latest = self.latest(found[0].kind, found[0].name)
            if latest:
                return latest
            if len(found) > 1:
                raise LookupError(f"{ref!r} has no latest version: say which of {', '.join(map(str, found))}")
        return self.get(*found[0])

    def versions(self, kind: str | None = None) -> list[Version]:
        """Every published version, sorted."""
        marks = self.place.glob(f"{kind or '*'}/*/*/{SUCCESS}")
        return [Version(*mark.split("/")[:3]) for mark in marks]

    def records(self, kind: str | None = None) -> list[Record]:
        """The records of all published artifacts; one that cannot be read is logged and left out."""
        found = []
        for version in self.versions(kind):
            try:
                found.append(self._read_record("/".join(version)))
            except RecordError as error:
                log.warning("%s", error)
        return found

    def is_intact(self, kind: str, name: str, fingerprint: str) -> bool:
        """Cheap check: the files that the record names are there, with those sizes, and no others."""
        folder = self.folder(kind, name, fingerprint)
        try:
            record = self._read_record(folder)
        except RecordError:
            return False
        sizes = self.place.sizes(folder)
        payload = {path: size for path, size in sizes.items() if path not in RESERVED_FILES}
        return SUCCESS in sizes and payload == {entry.path: entry.bytes for entry in record.files}

    # Writing

    def lock(self, kind: str, name: str, fingerprint: str) -> AbstractContextManager[None]:
        """Hold this while building, so that two runs on one machine never build the same thing twice.

        On an object store it does nothing: two builders may then both upload, and the last success mark wins.
        """
        from warehouse.locks import exclusive

        path = self.lock_path(kind, name, fingerprint)
        return exclusive(path) if path else nullcontext()

    def lock_path(self, kind: str, name: str, fingerprint: str) -> Path | None:
        """The lock file of an artifact; None on an object store."""
        lock = self.folder(kind, name, fingerprint).replace("/", "~") + ".lock"
        return self.place.local / ".locks" / lock if self.place.local else None

    @contextmanager
    def building(self, kind: str, name: str, fingerprint: str) -> Iterator[Path]:
        """An empty folder to build an artifact in; removed at the end unless it was published."""
        parent = Path(self.folder(kind, name, fingerprint)).parent
        base = self.place.local / parent if self.place.local else self._scratch()
        folder = base / f"{BUILDING}-{fingerprint}-{owner_token()}"
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def publish(self, folder: Path, record: Record) -> Artifact:
        """Make the payload in `folder`, described by `record`, an artifact.  `folder` is moved away or left useless.

        When the artifact is already there it is kept, and if its content digest is another one the returned
        artifact carries a warning that the build is not deterministic.  Raises ValueError when the record does not
        describe the folder.
        """
        record = Record.model_validate(redact(record.model_dump()))
        target = self.folder(record.kind, record.name, record.fingerprint)
        _check_described(folder, record)
        if self.has(record.kind, record.name, record.fingerprint):
            return self._keep_existing(record)
        (folder / RECORD).write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")
        (folder / CARD).write_text(card(record), encoding="utf-8")
        (folder / SUCCESS).touch()
        if self.place.local:
            if not self._rename_into_place(folder, self.place.local / target):
                return self._keep_existing(record)
        else:
            self._upload(folder, target, record)
        return self._open(target, record)

    def point_latest(self, record: Record) -> None:
        """Let the bare name mean this version."""
        self.place.write(self._pointer(record.kind, record.name), f"{record.fingerprint}\n".encode())

    def quarantine(self, artifact: Artifact) -> str:
        """Move a corrupted artifact out of the way, so that a rerun builds it again; returns where it lies."""
        record = artifact.record
        return self.quarantine_version(Version(record.kind, record.name, record.fingerprint))

    def quarantine_version(self, version: Version) -> str:
        """`quarantine` for an artifact whose record cannot even be read."""
        source = self.folder(*version)
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime()) + f"-{time.monotonic_ns() % 10**9:09d}"
        target = f".quarantine/{source}-{stamp}"
        if self.place.local is None:
            self.place.remove(f"{source}/{SUCCESS}")  # first: from here on it does not count
        self.place.move(source, target)
        return target

    def remove(self, version: Version) -> None:
        """Remove an artifact (garbage collection decides which); a kill in the middle leaves nothing that counts."""
        folder = self.folder(*version)
        if self.place.local is None:
            self.place.remove(f"{folder}/{SUCCESS}")
            self.place.remove(folder)
            return
        path = self.place.local / folder
        doomed = path.with_name(f".removing-{version.fingerprint}-{owner_token()}")
        os.replace(path, doomed)
        shutil.rmtree(doomed, ignore_errors=True)

    def clean_abandoned(self) -> list[str]:
        """Remove temporary folders and files whose owner is dead; returns their paths below the root."""
        if self.place.local is None:
            base, patterns = self._scratch(), [".*~*~*~*"]
        else:
            base, patterns = self.place.local, [".*~*~*~*", "*/*/.*~*~*~*"]
        removed = []
        for path in [path for pattern in patterns for path in base.glob(pattern)]:
            if is_abandoned(path.name, path):
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
                removed.append(path.relative_to(base).as_posix())
        return sorted(removed)

    # Parts

    def _pointer(self, kind: str, name: str) -> str:
        return f"{Path(self.folder(kind, name, '0')).parent.as_posix()}/{LATEST}"

    def _scratch(self) -> Path:
        return Path(tempfile.gettempdir()) / "lexmill-scratch"

    def _read_record(self, folder: str) -> Record:
        try:
            return Record.model_validate_json(self.place.read(f"{folder}/{RECORD}"))
        except FileNotFoundError:
            raise RecordError(f"{folder} has no {RECORD}: it is corrupt") from None
        except ValueError as error:
            raise RecordError(f"{folder}/{RECORD} cannot be read, the artifact is corrupt: {error}") from None

    def _open(self, folder: str, record: Record) -> Artifact:
        if self.place.local:
            return Artifact(record, self.place.local / folder)
        # The content digest is in the path, so that a rebuilt artifact never meets cached files of the old one.
        cached = self._cache / folder / record.content_digest[:16]
        return Artifact(record, cached, lambda path: self.place.download(f"{folder}/{path}", cached / path))

    def _rename_into_place(self, folder: Path, target: Path) -> bool:
        """Whether `folder` became `target`; False when another process published first."""
        _flush(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        while True:
            try:
                os.replace(folder, target)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
            else:
                _flush_folder(target.parent)
                return True
            if (target / SUCCESS).exists():
                return False
            # Not one of ours: without its mark it does not count, but it may be someone's only copy of something.
            self.quarantine_version(Version(*target.parts[-3:]))

    def _upload(self, folder: Path, target: str, record: Record) -> None:
        self.place.remove(target)  # what a killed upload left behind
        for name in [*(entry.path for entry in record.files), RECORD, CARD, SUCCESS]:
            self.place.upload(folder / name, f"{target}/{name}")

    def _keep_existing(self, record: Record) -> Artifact:
        existing = self.get(record.kind, record.name, record.fingerprint)
        if existing.record.content_digest == record.content_digest:
            return existing
        before = {entry.path: entry.sha256 for entry in existing.record.files}
        after = {entry.path: entry.sha256 for entry in record.files}
        changed = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
        message = (
            f"{record.kind}/{record.name}@{record.fingerprint} was built twice with different content "
            f"({', '.join(changed)}): {record.build} is not deterministic; the first build is kept"
        )
        log.warning("%s", message)
        return replace(existing, warnings=(message,))


def _check_described(folder: Path, record: Record) -> None:
    found = {p.relative_to(folder).as_posix(): p.stat().st_size for p in folder.rglob("*") if p.is_file()}
    described = {entry.path: entry.bytes for entry in record.files}
    if found != described or described.keys() & RESERVED_FILES:
        wrong = sorted(
            path for path in found.keys() | described.keys() if found.get(path) != described.get(path)
        )
        raise ValueError(
            f"the record of {record.kind}/{record.name} does not describe {', '.join(wrong[:5])}"
        )


def _flush(folder: Path) -> None:
    """Force all files to the disk before the rename: else a power cut could leave a success mark over nothing."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as stream:
                os.fsync(stream.fileno())
    _flush_folder(folder)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
