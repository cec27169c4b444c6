"""Task: fetch an audited tokenizer that was made elsewhere."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lexmill.archives import ArchiveError, PackageError, PackageRef, fetch_package, read_members
from lexmill.tokenizer.patterns import pattern_of, pretokenizer_label
from tasks.cutting import load_file
from tasks.step import BuildContext, InputError


def build_subject(context: BuildContext) -> None:
    """Write the original file and lexmill.json, which says where it is from and what was found in it."""
    recipe = dict(context.params)
    name, data = _packaged_file(context, recipe) if recipe.get("package") else _local_file(context, recipe)
    if name == "lexmill.json":
        raise InputError(f"{context.name}: a tokenizer file cannot be called lexmill.json: rename it")
    (context.out / name).write_bytes(data)
    merges = load_file(context.out / name, context.name)
    given = recipe["pretokenizer"]
    identity = {
        "algorithm": "bpe",
        "file": name,
        "format": merges.kind,
        "merges": len(merges),
        "vocab_size": merges.vocabulary,
        "manual_tokens": len(merges.manual),
        "redundant_merges": merges.redundant,
        "pretokenizer": {
            "name": None if given is None else pretokenizer_label(given),
            "pattern": None if given is None else pattern_of(given),
            "in_file": merges.pretokenizer,
        },
        "normalizer": recipe["normalizer"],
        "normalizer_in_file": merges.normalizer,
        "package": recipe.get("package"),
        "training_data": None,
    }
    text = json.dumps(identity, indent=2, sort_keys=True, ensure_ascii=False)
    (context.out / "lexmill.json").write_text(text + "\n", encoding="utf-8")
    context.metric("merges", len(merges), "merges")
    context.metric("manual_tokens", len(merges.manual), "tokens")


def _packaged_file(context: BuildContext, recipe: Mapping[str, Any]) -> tuple[str, bytes]:
    package = PackageRef.model_validate(recipe["package"])
    try:
        archive = fetch_package(package, context.cache)
        found = list(read_members(archive, re.escape(recipe["member"])))
    except (PackageError, ArchiveError) as error:
        raise InputError(f"{context.name}: {error}") from error
    if not found:
        raise InputError(
            f"{context.name}: {package} has no member {recipe['member']}: correct tokenizer.member"
        )
    return Path(recipe["member"]).name, found[0][2]


def _local_file(context: BuildContext, recipe: Mapping[str, Any]) -> tuple[str, bytes]:
    try:
        data = Path(context.runtime["path"]).read_bytes()
    except OSError as error:
        raise InputError(f"{context.name}: {recipe['file']} cannot be read: {error.strerror}") from error
    if hashlib.sha256(data).hexdigest() != recipe["sha256"]:
        raise InputError(f"{context.name}: {recipe['file']} has changed since the run was planned: run again")
    return recipe["file"], data
