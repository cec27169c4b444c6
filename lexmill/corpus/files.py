"""Local files: which ones a path names, how they are compressed, and their digest."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from lexmill.archives import file_sha256
from lexmill.corpus.params import COMPRESSIONS, format_of

_GLOB_CHARACTERS = "*?["


class PathError(ValueError):
    """A configured path does not exist or matches nothing that can be read."""


def compression_of(name: str) -> str:
    """`gz`, `zst`, `bz2`, `xz`, or "" for a plain file."""
    suffix = os.path.splitext(name.lower())[1]
    return suffix[1:] if suffix in COMPRESSIONS else ""


def local_files(path: Path, any_suffix: bool = False) -> list[tuple[str, Path]]:
    """(name, path) of the files that a file, folder or glob means, sorted by name.

    The name is relative to the folder (or to the glob's fixed part), with forward slashes, so that it does not depend
    on where the files lie; bytes that are not UTF-8 are escaped in it.  A folder gives the files whose suffix is known
    (all with `any_suffix`); hidden files and links that lead nowhere are left out.  Raises PathError when the path is
    missing or nothing is left.
    """
    if any(character in str(path) for character in _GLOB_CHARACTERS) and not path.exists():
        base, pattern = _split_glob(path)
        found = [p for p in base.glob(pattern) if p.is_file()]
        if not found:
            raise PathError(f"no file matches {path}")
    elif path.is_dir():
        base = path
        found = [p for p in path.rglob("*") if p.is_file() and (any_suffix or format_of(p.name))]
    elif path.is_file():
        base, found = path.parent, [path]
    else:
        raise PathError(f"{path} does not exist")
    named = [(_text(p.relative_to(base).as_posix()), p) for p in found]
    visible = [(name, p) for name, p in named if not any(part.startswith(".") for part in name.split("/"))]
    if not visible:
        raise PathError(
            f"{path} holds no file of a known kind (.txt .md .jsonl .csv .parquet .json .po, source code)"
        )
    return sorted(visible)


def content_digest(files: list[tuple[str, Path]], cache: Path) -> str:
    """Hex sha256 over the names and bytes of files: the identity of a local corpus.

    Digests of single files are remembered in `cache/local-digests.json` by path, size and mtime_ns.
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
        _save_digests(memory, known | fresh)
    return digest.hexdigest()


def _text(name: str) -> str:
    return os.fsencode(name).decode("utf-8", "backslashreplace")


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
    """Replace the file at once; of two processes the later one wins, which only costs hashing again."""
    memory.parent.mkdir(parents=True, exist_ok=True)
    scratch = memory.with_name(f"{memory.name}.{os.getpid()}")
    scratch.write_text(json.dumps(digests))
    os.replace(scratch, memory)
