"""The files of a corpus, wherever they lie: members of a package archive or local files, under one small interface."""

from __future__ import annotations

import io
import lzma
import re
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import zstandard

from lexmill.archives import decompressed, open_archive
from lexmill.corpus.files import PathError, compression_of, local_files
from lexmill.corpus.languages import DETECT, UnknownLanguageError, language_label
from lexmill.corpus.params import CATALOG_FORMATS, CorpusParams, Format, format_of


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


@contextmanager
def corpus_members(params: CorpusParams, path: Path) -> Iterator[list[Member]]:
    """Members of a corpus, sorted by name: of the archive at `path` when `params` names a package, else local files.

    Only members that match `params.members` and whose declared language is selected.  Raises PathError or ReadError
    when nothing matches or a member's kind is unknown, UnknownLanguageError for a language in a name.
    """
    if params.package is None:
        found = local_files(path, any_suffix=params.format is not None)
        openers = {name: _file_opener(file) for name, file in found}
        yield _selected(params, list(openers), openers, str(path))
        return
    with open_archive(path) as archive:
        names = list(archive.names)
        yield _selected(params, names, {name: _bytes_opener(archive.read, name) for name in names}, path.name)


@contextmanager
def readable(member: Member) -> Iterator[IO[bytes]]:
    """Open a member; whatever says that its bytes are damaged becomes a ReadError that names it."""
    try:
        with member.open() as handle:
            yield handle
    except (EOFError, OSError, lzma.LZMAError, zlib.error, zstandard.ZstdError) as error:
        raise ReadError(f"{member.name} cannot be read: {error}; replace the file or leave it out") from error


def _selected(
    params: CorpusParams, names: list[str], openers: Mapping[str, Callable[[], IO[bytes]]], where: str
) -> list[Member]:
    pattern = re.compile(params.members) if params.members else None
    matched = [(name, pattern.fullmatch(name) if pattern else None) for name in names]
    if pattern:
        matched = [(name, match) for name, match in matched if match]
    if not matched:
        examples = ", ".join(names[:3])
        raise PathError(
            f"corpus {params.name!r}: no file of {where} matches {params.members!r} (there are {examples} ...)"
        )
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


def _file_opener(path: Path) -> Callable[[], IO[bytes]]:
    return lambda: decompressed(path.open("rb"), compression_of(path.name))


def _bytes_opener(read: Callable[[str], bytes], name: str) -> Callable[[], IO[bytes]]:
    return lambda: decompressed(io.BytesIO(read(name)), compression_of(name))
