"""Small real artifacts for the tests of the warehouse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from warehouse.digest import describe_files
from warehouse.record import InputRef, Metric, Producer, Record, fingerprint_of
from warehouse.store import Artifact, Warehouse

OLD = "2026-01-01T00:00:00Z"


def describe(
    folder: Path,
    kind: str = "tokenizer",
    name: str = "demo",
    params: Mapping[str, Any] | None = None,
    inputs: Mapping[str, Artifact] | None = None,
    stats: Mapping[str, Any] | None = None,
    metrics: Sequence[Metric] = (),
    run_id: str = "20260101T000000.000000-00000000",
) -> Record:
    """The record of what lies in `folder`."""
    opened = {role: artifact.record for role, artifact in (inputs or {}).items()}
    files, digest = describe_files(folder)
    fingerprints = {role: [record.fingerprint] for role, record in opened.items()}
    return Record(
        kind=kind,
        name=name,
        fingerprint=fingerprint_of(kind, params or {}, fingerprints, 1),
        recipe_version=1,
        params=dict(params or {}),
        inputs=[
            InputRef(
                role=role,
                kind=r.kind,
                name=r.name,
                fingerprint=r.fingerprint,
                content_digest=r.content_digest,
            )
            for role, r in opened.items()
        ],
        files=files,
        content_digest=digest,
        build="tasks.demo:build_demo",
        stage="tokenize",
        stats=dict(stats or {}),
        metrics=list(metrics),
        producer=Producer(
            run_id=run_id,
            created=OLD,
            seconds=1.5,
            host="here",
            python="3.11",
            packages={"numpy": "2.0"},
            commit="abc",
        ),
    )


def put(
    warehouse: Warehouse,
    kind: str = "tokenizer",
    name: str = "demo",
    files: Mapping[str, bytes | pa.Table] | None = None,
    latest: bool = True,
    **fields: Any,
) -> Artifact:
    """Publish an artifact with these files."""
    with warehouse.building(kind, name, "0" * 16) as folder:
        for path, content in (files or {"data.json": b"{}"}).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, pa.Table):
                pq.write_table(content, folder / path)
            else:
                (folder / path).write_bytes(content)
        artifact = warehouse.publish(folder, describe(folder, kind, name, **fields))
    if latest:
        warehouse.point_latest(artifact.record)
    return artifact


def documents(*rows: tuple[str, str, str, str]) -> pa.Table:
    """`documents.parquet` from (id, language, domain, split)."""
    columns = {
        "id": [row[0] for row in rows],
        "text": [f"text of {row[0]}" for row in rows],
        "language": [row[1] for row in rows],
        "domain": [row[2] for row in rows],
        "corpus": [row[0].split(":")[0] for row in rows],
        "license": ["CC0-1.0" for _ in rows],
        "origin": [f"file.json#{row[0]}" for row in rows],
        "split": [row[3] for row in rows],
    }
    return pa.table(columns, schema=pa.schema([(name, pa.string()) for name in columns]))
