"""Publishing, finding, checking and setting aside artifacts, on a disk and on a remote filesystem."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest

from tests.warehouse.support import describe, put
from warehouse.store import RecordError, Warehouse


@pytest.fixture(params=["local", "memory"])
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Warehouse:
    url = str(tmp_path / "wh") if request.param == "local" else f"memory://{uuid.uuid4().hex}/wh"
    return Warehouse(url, cache=tmp_path / "cache")


def test_round_trip(warehouse: Warehouse) -> None:
    made = put(warehouse, files={"a.json": b"[1]", "sub/b.bin": b"\x00\x01"}, params={"size": 3})
    record = made.record
    assert warehouse.has("tokenizer", "demo", record.fingerprint)
    assert warehouse.is_intact("tokenizer", "demo", record.fingerprint)
    found = Warehouse(warehouse.url).get("tokenizer", "demo", record.fingerprint)
    assert found.record == record
    assert found.file("sub/b.bin").read_bytes() == b"\x00\x01"
    with pytest.raises(FileNotFoundError, match=r"tokenizer/demo has no file c\.json"):
        found.file("c.json")
    folder = warehouse.folder("tokenizer", "demo", record.fingerprint)
    assert set(warehouse.place.sizes(folder)) == {
        "a.json",
        "sub/b.bin",
        "artifact.json",
        "README.md",
        "_SUCCESS",
    }
    assert "| a.json | 3 |" in warehouse.place.read(f"{folder}/README.md").decode()
    assert [r.fingerprint for r in warehouse.records()] == [record.fingerprint]
    assert warehouse.records("model") == []


def test_nothing_there(warehouse: Warehouse) -> None:
    assert not warehouse.has("a", "b", "c")
    assert not warehouse.is_intact("a", "b", "c")
    assert warehouse.latest("a", "b") is None
    assert warehouse.records() == []
    with pytest.raises(LookupError, match="no artifact a/b@c in"):
        warehouse.get("a", "b", "c")


def test_latest_moves_and_old_versions_stay(warehouse: Warehouse) -> None:
    old, new = put(warehouse, params={"v": 1}), put(warehouse, params={"v": 2})
    assert warehouse.latest("tokenizer", "demo").record == new.record
    warehouse.point_latest(old.record)
    assert warehouse.latest("tokenizer", "demo").record == old.record
    assert len(warehouse.versions()) == 2


def test_publishing_the_same_again_keeps_the_first(warehouse: Warehouse) -> None:
    first = put(warehouse, files={"a": b"x"}, run_id="first")
    again = put(warehouse, files={"a": b"x"}, run_id="second")
    assert again.record == first.record
    assert again.warnings == ()


def test_a_build_that_is_not_deterministic_is_reported(
    warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    first = put(warehouse, files={"a": b"x", "same": b"s"})
    again = put(warehouse, files={"a": b"y", "same": b"s"})
    assert again.record == first.record
    assert "built twice with different content (a)" in again.warnings[0]
    assert "tasks.demo:build_demo is not deterministic" in caplog.text


def test_a_failed_build_leaves_nothing(warehouse: Warehouse, tmp_path: Path) -> None:
    def fail() -> None:
        with warehouse.building("tokenizer", "demo", "f" * 16) as folder:
            (folder / "half").write_text("x")
            seen.append(folder)
            raise RuntimeError("boom")

    seen: list[Path] = []
    with pytest.raises(RuntimeError, match="boom"):
        fail()
    assert not seen[0].exists()
    assert warehouse.versions() == []


def test_a_folder_without_success_does_not_count(warehouse: Warehouse) -> None:
    artifact = put(warehouse)
    folder = warehouse.folder("tokenizer", "demo", artifact.record.fingerprint)
    warehouse.place.remove(f"{folder}/_SUCCESS")
    assert not warehouse.has("tokenizer", "demo", artifact.record.fingerprint)
    assert warehouse.records() == []
    assert warehouse.latest("tokenizer", "demo") is None
    put(warehouse)  # and it does not stand in the way of the next build
    assert warehouse.is_intact("tokenizer", "demo", artifact.record.fingerprint)


@pytest.mark.parametrize("damage", ["shorter", "missing", "extra", "no record"])
def test_cheap_check_finds_damage_and_quarantine_makes_room(warehouse: Warehouse, damage: str) -> None:
    artifact = put(warehouse, files={"a.bin": b"12345"})
    version = ("tokenizer", "demo", artifact.record.fingerprint)
    folder = warehouse.folder(*version)
    if damage == "shorter":
        warehouse.place.write(f"{folder}/a.bin", b"1234")
    elif damage == "missing":
        warehouse.place.remove(f"{folder}/a.bin")
    elif damage == "extra":
        warehouse.place.write(f"{folder}/b.bin", b"")
    else:
        warehouse.place.write(f"{folder}/artifact.json", b'{"kind": "tok')
    assert warehouse.has(*version)
    assert not warehouse.is_intact(*version)
    where = warehouse.quarantine(artifact)
    assert warehouse.place.sizes(where)
    assert warehouse.versions() == []
    assert warehouse.latest("tokenizer", "demo") is None
    put(warehouse, files={"a.bin": b"12345"})
    assert warehouse.is_intact(*version)


def test_a_record_that_cannot_be_read(warehouse: Warehouse, caplog: pytest.LogCaptureFixture) -> None:
    good, bad = put(warehouse, name="good"), put(warehouse, name="bad")
    warehouse.place.write(
        f"{warehouse.folder('tokenizer', 'bad', bad.record.fingerprint)}/artifact.json", b"{}"
    )
    with pytest.raises(RecordError, match=r"artifact\.json cannot be read"):
        warehouse.get("tokenizer", "bad", bad.record.fingerprint)
    assert [r.name for r in warehouse.records()] == ["good"]
    assert "bad" in caplog.text
    assert warehouse.latest("tokenizer", "bad") is None
    assert warehouse.resolve("good").record == good.record


def test_resolve(warehouse: Warehouse) -> None:
    old, new = put(warehouse, params={"v": 1}), put(warehouse, params={"v": 2})
    report = put(warehouse, "report", "demo")
    model = put(warehouse, "model", "french", latest=False)
    fp = old.record.fingerprint
    for ref, expected in {
        "tokenizer/demo": new,
        "tokenizer/demo@latest": new,
        f"tokenizer/demo@{fp}": old,
        f"tokenizer/demo@{fp[:6]}": old,
        f"report/demo@{report.record.fingerprint[:5]}": report,
        fp[:8]: old,
        "french": model,
        f"french@{model.record.fingerprint[:4]}": model,
    }.items():
        assert warehouse.resolve(ref).record == expected.record, ref


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        ("demo", "name in several kinds: say which of report/demo, tokenizer/demo"),
        ("tokenizer/dmo", "did you mean tokenizer/demo"),
        ("tokenizer/demo@ffffffff", "no artifact 'tokenizer/demo@ffffffff'"),
        ("zzzzzzzzzzzzz", "there are report/demo, tokenizer/demo"),
        ("../../etc", "no artifact"),
        ("", "no artifact ''"),
    ],
)
def test_resolve_says_what_there_is(warehouse: Warehouse, ref: str, message: str) -> None:
    put(warehouse)
    put(warehouse, "report", "demo")
    with pytest.raises(LookupError, match=message):
        warehouse.resolve(ref)


def test_several_versions_and_no_latest(warehouse: Warehouse) -> None:
    put(warehouse, params={"v": 1}, latest=False)
    put(warehouse, params={"v": 2}, latest=False)
    with pytest.raises(LookupError, match="has no latest version"):
        warehouse.resolve("tokenizer/demo")


@pytest.mark.parametrize("part", ["..", "", "a/b", ".hidden", "a b", "LATEST"])
def test_names_that_are_not_folder_names(warehouse: Warehouse, part: str) -> None:
    with pytest.raises(ValueError, match="cannot name an artifact"):
        warehouse.has("tokenizer", part, "f" * 16)


def test_the_record_must_describe_the_folder(warehouse: Warehouse) -> None:
    with warehouse.building("tokenizer", "demo", "f" * 16) as folder:
        (folder / "a").write_text("x")
        record = describe(folder)
        (folder / "b").write_text("later")
        with pytest.raises(ValueError, match="does not describe b"):
            warehouse.publish(folder, record)


def test_credentials_never_reach_a_record(warehouse: Warehouse) -> None:
    url = "s3://AKIA:s3cr3t@bucket/x?X-Amz-Signature=abc123&part=7"
    artifact = put(warehouse, params={"source": url, "options": {"password": "hunter2", "tokens": 5}})
    folder = warehouse.folder("tokenizer", "demo", artifact.record.fingerprint)
    text = "".join(
        warehouse.place.read(f"{folder}/{name}").decode() for name in ("artifact.json", "README.md")
    )
    for secret in ("AKIA", "s3cr3t", "abc123", "hunter2"):
        assert secret not in text
    assert artifact.record.params["source"] == "s3://***@bucket/x?X-Amz-Signature=***&part=7"
    assert artifact.record.params["options"]["tokens"] == 5


def test_display_url_has_no_credentials() -> None:
    assert "pw" not in repr(Warehouse("memory://user:pw@host/wh"))
    assert Warehouse("some/where").display_url.startswith("file:///")


def test_unknown_protocol_is_a_sentence() -> None:
    with pytest.raises(ValueError, match="cannot open the warehouse nosuch://x"):
        Warehouse("nosuch://x")


def test_remote_files_are_fetched_once_and_whole(tmp_path: Path) -> None:
    warehouse = Warehouse(f"memory://{uuid.uuid4().hex}", cache=tmp_path)
    made = put(warehouse, files={"a.json": json.dumps([1, 2]).encode(), "b": b"b"})
    artifact = warehouse.get("tokenizer", "demo", made.record.fingerprint)
    local = artifact.file("a.json")
    assert json.loads(local.read_text()) == [1, 2]
    assert not (artifact.folder / "b").exists()
    warehouse.place.remove(warehouse.folder("tokenizer", "demo", made.record.fingerprint))
    assert artifact.file("a.json") == local  # from the cache


def test_a_moved_warehouse_still_works(tmp_path: Path) -> None:
    artifact = put(Warehouse(str(tmp_path / "one")), files={"a": b"x"})
    (tmp_path / "one").rename(tmp_path / "two")
    moved = Warehouse((tmp_path / "two").as_uri())
    assert moved.resolve("demo").file("a").read_bytes() == b"x"
    assert moved.latest("tokenizer", "demo").record == artifact.record
