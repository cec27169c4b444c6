"""Local files: which ones a path names, how they are compressed, and their digest."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from pathlib import Path

from lexmill.archives import file_sha256, is_archive
from lexmill.corpus.params import COMPRESSIONS, format_of

_GLOB_CHARACTERS = "*?["
_REMEMBERED = 20_000  # digests of files of other corpora
_KNOWN = ".txt .md .jsonl .csv .parquet .json .po .html, source code, archives"


class PathError(ValueError):
    """A configured path does not exist, matches nothing that can be read, or leads out of its folder."""


def compression_of(name: str) -> str:
    """`gz`, `zst`, `bz2`, `xz`, or "" for a plain file."""
    suffix = os.path.splitext(name.lower())[1]
    return suffix[1:] if suffix in COMPRESSIONS else ""


def is_glob(text: str) -> bool:
    """Whether a path is a pattern."""
    return any(character in text for character in _GLOB_CHARACTERS)


def split_archive(path: str) -> tuple[str, str]:
    """(path of an archive, what is meant inside it): `a/b.zip/c/*.txt` is `a/b.zip` and `c/*.txt`; else (path, "").

    By the names alone: a folder that is named like an archive must not be followed by more.
    """
    parts = path.split("/")
    first = 3 if "://" in path else 0  # a host or bucket is no archive
    for count, part in enumerate(parts[:-1], 1):
        if count > first and is_archive(part) and any(parts[count:]):
            return "/".join(parts[:count]), "/".join(parts[count:]).strip("/")
    return path, ""


def glob_regex(pattern: str) -> re.Pattern[str]:
    """A regular expression of a glob over names with `/`: `*` and `?` stay within a part, `**/` is any folders.

    A pattern without such characters means the file of this name, or all files below the folder of this name.  Raises
    PathError for a set like `[z-a]`.
    """
    if not is_glob(pattern):
        return re.compile(re.escape(pattern) + r"(/.*)?", re.DOTALL)
    pieces = re.split(r"(\*\*/|\*\*|\*|\?|\[[^]]+\])", pattern)
    known = {"**/": r"(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    translated = [
        known.get(piece) or (f"[{_in_set(piece)}]" if piece.startswith("[") else re.escape(piece))
        for piece in pieces
    ]
    try:
        return re.compile("".join(translated), re.DOTALL)
    except re.error as error:
        raise PathError(f"{pattern!r} is no pattern: {error}") from error


def local_files(path: Path, any_suffix: bool = False, archives: bool = False) -> list[tuple[str, Path]]:
    """(name, path) of the files that a file, folder or glob means, sorted by name.

    The name is relative to the folder (or to the glob's fixed part), with forward slashes, so that it does not depend
    on where the files lie; bytes that are not UTF-8 are escaped in it.  A folder gives the files whose suffix is known
    (and those of `archives`; all with `any_suffix`); hidden files, links to folders, links that lead nowhere
    and warehouses are left out.  Raises PathError when the path is missing, nothing is left, or a link leads out of
    the folder.
    """
    if is_glob(str(path)) and not path.exists():
        base, pattern = _split_glob(path)
        found = [p for p in base.glob(pattern) if p.is_file()]
        if not found:
            raise PathError(f"no file matches {path}")
    elif path.is_dir():
        base = path
        found = [
            p
            for p in path.rglob("*")
            if p.is_file() and (any_suffix or format_of(p.name) or (archives and is_archive(p.name)))
        ]
    elif path.is_file():
        base, found = path.parent, [path]
    else:
        raise PathError(f"{path} does not exist")
    own = _warehouses(base, found)
    named = [(_text(p.relative_to(base).as_posix()), p) for p in found if own.isdisjoint(p.parents)]
    visible = [(name, p) for name, p in named if not any(part.startswith(".") for part in name.split("/"))]
    if not visible:
        raise PathError(f"{path} holds no file of a known kind ({_KNOWN})")
    if not path.is_file():
        _check_links(base, visible)
    return sorted(visible)


def _warehouses(base: Path, files: list[Path]) -> set[Path]:
    """Folders below `base` that are warehouses of ours: what they hold grows while it is read."""
    folders = {parent for path in files for parent in path.parents if parent.is_relative_to(base)} - {base}
    return {folder for folder in folders if (folder / "lineage" / "runs").is_dir()}


def content_digest(files: list[tuple[str, Path]], cache: Path) -> str:
    """Hex sha256 over the names and bytes of files: the identity of a local corpus.

    Digests of single files are remembered in `cache/local-digests.json` by path, size and mtime_ns, the newest of them.
    """
    memory = cache / "local-digests.json"
    known = _load_digests(memory)
    digest = hashlib.sha256()
    fresh = {}
    for name, path in files:
        status = path.stat()
        key = f"{path.resolve()}|{status.st_size}|{status.st_mtime_ns}"
        fresh[key] = known.get(key) or file_sha256(path)
        digest.update(f"{name}\0{fresh[key]}\n".encode())
    if not fresh.keys() <= known.keys():
        others = [item for item in known.items() if item[0] not in fresh]
        _save_digests(memory, dict(others[-_REMEMBERED:]) | fresh)
    return digest.hexdigest()


def _check_links(base: Path, files: list[tuple[str, Path]]) -> None:
    """Refuse links out of the folder: who fills a folder should not choose what else is read."""
    inside = base.resolve()
    for name, path in files:
        if not path.resolve().is_relative_to(inside):
            raise PathError(
                f"{name} in {base} is a link that leads out of the folder; copy the file there, or name its own place"
            )


def _text(name: str) -> str:
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _in_set(piece: str) -> str:
    inner = piece[1:-1].replace("\\", "\\\\")
    return "^" + inner[1:] if inner.startswith("!") else inner.replace("^", "\\^")


def _split_glob(path: Path) -> tuple[Path, str]:
    parts = path.parts
    first = next(
        i for i, part in enumerate(parts) if any(character in part for character in _GLOB_CHARACTERS)
    )
    return Path(*parts[:first]), str(Path(*parts[first:]))


def _load_digests(memory: Path) -> dict[str, str]:
    try:
        loaded = json.loads(memory.read_text())
    except (OSError, ValueError):
        return {}
    return loaded if isinstance(loaded, dict) else {}


def _save_digests(memory: Path, digests: dict[str, str]) -> None:
    """Replace the file at once; of two processes the later one wins, which only costs hashing again.

    A cache that cannot be written (full disk, no right) costs the same and stops nothing.
    """
    scratch = memory.with_name(f"{memory.name}.{os.getpid()}")
    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        scratch.write_text(json.dumps(digests))
        os.replace(scratch, memory)
    except OSError:
        with contextlib.suppress(OSError):
            scratch.unlink(missing_ok=True)
