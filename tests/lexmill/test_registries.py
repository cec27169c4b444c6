"""Package downloads through npm and apt: commands, pins, failures, and the cache."""

from __future__ import annotations

import hashlib
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from lexmill import registry_clients
from lexmill.archives import fetch_package, read_members
from lexmill.registries import DownloadError, PackageError, PackageRef, download, fetch_packages

IS_ODD = PackageRef(
    registry="npm",
    name="is-odd",
    version="3.0.1",
    sha256="13c23b3f1f3a5c146b8906e23c8e674f8e4a6ff44b77720e1d4bddb7b2caf312",
)


def npm_ref(name: str = "@scope/demo", content: bytes = b"tarball") -> PackageRef:
    return PackageRef(registry="npm", name=name, version="1.0.0", sha256=hashlib.sha256(content).hexdigest())


def fake_npm(
    monkeypatch: pytest.MonkeyPatch, content: bytes = b"tarball", code: int = 0, stderr: str = ""
) -> list[list[str]]:
    """Replace npm: writes one file into --pack-destination, or fails with `stderr`."""
    calls = []

    def run(command: list[str], **options: object) -> subprocess.CompletedProcess:
        calls.append(command)
        if code == 0:
            target = Path(command[command.index("--pack-destination") + 1])
            assert options["cwd"] == target
            (target / "scope-demo-1.0.0.tgz").write_bytes(content)
        return subprocess.CompletedProcess(command, code, "", stderr)

    monkeypatch.setattr(registry_clients.subprocess, "run", run)
    monkeypatch.setattr(registry_clients.shutil, "which", lambda name: f"/opt/{name}")
    return calls


def test_npm_packs_the_exact_version_and_runs_no_script(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    calls = fake_npm(monkeypatch)
    first = fetch_package(npm_ref(), tmp_path)
    assert fetch_package(npm_ref(), tmp_path) == first
    assert first.read_bytes() == b"tarball"
    assert len(calls) == 1
    assert "--ignore-scripts" in calls[0]
    assert calls[0][-1] == "@scope/demo@1.0.0"


def test_a_changed_tarball_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_npm(monkeypatch, b"other")
    with pytest.raises(PackageError, match=hashlib.sha256(b"other").hexdigest()):
        fetch_package(npm_ref(), tmp_path)
    assert not (tmp_path / "packages" / npm_ref().sha256).exists()


def test_without_npm_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PackageError, match=r"npm:@scope/demo==1\.0\.0: npm is not installed; install Node"):
        download(npm_ref(), tmp_path)


@pytest.mark.parametrize(
    ("stderr", "kind", "words"),
    [
        ("npm error code E404\nnpm error 404 Not Found\n", PackageError, "no such name and version"),
        ("npm error code ETARGET\n", PackageError, "no such name and version"),
        ("npm ERR! code ETARGET\n", PackageError, "no such name and version"),
        ("npm error code ENOTFOUND\n", DownloadError, "check the network"),
        ("Killed\n", DownloadError, "check the network"),
    ],
)
def test_a_wrong_pin_differs_from_an_unreachable_registry(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stderr: str, kind: type[Exception], words: str
) -> None:
    fake_npm(monkeypatch, code=1, stderr=stderr)
    with pytest.raises(kind, match=words):
        download(npm_ref(), tmp_path)


@pytest.mark.parametrize(
    "name", ["", "-g", "../x", "@/x", "@scope/", "@scope/../x", "a/b", "@a/b/c", "x y", "file:x", "x@1"]
)
def test_names_that_npm_could_misread_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        PackageRef(registry="npm", name=name, version="1.0.0", sha256="0" * 64)


@pytest.mark.parametrize("version", ["latest", "1", "1.x", "^1.0.0", "1.0", "1.0.0 || 2.0.0"])
def test_npm_versions_are_exact(version: str) -> None:
    with pytest.raises(ValueError, match="version"):
        PackageRef(registry="npm", name="demo", version=version, sha256="0" * 64)


def test_a_scope_needs_npm() -> None:
    with pytest.raises(ValueError, match="need registry: npm"):
        PackageRef(name="@scope/demo", version="1.0.0", sha256="0" * 64)


def deb_ref(content: bytes = b"deb", **changes: str) -> PackageRef:
    pin = {"name": "demo-doc", "version": "1:2.0~rc1+dfsg-1", "sha256": hashlib.sha256(content).hexdigest()}
    return PackageRef.model_validate({"registry": "deb", **pin, **changes})


def fake_apt(monkeypatch: pytest.MonkeyPatch, stderr: str = "", content: bytes = b"deb") -> list[list[str]]:
    """Replace apt-get: writes one file into its working directory, or fails with `stderr`."""
    calls = []

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess:
        calls.append(command)
        assert options["env"]["LC_ALL"] == "C"
        if not stderr:
            (Path(options["cwd"]) / f"{command[-1].partition('=')[0]}_all.deb").write_bytes(content)
        return subprocess.CompletedProcess(command, 100 if stderr else 0, "", stderr)

    monkeypatch.setattr(registry_clients.subprocess, "run", run)
    monkeypatch.setattr(registry_clients.shutil, "which", lambda name: f"/opt/{name}")
    return calls


def test_apt_downloads_the_exact_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls = fake_apt(monkeypatch)
    assert fetch_package(deb_ref(), tmp_path).read_bytes() == b"deb"
    fetch_package(deb_ref(), tmp_path)
    assert calls == [["/opt/apt-get", "download", "--quiet", "demo-doc=1:2.0~rc1+dfsg-1"]]


@pytest.mark.parametrize(
    ("stderr", "kind", "words"),
    [
        (
            "E: Version '1' for 'demo-doc' was not found\n",
            PackageError,
            "a security update may have replaced it",
        ),
        ("E: Unable to locate package demo-doc\n", PackageError, "run `apt-get update` when"),
        ("E: Failed to fetch http://mirror/x.deb  404  Not Found\n", PackageError, "no longer has this file"),
        ("E: Failed to fetch  Temporary failure resolving 'mirror'\n", DownloadError, "check the network"),
        ("", PackageError, "is pinned"),
    ],
)
def test_what_apt_says_is_told_apart(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stderr: str, kind: type[Exception], words: str
) -> None:
    fake_apt(monkeypatch, stderr, content=b"changed")
    with pytest.raises(kind, match=words):
        fetch_package(deb_ref(), tmp_path)


def test_without_apt_the_message_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PackageError, match="apt-get is not installed"):
        download(deb_ref(), tmp_path)


@pytest.mark.parametrize("name", ["-o", "x", "Upper", "a_b", "a=b", "a/b", "@s/a", "a:amd64"])
def test_names_that_apt_could_misread_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        deb_ref(name=name)


@pytest.mark.parametrize("version", ["a1", "1:2:3", "1 2", "x:1", ""])
def test_debian_versions(version: str) -> None:
    with pytest.raises(ValueError, match="version"):
        deb_ref(version=version)


def test_several_packages_keep_their_order_and_stop_at_the_first_failure(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    calls = fake_apt(monkeypatch)
    names = [f"demo{number}" for number in range(12)]
    first = fetch_packages([deb_ref(name=names[0])], tmp_path)
    # all have the same content, so that the cache holds one file for all of them
    assert fetch_packages([deb_ref(name=name) for name in names], tmp_path) == first * 12
    assert len(calls) == 1
    with pytest.raises(PackageError, match="is pinned"):
        fetch_packages([deb_ref(name=name, sha256="0" * 64) for name in names], tmp_path)
    assert len(calls) < 12


@pytest.mark.network
def test_a_real_debian_package(tmp_path: Path) -> None:
    found = subprocess.run(
        ["apt-cache", "show", "debian-faq-ja"], capture_output=True, text=True, check=False
    )
    fields = dict(re.findall(r"^(Version|SHA256): (.*)$", found.stdout, re.MULTILINE)[:2])
    assert fields, "apt's package lists are empty; run `apt-get update`"
    pin = deb_ref(name="debian-faq-ja", version=fields["Version"], sha256=fields["SHA256"])
    pages = {name: content for _, name, content in read_members(fetch_package(pin, tmp_path), r".*\.html")}
    assert b"Debian" in pages["usr/share/doc/debian/FAQ/ja/index.ja.html"]
    with pytest.raises(PackageError, match="correct the pin"):
        fetch_package(pin.model_copy(update={"version": "0.1", "sha256": "1" * 64}), tmp_path)


@pytest.mark.network
def test_a_real_npm_package(tmp_path: Path) -> None:
    path = fetch_package(IS_ODD, tmp_path)
    assert path.name == "is-odd-3.0.1.tgz"
    [(_, _, script)] = read_members(path, r"package/index\.js")
    assert b"module.exports" in script


@pytest.mark.network
def test_a_real_npm_version_that_is_not_there(tmp_path: Path) -> None:
    wrong = IS_ODD.model_copy(update={"version": "99.0.0"})
    with pytest.raises(PackageError, match=r"npm:is-odd==99\.0\.0.*ETARGET"):
        fetch_package(wrong, tmp_path)
