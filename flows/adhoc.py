"""Ingest local files without a pipelines file: a pipeline of two stages made on the spot."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath

from flows.config import PipelineParams
from flows.plain import Observer, run_plain
from flows.runs import PreparedRun, RunOutcome, RunRecorder, prepare
from lexmill.corpus.params import CorpusParams


def ingest_paths(
    paths: Sequence[str],
    name: str,
    language: str,
    domain: str,
    license_: str,
    warehouse: str | None,
    observer: Observer,
) -> tuple[PreparedRun, RunOutcome]:
    """Read, clean and deduplicate files into `documents/<name>`; one corpus a path."""
    corpora: list[CorpusParams] = []
    for path in paths:
        corpora.append(
            CorpusParams(
                name=_corpus_name(path, name, [corpus.name for corpus in corpora]),
                path=path,
                language=language,
                domain=domain,
                license=license_,
            )
        )
    pipeline = PipelineParams(corpora=corpora, **({"warehouse": warehouse} if warehouse else {}))
    prepared = prepare(name, pipeline, parameters={"ingest": list(paths)})
    if not prepared.to_build:
        return prepared, RunRecorder(prepared, "command").close()
    return prepared, run_plain(prepared, observer)


def _corpus_name(path: str, prefix: str, taken: Sequence[str]) -> str:
    stem = re.sub(r"[^a-z0-9]+", "-", PurePath(path).stem.lower()).strip("-") or "text"
    candidate, number = f"{prefix}-{stem}", 2
    while candidate in taken:
        candidate, number = f"{prefix}-{stem}-{number}", number + 1
    return candidate
