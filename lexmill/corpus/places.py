"""Where a corpus lies: a local path or an fsspec URL, and the identity of what is there."""

from __future__ import annotations

import hashlib
from pathlib import Path

from lexmill.corpus.files import content_digest, local_files, split_archive
from lexmill.web import shown_url


def is_url(place: str) -> bool:
    """Whether a place is an fsspec URL; `file://` counts as a local path."""
    return "://" in place and not place.startswith("file://")


def shown_place(place: str) -> str:
    """The place as messages may show it: a URL without user, password and query."""
    return shown_url(place) if is_url(place) else place


def place_of(path: str, folder: Path) -> str:
    """The configured `path` as one that holds anywhere: a URL as it is, a relative local path taken from `folder`."""
    if is_url(path):
        return path
    return str((folder / Path(path.removeprefix("file://")).expanduser()).absolute())


def place_identity(place: str, any_suffix: bool, cache: Path) -> str:
    """Hex sha256 of what a place holds: names and bytes of local files, or what a server says of each of its files
    (see `remote.remote_files`), and what is meant inside an archive.

    Raises PathError when there is nothing that can be read, and DownloadError when a server cannot be asked.
    """
    if is_url(place):
        from lexmill.corpus.remote import listing_digest, remote_files

        archive, inner = split_archive(place)
        digest = listing_digest(remote_files(archive, any_suffix))
    else:
        archive, inner = local_place(place)
        digest = content_digest(local_files(Path(archive), any_suffix, archives=True), cache)
    return hashlib.sha256(f"{digest}\0{inner}".encode()).hexdigest() if inner else digest


def local_place(place: str) -> tuple[str, str]:
    """`split_archive` of a local path, unless the whole path exists or what looks like an archive is a folder."""
    archive, inner = split_archive(place)
    if inner and (Path(place).exists() or Path(archive).is_dir()):
        return place, ""
    return archive, inner
