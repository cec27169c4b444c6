"""Where corpora lie locally: folders, globs, links, archives and archives in them, and lists of packages."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from lexmill import archives
from lexmill.archives import ArchiveError
from lexmill.corpus import packed
from lexmill.corpus.files import PathError, glob_regex, local_files, split_archive
from lexmill.corpus.members import ReadError, corpus_members, readable
from lexmill.corpus.params import CorpusParams
from lexmill.corpus.places import is_url, place_identity, place_of, shown_place
from lexmill.corpus.sharding import Shard


def zip_bytes(members: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target.getvalue()


def tar_gz(members: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return target.getvalue()


def contents(path: Path | str, **params: object) -> dict[str, bytes]:
    """name -> bytes of the members of a local corpus."""
    corpus = CorpusParams.model_validate({"name": "demo", "path": str(path), **params})
    return contents_of(corpus, path)


def contents_of(corpus: CorpusParams, place: Path | str | list[Path]) -> dict[str, bytes]:
    found = {}
    with corpus_members(corpus, place) as members:
        for member in members:
            with readable(member) as handle:
                found[member.name] = handle.read()
    return found


def packages(*names: str) -> list[dict[str, str]]:
    return [{"name": name, "version": "1", "sha256": "0" * 64} for name in names]


TEXTS = {"b/two.txt": b"2", "a/one.txt": b"1", "a/picture.png": b"!"}


@pytest.mark.parametrize(("name", "pack"), [("x.zip", zip_bytes), ("x.jar", zip_bytes), ("x.tar.gz", tar_gz)])
def test_archives_in_a_folder_are_folders(tmp_path: Path, name: str, pack: object) -> None:
    (tmp_path / name).write_bytes(pack({k: v for k, v in TEXTS.items() if k.endswith("txt")}))
    (tmp_path / "plain.txt").write_bytes(b"0")
    expected = {"plain.txt": b"0", f"{name}/a/one.txt": b"1", f"{name}/b/two.txt": b"2"}
    assert contents(tmp_path) == expected
    assert list(contents(tmp_path)) == sorted(expected)
    assert contents(tmp_path / name) == {k: v for k, v in expected.items() if k != "plain.txt"}
    assert contents(tmp_path, members=r".*/a/.*") == {f"{name}/a/one.txt": b"1"}
    assert contents(f"{tmp_path}/{name}/b") == {f"{name}/b/two.txt": b"2"}
    assert contents(f"{tmp_path}/{name}/**/o*.txt") == {f"{name}/a/one.txt": b"1"}
    assert contents(f"{tmp_path}/x.*") == {k: v for k, v in expected.items() if k != "plain.txt"}


def test_what_is_not_in_the_archive_is_said(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(zip_bytes(TEXTS))
    with pytest.raises(PathError, match=r"no file of .*x\.zip/c matches the path \(there are x\.zip/a/one"):
        contents(f"{tmp_path}/x.zip/c")
    with pytest.raises(PathError, match=r"matches 'none' \(there are x\.zip/a/one\.txt"):
        contents(tmp_path, members="none")
    with pytest.raises(ReadError, match=r"x\.zip/a/picture\.png is of no known kind"):
        contents(tmp_path)


def test_compressed_members(tmp_path: Path) -> None:
    for name, pack in (("x.zip", zip_bytes), ("y.tar.gz", tar_gz)):
        (tmp_path / name).write_bytes(pack({"a.txt.gz": gzip.compress(b"text")}))
    assert set(contents(tmp_path).values()) == {b"text"}


def test_archives_within_archives_one_level(tmp_path: Path) -> None:
    inner = zip_bytes({"de/a.txt": b"eins", "b.bin": b""})
    for name, pack in (("x.tar.gz", tar_gz), ("x.zip", zip_bytes)):
        (tmp_path / name).write_bytes(pack({"lib/pack.xpi": inner, "lib/x.txt": b"0"}))
        pattern = rf"{name}/lib/[a-z]+\.xpi/(?P<language>..)/.*\.txt"
        assert contents(tmp_path / name, members=pattern) == {f"{name}/lib/pack.xpi/de/a.txt": b"eins"}
        # other patterns do not open it: it may be damaged, and nobody asked
        assert contents(tmp_path / name, members=r".*\.txt") == {f"{name}/lib/x.txt": b"0"}
    (tmp_path / "x.zip").write_bytes(zip_bytes({"a.zip": zip_bytes({"b.zip": inner})}))
    with pytest.raises(ArchiveError, match=r"x\.zip/a\.zip/b\.zip is an archive two levels deep"):
        contents(tmp_path / "x.zip")


def test_a_damaged_or_hostile_inner_archive_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.zip").write_bytes(zip_bytes({"pack.xpi": b"damaged"}))
    with pytest.raises(ArchiveError, match=r"pack\.xpi cannot be read as an archive"):
        contents(tmp_path / "x.zip")
    (tmp_path / "x.zip").write_bytes(zip_bytes({"pack.xpi": zip_bytes({"../a.txt": b"x"})}))
    with pytest.raises(ArchiveError, match="points outside"):
        contents(tmp_path / "x.zip")
    (tmp_path / "x.zip").write_bytes(zip_bytes({"p.xpi": zip_bytes({f"{n}.txt": b"x" * 600 for n in "abc"})}))
    monkeypatch.setattr(archives, "MAX_TOTAL_BYTES", 1800)
    assert len(contents(tmp_path / "x.zip")) == 3
    (tmp_path / "x.tar.gz").write_bytes(tar_gz({f"{n}.txt": b"x" * 600 for n in "ab"}))
    monkeypatch.setattr(archives, "MAX_TOTAL_BYTES", 1000)
    with pytest.raises(ArchiveError, match=r"unpacks (to|beyond)"):
        contents(tmp_path / "x.tar.gz")


def test_damaged_bytes_of_an_inner_archive(tmp_path: Path) -> None:
    inner = bytearray(zip_bytes({"a.txt": os.urandom(500).hex().encode()}))
    inner[60:62] = bytes(byte ^ 0xFF for byte in inner[60:62])
    (tmp_path / "a.zip").write_bytes(zip_bytes({"in.zip": bytes(inner)}))
    with pytest.raises(ArchiveError, match=r"member 'a\.txt' cannot be read"):
        contents(tmp_path)


def test_bombs_inside_are_refused(tmp_path: Path) -> None:
    bomb = zip_bytes({"a.txt": bytes(archives.RATIO_FLOOR_BYTES + 1)})
    (tmp_path / "x.zip").write_bytes(zip_bytes({"pack.xpi": bomb}))
    with pytest.raises(ArchiveError, match="the limit is 200"):
        contents(tmp_path / "x.zip")


def test_many_zips_with_few_open_files(tmp_path: Path) -> None:
    for number in range(3 * packed._OPEN_ZIPS):
        (tmp_path / f"{number:02}.zip").write_bytes(zip_bytes({"a.txt": b"%d" % number, "b.txt": b"b"}))
    corpus = CorpusParams(name="demo", path=str(tmp_path))
    before = len(os.listdir("/proc/self/fd"))
    with corpus_members(corpus, tmp_path) as members:
        first = members[0].open()  # its archive is closed by the later ones while it is read
        for number, member in enumerate(members):
            with readable(member) as handle:
                assert handle.read() == (b"b" if number % 2 else b"%d" % (number // 2))
            assert len(os.listdir("/proc/self/fd")) <= before + packed._OPEN_ZIPS + 3
        assert first.read() == b"0"
        first.close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_list_of_packages_is_one_corpus(tmp_path: Path) -> None:
    for name, pack in (("one.zip", zip_bytes), ("two.tar.gz", tar_gz)):
        (tmp_path / name).write_bytes(pack({"de/a.txt": name.encode()}))
    corpus = CorpusParams.model_validate(
        {
            "name": "demo",
            "package": packages("help-one", "help-two"),
            "members": r"help-(?P<group>[a-z]+)/(?P<language>..)/.*",
        }
    )
    places = [tmp_path / "one.zip", tmp_path / "two.tar.gz"]
    assert contents_of(corpus, places) == {
        "help-one/de/a.txt": b"one.zip",
        "help-two/de/a.txt": b"two.tar.gz",
    }
    with corpus_members(corpus, places) as members:
        assert [(m.group, m.language) for m in members] == [
            ("demo:one", "deu_Latn"),
            ("demo:two", "deu_Latn"),
        ]
    twice = corpus.model_copy(update={"package": (corpus.package[0],) * 2})
    with pytest.raises(ArchiveError, match=r"two files are named 'help-one/de/a\.txt'"):
        contents_of(twice, places)


def test_links_stay_in_their_folder(tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_text("a")
    (folder / "sub" / "link.txt").symlink_to(folder / "a.txt")
    (folder / "loop.txt").symlink_to(folder / "loop.txt")
    (folder / "gone.txt").symlink_to(folder / "nothing")
    (folder / "sub" / "up").symlink_to(folder)
    assert [name for name, _ in local_files(folder)] == ["a.txt", "sub/link.txt"]
    (tmp_path / "secret.txt").write_text("s")
    (folder / "out.txt").symlink_to(tmp_path / "secret.txt")
    for path in (folder, folder / "*.txt"):
        with pytest.raises(PathError, match=r"out\.txt in .* is a link that leads out of the folder"):
            local_files(path)
    assert [name for name, _ in local_files(folder / "out.txt")] == ["out.txt"]  # named, so meant
    (tmp_path / "name").symlink_to(folder / "sub")
    assert [name for name, _ in local_files(tmp_path / "name" / "link.txt")] == ["link.txt"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a/b.zip", ("a/b.zip", "")),
        ("a/b.zip/", ("a/b.zip/", "")),
        ("a/b.zip/c/*.txt", ("a/b.zip", "c/*.txt")),
        ("a/b.tar.gz/c", ("a/b.tar.gz", "c")),
        ("a/b.txt.gz", ("a/b.txt.gz", "")),
        ("https://demo.zip/x", ("https://demo.zip/x", "")),
        ("s3://bucket/x.zip/y", ("s3://bucket/x.zip", "y")),
    ],
)
def test_paths_into_archives(path: str, expected: tuple[str, str]) -> None:
    assert split_archive(path) == expected


@pytest.mark.parametrize(
    ("pattern", "matched", "others"),
    [
        ("a", ["a", "a/b", "a/b/c"], ["ab", "b/a"]),
        ("a/*.txt", ["a/b.txt"], ["a/b/c.txt", "a/b.txt2"]),
        ("**/*.txt", ["b.txt", "a/b/c.txt"], ["b.md"]),
        ("[!a]?.txt", ["bc.txt"], ["ac.txt", "b.txt"]),
        ("a.b+/[^x]*", ["a.b+/^", "a.b+/xy"], ["aab/x", "a.b+/y"]),
    ],
)
def test_globs_inside_archives(pattern: str, matched: list[str], others: list[str]) -> None:
    assert [name for name in matched if not glob_regex(pattern).fullmatch(name)] == []
    assert [name for name in others if glob_regex(pattern).fullmatch(name)] == []


def test_a_set_that_is_none() -> None:
    with pytest.raises(PathError, match="is no pattern"):
        glob_regex("[z-a]*.txt")


def test_a_folder_named_like_an_archive(tmp_path: Path) -> None:
    (tmp_path / "old.zip").mkdir()
    (tmp_path / "old.zip" / "a.txt").write_text("a")
    assert contents(f"{tmp_path}/old.zip/a.txt") == {"a.txt": b"a"}
    assert contents(f"{tmp_path}/old.zip/*.txt") == {"a.txt": b"a"}


def test_identity_knows_what_is_meant_inside(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(zip_bytes(TEXTS))
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "x.zip").write_bytes(zip_bytes(TEXTS))
    paths = ("x.zip", "x.zip/a", "x.zip/b", "copy/x.zip", "copy/x.zip/a")
    found = [place_identity(str(tmp_path / path), False, tmp_path / "cache") for path in paths]
    assert found[0] == found[3]
    assert found[1] == found[4]
    assert len(set(found)) == 3


def test_places() -> None:
    assert place_of("s3://b/x", Path("/f")) == "s3://b/x"
    assert place_of("x/*.txt", Path("/f")) == "/f/x/*.txt"
    assert place_of("file:///x/y.txt", Path("/f")) == "/x/y.txt"
    assert is_url("hf://datasets/a/b")
    assert not is_url("file:///x")
    assert shown_place("https://u:p@h/x?key=1") == "https://h/x"
    assert shown_place("/odd?name#1") == "/odd?name#1"


def test_shards_part_the_members(tmp_path: Path) -> None:
    for number in range(7):
        (tmp_path / f"{number}.txt").write_text("text")
    corpus = CorpusParams(name="demo", path=str(tmp_path))
    dealt = []
    for part in range(3):
        with corpus_members(corpus, tmp_path, Shard(part, 3)) as members:
            dealt.append([member.name[0] for member in members])
            assert {member.records for member in members} == {Shard(0, 1)}
    assert dealt == [["0", "3", "6"], ["1", "4"], ["2", "5"]]
    with corpus_members(corpus, tmp_path, Shard(4, 9)) as members:
        assert len(members) == 7
        assert {member.records for member in members} == {Shard(4, 9)}


def test_a_warehouse_in_the_folder_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text")
    runs = tmp_path / "warehouse" / "data" / "lineage" / "runs"
    runs.mkdir(parents=True)
    (runs / "run.jsonl").write_text("{}")
    assert [name for name, _ in local_files(tmp_path)] == ["a.txt"]
