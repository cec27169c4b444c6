"""Members of archives as streams: chosen by name, in archives within archives too, with few files open.

A zip is opened again when a member is read, and only the last few stay open.  Archives that cannot be read at any
place (compressed tars, .deb) and archives inside others are gone through once, and their chosen members kept together
in one temporary file.
"""

from __future__ import annotations

import io
import tempfile
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, NamedTuple, cast

import regex

from lexmill import archives
from lexmill.archives import Archive, ArchiveError, is_archive, open_archive, open_stream
from lexmill.streams import file_slice

_OPEN_ZIPS = 8
_BUFFER_BYTES = 1 << 17
_MATCH_SECONDS = 10.0

Opener = Callable[[], IO[bytes]]


class Packed(NamedTuple):
    """One archive: its members get the names `<prefix><name in the archive>`.  `inside` narrows them: a pattern of
    whole names in the archive."""

    prefix: str
    path: Path
    inside: str = ".*"


@contextmanager
def packed_members(packed: Sequence[Packed], pattern: str | None) -> Iterator[dict[str, Opener]]:
    r"""name -> function that opens the member, of those whose whole name matches `pattern` (all without one).

    Members of an archive in an archive are named `<archive>/<name in it>`.  Such an archive is opened, one level deep,
    when there is no `pattern`, or one that can match something in it and says so by its suffix and a `/` after it, as
    in `.+\.xpi/.+\\.ftl`.  The functions work as long as the context.  Raises ArchiveError.
    """
    with ExitStack() as stack:
        store = _Store(stack)
        zips = stack.enter_context(_OpenZips())
        found: dict[str, Opener] = {}
        for part in packed:
            choice = _Choice(part.prefix, regex.compile(part.inside, regex.DOTALL), pattern)
            for name, opener in _archive_members(part, choice, store, zips):
                if name in found:
                    raise ArchiveError(
                        f"two files are named {name!r}; give the archives different names or read them apart"
                    )
                found[name] = opener
        yield found


class _Choice:
    """Which names of an archive are read, as full names."""

    def __init__(self, prefix: str, inside: regex.Pattern[str], pattern: str | None) -> None:
        self._prefix, self._inside = prefix, inside
        self._pattern = regex.compile(pattern) if pattern else None

    def name(self, name: str) -> str | None:
        """The full name of a member that is read."""
        return self._matched(name, partial=False)

    def may_hold(self, archive: str) -> bool:
        """Whether members of this archive inside the archive are wanted: its name is matched as a beginning."""
        suffix = archive.rpartition(".")[2]
        # `.+\.go` could match in any archive; test data of packages holds archives that are broken on purpose
        if self._pattern and not regex.search(rf"{suffix}.*/", self._pattern.pattern, regex.IGNORECASE):
            return False
        return self._matched(f"{archive}/", partial=True) is not None

    def _matched(self, name: str, partial: bool) -> str | None:
        full = self._prefix + name
        try:
            if not self._inside.fullmatch(name, partial=partial, timeout=_MATCH_SECONDS):
                return None
            if self._pattern and not self._pattern.fullmatch(full, partial=partial, timeout=_MATCH_SECONDS):
                return None
        except TimeoutError as error:
            raise ArchiveError(
                f"`members` takes too long to match {full!r}; write a simpler pattern"
            ) from error
        return full


def _archive_members(
    part: Packed, choice: _Choice, store: _Store, zips: _OpenZips
) -> Iterator[tuple[str, Opener]]:
    with open_archive(part.path) as archive:
        for name in archive.names:
            if is_archive(name):
                if choice.may_hold(name):
                    yield from _nested_members(archive, name, choice, store)
            elif full := choice.name(name):
                if archive.random_access:
                    yield full, zips.opener(part.path, name)
                else:
                    yield full, store.add(archive, name)


def _nested_members(
    outer: Archive, container: str, choice: _Choice, store: _Store
) -> Iterator[tuple[str, Opener]]:
    with tempfile.TemporaryFile() as handle:
        for chunk in outer.chunks(container):
            handle.write(chunk)
        handle.flush()
        handle.seek(0)
        with open_stream(cast("IO[bytes]", handle), container.rpartition("/")[2]) as archive:
            for name in archive.names:
                if full := choice.name(f"{container}/{name}"):
                    if is_archive(name):
                        raise ArchiveError(
                            f"{full} is an archive two levels deep; only one level is opened: unpack it, or let "
                            "`members` leave it out"
                        )
                    yield full, store.add(archive, name)


class _Store:
    """Contents of members, one after another in an anonymous temporary file."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._file: IO[bytes] | None = None
        self._size = 0

    def add(self, archive: Archive, name: str) -> Opener:
        """Copy a member and give a function that opens the copy."""
        if self._file is None:
            file = self._stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
            self._file = cast("IO[bytes]", file)
        start = self._size
        for chunk in archive.chunks(name):
            self._size += len(chunk)
            if self._size > archives.MAX_TOTAL_BYTES:
                raise ArchiveError(
                    f"the chosen members unpack to more than {archives.MAX_TOTAL_BYTES:,} bytes; let `members` "
                    "choose fewer"
                )
            self._file.write(chunk)
        size, copies = self._size - start, self._file

        def open_copy() -> IO[bytes]:
            copies.flush()
            return io.BufferedReader(file_slice(copies.fileno(), start, size), _BUFFER_BYTES)

        return open_copy


class _OpenZips:
    """Zip files that are opened when one of their members is, `_OPEN_ZIPS` at a time."""

    def __init__(self) -> None:
        self._open: OrderedDict[Path, tuple[Archive, ExitStack]] = OrderedDict()

    def __enter__(self) -> _OpenZips:
        return self

    def __exit__(self, *_: object) -> None:
        while self._open:
            self._open.popitem()[1][1].close()

    def opener(self, path: Path, name: str) -> Opener:
        return lambda: self._archive(path).open(name)

    def _archive(self, path: Path) -> Archive:
        if path not in self._open:
            stack = ExitStack()
            self._open[path] = (stack.enter_context(open_archive(path)), stack)
            if len(self._open) > _OPEN_ZIPS:
                self._open.popitem(last=False)[1][1].close()
        self._open.move_to_end(path)
        return self._open[path][0]
