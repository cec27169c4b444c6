"""How a step cuts text: by a named pattern, or as the file of a tokenizer says."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lexmill.mixture.cutting import CutterError, cutting_label, text_cutter
from lexmill.mixture.mergelist import MergeList, MergeListError
from lexmill.report.mixtures import shown_cutting
from lexmill.tokenizer.patterns import pattern_of, pretokenizer_label
from lexmill.tokenizer.split import SplitError, normalize, splitter
from tasks.step import BuildContext, InputError
from warehouse.store import Artifact


def load_merges(tokenizer: Artifact, step: str) -> MergeList:
    """The merge list of a `tokenizer` artifact.  Raises InputError, which names the step."""
    file = tokenizer_identity(tokenizer).get("file", "tokenizer.json")
    return load_file(tokenizer.file(file), step)


def load_file(path: Path, step: str) -> MergeList:
    """The merge list of a tokenizer file.  Raises InputError, which names the step."""
    try:
        return MergeList.load(path)
    except MergeListError as error:
        raise InputError(f"{step}: {error}") from error
    except OSError as error:
        raise InputError(f"{step}: {path.name} cannot be read: {error.strerror}") from error


def tokenizer_identity(tokenizer: Artifact) -> dict[str, Any]:
    """What its `lexmill.json` says."""
    found: dict[str, Any] = json.loads(tokenizer.file("lexmill.json").read_text(encoding="utf-8"))
    return found


def cutter_of(
    merges: MergeList | None, pretokenizer: str | None, normalizer: str | None, step: str
) -> tuple[Callable[[str], list[str]], dict[str, Any]]:
    """(cutter, label for records); what is None is as the tokenizer's file says, so `merges` is needed then.

    Raises InputError when the file does not say it, and the cutter for a text on which it cannot be run.
    """
    if pretokenizer is not None and normalizer is not None:
        cut, change = splitter(pretokenizer), normalize(normalizer)
        label = {
            "pretokenizer": pretokenizer_label(pretokenizer),
            "pattern": pattern_of(pretokenizer),
            "pretokenizer_from": "given",
            "normalizer": normalizer,
            "normalizer_from": "given",
        }
        return _asking(lambda text: cut(change(text)), step), label
    if merges is None:
        raise ValueError("without a pre-tokenizer and a normaliser, a merge list must be given")
    try:
        cut = text_cutter(merges, pretokenizer, normalizer)
        return _asking(cut, step), dict(cutting_label(merges, pretokenizer, normalizer))
    except ValueError as error:
        raise InputError(f"{step}: {error}") from error


def _asking(cut: Callable[[str], list[str]], step: str) -> Callable[[str], list[str]]:
    """The same cutter; where it cannot be run, that is the input's fault."""

    def asking(text: str) -> list[str]:
        try:
            return cut(text)
        except (CutterError, SplitError) as error:
            raise InputError(f"{step}: {error}") from error

    return asking


def subject_cutter(context: BuildContext) -> tuple[Callable[[str], list[str]], dict[str, Any]]:
    """`cutter_of` a step's parameters and its input `tokenizer`, if it has one."""
    found = context.inputs.get("tokenizer")
    merges = load_merges(found[0], context.name) if found else None
    return cutter_of(merges, context.params["pretokenizer"], context.params["normalizer"], context.name)


def cutting_note(merges: MergeList, label: Mapping[str, Any]) -> str | None:
    """A sentence when text was cut otherwise than the tokenizer's file says, or the file says nothing."""
    own = cutting_label(merges)
    used = shown_cutting(label["pretokenizer"])
    if own["pretokenizer"] is None:
        return f"The tokenizer's file does not say how it cuts text; the text was cut by {used}."
    differences = []
    if own["pretokenizer"] not in (label["pretokenizer"], label.get("pattern")):
        differences.append(f"by {used} instead of {shown_cutting(own['pretokenizer'])}")
    if _plain_normalizer(own["normalizer"]) != _plain_normalizer(label["normalizer"]):
        normalizers = (_plain_normalizer(side["normalizer"]) for side in (label, own))
        differences.append("normalised by {} instead of {}".format(*normalizers))
    if not differences:
        return None
    return f"The text was not cut as the tokenizer's file says, but {' and '.join(differences)}."


def _plain_normalizer(value: Any) -> str:
    """`none` for nothing, the name of a normaliser that is written as JSON and has no settings."""
    if not value:
        return "none"
    try:
        found = json.loads(value)
    except ValueError:
        return str(value)
    return found["type"] if isinstance(found, dict) and list(found) == ["type"] else str(value)
