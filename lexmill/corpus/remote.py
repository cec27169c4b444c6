"""Files behind fsspec URLs: s3, gs, https, `hf://datasets/<org>/<name>[@<revision>]/...`, whatever fsspec knows.

What identifies a remote file is its name, size and the first of these that the server tells: a checksum, an ETag or
object id, the time of its last change.  A file of which the server tells none is read whole and hashed.
Credentials come from the environment or the files that each service's library reads.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlsplit

from lexmill.archives import MAX_TOTAL_BYTES, DownloadError, is_archive
from lexmill.corpus.files import PathError, is_glob
from lexmill.corpus.params import format_of
from lexmill.web import shown_text, shown_url

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_BUFFER_BYTES = 1 << 20
_CONNECT_SECONDS, _SILENCE_SECONDS = 30, 120
_TAGS = (
    *("sha256", "md5Hash", "md5", "Content-MD5", "Digest", "checksum", "crc32c"),
    *("ETag", "etag", "blob_id", "Last-Modified", "LastModified", "last_modified", "mtime", "updated"),
)


class RemoteFile(NamedTuple):
    """One file: `name` relative to what was asked for, `path` as its file system names it, `size` in bytes where the
    server tells it, and `tag`, what else tells its content."""

    name: str
    path: str
    size: int | None
    tag: str


def remote_files(url: str, any_suffix: bool = False) -> list[RemoteFile]:
    """The files that a URL means: one file, all below a folder, or those a glob matches; sorted by name.

    An https URL is a folder when it ends with `/`, and its page must then list the files as links.  A folder gives the
    files of known suffix (all with `any_suffix`) that are not hidden.  Raises PathError when there is none or a library
    is missing, DownloadError when the server cannot be asked.
    """
    with _failures(url):
        system, path = _file_system(url)
        base, found = _listed(system, path, url)
    named = [(_name(path, base, _is_http(url)), path, info) for path, info in found]
    chosen = [
        (name, path, info)
        for name, path, info in named
        if len(found) == 1 or (_is_visible(name) and (any_suffix or format_of(name) or is_archive(name)))
    ]
    if not chosen:
        raise PathError(f"{shown_url(url)} holds no file of a known kind")
    with _failures(url):
        return sorted(_described(system, name, path, info) for name, path, info in chosen)


def listing_digest(files: list[RemoteFile]) -> str:
    """Hex sha256 over names, sizes and tags: the identity of remote files."""
    lines = (f"{file.name}\0{file.size}\0{file.tag}\n" for file in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def open_remote(url: str, file: RemoteFile) -> IO[bytes]:
    """A file's bytes as a stream; over http only Parquet files are seekable, where the server sends parts of them.

    Reading raises DownloadError when the server breaks off or sends fewer bytes than it listed.
    """
    with _failures(url):
        system, _ = _file_system(url)
        return _opened(system, file)


def copy_remote(url: str, file: RemoteFile, target: Path) -> None:
    """Copy a file to a local one.  Raises DownloadError, also beyond `archives.MAX_TOTAL_BYTES`."""
    size = 0
    with open_remote(url, file) as stream, target.open("wb") as handle:
        while chunk := stream.read(_BUFFER_BYTES):
            size += len(chunk)
            if size > MAX_TOTAL_BYTES:
                raise DownloadError(f"{file.name} is larger than {MAX_TOTAL_BYTES:,} bytes; it is refused")
            handle.write(chunk)


class _RemoteStream(io.RawIOBase):
    """A file of an fsspec file system whose failures are DownloadErrors."""

    def __init__(self, stream: Any, file: RemoteFile, seekable: bool) -> None:
        self._stream, self._file, self._seekable, self._position = stream, file, seekable, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._seekable

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        if not self._seekable:
            raise io.UnsupportedOperation(f"{self._file.name} is read from its start to its end")
        self._position = int(self._stream.seek(offset, whence))
        return self._position

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        target = memoryview(buffer).cast("B")
        with _failures(self._file.path):
            content = self._stream.read(len(target))
        if not content and self._file.size is not None and self._position < self._file.size:
            raise DownloadError(
                f"{self._file.name} ends after {self._position:,} of {self._file.size:,} bytes; run again"
            )
        target[: len(content)] = content
        self._position += len(content)
        return len(content)

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()


@contextmanager
def _failures(url: str) -> Iterator[None]:
    """Whatever a file system raises, as one of two errors, without the credentials that its message may hold."""
    try:
        yield
    except (PathError, DownloadError):
        raise
    except FileNotFoundError as error:
        cause = error.__cause__  # fsspec's http file system calls every failure so
        status = getattr(cause, "status", None)
        if cause is None or isinstance(cause, FileNotFoundError) or status in (404, 410):
            raise PathError(f"{shown_url(url)} does not exist") from None
        raise _download_error(url, cause) from None
    except ImportError as error:
        library = shown_text(str(error))
        raise PathError(
            f"{shown_url(url)} needs one more library: pip install 'lexmill[remote]' ({library})"
        ) from None
    except Exception as error:
        raise _download_error(url, error) from None


def _download_error(url: str, error: BaseException) -> DownloadError:
    reason = shown_text(str(error)) or type(error).__name__
    return DownloadError(f"{shown_url(url)} cannot be read: {reason}; run again when it can")


def _file_system(url: str) -> tuple[Any, str]:
    """(file system, path in it)."""
    import fsspec

    options: dict[str, Any] = {"skip_instance_cache": True}  # a cached one remembers old listings
    if _is_http(url):
        import aiohttp

        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=_SILENCE_SECONDS)
        options["client_kwargs"] = {"trust_env": True, "timeout": timeout}
    try:
        system, path = fsspec.url_to_fs(url, **options)
    except ValueError as error:
        raise PathError(f"{shown_url(url)} cannot be opened: {shown_text(str(error))}") from None
    return system, str(path)


def _listed(system: Any, path: str, url: str) -> tuple[str, list[tuple[str, Mapping[str, Any]]]]:
    """(what names are relative to, (path, what the listing says) of each file)."""
    if _is_pattern(path, url):
        fixed = path[: min(path.index(character) for character in "*?[" if character in path)]
        found = system.glob(path, detail=True)
        base = fixed.rpartition("/")[0] + "/"
    elif path.endswith("/") if _is_http(url) else system.isdir(path):
        found = system.find(path, detail=True)
        base = path.rstrip("/") + "/"
    else:
        return path.partition("?")[0].rpartition("/")[0] + "/", [(path, system.info(path))]
    files = [(name, info) for name, info in found.items() if info.get("type") != "directory"]
    if not files:
        raise PathError(f"no file matches {shown_url(url)}")
    return base, files


def _described(system: Any, name: str, path: str, listed: Mapping[str, Any]) -> RemoteFile:
    """Size and tag of a file, asked for when the listing does not say them."""
    known = listed.get("size") is not None and _tag(listed)
    info = listed if known else system.info(path)
    size = info.get("size")
    tag = _tag(info)
    file = RemoteFile(name, path, None if size is None else int(size), tag)
    if tag:
        return file
    with _opened(system, file) as handle:
        return file._replace(tag=f"sha256:{hashlib.file_digest(handle, 'sha256').hexdigest()}")


def _opened(system: Any, file: RemoteFile) -> io.BufferedReader:
    """As parts on demand, and over http in one answer, which every server can give."""
    seekable = not _is_http(file.path) or (
        file.name.lower().endswith(".parquet") and _sends_parts(system, file)
    )
    options = {} if seekable else {"block_size": 0}
    stream = _RemoteStream(system.open(file.path, "rb", **options), file, seekable)
    return io.BufferedReader(stream, _BUFFER_BYTES)


def _sends_parts(system: Any, file: RemoteFile) -> bool:
    """Whether a server answers a request for the last bytes of a file with these alone."""
    try:
        with system.open(file.path, "rb", block_size=1) as stream:
            stream.seek(-1, io.SEEK_END)
            return len(stream.read(1)) == 1
    except ValueError:
        return False


def _tag(info: Mapping[str, Any]) -> str:
    stored = info.get("lfs")  # of the Hugging Face Hub: the sha256 of a large file
    if isinstance(stored, Mapping) and stored.get("sha256"):
        return f"sha256:{stored['sha256']}"
    return next((f"{key}:{info[key]}" for key in _TAGS if info.get(key)), "")


def _name(path: str, base: str, is_http: bool) -> str:
    name = path.removeprefix(base)
    return unquote(urlsplit(name).path) if is_http else name


def _is_visible(name: str) -> bool:
    return not any(part.startswith(".") for part in name.split("/"))


def _is_http(url: str) -> bool:
    return url.startswith(("http://", "https://"))


def _is_pattern(path: str, url: str) -> bool:
    return is_glob(path.replace("?", "") if _is_http(url) else path)
