"""Download one file from a Python package index by its sha256, wheel or source distribution: no build backend runs.

pip cannot fetch a source distribution without running its build backend, so the index is asked here, by its simple API
(PEP 503 HTML, PEP 691 JSON).  Which indexes there are is pip's own configuration: index-url, extra-index-url,
no-index, find-links, cert and proxy of its files and `PIP_*` variables.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from functools import lru_cache
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from lexmill.package_ref import DownloadError, PackageError, PackageRef
from lexmill.web import WebSettings, fetch_to_file, local_path, read_page, shown_url

MAX_PACKAGE_BYTES = 4 * 2**30
_SUFFIXES = (".whl", ".tar.gz", ".zip", ".tar.bz2", ".tar.xz", ".tgz", ".tar")
_ACCEPT = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1, */*;q=0.01"
_TRUE = ("1", "true", "yes", "on", "y", "t")


class IndexFile(NamedTuple):
    """One link of an index page; `sha256` is "" where the page does not say it."""

    name: str
    url: str
    sha256: str


class PipSettings(NamedTuple):
    """What pip's configuration says about where packages are."""

    indexes: tuple[str, ...]
    find_links: tuple[str, ...]
    web: WebSettings


def download_pypi(ref: PackageRef, folder: Path) -> None:
    """Put the file with the pinned sha256 into `folder`.

    Raises PackageError when no index has the version or a file of it with this sha256 (those it has are named), and
    DownloadError when an index cannot be reached.
    """
    settings = pip_settings(ref)
    found: list[IndexFile] = []
    failures: list[DownloadError] = []
    for place in (
        *settings.find_links,
        *(f"{url.rstrip('/')}/{_normal(ref.name)}/" for url in settings.indexes),
    ):
        try:
            files = [file for file in index_files(place, settings.web) if _is_of(file.name, ref)]
        except DownloadError as error:
            failures.append(error)
            continue
        found += files
        if any(_download_if_pinned(file, ref, folder, settings.web) for file in files):
            return
    if failures:
        raise DownloadError(f"{ref}: {failures[0]}")
    raise PackageError(f"{ref}: {_missing(ref, found)}; correct the pin, or do not use this file")


def index_files(place: str, web: WebSettings) -> list[IndexFile]:
    """Files that a find-links folder or page, or an index's page of a project, names; [] for a page that is missing.

    Raises DownloadError when it cannot be reached or read.
    """
    folder = local_path(place)
    if folder is not None and folder.is_dir() and not (folder / "index.html").is_file():
        return [
            IndexFile(path.name, path.as_uri(), "") for path in sorted(folder.iterdir()) if path.is_file()
        ]
    if folder is not None:
        page = folder / "index.html" if folder.is_dir() else folder
        return (
            _html_files(page.read_text("utf-8", "replace"), folder.as_uri() + "/") if page.is_file() else []
        )
    answer = read_page(place, web, _ACCEPT)
    if answer is None:
        return []
    if not answer.kind.endswith("+json"):
        return _html_files(answer.content.decode("utf-8", "replace"), answer.url)
    try:
        listed = json.loads(answer.content)["files"]
        return [
            IndexFile(item["filename"], urljoin(answer.url, item["url"]), item["hashes"].get("sha256", ""))
            for item in listed
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DownloadError(f"{shown_url(place)} is no index page: {error!r}") from error


def pip_settings(ref: PackageRef) -> PipSettings:
    """Pip's settings for `pip download`.  Raises PackageError when this Python has no pip."""
    command = [sys.executable, "-m", "pip", "config", "list", "--disable-pip-version-check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        if "No module named pip" in done.stderr:
            raise PackageError(
                f"{ref}: {sys.executable} has no pip; run `make install` or `python -m ensurepip`"
            )
        raise PackageError(f"{ref}: pip's configuration cannot be read; run `pip config debug`")
    return parse_settings(done.stdout, _default_index())


def parse_settings(listing: str, default_index: str) -> PipSettings:
    """Settings from what `pip config list` prints: lines `section.key='value'`.

    A key of the environment (`:env:`) outdoes one of the section `download`, and that one of `global`.
    """
    values: dict[str, str] = {}
    lines = [line.partition("=") for line in listing.splitlines() if "=" in line]
    for section in ("global.", "download.", ":env:."):
        for key, _, value in lines:
            text = str(ast.literal_eval(value)) if key.startswith(section) else ""
            if text:  # pip passes over empty values
                values[key.removeprefix(section)] = text
    indexes = (*values.get("index-url", default_index).split(), *values.get("extra-index-url", "").split())
    if values.get("no-index", "").lower() in _TRUE:
        indexes = ()
    return PipSettings(
        indexes=tuple(dict.fromkeys(indexes)),
        find_links=tuple(dict.fromkeys(values.get("find-links", "").split())),
        web=_web_settings(values, indexes),
    )


def _web_settings(values: Mapping[str, str], indexes: tuple[str, ...]) -> WebSettings:
    parts = [urlsplit(place) for place in (*indexes, *values.get("find-links", "").split())]
    hosts = [(part.scheme, *part.netloc.rpartition("@")[::2]) for part in parts]
    return WebSettings(
        cert=values.get("cert", ""),
        proxy=values.get("proxy", ""),
        plain_hosts=tuple(sorted({host for scheme, _, host in hosts if scheme == "http"})),
        users=tuple(sorted({(host, user) for _, user, host in hosts if user})),
    )


@lru_cache(maxsize=1)
def _default_index() -> str:
    from pip._internal.models.index import PyPI  # pip's own default, for which it has no command

    return str(PyPI.simple_url)


def _download_if_pinned(file: IndexFile, ref: PackageRef, folder: Path, web: WebSettings) -> bool:
    """Download the file when its sha256 is the pinned one, as the page says or as its bytes are."""
    if file.sha256 and file.sha256 != ref.sha256:
        return False
    path = local_path(file.url)
    if path is not None and not file.sha256 and (not path.is_file() or _sha256(path) != ref.sha256):
        return False
    target = folder / file.name
    fetch_to_file(file.url, target, web, MAX_PACKAGE_BYTES)
    if _sha256(target) == ref.sha256:
        return True
    target.unlink()
    if file.sha256:
        raise DownloadError(f"{ref}: {file.name} broke off or is not the file that the index lists")
    return False


def _missing(ref: PackageRef, found: list[IndexFile]) -> str:
    if not found:
        return "the package index has no file of this name and version"
    files = ", ".join(f"{file.name} ({file.sha256 or 'sha256 not stated'})" for file in found[:8])
    return f"no file of this version has sha256 {ref.sha256}; the package index has {files}"


def _is_of(filename: str, ref: PackageRef) -> bool:
    """Whether a file name is that of an archive of the package's version: `<name>-<version>[-tags].whl`, .tar.gz"""
    suffix = next((end for end in _SUFFIXES if filename.endswith(end)), None)
    if suffix is None or "/" in filename or "\\" in filename:
        return False
    stem = filename.removesuffix(suffix)
    base = "-".join(stem.split("-")[:2]) if suffix == ".whl" else stem
    name, _, version = base.rpartition("-")
    plain = version.lower().replace("_", "-")
    return _normal(name) == _normal(ref.name) and plain == ref.version.lower().replace("_", "-")


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _html_files(page: str, base: str) -> list[IndexFile]:
    parser = _Links()
    parser.feed(page)
    files = []
    for link in parser.links:
        url, fragment = urldefrag(urljoin(urljoin(base, parser.base), link))
        name = unquote(urlsplit(url).path.rpartition("/")[2])
        sha256 = fragment.removeprefix("sha256=").lower() if fragment.startswith("sha256=") else ""
        files.append(IndexFile(name, url, sha256))
    return files


class _Links(HTMLParser):
    """Targets of the links of a page, and its base address."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.base = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        target = dict(attrs).get("href")
        if tag == "a" and target:
            self.links.append(target)
        elif tag == "base" and target:
            self.base = self.base or target
