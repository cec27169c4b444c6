"""Source steps: identity, shards, packages in lists, URLs, and what changes between plan and build."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from lexmill import pypi
from lexmill.corpus.files import PathError
from lexmill.corpus.params import CorpusParams
from lexmill.corpus.sharding import WHOLE, Shard
from lexmill.registries import file_sha256
from tasks.fetching import corpus_and_place
from tasks.recipes.ingest import source_steps
from tasks.step import BuildContext, InputError, Step, build_function
from tests.helpers import run_build
from tests.lexmill.corpus.test_places import zip_bytes
from tests.lexmill.web_server import Web, serving


def corpus_of(path: object, **params: object) -> CorpusParams:
    return CorpusParams.model_validate({"name": "demo", "path": str(path), "language": "en", **params})


def context_of(step: Step, cache: Path) -> BuildContext:
    nothing = lambda *_: None  # noqa: E731
    return BuildContext(step.name, step.params, step.runtime, {}, cache / "out", cache, nothing, nothing)


def texts(step: Step, folder: Path) -> list[str]:
    artifact, _ = run_build(build_function(step), folder, step.params, runtime=step.runtime, name=step.name)
    return pq.read_table(artifact.file("documents.parquet"))["text"].to_pylist()


def shelf(folder: Path, monkeypatch: pytest.MonkeyPatch, **wheels: dict[str, bytes]) -> list[dict[str, str]]:
    """Pins of wheels, and a folder that is all the package index there is."""
    folder.mkdir()
    pins = []
    for name, members in wheels.items():
        path = folder / f"{name}-1.0-py3-none-any.whl"
        path.write_bytes(zip_bytes(members))
        pins.append({"name": name, "version": "1.0", "sha256": file_sha256(path)})
    settings = pypi.parse_settings(f"global.no-index='1'\nglobal.find-links={str(folder)!r}", "")
    monkeypatch.setattr(pypi, "pip_settings", lambda ref: settings)
    return pins


def test_one_step_or_one_a_shard(tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    for number in range(5):
        (folder / f"{number}.txt").write_text(f"text {number}")
    (whole,) = source_steps(corpus_of(folder), tmp_path / "cache")
    assert whole.name == "demo"
    assert "shard" not in whole.params
    assert "shards" not in whole.params
    steps = source_steps(corpus_of(folder, shards=3), tmp_path / "cache")
    assert [step.name for step in steps] == ["demo-0-of-3", "demo-1-of-3", "demo-2-of-3"]
    assert [dict(step.params) for step in steps] == [{**whole.params, "shard": [i, 3]} for i in range(3)]
    found = [text for i, step in enumerate(steps) for text in texts(step, tmp_path / "out" / str(i))]
    assert sorted(found) == [f"text {number}" for number in range(5)]
    assert corpus_and_place(context_of(whole, tmp_path / "cache"))[2] == WHOLE
    assert corpus_and_place(context_of(steps[1], tmp_path / "cache"))[2] == Shard(1, 3)


def test_shards_of_one_file_part_its_records(tmp_path: Path) -> None:
    lines = [json.dumps({"text": f"text {number}"}) for number in range(3000)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    steps = source_steps(corpus_of(tmp_path / "a.jsonl", shards=3), tmp_path / "cache")
    found = [texts(step, tmp_path / "out" / step.name) for step in steps]
    assert sorted(text for part in found for text in part) == sorted(f"text {n}" for n in range(3000))
    assert [len(part) for part in found] == [1024, 1024, 952]


def test_packages_in_a_list_are_fetched_into_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = {"de/a.txt": b"eins", "en/a.txt": b"one"}
    pins = shelf(tmp_path / "shelf", monkeypatch, first=members, second={"de/a.txt": b"zwei"})
    corpus = CorpusParams.model_validate(
        {"name": "demo", "package": pins, "members": r"(?P<group>[a-z]+)/(?P<language>..)/a\.txt"}
    )
    (step,) = source_steps(corpus, tmp_path / "cache")
    assert step.tags == ("network",)
    assert step.runtime == {}
    assert sorted(texts(step, tmp_path / "one")) == ["eins", "one", "zwei"]
    shutil.rmtree(tmp_path / "shelf")
    assert sorted(texts(step, tmp_path / "two")) == ["eins", "one", "zwei"]


def test_a_url_is_read_and_its_credentials_are_in_no_parameter(tmp_path: Path) -> None:
    with serving(Web({"/a.txt": b"text"}, {"/a.txt": {"ETag": '"1"'}})) as server:
        url = f"{server.url}/a.txt?token=s3cret"
        (step,) = source_steps(corpus_of(url), tmp_path / "cache", tmp_path / "elsewhere")
        assert step.runtime == {"path": url}
        assert step.tags == ("network",)
        assert "s3cret" not in json.dumps(step.params)
        assert texts(step, tmp_path / "out") == ["text"]
        server.headers["/a.txt"]["ETag"] = '"2"'
        with pytest.raises(PathError, match=r"/a\.txt changed since the run was planned") as error:
            corpus_and_place(context_of(step, tmp_path / "cache"))
        assert "s3cret" not in str(error.value)
    with pytest.raises(InputError, match=r"corpus 'demo': .*cannot be read"):
        source_steps(corpus_of(url), tmp_path / "cache")


def test_a_path_into_an_archive_is_part_of_the_identity(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(zip_bytes({"a/1.txt": b"one", "b/2.txt": b"two"}))
    one, two = (
        source_steps(corpus_of(f"x.zip/{folder}"), tmp_path / "cache", tmp_path)[0] for folder in "ab"
    )
    assert one.params != two.params
    assert texts(one, tmp_path / "out") == ["one"]
