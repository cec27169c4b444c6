"""Corpora behind URLs: a real HTTP server with faults, fsspec's memory file system, and the protocol of hf://."""

from __future__ import annotations

import gzip
import io
import json
import sys
from collections import Counter
from collections.abc import Iterator
from hashlib import sha1, sha256
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lexmill.archives import DownloadError
from lexmill.corpus import remote
from lexmill.corpus.files import PathError
from lexmill.corpus.members import corpus_members, readable
from lexmill.corpus.params import CorpusParams
from lexmill.corpus.places import place_identity
from lexmill.corpus.readers import read_documents
from lexmill.corpus.remote import listing_digest, open_remote, remote_files
from tests.lexmill.corpus.test_places import zip_bytes
from tests.lexmill.web_server import Web, serving

TEXT = "".join(f"line {number}\n" for number in range(5000)).encode()


@pytest.fixture
def memory() -> Iterator[fsspec.AbstractFileSystem]:
    system = fsspec.filesystem("memory")
    system.store.clear()
    yield system
    system.store.clear()


def texts(url: str, **params: object) -> list[str]:
    corpus = CorpusParams.model_validate({"name": "demo", "path": url, "language": "en", **params})
    with corpus_members(corpus, url) as members:
        return [item.text for item in read_documents(members, corpus, Counter())]


def parquet_bytes(rows: int = 6000) -> bytes:
    target = io.BytesIO()
    table = pa.table({"text": [f"row {number}" for number in range(rows)]})
    pq.write_table(table, target, row_group_size=1000)
    return target.getvalue()


def page_of(*names: str) -> bytes:
    return "".join(f'<a href="{name}">{name}</a>' for name in names).encode()


@pytest.mark.parametrize("ranges", [True, False])
def test_files_of_every_kind_over_http(ranges: bool) -> None:
    pages = {
        "/a.txt": b"plain",
        "/b.txt.gz": gzip.compress(b"packed"),
        "/c.jsonl": b'{"text": "one"}\n{"text": "two"}\n',
        "/d.parquet": parquet_bytes(3),
        "/e.zip": zip_bytes({"in/x.txt": b"inside"}),
    }
    with serving(Web(pages, ranges=ranges)) as server:
        assert texts(f"{server.url}/a.txt?token=1") == ["plain"]
        assert texts(f"{server.url}/b.txt.gz") == ["packed"]
        assert texts(f"{server.url}/c.jsonl") == ["one", "two"]
        assert texts(f"{server.url}/d.parquet") == ["row 0", "row 1", "row 2"]
        assert texts(f"{server.url}/e.zip") == ["inside"]
        assert texts(f"{server.url}/e.zip/in/*.txt") == ["inside"]
        assert [file.name for file in remote_files(f"{server.url}/a.txt?token=1")] == ["a.txt"]


def test_folders_and_globs_over_http() -> None:
    pages = {
        "/data/": page_of("b.txt", "a%20b.txt", "sub/", "c.bin", ".hidden.txt", "../out.txt"),
        "/data/sub/": page_of("d.txt"),
        **{f"/data/{name}": b"text" for name in ("b.txt", "a%20b.txt", "sub/d.txt", "c.bin")},
    }
    pages["/data/sub"] = pages["/data/sub/"]
    kinds = {path: {"Content-Type": "text/html"} for path in ("/data/", "/data/sub", "/data/sub/")}
    with serving(Web(pages, kinds)) as server:
        found = remote_files(f"{server.url}/data/")
        assert [file.name for file in found] == ["a b.txt", "b.txt", "sub/d.txt"]
        assert [file.name for file in remote_files(f"{server.url}/data/b*.txt")] == ["b.txt"]
        with pytest.raises(PathError, match=r"no file matches .*/data/x\*"):
            remote_files(f"{server.url}/data/x*")
        with pytest.raises(PathError, match="does not exist"):
            remote_files(f"{server.url}/none.txt")


def test_parquet_is_read_by_parts() -> None:
    content = parquet_bytes(400_000)
    with serving(Web({"/a.parquet": content})) as server:
        (file,) = remote_files(f"{server.url}/a.parquet")
        with open_remote(server.url, file) as handle:
            table = pq.ParquetFile(handle)
            assert table.read_row_group(399)["text"][-1].as_py() == "row 399999"
        assert [method for method, _, _ in server.asked].count("GET") <= 4


def test_identity_is_a_tag_of_the_server_or_the_bytes(tmp_path: Path) -> None:
    with serving(Web({"/a.txt": b"one"})) as server:
        url = f"{server.url}/a.txt"

        def identity() -> str:
            return place_identity(url, False, tmp_path)

        assert remote_files(url)[0].tag == f"sha256:{sha256(b'one').hexdigest()}"
        first = identity()
        server.pages["/a.txt"] = b"two"
        assert identity() != first
        server.headers["/a.txt"] = {"ETag": '"1"', "Last-Modified": "Sun, 22 Nov 2026 00:00:00 GMT"}
        server.asked.clear()
        tagged = identity()
        assert [method for method, _, _ in server.asked] == ["HEAD"]
        server.headers["/a.txt"]["Last-Modified"] = "Mon, 23 Nov 2026 00:00:00 GMT"
        assert identity() == tagged
        server.headers["/a.txt"]["ETag"] = '"2"'
        assert identity() != tagged


def test_identity_does_not_know_the_server(tmp_path: Path) -> None:
    with serving(Web({"/x/a.txt": b"one"})) as one, serving(Web({"/y/a.txt": b"one"})) as two:
        urls = (f"{one.url}/x/a.txt", f"{two.url}/y/a.txt?key=secret")
        assert len({place_identity(url, False, tmp_path) for url in urls}) == 1


@pytest.mark.parametrize("ranges", [True, False])
def test_a_source_that_breaks_off_is_a_download_error(ranges: bool) -> None:
    with serving(Web({"/a.txt": TEXT}, {"/a.txt": {"ETag": "1"}}, ranges=ranges)) as server:
        corpus = CorpusParams(name="demo", path=f"{server.url}/a.txt")
        with corpus_members(corpus, corpus.path) as members:
            server.cut = 1000
            with pytest.raises(DownloadError, match=r"a\.txt"), readable(members[0]) as handle:
                handle.read()
            server.cut = None
            del server.pages["/a.txt"]
            with pytest.raises((DownloadError, PathError)), readable(members[0]) as handle:
                handle.read()


def test_a_source_that_shrinks_is_a_download_error(memory: fsspec.AbstractFileSystem) -> None:
    memory.pipe("/data/a.txt", TEXT)
    (file,) = remote_files("memory://data/a.txt")
    memory.pipe("/data/a.txt", TEXT[:100])
    with pytest.raises(DownloadError, match=rf"ends after 100 of {len(TEXT):,} bytes"):
        open_remote("memory://data/a.txt", file).read()


def test_an_unreachable_server_is_a_download_error() -> None:
    with pytest.raises(DownloadError, match=r"http://127\.0\.0\.1:9/x\.txt cannot be read") as error:
        remote_files("http://user:s3cret@127.0.0.1:9/x.txt?token=s3cret")
    assert "s3cret" not in str(error.value)


def test_credentials_reach_the_server_and_no_message(tmp_path: Path) -> None:
    with serving(Web({"/a.txt": b"text"})) as server:
        host = server.url.removeprefix("http://")
        url = f"http://me:s3cret@{host}/a.txt"
        assert texts(url) == ["text"]
        assert {sent for _, _, sent in server.asked} == {"Basic bWU6czNjcmV0"}
        server.answer = lambda method, path, body: (403, {}, b"")
        with pytest.raises(DownloadError) as error:
            place_identity(url, False, tmp_path)
        assert "s3cret" not in str(error.value)


def test_any_file_system_of_fsspec(memory: fsspec.AbstractFileSystem) -> None:
    memory.pipe({"/data/b.txt": b"b", "/data/sub/a.txt": b"a", "/data/x.bin": b"x"})
    memory.pipe("/data/z.zip", zip_bytes({"q.txt": b"q"}))
    assert [file.name for file in remote_files("memory://data")] == ["b.txt", "sub/a.txt", "z.zip"]
    assert [file.name for file in remote_files("memory://data", any_suffix=True)][2] == "x.bin"
    assert texts("memory://data") == ["b", "a", "q"]
    assert texts("memory://data/*.txt") == ["b"]
    assert texts("memory://data/**/*.txt") == ["b", "a"]
    assert texts("memory://data/z.zip") == ["q"]
    with pytest.raises(PathError, match="does not exist"):
        remote_files("memory://data/none.txt")


def test_a_changed_file_changes_the_listing(memory: fsspec.AbstractFileSystem) -> None:
    memory.pipe({"/data/b.txt": b"b", "/data/a.txt": b"a"})
    first = listing_digest(remote_files("memory://data"))
    assert listing_digest(remote_files("memory://data")) == first
    memory.pipe("/data/a.txt", b"c")
    assert listing_digest(remote_files("memory://data")) != first


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(PathError, match=r"s3://bucket/x\.txt needs .*pip install 'lexmill\[remote\]'"):
        remote_files("s3://bucket/x.txt")
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    with pytest.raises(PathError, match=r"pip install 'lexmill\[remote\]'"):
        remote_files("https://host/x.txt")
    with pytest.raises(PathError, match="cannot be opened: Protocol not known"):
        remote_files("nothing://x")


def test_large_archives_are_refused(
    monkeypatch: pytest.MonkeyPatch, memory: fsspec.AbstractFileSystem
) -> None:
    memory.pipe("/data/z.zip", zip_bytes({"q.txt": b"q"}))
    monkeypatch.setattr(remote, "MAX_TOTAL_BYTES", 10)
    with pytest.raises(DownloadError, match="larger than 10 bytes"):
        texts("memory://data/z.zip")


class Hub:
    """The few requests of the Hugging Face Hub's API that listing and reading a data set makes."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, dict[str, str], bytes] | None:
        kind, _, rest = (
            path.partition("?")[0].removeprefix("/api/datasets/org/name").partition("/")[2].partition("/")
        )
        if "/resolve/" in path:
            name = path.partition("/resolve/")[2].partition("/")[2].partition("?")[0]
            if name not in self.files:
                return 404, {"X-Error-Code": "EntryNotFound"}, b""
            return None
        if kind == "revision":
            return self._json({"id": "org/name", "sha": "c" * 40, "siblings": [], "private": False})
        if kind == "tree":
            folder = rest.partition("/")[2]
            inside = [name for name in self.files if name.startswith(f"{folder}/" if folder else "")]
            if "recursive=false" in path:
                inside = [name for name in inside if "/" not in name.removeprefix(f"{folder}/")]
                folders = sorted(
                    {name.partition("/")[0] for name in self.files if "/" in name and not folder}
                )
                return self._json([*map(self._entry, inside), *map(self._folder, folders)])
            return self._json([*map(self._entry, inside)])
        if kind == "paths-info":
            asked = json.loads(body)["paths"] if body.startswith(b"{") else []
            found = [self._entry(name) for name in self.files if name in asked]
            folders = [path for path in asked if any(name.startswith(f"{path}/") for name in self.files)]
            return self._json([*found, *map(self._folder, folders)])
        return 404, {}, b""

    def _entry(self, name: str) -> dict[str, object]:
        content = self.files[name]
        return {"type": "file", "oid": sha1(content).hexdigest(), "size": len(content), "path": name}

    @staticmethod
    def _folder(path: str) -> dict[str, object]:
        return {"type": "directory", "oid": "d" * 40, "size": 0, "path": path}

    @staticmethod
    def _json(value: object) -> tuple[int, dict[str, str], bytes]:
        return 200, {"Content-Type": "application/json"}, json.dumps(value).encode()


def test_data_sets_of_the_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    files = {
        "data/a.parquet": parquet_bytes(2500),
        "data/b.jsonl": b'{"text": "last"}\n',
        "README.md": b"# x",
    }
    pages = {f"/datasets/org/name/resolve/{'c' * 40}/{name}": body for name, body in files.items()}
    pages |= {f"/datasets/org/name/resolve/v1/{name}": body for name, body in files.items()}
    web = Web(pages, {path: {"ETag": '"1"', "X-Repo-Commit": "c" * 40} for path in pages}, Hub(files).answer)
    with serving(web) as server:
        template = f"{server.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", server.url)
        monkeypatch.setattr("huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE", template)
        url = "hf://datasets/org/name@v1/data"
        found = remote_files(url)
        assert [(file.name, file.size) for file in found] == [
            ("a.parquet", len(files["data/a.parquet"])),
            ("b.jsonl", 17),
        ]
        assert found[1].tag == f"blob_id:{sha1(files['data/b.jsonl']).hexdigest()}"
        assert texts(url) == [*(f"row {number}" for number in range(2500)), "last"]
        assert texts(f"{url}/*.jsonl") == ["last"]
