"""Fetch pinned package archives into a cache: from PyPI's kind of index, npm, or apt; nothing of them is run."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lexmill.package_ref import DownloadError, PackageError, PackageRef
from lexmill.pypi import download_pypi
from lexmill.registry_clients import download_deb, download_npm

__all__ = [
    "DownloadError",
    "PackageError",
    "PackageRef",
    "download",
    "fetch_package",
    "fetch_packages",
    "file_sha256",
]

_SIDE_BY_SIDE = 4
_DOWNLOADS = {"pypi": download_pypi, "npm": download_npm, "deb": download_deb}


def file_sha256(path: Path) -> str:
    """Hex sha256 of a file's bytes, read in chunks."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def fetch_package(ref: PackageRef, cache: Path) -> Path:
    """Local path of the pinned archive: from `cache` when it is there, else downloaded from its registry.

    The file lies in `cache/packages/<sha256>/`, put there by rename, so concurrent fetches cannot see half a file.
    Raises PackageError when the package is unknown, the sha256 differs, or the registry's client is not installed,
    and DownloadError when the registry cannot be reached.
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


def fetch_packages(refs: Sequence[PackageRef], cache: Path) -> list[Path]:
    """Local paths of several pinned archives, in their order, fetched a few at a time.  Raises like `fetch_package`;
    after a failure no further download starts."""
    with ThreadPoolExecutor(_SIDE_BY_SIDE, thread_name_prefix="fetch") as pool:
        pending = [pool.submit(fetch_package, ref, cache) for ref in refs]
        try:
            return [future.result() for future in pending]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def download(ref: PackageRef, folder: Path) -> Path:
    """Download the archive into an empty folder and give its path; only PyPI's sha256 is checked here.

    Raises PackageError when the registry does not have it or its client is not installed, and DownloadError when the
    registry cannot be reached.
    """
    _DOWNLOADS[ref.registry](ref, folder)
    files = sorted(folder.iterdir())
    if len(files) != 1:
        raise PackageError(f"{ref}: {len(files)} files were downloaded where one archive was expected")
    return files[0]


def _check_digest(ref: PackageRef, path: Path, advice: str) -> None:
    found = file_sha256(path)
    if found != ref.sha256:
        raise PackageError(f"{ref}: {path.name} has sha256 {found}, but {ref.sha256} is pinned; {advice}")
