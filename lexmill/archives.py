"""Archives as data: list and read their members, never install, extract to disk by name, or execute anything.

`open_archive` and `read_members` read .zip and its kin (.whl, .jar, .xpi, .epub), .tar(.gz, .bz2, .xz, .zst) and .deb.
Archives of package registries are fetched by `lexmill.registries`.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Self, cast

import zstandard

from lexmill.registries import DownloadError, PackageError, PackageRef, fetch_package, file_sha256
from lexmill.streams import file_slice, zstd_stream

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
    "is_archive",
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
_TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".tzst")
_ZIP_SUFFIXES = (".zip", ".whl", ".jar", ".xpi", ".epub")
_AR_MAGIC, _AR_HEADER_BYTES, _AR_MEMBERS = b"!<arch>\n", 60, 16
_ENCRYPTED = 0x1  # bit of a zip member's flags
MAX_TAR_MEMBERS = 2_000_000
MAX_TAR_NAMES = 256 * 2**20  # characters of all names together
MAX_TAR_HEADER_BYTES = 2**20  # of a long name or pax records, which are read whole
_TAR_HEADERS = frozenset(
    (
        *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
        *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
    )
)
# What the libraries raise for damaged bytes; RuntimeError includes what a reader has not implemented.
_DAMAGE = (
    *(tarfile.TarError, zipfile.BadZipFile, zstandard.ZstdError, lzma.LZMAError, zlib.error),
    *(EOFError, OSError, ValueError, RuntimeError, OverflowError),
)


class ArchiveError(ValueError):
    """An archive is damaged, or a member is refused (link, path outside the archive, larger than the limits)."""


@dataclass(frozen=True)
class Archive:
    """An open archive: `names` are its files, sorted; `open(name)` reads one as a stream, `read(name)` at once.

    `random_access`: opening the archive again is cheap.  Other archives are unpacked as a whole first.
    """

    names: tuple[str, ...]
    open: Callable[[str], IO[bytes]]
    random_access: bool

    def read(self, name: str) -> bytes:
        """Bytes of one member, `MAX_MEMBER_BYTES` at most.  Raises ArchiveError."""
        content = bytearray()
        for chunk in self.chunks(name):
            content += chunk
            if len(content) > MAX_MEMBER_BYTES:
                raise ArchiveError(f"member {name!r} unpacks to more than {MAX_MEMBER_BYTES:,} bytes")
        return bytes(content)

    def chunks(self, name: str) -> Iterator[bytes]:
        """The bytes of one member in pieces.  Raises ArchiveError."""
        with self.open(name) as handle:
            while True:
                with _damage_named(f"member {name!r} cannot be read"):
                    chunk = handle.read(_CHUNK_BYTES)
                if not chunk:
                    return
                yield chunk


def is_archive(name: str) -> bool:
    """Whether a file name is that of an archive that `open_archive` reads."""
    return name.lower().endswith((*_TAR_SUFFIXES, *_ZIP_SUFFIXES, ".deb"))


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Open an archive for reading; its kind is that of its suffix, .zip where there is no other.

    Compressed tars are unpacked once into an anonymous temporary file, so that members can be read in any order.
    A .deb gives the files that it would install, without its links.
    Raises ArchiveError when the file is damaged, unpacks to more than `MAX_TOTAL_BYTES` or beyond `MAX_RATIO`; `open`
    and `read` raise it for links, absolute names, names with `..`, names that stand for two members, encrypted members
    and members over the limits.
    """
    if _opener(path.name) is _zip_archive:
        # opened by zipfile itself, an archive that is closed goes on for its members that are open
        with _opened(path, path.name) as archive:
            yield archive
        return
    with path.open("rb") as handle, open_stream(handle, path.name) as archive:
        yield archive


@contextmanager
def open_stream(handle: IO[bytes], name: str) -> Iterator[Archive]:
    """Like `open_archive`, of an open seekable file with a descriptor; `name` tells the kind."""
    with _opened(handle, name) as archive:
        yield archive


@contextmanager
def _opened(source: Any, name: str) -> Iterator[Archive]:
    with ExitStack() as stack:
        with _damage_named(f"{name} cannot be read as an archive"):
            archive = _opener(name)(source, name, stack)
        yield archive


@contextmanager
def _damage_named(problem: str) -> Iterator[None]:
    """Whatever says that bytes are damaged becomes an ArchiveError that begins with `problem`."""
    try:
        yield
    except (ArchiveError, FileNotFoundError):
        raise
    except _DAMAGE as error:
        raise ArchiveError(f"{problem}: {error or type(error).__name__}") from error


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
        "zst": zstd_stream,
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


def _check_member(name: str, size: int, packed: int, twice: frozenset[str]) -> None:
    """Refuse names that leave the archive or are not unique, and members that would fill memory or disk."""
    parts = PurePosixPath(name.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or re.match(r"^[A-Za-z]:", name):
        raise ArchiveError(f"member {name!r} points outside its archive; it is refused")
    if name in twice:
        raise ArchiveError(f"two members are named {name!r}; it is not clear which is meant")
    if size > MAX_TOTAL_BYTES:
        raise ArchiveError(f"member {name!r} unpacks to {size:,} bytes; the limit is {MAX_TOTAL_BYTES:,}")
    if size > RATIO_FLOOR_BYTES and size > MAX_RATIO * max(packed, 1):
        raise ArchiveError(
            f"member {name!r} unpacks {size / max(packed, 1):.0f} times; the limit is {MAX_RATIO}"
        )


def _opener(name: str) -> Callable[[Any, str, ExitStack], Archive]:
    lower = name.lower()
    if lower.endswith(".deb"):
        return _deb_archive
    return _tar_archive if lower.endswith(_TAR_SUFFIXES) else _zip_archive


def _zip_archive(source: IO[bytes] | Path, where: str, stack: ExitStack) -> Archive:
    opened = stack.enter_context(zipfile.ZipFile(source))
    infos = [info for info in opened.infolist() if not info.is_dir()]
    members = {info.filename: info for info in infos}
    twice = _repeated([info.filename for info in infos])
    total = sum(info.file_size for info in infos)
    if total > MAX_TOTAL_BYTES:
        raise ArchiveError(f"{where} unpacks to {total:,} bytes; the limit is {MAX_TOTAL_BYTES:,}")

    def open_member(name: str) -> IO[bytes]:
        info = members[name]
        if stat.S_ISLNK(info.external_attr >> 16):
            raise ArchiveError(f"member {name!r} of {where} is a link; it is refused")
        if info.flag_bits & _ENCRYPTED:
            raise ArchiveError(f"member {name!r} of {where} is encrypted; unpack it with its password first")
        _check_member(name, info.file_size, info.compress_size, twice)
        # zipfile stops at the declared size and checks the CRC, so a header that lies is an error, not a bomb.
        with _damage_named(f"member {name!r} of {where} cannot be read"):
            return opened.open(info)

    return Archive(names=tuple(sorted(members)), open=open_member, random_access=True)


def _tar_archive(handle: IO[bytes], where: str, stack: ExitStack) -> Archive:
    plain = handle if where.lower().endswith(".tar") else _unpacked_tar(handle, where, stack)
    return _tar_members(plain, where, stack)


def _deb_archive(handle: IO[bytes], where: str, stack: ExitStack) -> Archive:
    """The `data.tar.*` of a Debian package (deb(5)), without links: they repeat other files under other names."""
    name, content = _deb_data(handle, where)
    return _tar_members(_unpacked_tar(content, name, stack), where, stack, links=False)


def _tar_members(plain: IO[bytes], where: str, stack: ExitStack, links: bool = True) -> Archive:
    entries = [entry for entry in _tar_entries(plain, where, stack) if links or entry.regular]
    members = {entry.name: entry for entry in entries}
    twice = _repeated([entry.name for entry in entries])

    def open_member(name: str) -> IO[bytes]:
        entry = members[name]
        if not entry.regular:
            raise ArchiveError(f"member {name!r} of {where} is a link or a device; it is refused")
        _check_member(name, entry.size, entry.size, twice)
        if entry.sparse:
            raise ArchiveError(f"member {name!r} of {where} is a sparse file; it is refused")
        return io.BufferedReader(file_slice(plain.fileno(), entry.start, entry.size), _BUFFER_BYTES)

    return Archive(names=tuple(sorted(members)), open=open_member, random_access=False)


class _TarEntry(NamedTuple):
    """What is kept of a member that is no folder; a TarInfo holds all its pax records."""

    name: str
    start: int
    size: int
    regular: bool
    sparse: bool


class _BoundedTarInfo(tarfile.TarInfo):
    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        info = super().frombuf(buf, encoding, errors)
        if info.type in _TAR_HEADERS and info.size > MAX_TAR_HEADER_BYTES:
            raise ArchiveError(f"a header of {info.size:,} bytes; the limit is {MAX_TAR_HEADER_BYTES:,}")
        return info


def _tar_entries(plain: IO[bytes], where: str, stack: ExitStack) -> Iterator[_TarEntry]:
    opened = stack.enter_context(tarfile.open(fileobj=plain, mode="r:", tarinfo=_BoundedTarInfo))  # noqa: SIM115
    count = characters = 0
    while (info := opened.next()) is not None:
        opened.members.clear()  # type: ignore[attr-defined]
        count, characters = count + 1, characters + len(info.name)
        if count > MAX_TAR_MEMBERS or characters > MAX_TAR_NAMES:
            raise ArchiveError(
                f"{where} holds more than {count - 1:,} members or too long names; it is refused"
            )
        if info.size < 0:  # the next member would stand before this one
            raise ArchiveError(f"{where} is damaged: a member has {info.size} bytes")
        if not info.isdir():
            name = info.name.removeprefix("./")
            yield _TarEntry(name, info.offset_data, info.size, info.isreg(), info.sparse is not None)


def _unpacked_tar(handle: IO[bytes], where: str, stack: ExitStack) -> IO[bytes]:
    """The tar as a seekable file, unpacked under the ratio and size limits."""
    packed = handle.seek(0, io.SEEK_END)
    handle.seek(0)
    stream = decompressed(handle, _compression(where))
    target = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
    size = 0
    while chunk := stream.read(_CHUNK_BYTES):
        size += len(chunk)
        if size > MAX_TOTAL_BYTES or (size > RATIO_FLOOR_BYTES and size > MAX_RATIO * packed):
            raise ArchiveError(f"{where} unpacks beyond {size:,} bytes from {packed:,}; it is refused")
        target.write(chunk)
    target.flush()
    target.seek(0)
    return cast("IO[bytes]", target)


def _deb_data(handle: IO[bytes], where: str) -> tuple[str, IO[bytes]]:
    """(name, bytes) of the member of the ar file that holds the package's files."""
    end = handle.seek(0, io.SEEK_END)
    handle.seek(0)
    if handle.read(len(_AR_MAGIC)) != _AR_MAGIC:
        raise ArchiveError(f"{where} is no Debian package: it does not start as an ar file")
    for _ in range(_AR_MEMBERS):
        header = handle.read(_AR_HEADER_BYTES)
        if not header:
            break
        name, size = header[:16].decode("ascii", "replace").rstrip(" /"), header[48:58].strip()
        start = handle.tell()
        if len(header) < _AR_HEADER_BYTES or header[58:] != b"`\n" or not size.isdigit():
            raise ArchiveError(f"{where} is damaged: its member at byte {start} has no valid header")
        if start + int(size) > end:
            raise ArchiveError(f"{where} is cut short: {name} should have {int(size):,} bytes")
        if name.startswith("data.tar"):
            return name, cast("IO[bytes]", file_slice(handle.fileno(), start, int(size)))
        handle.seek(start + int(size) + int(size) % 2)
    raise ArchiveError(f"{where} is no Debian package: it has no data.tar")


def _compression(name: str) -> str:
    suffix = name.lower().rsplit(".", 1)[1]
    return {"tgz": "gz", "tbz2": "bz2", "txz": "xz", "tzst": "zst"}.get(suffix, suffix)


def _repeated(names: list[str]) -> frozenset[str]:
    return frozenset(name for name, count in Counter(names).items() if count > 1)
