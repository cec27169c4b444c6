"""Recipes of `tasks/audit.py` and `tasks/subject.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from lexmill.archives import file_sha256
from lexmill.mixture.params import AuditParams
from tasks.recipes.count import Cut, word_counts_name
from tasks.step import InputError, Step

Key = tuple[str, str]  # kind, name


def subject_step(pipeline: str, params: AuditParams, cache: Path) -> Step:
    """Step that stores the external tokenizer of an audit as a `tokenizer` artifact `<pipeline>-<audit>-subject`.

    Its identity is the package pin and member, or the local file's sha256; never where the file lies.  `cache` is
    where the build keeps downloads.  Raises InputError when a local file is missing.
    """
    external = params.tokenizer
    if isinstance(external, str):
        raise ValueError(f"audit {params.name} names a tokenizer of the pipeline: it needs no subject step")
    recipe = external.model_dump(mode="json", exclude={"path"})
    runtime = {}
    if external.path is not None:
        path = Path(external.path).expanduser().absolute()
        if not path.is_file():
            raise InputError(
                f"audit {params.name!r}: tokenizer.path {external.path} is not a file: correct the path"
            )
        recipe |= {"file": path.name, "sha256": file_sha256(path)}
        runtime["path"] = str(path)
    return _subject(f"{pipeline}-{params.name}-subject", recipe, runtime)


def file_subject_step(name: str, path: Path, pretokenizer: str | None, normalizer: str | None) -> Step:
    """Step that stores one local tokenizer file as `tokenizer/<name>`, identified by its sha256."""
    recipe = {
        "package": None, "member": None, "pretokenizer": pretokenizer, "normalizer": normalizer,
        "file": path.name, "sha256": file_sha256(path),
    }  # fmt: skip
    return _subject(name, recipe, {"path": str(path)})


def _subject(name: str, recipe: Mapping[str, object], runtime: Mapping[str, str]) -> Step:
    return Step(
        stage="tokenize",
        kind="tokenizer",
        name=name,
        build="tasks.subject:build_subject",
        version=3,
        params=recipe,
        runtime=runtime,
        tags=("network",) if recipe["package"] else (),
    )


def audit_step(
    pipeline: str,
    params: AuditParams,
    tokenizer: Key,
    pretokenizer: str | None,
    normalizer: str | None = "none",
    known: Sequence[Key] = (),
    framing: str = "document",
) -> Step:
    """Step that audits `tokenizer` (kind, name) with the pipeline's text, cut by the tokenizer's own pre-tokenizer.

    Where pretokenizer or normalizer is None, the file of the tokenizer says it, and the words are counted for this
    tokenizer alone.  `known` are tokenizers from which it may have inherited its first merges.
    """
    counts = tokenizer[1]
    if pretokenizer is not None and normalizer is not None:
        counts = word_counts_name(pipeline, Cut(pretokenizer, normalizer, framing))
    inputs = {
        "tokenizer": (tokenizer,),
        "word_counts": (("word_counts", counts),),
        "documents": (("documents", pipeline),),
        **({"known": tuple(known)} if known else {}),
    }
    return mixture_step(f"{pipeline}-{params.name}", params, inputs, pretokenizer, normalizer)


def mixture_step(
    name: str,
    params: AuditParams,
    inputs: Mapping[str, tuple[Key, ...]],
    pretokenizer: str | None,
    normalizer: str | None,
    known_files: Mapping[str, Path] | None = None,
) -> Step:
    """Step that makes `mixture/<name>`.

    Inputs by role: `tokenizer`, `word_counts`; `documents` when the counts do not hold their documents themselves;
    `cut_by`, the tokenizer that the documents are cut by, when that is not the audited one; `known`, tokenizers that
    may have been inherited from.  `known_files` are more of these, local files that enter by their sha256.
    """
    recipe = params.model_dump(mode="json", exclude={"name", "tokenizer"})
    recipe |= {"pretokenizer": pretokenizer, "normalizer": normalizer}
    files = dict(sorted((known_files or {}).items()))
    recipe["known"] = [{"name": known, "sha256": file_sha256(path)} for known, path in files.items()]
    return Step(
        stage="audit",
        kind="mixture",
        name=name,
        build="tasks.audit:build_mixture",
        version=4,
        params=recipe,
        inputs=inputs,
        runtime={"known": {known: str(path) for known, path in files.items()}} if files else {},
        timeout_seconds=14_400.0,
        tags=("memory",),
    )
