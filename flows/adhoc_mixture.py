"""Audit a tokenizer file without a pipelines file: a run of up to three steps made on the spot.

The steps are artifacts of the warehouse like all others: what is finished survives an interruption, what is unchanged
is not built again, and the answer has its lineage.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flows.config import PipelineParams, RetryParams
from flows.places import warehouse_to_write
from flows.plain import Observer, run_plain
from flows.runs import PreparedRun, RunOutcome, RunRecorder
from lexmill.archives import file_sha256
from lexmill.corpus.files import content_digest
from lexmill.mixture.formats import tokenizer_in
from lexmill.mixture.mergelist import MergeListError
from lexmill.mixture.params import AuditParams
from lexmill.mixture.sources import Category, SourceError, category_files
from tasks.cache import cache_folder
from tasks.plan import Key, make_plan
from tasks.recipes.audit import file_subject_step, mixture_step
from tasks.recipes.count import category_counts_step
from tasks.step import InputError, Step
from warehouse.record import Record
from warehouse.store import Artifact, Warehouse

MAX_SLUG = 40  # characters of a file's name in an artifact's name


@dataclass(frozen=True)
class MixtureRequest:
    """What `lexmill mixture infer` was asked.  Text is either `categories` or `counts`, a reference to an artifact."""

    tokenizer: Path
    params: AuditParams
    categories: Sequence[Category] = ()
    counts: str | None = None
    document: str = "paragraph"
    text_field: str = "text"
    pretokenizer: str | None = None
    normalizer: str | None = None
    known: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class MixtureRun:
    """How the run ended, and its answer when it came to one."""

    prepared: PreparedRun
    outcome: RunOutcome
    mixture: Artifact | None
    counts: Record | None  # record of the word counts

    @property
    def result(self) -> dict[str, Any]:
        """The answer as JSON: mixture.json, with times and memory of the runs that built it."""
        assert self.mixture is not None  # asked for after a look at the outcome
        assert self.counts is not None
        return mixture_result(self.mixture, self.counts)


def tokenizer_file(path: Path) -> Path:
    """The absolute path of a tokenizer's file; of a folder, the file in it.  Raises InputError."""
    path = path.expanduser().absolute()
    if path.is_dir():
        try:
            return tokenizer_in(path)
        except MergeListError as error:
            raise InputError(str(error)) from error
    if not path.is_file():
        raise InputError(f"the tokenizer {path} is not a file: correct the path")
    return path


def infer_files(request: MixtureRequest, warehouse: str, observer: Observer) -> MixtureRun:
    """Plan and run: store the tokenizer, count the text, infer the mixture.  Raises InputError."""
    path, contents = (
        tokenizer_file(request.tokenizer),
        _contents(request.categories),
    )  # before a folder is made
    store = warehouse_to_write(warehouse)
    steps, given, counts = _steps(request, path, contents, store)
    plan = make_plan(steps, store, given)
    url = str(store.place.local or warehouse)  # steps may start in another folder
    # The runner needs only the place and the retries of a pipeline: wrong input is all that fails here.
    pipeline = PipelineParams.model_construct(warehouse=url, retries=RetryParams(attempts=0))
    asked = {"tokenizer": request.tokenizer.name, "categories": [c.name for c in request.categories]}
    prepared = PreparedRun("mixture", pipeline, store, plan, {**asked, "counts": request.counts})
    outcome = run_plain(prepared, observer) if prepared.to_build else RunRecorder(prepared, "command").close()
    if outcome.exit_code:
        return MixtureRun(prepared, outcome, None, None)
    found = {p.step.key: p.fingerprint for p in plan} | given
    mixture = store.get(*steps[-1].key, found[steps[-1].key])
    return MixtureRun(prepared, outcome, mixture, store.get(*counts, found[counts]).record)


def mixture_result(mixture: Artifact, counts: Record) -> dict[str, Any]:
    """mixture.json with `seconds` {read, count, solve, ...}, `peak_memory_bytes`, `lexmill` and `artifact`.

    Reading is also the counting of words; seconds and memory are those of the runs that built the two artifacts.
    """
    import json

    record = mixture.record
    value: dict[str, Any] = json.loads(mixture.file("mixture.json").read_text(encoding="utf-8"))
    seconds = {"read": 0.0, "count": 0.0, "solve": 0.0} | dict(record.stats.get("seconds", {}))
    seconds["read"] += float(counts.stats.get("seconds", 0.0))
    value["seconds"] = {phase: round(taken, 3) for phase, taken in seconds.items()}
    value["peak_memory_bytes"] = max(int(r.stats.get("peak_memory_bytes", 0)) for r in (record, counts))
    value["lexmill"] = record.producer.packages.get("lexmill", "")
    value["artifact"] = f"{record.kind}/{record.name}@{record.fingerprint}"
    return value


def _steps(
    request: MixtureRequest, path: Path, contents: Sequence[Mapping[str, str]], store: Warehouse
) -> tuple[list[Step], dict[Key, str], Key]:
    """Steps, the audit last; fingerprints of inputs that are there already; and which word counts are read."""
    name = _tokenizer_name(path)
    subject = file_subject_step(name, path, request.pretokenizer, request.normalizer)
    # the audited file itself is no ancestor of its own
    known = {
        label: file for label, file in request.known.items() if file_sha256(file) != subject.params["sha256"]
    }
    if request.counts is not None:
        artifact = word_counts_artifact(store, request.counts)
        inputs, given = _inputs_of_counts(artifact)
        audit = mixture_step(
            f"{name}-{artifact.record.name}"[:100],
            request.params,
            {"tokenizer": (subject.key,), **inputs},
            artifact.record.params["pretokenizer"],
            artifact.record.params["normalizer"],
            known,
        )
        return [subject, audit], given, inputs["word_counts"][0]
    from_file = request.pretokenizer is None or request.normalizer is None
    label = _short_hash(*sorted(category.name for category in request.categories))
    counts = category_counts_step(
        f"{name}-{label}",
        contents,
        {category.name: str(Path(category.path).expanduser().absolute()) for category in request.categories},
        request.document,
        request.text_field,
        subject.key if from_file else None,
        request.pretokenizer,
        request.normalizer,
    )
    audit = mixture_step(
        f"{name}-{label}",
        request.params,
        {"tokenizer": (subject.key,), "word_counts": (counts.key,)},
        request.pretokenizer,
        request.normalizer,
        known,
    )
    return [subject, counts, audit], {}, counts.key


def _contents(categories: Sequence[Category]) -> list[dict[str, str]]:
    """Name and digest of each category, sorted by name: the order of the arguments changes nothing."""
    found = []
    for category in sorted(categories, key=lambda category: category.name):
        try:
            content = content_digest(category_files(category), cache_folder())
        except SourceError as error:
            raise InputError(str(error)) from error
        except OSError as error:
            raise InputError(
                f"category {category.name!r}: {error.filename} cannot be read ({error.strerror})"
            ) from error
        found.append({"name": category.name, "content": content})
    return found


def word_counts_artifact(store: Warehouse, reference: str) -> Artifact:
    """The `word_counts` artifact of a reference, also of a bare name."""
    named = reference if "/" in reference or _is_fingerprint(reference) else f"word_counts/{reference}"
    try:
        artifact = store.resolve(named)
    except LookupError as error:
        raise InputError(f"--counts {reference}: {error.args[0] if error.args else error}") from error
    if artifact.record.kind != "word_counts":
        raise InputError(
            f"--counts {reference} is a {artifact.record.kind} artifact: name one of the kind word_counts "
            "(`lexmill artifacts word_counts` lists them)"
        )
    return artifact


def _is_fingerprint(reference: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{6,16}", reference) is not None


def _inputs_of_counts(artifact: Artifact) -> tuple[dict[str, tuple[Key, ...]], dict[Key, str]]:
    """The counts and, through their lineage, the documents behind them and the tokenizer that cut them."""
    record = artifact.record
    inputs: dict[str, tuple[Key, ...]] = {"word_counts": ((record.kind, record.name),)}
    given = {(record.kind, record.name): record.fingerprint}
    for item in record.inputs:
        role = {"documents": "documents", "tokenizer": "cut_by"}.get(item.role)
        if role is not None:
            inputs[role] = ((item.kind, item.name),)
            given[item.kind, item.name] = item.fingerprint
    return inputs, given


def _tokenizer_name(path: Path) -> str:
    """The file's name as a word, and six digits of its hash: many files are called tokenizer.json."""
    slug = re.sub(r"[^a-z0-9]+", "-", path.name.lower()).strip("-")[:MAX_SLUG].strip("-") or "tokenizer"
    return f"{slug}-{file_sha256(path)[:6]}"


def _short_hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:6]
