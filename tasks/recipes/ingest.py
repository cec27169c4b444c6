"""Recipes of `tasks/ingest.py`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lexmill.corpus.files import PathError, content_digest, local_files
from lexmill.corpus.params import CleaningParams, CorpusParams
from tasks.step import InputError, Step

SOURCE_VERSION = 1


DOCUMENTS_VERSION = 1


def source_step(corpus: CorpusParams, cache: Path, folder: Path = Path()) -> Step:
    """Step that reads one corpus.  Its identity is what is read (package pin, or digest of local names and bytes),
    never where it lies; a relative `path` is taken from `folder`, and `cache` remembers digests of local files.

    Raises InputError when a local path is missing or matches nothing.
    """
    params = corpus.model_dump(mode="json", exclude={"path"})
    runtime = {}
    if corpus.path is not None:
        path = (folder / Path(corpus.path).expanduser()).absolute()
        try:
            params["content"] = content_digest(local_files(path, any_suffix=corpus.format is not None), cache)
        except (PathError, OSError) as error:
            raise InputError(f"corpus {corpus.name!r}: {error}") from error
        runtime["path"] = str(path)
    return Step(
        stage="ingest",
        kind="source",
        name=corpus.name,
        build="tasks.ingest:build_source",
        version=SOURCE_VERSION,
        params=params,
        runtime=runtime,
        tags=("network",) if corpus.package else (),
    )


def documents_step(pipeline: str, cleaning: CleaningParams, corpora: Sequence[CorpusParams]) -> Step:
    """Step that cleans all corpora of a pipeline into one artifact; the order of `corpora` decides which of two equal
    documents is kept."""
    return Step(
        stage="ingest",
        kind="documents",
        name=pipeline,
        build="tasks.ingest:build_documents",
        version=DOCUMENTS_VERSION,
        params=cleaning.model_dump(mode="json"),
        inputs={"sources": tuple(("source", corpus.name) for corpus in corpora)},
    )
