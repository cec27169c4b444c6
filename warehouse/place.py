"""A folder reached through fsspec: the few operations that the warehouse needs, local or remote."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import fsspec

from warehouse.owners import owner_token
from warehouse.redact import redact_text


class Place:
    """A root folder: `local` is its absolute path on this machine, or None when it is remote.

    Every method takes paths relative to the root, with forward slashes.
    """

    def __init__(self, url: str) -> None:
        """Open `url`: a plain path, or any URL that fsspec knows (`file://`, `memory://`, `s3://`, ...)."""
        self.url = url
        try:
            self.fs, root = fsspec.core.url_to_fs(os.path.expanduser(url))
        except (ValueError, ImportError) as error:
            raise ValueError(
                f"cannot open the warehouse {redact_text(url)}: {redact_text(str(error))}"
            ) from None
        self.root: str = root.rstrip("/")
        protocols = (self.fs.protocol,) if isinstance(self.fs.protocol, str) else self.fs.protocol
        self.local = Path(self.root).absolute() if "file" in protocols else None

    @property
    def display_url(self) -> str:
        """The root as a URL that may be logged: without user, password or secret query keys."""
        return self.local.as_uri() if self.local else redact_text(self.url)

    def path(self, *parts: str) -> str:
        """The path that fsspec takes."""
        return "/".join((self.root, *parts))

    def sql_path(self, *parts: str) -> str:
        """The path that DuckDB takes: absolute, or a URL of a registered filesystem."""
        if self.local:
            return self.local.joinpath(*parts).as_posix()
        return str(self.fs.unstrip_protocol(self.path(*parts)))

    def exists(self, path: str) -> bool:
        """Whether there is a file."""
        return os.path.exists(self.local / path) if self.local else bool(self.fs.isfile(self.path(path)))

    def read(self, path: str) -> bytes:
        """The bytes of one small file.  Raises FileNotFoundError."""
        return (self.local / path).read_bytes() if self.local else bytes(self.fs.cat_file(self.path(path)))

    def open(self, path: str) -> Any:
        """A binary stream over one file."""
        return (self.local / path).open("rb") if self.local else self.fs.open(self.path(path), "rb")

    def write(self, path: str, data: bytes) -> None:
        """Replace one small file: a reader sees the old or the new content, never a part."""
        if self.local is None:
            self.fs.pipe_file(self.path(path), data)
            return
        target = self.local / path
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}-{owner_token()}")
        temporary.write_bytes(data)
        os.replace(temporary, target)

    def upload(self, source: Path, path: str) -> None:
        """Copy a local file to `path`."""
        self.fs.put_file(str(source), self.path(path))

    def download(self, path: str, target: Path) -> None:
        """Copy `path` to a local file, which appears only when it is whole."""
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}-{owner_token()}")
        try:
            self.fs.get_file(self.path(path), str(temporary))
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)

    def glob(self, pattern: str) -> list[str]:
        """Files that match, sorted; names that start with a dot never match."""
        return sorted(
            path for path in self._glob(pattern) if not any(p.startswith(".") for p in path.split("/"))
        )

    def sizes(self, folder: str) -> dict[str, int]:
        """Path relative to `folder` -> bytes, for every file below it ({} when there is no such folder)."""
        if self.local:
            base = self.local / folder
            return {p.relative_to(base).as_posix(): p.stat().st_size for p in base.rglob("*") if p.is_file()}
        self.fs.invalidate_cache()
        found = self.fs.find(self.path(folder), detail=True)
        base_length = len(self.fs._strip_protocol(self.path(folder))) + 1
        return {path[base_length:]: int(info["size"]) for path, info in found.items()}

    def remove(self, path: str) -> None:
        """Remove a file or a folder with all it holds; nothing happens when it is not there."""
        if self.local is None:
            if self.fs.exists(self.path(path)):
                self.fs.rm(self.path(path), recursive=True)
        elif (self.local / path).is_dir():
            shutil.rmtree(self.local / path, ignore_errors=True)
        else:
            (self.local / path).unlink(missing_ok=True)

    def move(self, source: str, target: str) -> None:
        """Move a folder."""
        if self.local is None:
            self.fs.mv(self.path(source), self.path(target), recursive=True)
            return
        (self.local / target).parent.mkdir(parents=True, exist_ok=True)
        os.replace(self.local / source, self.local / target)

    def modified(self, path: str) -> float | None:
        """Seconds since the epoch of the last change of a file, where the filesystem knows it."""
        try:
            if self.local:
                return (self.local / path).stat().st_mtime
            info = self.fs.info(self.path(path))
        except OSError:
            return None
        changed = next(
            (info[key] for key in ("LastModified", "mtime", "updated", "created") if info.get(key)), None
        )
        return changed.timestamp() if isinstance(changed, datetime) else None

    def _glob(self, pattern: str) -> Iterator[str]:
        if self.local:
            yield from (path.relative_to(self.local).as_posix() for path in self.local.glob(pattern))
            return
        self.fs.invalidate_cache()
        base_length = len(self.fs._strip_protocol(self.root)) + 1
        yield from (path[base_length:] for path in self.fs.glob(self.path(pattern)))
