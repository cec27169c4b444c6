"""Ingest local files without a pipelines file: a pipeline of two stages made on the spot."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath

from pydantic import ValidationError

from flows.config import NAME, PipelineParams
from flows.plain import Observer, run_plain
from flows.runs import PreparedRun, RunOutcome, RunRecorder, prepare
from lexmill.corpus.languages import language_label
from lexmill.corpus.params import CleaningParams, CorpusParams
from tasks.step import InputError

MAX_NAME = 63  # characters of a corpus's name


def ingest_paths(
    paths: Sequence[str],
    name: str,
    language: str,
    domain: str,
    license_: str,
    warehouse: str | None,
    observer: Observer,
    against: Sequence[str] = (),
) -> tuple[PreparedRun, RunOutcome]:
    """Read, clean and deduplicate files into `documents/<name>`; one corpus a path.

    `against` are names of documents in the warehouse: what they hold already is dropped as a duplicate.
    """
    if not re.fullmatch(NAME, name) or len(name) > MAX_NAME:
        raise InputError(
            f"--name {name!r}: use only a-z, 0-9, - and _, with a letter or digit first, at most {MAX_NAME} characters"
        )
    corpora: list[CorpusParams] = []
    for path in paths:
        corpora.append(
            _corpus(
                name=_corpus_name(path, name, [corpus.name for corpus in corpora]),
                path=path,
                language=language,
                domain=domain,
                license=license_,
            )
        )
    try:
        cleaning = CleaningParams(against=tuple(against))
    except ValidationError:
        raise InputError(
            f"--against {' '.join(against)}: give names of documents, as `lexmill artifacts` shows them"
        ) from None
    pipeline = PipelineParams(
        corpora=corpora, cleaning=cleaning, **({"warehouse": warehouse} if warehouse else {})
    )
    prepared = prepare(name, pipeline, parameters={"ingest": list(paths)})
    if not prepared.to_build:
        return prepared, RunRecorder(prepared, "command").close()
    return prepared, run_plain(prepared, observer)


def corpus_of(text: str, prefix: str, taken: Sequence[str]) -> CorpusParams:
    """A corpus of `PATH`, or of `LANGUAGE=PATH` where that is what the text says.  Raises InputError."""
    language, sign, path = text.partition("=")
    declared = bool(sign) and is_code_or_language(language)
    path = path if declared else text
    if not path:
        raise InputError(f"{text!r} names no file: write PATH or LANGUAGE=PATH")
    name = _corpus_name(path, prefix, taken)
    return _corpus(name=name, path=path, language=language if declared else "detect")


def is_code_or_language(text: str) -> bool:
    """Whether a text names a language: `deu_Latn`, `de`, `python`."""
    try:
        language_label(text)
    except ValueError:
        return False
    return "/" not in text


def _corpus(**values: str) -> CorpusParams:
    try:
        return CorpusParams(**values)  # type: ignore[arg-type]
    except ValidationError as error:
        (first, *_) = error.errors()
        raise InputError(f"{first['loc'][0]}: {first['msg'].removeprefix('Value error, ')}") from None


def _corpus_name(path: str, prefix: str, taken: Sequence[str]) -> str:
    stem = re.sub(r"[^a-z0-9]+", "-", PurePath(path).stem.lower()).strip("-") or "text"
    base = f"{prefix}-{stem}"[: MAX_NAME - 5].rstrip("-_")  # room for a number
    candidate, number = base, 2
    while candidate in taken:
        candidate, number = f"{base}-{number}", number + 1
    return candidate
