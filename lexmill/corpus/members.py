"""The files of a corpus, wherever they lie: in packages and other archives, in local folders or behind URLs, under one
small interface."""

from __future__ import annotations

import dataclasses
import lzma
import re
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO
from zipfile import BadZipFile

import zstandard

from lexmill.archives import DownloadError, decompressed, is_archive, open_archive
from lexmill.corpus.files import PathError, compression_of, glob_regex, local_files, split_archive
from lexmill.corpus.languages import DETECT, UnknownLanguageError, language_label
from lexmill.corpus.packed import Opener, Packed, packed_members
from lexmill.corpus.params import CATALOG_FORMATS, CorpusParams, Format, format_of
from lexmill.corpus.places import is_url, local_place, shown_place
from lexmill.corpus.sharding import WHOLE, Shard, deal


class ReadError(ValueError):
    """A file that cannot be read at all: damaged, truncated, of an unknown kind, or without the configured field."""


@dataclass(frozen=True)
class Member:
    """One file of a corpus: what its name says about it, and how to open it (decompressed)."""

    name: str
    format: Format
    language: str | None  # declared label, None when it is to be detected
    domain: str
    group: str | None
    open: Callable[[], IO[bytes]]
    records: Shard = WHOLE  # of the corpus's records, those to be read (see `sharding.records_of`)


@contextmanager
def corpus_members(
    params: CorpusParams, place: Path | str | Sequence[Path], shard: Shard = WHOLE
) -> Iterator[list[Member]]:
    """Members of a corpus, sorted by name; of one shard when it is read in several (see `sharding.deal`).

    `place` holds them: the package's archive, or a list of those of `params.package` in its order, when `params` names
    one, else a local path or an fsspec URL.  Only members that match `params.members` and whose declared language is
    selected.  Raises PathError or ReadError when nothing matches or a member's kind is unknown, ArchiveError,
    DownloadError, and UnknownLanguageError for a language in a name.
    """
    with ExitStack() as stack:
        members = _selected(params, _openers(params, place, stack), _shown(place))
        dealt, records = deal(members, shard)
        yield [dataclasses.replace(member, records=records) for member in dealt]


@contextmanager
def readable(member: Member) -> Iterator[IO[bytes]]:
    """Open a member; whatever says that its bytes are damaged becomes a ReadError that names it."""
    try:
        with member.open() as handle:
            yield handle
    except DownloadError:
        raise
    except (EOFError, OSError, BadZipFile, lzma.LZMAError, zlib.error, zstandard.ZstdError) as error:
        raise ReadError(f"{member.name} cannot be read: {error}; replace the file or leave it out") from error


def _openers(
    params: CorpusParams, place: Path | str | Sequence[Path], stack: ExitStack
) -> Mapping[str, Opener]:
    """name -> opener of the plain bytes, sorted by name, of all files, those of archives if `members` matches them."""
    archives: list[Packed] = []
    files: dict[str, Opener] = {}
    if params.package is not None:
        archives = _packages(params, place)
    elif is_url(str(place)):
        archives, files = _remote(params, str(place), stack)
    else:
        archive, inner = local_place(str(place))
        inside = glob_regex(inner).pattern if inner else ".*"
        for name, path in local_files(Path(archive), params.format is not None, archives=True):
            if is_archive(name):
                archives.append(Packed(f"{name}/", path, inside))
            else:
                files[name] = partial(_open_local, path)
    files |= stack.enter_context(packed_members(archives, params.members))
    if not files:
        with open_archive(archives[0].path) as first:
            raise _no_match(params, _shown(place), [f"{archives[0].prefix}{name}" for name in first.names])
    return {name: partial(_plain, files[name], compression_of(name)) for name in sorted(files)}


def _packages(params: CorpusParams, place: Path | str | Sequence[Path]) -> list[Packed]:
    if isinstance(params.package, tuple):
        assert not isinstance(place, str | Path)  # a list of packages comes with a list of archives
        return [Packed(f"{ref.name}/", path) for ref, path in zip(params.package, place, strict=True)]
    return [Packed("", Path(str(place)))]


def _remote(params: CorpusParams, url: str, stack: ExitStack) -> tuple[list[Packed], dict[str, Opener]]:
    """(archives, fetched into a temporary folder; openers of the other files) behind a URL."""
    from lexmill.corpus.remote import copy_remote, open_remote, remote_files

    address, inner = split_archive(url)
    inside = glob_regex(inner).pattern if inner else ".*"
    archives: list[Packed] = []
    files: dict[str, Opener] = {}
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="remote-")))
    for number, file in enumerate(remote_files(address, params.format is not None)):
        if is_archive(file.name):
            target = folder / f"{number}-{file.name.rpartition('/')[2]}"
            copy_remote(address, file, target)
            archives.append(Packed(f"{file.name}/", target, inside))
        else:
            files[file.name] = partial(open_remote, address, file)
    return archives, files


def _open_local(path: Path) -> IO[bytes]:
    return path.open("rb")


def _plain(opener: Opener, compression: str) -> IO[bytes]:
    return decompressed(opener(), compression)


def _shown(place: Path | str | Sequence[Path]) -> str:
    return shown_place(str(place)) if isinstance(place, str | Path) else f"{len(place)} packages"


def _selected(params: CorpusParams, openers: Mapping[str, Opener], where: str) -> list[Member]:
    pattern = re.compile(params.members) if params.members else None
    matched = [(name, pattern.fullmatch(name) if pattern else None) for name in openers]
    if pattern:
        matched = [(name, match) for name, match in matched if match]
    if not matched:
        raise _no_match(params, where, list(openers))
    members = [
        _member(params, name, match.groupdict() if match else {}, openers[name]) for name, match in matched
    ]
    wanted = set(params.parallel or params.languages or ())
    if not wanted:
        return members
    if any(member.format in CATALOG_FORMATS for member in members):
        wanted.add(
            params.source_language
        )  # tells what is not translated, even when it is not selected itself
    return [m for m in members if m.language is None or m.language in wanted]


def _no_match(params: CorpusParams, where: str, names: Sequence[str]) -> PathError:
    examples = ", ".join(names[:3]) or "no files"
    wanted = repr(params.members) if params.members else "the path"
    return PathError(
        f"corpus {params.name!r}: no file of {where} matches {wanted} (there are {examples} ...)"
    )


def _member(
    params: CorpusParams, name: str, named: Mapping[str, str | None], opener: Callable[[], IO[bytes]]
) -> Member:
    kind = params.format or format_of(name)
    if kind is None:
        raise ReadError(f"corpus {params.name!r}: {name} is of no known kind; set `format`")
    declared = None if params.language == DETECT else params.language
    if named.get("language"):
        try:
            declared = language_label(str(named["language"]))
        except UnknownLanguageError as error:
            raise UnknownLanguageError(f"{name}: {error}; or let `members` leave it out") from error
    group = named.get("group")
    return Member(
        name=name,
        format=kind,
        language=declared,
        domain=(named.get("domain") or params.domain).lower(),
        group=f"{params.name}:{group}" if group else None,
        open=opener,
    )
