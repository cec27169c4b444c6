"""Pages and files from https servers and local folders, for package indexes: bounded, checked, no credentials shown.

`http://` is used only for hosts that pip is configured to.  Credentials in an address become an Authorization header
that redirects do not carry on.  Proxies come from pip's configuration, else from the environment.
"""

from __future__ import annotations

import base64
import http.client
import re
import shutil
import ssl
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit, urlunsplit

from lexmill.package_ref import DownloadError

TRIES = 3
_TIMEOUT_SECONDS = 60
_MAX_PAGE_BYTES = 64 * 2**20
_CHUNK_BYTES = 1 << 20
_RETRIED_STATUS = (408, 425, 429, 500, 502, 503, 504)


class WebSettings(NamedTuple):
    """`cert`: file of certificates, "" for the system's.  `plain_hosts`: hosts that may be asked by http.  `users`:
    (host, `user:password`) of hosts that want credentials; never shown."""

    cert: str = ""
    proxy: str = ""
    plain_hosts: tuple[str, ...] = ()
    users: tuple[tuple[str, str], ...] = ()


class Page(NamedTuple):
    """A page's bytes, its content type, and its address after redirects."""

    content: bytes
    kind: str
    url: str


def read_page(url: str, web: WebSettings, accept: str) -> Page | None:
    """The page, None when the server says that there is none (404, 410).  Raises DownloadError."""

    def read() -> Page | None:
        try:
            with _open(url, web, accept) as answer:
                content = answer.read(_MAX_PAGE_BYTES + 1)
                kind, final = answer.headers.get_content_type(), answer.geturl()
        except urllib.error.HTTPError as error:
            if error.code in (404, 410):
                return None
            raise
        if len(content) > _MAX_PAGE_BYTES:
            raise DownloadError(f"{shown_url(url)} is larger than {_MAX_PAGE_BYTES:,} bytes")
        return Page(content, kind, final)

    return _tried(read, url)


def fetch_to_file(url: str, target: Path, web: WebSettings, max_bytes: int) -> None:
    """Copy a file from a server or a local folder.  Raises DownloadError when it cannot be had whole."""
    path = local_path(url)
    if path is not None:
        try:
            shutil.copyfile(path, target)
        except OSError as error:
            raise DownloadError(f"{path} cannot be read: {error}") from error
        return

    def fetch() -> None:
        with _open(url, web, "*/*") as answer, target.open("wb") as handle:
            announced = answer.headers.get("Content-Length")
            size = 0
            while chunk := answer.read(_CHUNK_BYTES):
                size += len(chunk)
                if size > max_bytes:
                    raise DownloadError(f"{shown_url(url)} is larger than {max_bytes:,} bytes; it is refused")
                handle.write(chunk)
        if announced is not None and size < int(announced):
            raise http.client.IncompleteRead(b"", int(announced) - size)

    _tried(fetch, url)


def local_path(place: str) -> Path | None:
    """The path that a `file:` address or a plain path means; None for another address."""
    parts = urlsplit(place)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return None if "://" in place else Path(place).expanduser()


def shown_url(url: str) -> str:
    """The address without user, password, query and fragment: for messages."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def shown_text(text: str) -> str:
    """The text with every address in it as `shown_url` gives it."""
    return re.sub(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"<>]+", lambda match: shown_url(match[0]), text)


def _tried(attempt: Any, url: str) -> Any:
    """The result of `attempt`, tried again after what may pass; other failures and the last one are DownloadErrors."""
    for number in range(1, TRIES + 1):
        try:
            return attempt()
        except urllib.error.HTTPError as error:
            reason = f"the server answers {error.code}"
            again = error.code in _RETRIED_STATUS
        except (http.client.HTTPException, OSError) as error:
            if isinstance(error, DownloadError):
                raise
            reason = shown_text(str(getattr(error, "reason", "") or error))
            again = not isinstance(getattr(error, "reason", None), ssl.SSLCertVerificationError)
        if not again or number == TRIES:
            break
        time.sleep(number)
    raise DownloadError(
        f"{shown_url(url)} cannot be downloaded: {reason}; check the network and pip's settings"
    )


def _open(url: str, web: WebSettings, accept: str) -> Any:
    _check_scheme(url, web)
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    user = user or dict(web.users).get(host, "")
    request = urllib.request.Request(  # noqa: S310 - the scheme is checked
        urlunsplit(parts._replace(netloc=host)), headers={"Accept": accept, "User-Agent": "lexmill"}
    )
    if user:
        token = base64.b64encode(unquote(user).encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {token}")
    proxies = {"http": web.proxy, "https": web.proxy} if web.proxy else None
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler(proxies),
        urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=web.cert or None)),
        _Redirects(web),
    )
    return opener.open(request, timeout=_TIMEOUT_SECONDS)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to https, and to http where it is allowed."""

    def __init__(self, web: WebSettings) -> None:
        self._web = web

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        _check_scheme(newurl, self._web)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _check_scheme(url: str, web: WebSettings) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (
        parts.scheme == "http" and parts.netloc.rpartition("@")[2] in web.plain_hosts
    ):
        raise DownloadError(
            f"{shown_url(url)} is refused: only https, and http on a host that pip is configured to"
        )
