"""Run one build function outside any flow, on a real folder, and open what it made as an artifact."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tasks.step import BuildContext
from warehouse.record import FileEntry, Producer, Record, input_ref
from warehouse.store import Artifact


def run_build(
    build: Callable[[BuildContext], None],
    folder: Path,
    params: Mapping[str, Any],
    inputs: Mapping[str, Sequence[Artifact]] | None = None,
    runtime: Mapping[str, Any] | None = None,
    kind: str = "test",
    name: str = "test",
) -> tuple[Artifact, BuildContext]:
    """Build into `folder` and return the artifact with the context (for stats and metrics)."""
    folder.mkdir(parents=True, exist_ok=True)
    cache = folder.parent / "cache"
    cache.mkdir(exist_ok=True)
    opened = {role: list(artifacts) for role, artifacts in (inputs or {}).items()}
    context = BuildContext(
        name=name,
        params=params,
        runtime=runtime or {},
        inputs=opened,
        out=folder,
        cache=cache,
        progress=lambda fraction, message: None,
        log=lambda message: None,
    )
    build(context)
    files = [
        FileEntry(
            path=path.relative_to(folder).as_posix(),
            bytes=path.stat().st_size,
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]
    digest = hashlib.sha256("".join(f"{f.path}:{f.sha256}\n" for f in files).encode()).hexdigest()
    record = Record(
        kind=kind,
        name=name,
        fingerprint="0" * 16,
        recipe_version=1,
        params=dict(params),
        inputs=[input_ref(role, a.record) for role, artifacts in opened.items() for a in artifacts],
        files=files,
        content_digest=digest,
        build="test",
        stage="test",
        stats=context.stats,
        metrics=context.metrics,
        producer=Producer(
            run_id="test",
            created="2026-01-01T00:00:00Z",
            seconds=0.0,
            host="test",
            python="3.11",
            packages={},
        ),
    )
    return Artifact(record=record, folder=folder), context
