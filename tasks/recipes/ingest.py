"""Recipes of `tasks/ingest.py`: one source a corpus, or one a shard of it."""

from __future__ import annotations

from pathlib import Path

from lexmill.archives import ArchiveError, DownloadError
from lexmill.corpus.files import PathError
from lexmill.corpus.params import CorpusParams
from lexmill.corpus.places import place_identity, place_of
from tasks.step import InputError, Step

SOURCE_VERSION = 2


def source_steps(corpus: CorpusParams, cache: Path, folder: Path = Path()) -> list[Step]:
    """Steps that read a corpus, one a shard, in their order.

    Their identity is what is read (package pins, digest of local names and bytes, or what a server says of its files),
    never where it lies; a relative `path` is taken from `folder`, and `cache` remembers digests of local files.
    Raises InputError when a path is missing or matches nothing, and when a server cannot be asked.
    """
    params = corpus.model_dump(mode="json", exclude={"path", "shards"})
    runtime = {}
    if corpus.path is not None:
        place = place_of(corpus.path, folder)
        try:
            params["content"] = place_identity(place, corpus.format is not None, cache)
        except (ArchiveError, DownloadError, PathError, OSError) as error:
            raise InputError(f"corpus {corpus.name!r}: {error}") from error
        runtime["path"] = place
    return [_source_step(corpus, params, runtime, index) for index in range(corpus.shards)]


def _source_step(corpus: CorpusParams, params: dict, runtime: dict, index: int) -> Step:
    """One shard; a corpus in one piece has its own name and no shard in its parameters."""
    whole = corpus.shards == 1
    return Step(
        stage="ingest",
        kind="source",
        name=corpus.name if whole else f"{corpus.name}-{index}-of-{corpus.shards}",
        build="tasks.ingest:build_source",
        version=SOURCE_VERSION,
        params=params if whole else params | {"shard": [index, corpus.shards]},
        runtime=runtime,
        tags=("network",) if corpus.package or "://" in runtime.get("path", "") else (),
    )
