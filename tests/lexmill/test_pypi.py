"""Python package indexes: which file is chosen, by whose configuration, and what goes wrong."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from lexmill import pypi, web
from lexmill.pypi import index_files, parse_settings, pip_settings
from lexmill.registries import DownloadError, PackageError, PackageRef, download, fetch_package
from lexmill.web import WebSettings, fetch_to_file, shown_text, shown_url
from tests.lexmill.web_server import Web, serving

WHEEL, SDIST = b"a wheel", b"a source distribution"
NAMES = {"Demo_Pack-1.0-py3-none-any.whl": WHEEL, "demo-pack-1.0.tar.gz": SDIST, "demo_pack-2.0.tar.gz": b"2"}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def ref(content: bytes = WHEEL, version: str = "1.0") -> PackageRef:
    return PackageRef(name="demo.pack", version=version, sha256=sha256(content))


def only(monkeypatch: pytest.MonkeyPatch, **settings: str) -> None:
    """Let pip be configured so, without asking it, which takes half a second."""
    listing = "\n".join(f"global.{name.replace('_', '-')}={value!r}" for name, value in settings.items())
    monkeypatch.setattr(pypi, "pip_settings", lambda ref: parse_settings(listing, "https://default/index"))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


def json_index(hashes: bool = True) -> Web:
    files = [
        {"filename": name, "url": f"../../files/{name}", "hashes": {"sha256": sha256(body)} if hashes else {}}
        for name, body in NAMES.items()
    ]
    page = json.dumps({"meta": {"api-version": "1.1"}, "name": "demo-pack", "files": files}).encode()
    return Web(
        pages={"/index/demo-pack/": page, **{f"/files/{name}": body for name, body in NAMES.items()}},
        headers={"/index/demo-pack/": {"Content-Type": "application/vnd.pypi.simple.v1+json"}},
    )


@pytest.mark.parametrize("content", [WHEEL, SDIST])
@pytest.mark.parametrize("hashes", [True, False])
def test_the_sha256_alone_decides_wheel_or_sdist(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes, hashes: bool
) -> None:
    with serving(json_index(hashes)) as server:
        only(monkeypatch, index_url=f"{server.url}/index")
        found = download(ref(content), tmp_path)
        assert found.read_bytes() == content
        assert list(tmp_path.iterdir()) == [found]
        if hashes:
            assert [path for _, path, _ in server.asked] == ["/index/demo-pack/", f"/files/{found.name}"]


def test_html_pages_with_relative_links_and_a_base(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    links = "".join(f'<a href="{name}#sha256={sha256(body)}">{name}</a>' for name, body in NAMES.items())
    page = f'<html><head><base href="/files/"></head>{links}<a href="x%20y.whl">x y</a></html>'
    pages = {"/index/demo-pack/": page.encode()} | {f"/files/{n}": body for n, body in NAMES.items()}
    with serving(Web(pages, {"/index/demo-pack/": {"Content-Type": "text/html; charset=utf-8"}})) as server:
        only(monkeypatch, index_url=f"{server.url}/index/")
        assert download(ref(SDIST), tmp_path).read_bytes() == SDIST


def test_a_folder_as_find_links_and_as_index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    wheels, index = tmp_path / "wheels", tmp_path / "simple" / "demo-pack"
    for folder in (wheels, index, tmp_path / "a", tmp_path / "b"):
        folder.mkdir(parents=True)
    (wheels / "demo_pack-1.0.tar.gz").write_bytes(SDIST)
    only(monkeypatch, no_index="1", find_links=str(wheels))
    assert download(ref(SDIST), tmp_path / "a").read_bytes() == SDIST
    (index / "index.html").write_text('<a href="../../wheels/demo_pack-1.0.tar.gz">demo</a>')
    only(monkeypatch, index_url=(tmp_path / "simple").as_uri())
    assert download(ref(SDIST), tmp_path / "b").read_bytes() == SDIST


def test_a_wrong_pin_names_what_there_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with serving(json_index()) as server:
        only(monkeypatch, index_url=f"{server.url}/index")
        with pytest.raises(PackageError, match=rf"no file of this version.*{sha256(WHEEL)}.*correct the pin"):
            fetch_package(ref(b"other"), tmp_path)
        with pytest.raises(PackageError, match="no file of this name and version; correct the pin"):
            fetch_package(ref(WHEEL, "3.0"), tmp_path)
    assert not list((tmp_path / "packages").iterdir())


def test_a_second_index_helps_and_an_unreachable_one_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(web, "TRIES", 1)
    with serving(json_index()) as server:
        only(monkeypatch, index_url="http://127.0.0.1:9/index", extra_index_url=f"{server.url}/index")
        assert download(ref(), tmp_path).read_bytes() == WHEEL
        with pytest.raises(DownloadError, match=r"127\.0\.0\.1:9/index/demo-pack/ cannot be downloaded"):
            download(ref(b"other"), tmp_path)


def test_a_download_that_breaks_off_is_tried_again_and_then_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(web.time, "sleep", lambda _: None)
    server = json_index()
    server.pages["/files/Demo_Pack-1.0-py3-none-any.whl"] = bytes(100_000)
    tries = []

    def answer(method: str, path: str, _: bytes) -> None:
        if path.startswith("/files"):
            tries.append(path)
            server.cut = 10
        else:
            server.cut = None

    server.answer = answer
    with serving(server):
        only(monkeypatch, index_url=f"{server.url}/index")
        with pytest.raises(DownloadError, match="cannot be downloaded"):
            download(ref(), tmp_path)
    assert len(tries) == web.TRIES


def test_errors_of_the_server_are_download_errors(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(web.time, "sleep", lambda _: None)
    for status, tries in ((503, web.TRIES), (401, 1)):
        asked = []
        busy = Web(answer=lambda *_, s=status, a=asked: (a.append(1), (s, {}, b""))[1])
        with serving(busy) as server:
            only(monkeypatch, index_url=f"{server.url}/index")
            with pytest.raises(DownloadError, match=f"the server answers {status}"):
                download(ref(), tmp_path)
        assert len(asked) == tries


def test_credentials_are_sent_to_their_host_and_never_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(web, "TRIES", 1)
    with serving(json_index()) as other, serving(json_index()) as server:
        host = server.url.removeprefix("http://")
        only(monkeypatch, index_url=f"http://me:s3cr%65t@{host}/index", extra_index_url=other.url)
        download(ref(), tmp_path)
        assert {sent for _, _, sent in server.asked} == {"Basic bWU6czNjcmV0"}
        server.answer = lambda method, path, body: (302, {"Location": f"{other.url}{path}"}, b"")
        (tmp_path / "again").mkdir()
        download(ref(), tmp_path / "again")
        assert {sent for _, _, sent in other.asked} == {""}
        server.answer = lambda method, path, body: (500, {}, b"")
        with pytest.raises(DownloadError) as error:
            download(ref(b"other"), tmp_path)
    assert "s3cr" not in str(error.value)
    assert host in str(error.value)


def test_http_only_where_pip_is_configured_to_it(tmp_path: Path) -> None:
    with serving(json_index()) as server, pytest.raises(DownloadError, match="is refused: only https"):
        fetch_to_file(f"{server.url}/files/x", tmp_path / "x", WebSettings(), 10)
    host = server.url.removeprefix("http://")
    elsewhere = Web(answer=lambda *_: (302, {"Location": "ftp://example/x"}, b""))
    with serving(elsewhere) as server:
        host = server.url.removeprefix("http://")
        with pytest.raises(DownloadError, match="ftp://example/x is refused"):
            fetch_to_file(f"{server.url}/x", tmp_path / "x", WebSettings(plain_hosts=(host,)), 10)


def test_too_large_files_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pypi, "MAX_PACKAGE_BYTES", 3)
    with serving(json_index()) as server:
        only(monkeypatch, index_url=f"{server.url}/index")
        with pytest.raises(DownloadError, match="larger than 3 bytes"):
            download(ref(), tmp_path)


def test_broken_index_pages(tmp_path: Path) -> None:
    kind = {"/": {"Content-Type": "application/vnd.pypi.simple.v1+json"}}
    for page in (b"{", b"[]", b'{"files": [{"filename": "x"}]}'):
        with serving(Web({"/": page}, kind)) as server:
            settings = WebSettings(plain_hosts=(server.url.removeprefix("http://"),))
            with pytest.raises(DownloadError, match="no index page"):
                index_files(f"{server.url}/", settings)


def test_settings_are_pips_with_its_order_of_precedence() -> None:
    listing = "\n".join(
        [
            "global.index-url='https://a/index'",
            "global.find-links='\\n/one\\n/two'",
            "download.index-url='https://b/index'",
            ":env:.extra-index-url='http://u:p@c/index https://b/index'",
            "install.index-url='https://wrong/index'",
            "global.cert='/c.pem'",
        ]
    )
    settings = parse_settings(listing, "https://default/index")
    assert settings.indexes == ("https://b/index", "http://u:p@c/index")
    assert settings.find_links == ("/one", "/two")
    assert settings.web == WebSettings("/c.pem", "", ("c",), (("c", "u:p"),))
    assert parse_settings("", "https://default/index").indexes == ("https://default/index",)
    assert parse_settings(":env:.no-index='true'", "https://default/index").indexes == ()


def test_pip_is_asked_for_its_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    from pip._internal.models.index import PyPI

    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_FIND_LINKS", "/one /two")
    settings = pip_settings(ref())
    assert settings.indexes == (PyPI.simple_url,)
    assert settings.find_links == ("/one", "/two")


def test_without_pip_the_message_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bare = tmp_path / "python"
    bare.write_text('#!/bin/sh\necho "$0: No module named pip" >&2; exit 1\n')
    bare.chmod(0o755)
    monkeypatch.setattr(pypi.sys, "executable", str(bare))
    with pytest.raises(PackageError, match="has no pip; run `make install`"):
        pip_settings(ref())


def test_shown_addresses() -> None:
    assert shown_url("https://u:p@h/x?token=1#f") == "https://h/x"
    assert shown_text("no 'https://u:p@h/x?token=1' here") == "no 'https://h/x' here"


@pytest.mark.network
def test_a_real_source_distribution(tmp_path: Path) -> None:
    from lexmill.archives import read_members

    beautifulsoup = PackageRef(
        name="beautifulsoup4",
        version="4.12.3",
        sha256="74e3d1928edc070d21748185c46e3fb33490f22f52a3addee9aee0f4f7781051",
    )
    path = fetch_package(beautifulsoup, tmp_path)
    assert path.name == "beautifulsoup4-4.12.3.tar.gz"
    [(_, _, manual)] = read_members(path, r"beautifulsoup4-4\.12\.3/doc/index\.rst|.*/doc/source/index\.rst")
    assert b"Beautiful Soup" in manual
