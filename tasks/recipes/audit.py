"""Recipes of `tasks/audit.py`."""

from __future__ import annotations

from pathlib import Path

from lexmill.archives import file_sha256
from lexmill.mixture.params import AuditParams
from tasks.recipes.count import word_counts_name
from tasks.step import InputError, Step


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
    return Step(
        stage="tokenize",
        kind="tokenizer",
        name=f"{pipeline}-{params.name}-subject",
        build="tasks.audit:build_subject",
        version=1,
        params=recipe,
        runtime=runtime,
        tags=("network",) if external.package else (),
    )


def audit_step(
    pipeline: str,
    params: AuditParams,
    tokenizer: tuple[str, str],
    pretokenizer: str,
    normalizer: str = "none",
) -> Step:
    """Step that audits `tokenizer` (kind, name) with the pipeline's text, cut by the tokenizer's own pre-tokenizer."""
    recipe = params.model_dump(mode="json", exclude={"name", "tokenizer"})
    return Step(
        stage="audit",
        kind="mixture",
        name=f"{pipeline}-{params.name}",
        build="tasks.audit:build_mixture",
        version=2,
        params=recipe | {"pretokenizer": pretokenizer, "normalizer": normalizer},
        inputs={
            "tokenizer": (tokenizer,),
            "word_counts": (("word_counts", word_counts_name(pipeline, pretokenizer, normalizer)),),
            "documents": (("documents", pipeline),),
        },
        tags=("memory",),
    )
