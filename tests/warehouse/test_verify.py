"""`verify` finds every way in which an artifact can have changed."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pyarrow as pa
import pytest

from tests.warehouse.support import put
from warehouse.store import Artifact, Warehouse
from warehouse.verify import verify


@pytest.fixture(params=["local", "memory"])
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Warehouse:
    return Warehouse(str(tmp_path) if request.param == "local" else f"memory://{uuid.uuid4().hex}")


@pytest.fixture
def artifact(warehouse: Warehouse) -> Artifact:
    return put(warehouse, files={"a.bin": bytes(range(200)), "t.parquet": pa.table({"x": [1, 2, 3]})})


def folder_of(warehouse: Warehouse, artifact: Artifact) -> str:
    return warehouse.folder("tokenizer", "demo", artifact.record.fingerprint)


def test_ok(warehouse: Warehouse, artifact: Artifact) -> None:
    put(warehouse, "report", "demo", latest=False)
    results = verify(warehouse)
    assert [(r.kind, r.status, r.problems) for r in results] == [
        ("report", "ok", []),
        ("tokenizer", "ok", []),
    ]
    assert results[1].bytes > 200
    assert [r.kind for r in verify(warehouse, "tokenizer/demo")] == ["tokenizer"]
    with pytest.raises(LookupError):
        verify(warehouse, "tokenizer/none")


@pytest.mark.parametrize("path", ["a.bin", "t.parquet"])
def test_one_flipped_bit(warehouse: Warehouse, artifact: Artifact, path: str) -> None:
    file = f"{folder_of(warehouse, artifact)}/{path}"
    data = bytearray(warehouse.place.read(file))
    data[len(data) // 2] ^= 1
    warehouse.place.write(file, bytes(data))
    assert warehouse.is_intact(
        "tokenizer", "demo", artifact.record.fingerprint
    )  # the cheap check cannot see it
    (result,) = verify(warehouse, artifact.record.fingerprint)
    assert (result.status, result.problems) == ("corrupt file", [f"{path} has other bytes"])


def test_missing_and_extra_files(warehouse: Warehouse, artifact: Artifact) -> None:
    folder = folder_of(warehouse, artifact)
    warehouse.place.write(f"{folder}/more", b"")
    assert [(r.status, r.problems) for r in verify(warehouse)] == [
        ("corrupt file", ["more is not in the record"])
    ]
    warehouse.place.remove(f"{folder}/a.bin")
    assert verify(warehouse)[0].status == "missing"


def test_a_changed_record(warehouse: Warehouse, artifact: Artifact) -> None:
    path = f"{folder_of(warehouse, artifact)}/artifact.json"
    record = json.loads(warehouse.place.read(path))
    warehouse.place.write(path, json.dumps({**record, "content_digest": "0" * 64}).encode())
    assert verify(warehouse)[0].status == "digest mismatch"
    warehouse.place.write(path, json.dumps({**record, "name": "other"}).encode())
    assert "the record is that of tokenizer/other" in verify(warehouse)[0].problems[0]
    warehouse.place.write(path, b"{")
    assert verify(warehouse)[0].status == "corrupt file"
    warehouse.place.remove(path)
    assert verify(warehouse)[0].status == "missing"
