"""Recipes of `tasks/tokenizers.py`."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from lexmill.archives import file_sha256
from lexmill.tokenizer.params import SequenceSpec, TrainerSpec
from tasks.recipes.count import Cut, word_counts_name, word_sequences_name
from tasks.step import InputError, Step

TOKENIZERS_VERSION = 1


def cut_of(spec: TrainerSpec) -> Cut:
    """How a tokenizer's training text is cut into words."""
    return Cut(spec.pretokenizer, spec.normalizer, spec.framing)


def tokenizer_step(
    pipeline: str, spec: TrainerSpec, others: Collection[str] = (), folder: Path = Path()
) -> Step:
    """Train `spec.name` from the pipeline's word counts cut as it says, and from sequences where it needs them.

    `others` are the pipeline's tokenizers, which a spec may name; any other value is a file, relative to `folder`, and
    enters the identity as the hash of its bytes.  Raises InputError for a file that is not there.
    """
    cut = cut_of(spec)
    params = spec.model_dump(mode="json")
    inputs = {"word_counts": (("word_counts", word_counts_name(pipeline, cut)),)}
    if isinstance(spec, SequenceSpec):
        name = word_sequences_name(pipeline, cut, spec.sample_bytes, spec.seed)
        inputs["sequences"] = (("word_sequences", name),)
    files: dict[str, str] = {}
    for key, value in spec.sources().items():
        if key in spec.TOKENIZERS and value in others:
            inputs[key] = (("tokenizer", f"{pipeline}-{value}"),)
            params[key] = "tokenizer of the pipeline"
        else:
            files[key] = str(_existing(spec, key, value, folder))
            params[key] = f"sha256 {file_sha256(Path(files[key]))}"
    return Step(
        stage="tokenize",
        kind="tokenizer",
        name=f"{pipeline}-{spec.name}",
        build="tasks.tokenizers:build_tokenizer",
        version=TOKENIZERS_VERSION,
        params=params,
        inputs=inputs,
        runtime={"files": files} if files else {},
        timeout_seconds=7200.0,
        tags=("memory",),
    )


def _existing(spec: TrainerSpec, key: str, value: str, folder: Path) -> Path:
    path = (folder / Path(value).expanduser()).absolute()
    if path.is_dir() and key in spec.TOKENIZERS:
        path /= "tokenizer.json"
    if not path.is_file():
        also = ", and no tokenizer of the pipeline is called so" if key in spec.TOKENIZERS else ""
        raise InputError(f"tokenizer {spec.name}: {key} {value!r} is not a file{also}")
    return path
