"""Train a tokenizer without a pipelines file: from word counts of the warehouse, or from files.

The steps are artifacts of the warehouse like all others; the folder that the user asked for is a copy of the last one.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from flows.adhoc import corpus_of
from flows.adhoc_mixture import word_counts_artifact
from flows.config import PipelineParams, RetryParams
from flows.places import warehouse_to_write
from flows.plain import Observer, run_plain
from flows.runs import PreparedRun, RunOutcome, RunRecorder, prepare
from lexmill.corpus.params import CleaningParams, CorpusParams, LanguageParams, PiiParams, SplitParams
from lexmill.corpus.quality_params import QualityParams
from lexmill.tokenizer.algorithms import ALGORITHMS, parse_spec, unknown_algorithm
from lexmill.tokenizer.params import SequenceSpec, TrainerSpec
from tasks.plan import Key, make_plan
from tasks.recipes.count import word_sequences_step
from tasks.recipes.tokenizers import cut_of, tokenizer_step
from tasks.step import InputError, Step
from warehouse.store import Artifact

PIPELINE = "adhoc"  # begins the names of the artifacts
OPTIONS = {  # of the keys that have one; all others are given by --set
    "algorithm": "--algorithm",
    "name": "--name",
    "vocab_size": "--vocab-size",
    "pretokenizer": "--pretokenizer",
    "normalizer": "--normalizer",
    "framing": "--framing",
    "weights": "--weight",
    "special_tokens": "--special-token",
    "seed": "--seed",
}


@dataclass(frozen=True)
class TokenizerRequest:
    """What `lexmill tokenizer train` was asked: `values` are keys of the spec; text is `counts` or `corpus`."""

    algorithm: str
    values: Mapping[str, Any]
    counts: str | None
    corpus: Sequence[str]
    out: Path


@dataclass(frozen=True)
class TokenizerRun:
    """How the run ended, and the tokenizer when it came to one."""

    outcome: RunOutcome
    artifact: Artifact | None

    def result(self, out: Path) -> dict[str, Any]:
        """The answer as JSON."""
        assert self.artifact is not None  # asked for after a look at the outcome
        record = self.artifact.record
        identity = json.loads(self.artifact.file("lexmill.json").read_text(encoding="utf-8"))
        compression = {m.labels["language"]: m.value for m in record.metrics if m.name == "bytes_per_token"}
        return {
            "out": str(out),
            "artifact": f"{record.kind}/{record.name}@{record.fingerprint}",
            "algorithm": identity["algorithm"],
            "vocab_size": identity["vocab_size"],
            "pretokenizer": identity["trained_with"]["name"],
            "encoder": identity["encoder"]["name"],
            "export": identity["export"],
            "bytes_per_token": compression,
            "cpu_seconds_training": record.stats.get("cpu_seconds_training"),
            "peak_memory_bytes": record.stats.get("peak_memory_bytes"),
        }


def train_files(request: TokenizerRequest, warehouse: str, observer: Observer) -> TokenizerRun:
    """Plan and run, then copy the tokenizer's files to `request.out`.  Raises InputError; then nothing is written."""
    check_target(request.out)
    if request.algorithm not in ALGORITHMS:
        raise InputError(f"--algorithm: {unknown_algorithm(request.algorithm)}")
    if (request.counts is None) == (not request.corpus):
        raise InputError("give the text as --counts ARTIFACT or as --corpus PATH, and not both")
    if request.counts is not None:
        prepared, key = _from_counts(request, warehouse)
    else:
        prepared, key = _from_corpus(request, warehouse)
    outcome = run_plain(prepared, observer) if prepared.to_build else RunRecorder(prepared, "command").close()
    if outcome.exit_code:
        return TokenizerRun(outcome, None)
    fingerprint = next(p.fingerprint for p in prepared.plan if p.step.key == key)
    artifact = prepared.warehouse.get(*key, fingerprint)
    copy_files(artifact, request.out)
    return TokenizerRun(outcome, artifact)


def spec_of(request: TokenizerRequest, cut: Mapping[str, Any] | None = None) -> TrainerSpec:
    """The checked spec; `cut` is how the counts at hand were cut, which the request must not contradict."""
    values = {"name": request.algorithm.replace("_", "-"), **request.values, "algorithm": request.algorithm}
    for key, found in (cut or {}).items():
        if values.setdefault(key, found) != found:
            raise InputError(
                f"{_option(key)} {values[key]!r}: the word counts were made with {found!r}; count the text again "
                "or leave the option out"
            )
    known = ALGORITHMS[request.algorithm].spec.model_fields
    if "seed" in values and "seed" not in known:
        raise InputError(f"--seed: {request.algorithm} has nothing random; leave the option out")
    try:
        return parse_spec(values)
    except ValidationError as error:
        raise InputError(
            "; ".join(_mistake(item, request.algorithm, known) for item in error.errors())
        ) from None


def parse_settings(settings: Sequence[str], given: Collection[str] = ()) -> dict[str, Any]:
    """{key: value} of `KEY=VALUE` options; values are YAML.  `given`: keys that other options have set.

    Raises InputError, also for a key that is given twice.
    """
    values: dict[str, Any] = {}
    for setting in settings:
        key, sign, text = setting.partition("=")
        if not sign or not key.isidentifier():
            raise InputError(f"--set {setting!r}: write KEY=VALUE")
        if key in values or key in given:
            raise InputError(f"--set {setting!r}: {key} is given twice; leave one out")
        try:
            values[key] = yaml.safe_load(text)
        except yaml.YAMLError:
            raise InputError(f"--set {setting!r}: the value is no YAML") from None
    return values


def parse_weights(weights: Sequence[str]) -> dict[str, float]:
    """{language or domain: factor} of `NAME=W` options.  Raises InputError."""
    found: dict[str, float] = {}
    for text in weights:
        name, _, value = text.partition("=")
        if name in found:
            raise InputError(f"--weight {text!r}: {name} is given twice; leave one out")
        try:
            found[name] = float(value if name else "")
        except ValueError:
            raise InputError(f"--weight {text!r}: write LANGUAGE=NUMBER, such as deu_Latn=2.5") from None
    return found


def check_target(out: Path) -> None:
    """Refuse a folder with something in it, and a place that cannot be written to, before anything runs."""
    try:
        if os.path.lexists(out) and (not out.is_dir() or any(out.iterdir())):
            raise InputError(f"--out {out} is there already and is not an empty folder: name another")
        there = next(place for place in (out.absolute(), *out.absolute().parents) if os.path.lexists(place))
    except OSError as error:
        raise InputError(f"--out {out}: the folder cannot be read ({error.strerror})") from error
    if not there.is_dir():
        raise InputError(f"--out {out}: {there} is not a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"--out {out}: nothing can be written to {there}")


def copy_files(artifact: Artifact, out: Path) -> None:
    """Put the payload into `out`, all of it or nothing.  An empty folder stays the folder that it is."""
    target = out.absolute()
    there = target.exists()
    scratch = target / ".part" if there else target.with_name(f".{target.name}.part")
    try:
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        for entry in artifact.record.files:
            shutil.copyfile(artifact.file(entry.path), scratch / entry.path)
        if there:
            for path in sorted(scratch.iterdir()):
                path.rename(target / path.name)
            scratch.rmdir()
        else:
            scratch.rename(target)
    except OSError as error:
        raise InputError(f"--out {out}: the files cannot be written there ({error.strerror})") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _from_counts(request: TokenizerRequest, warehouse: str) -> tuple[PreparedRun, Key]:
    store = warehouse_to_write(warehouse)
    counts = word_counts_artifact(store, str(request.counts))
    made = counts.record.params
    if not isinstance(made.get("pretokenizer"), str):
        raise InputError(
            f"--counts {request.counts} was cut as an audited tokenizer says; count the documents by a pre-tokenizer"
        )
    cut = {key: made[key] for key in ("pretokenizer", "normalizer", "framing") if key in made}
    spec = spec_of(request, cut)
    given: dict[Key, str] = {(counts.record.kind, counts.record.name): counts.record.fingerprint}
    steps, key = _steps(spec, counts, given)
    plan = make_plan(steps, store, given)
    url = str(store.place.local or warehouse)
    pipeline = PipelineParams.model_construct(warehouse=url, retries=RetryParams(attempts=0))
    parameters = {"counts": request.counts, "spec": spec.model_dump(mode="json")}
    return PreparedRun(PIPELINE, pipeline, store, plan, parameters), key


def _steps(spec: TrainerSpec, counts: Artifact, given: dict[Key, str]) -> tuple[list[Step], Key]:
    """The tokenizer's step, and the one of its sequences from the documents behind the counts."""
    step = tokenizer_step(PIPELINE, spec)
    inputs = {**step.inputs, "word_counts": ((counts.record.kind, counts.record.name),)}
    steps = []
    if isinstance(spec, SequenceSpec):
        documents = next((item for item in counts.record.inputs if item.role == "documents"), None)
        if documents is None:
            raise InputError(
                f"{spec.algorithm_name} reads the order of words, and these counts were not made from documents of "
                "the warehouse; give --corpus"
            )
        given[documents.kind, documents.name] = documents.fingerprint
        sequences = word_sequences_step(documents.name, cut_of(spec), spec.sample_bytes, spec.seed)
        inputs["sequences"] = (sequences.key,)
        steps.append(sequences)
    step = replace(step, inputs=inputs)
    return [*steps, step], step.key


def _from_corpus(request: TokenizerRequest, warehouse: str) -> tuple[PreparedRun, Key]:
    spec = spec_of(request)
    corpora: list[CorpusParams] = []
    for text in request.corpus:
        corpora.append(corpus_of(text, PIPELINE, [corpus.name for corpus in corpora]))
    pipeline = PipelineParams(
        corpora=corpora,
        cleaning=_as_it_is(),
        tokenizers=[spec],
        warehouse=warehouse,
        retries=RetryParams(attempts=0),
    )
    prepared = prepare(PIPELINE, pipeline, parameters={"corpus": list(request.corpus)})
    return prepared, ("tokenizer", f"{PIPELINE}-{spec.name}")


def _as_it_is() -> CleaningParams:
    """Every document is trained on as it stands; languages are only named."""
    rules = {key: None for key, field in QualityParams.model_fields.items() if key != "language_thresholds"}
    return CleaningParams(
        normalization="as_is",
        language=LanguageParams(min_score=0.0, mismatch="keep", min_script_share=0.0),
        quality=QualityParams.model_validate(rules),
        exact_dedup=False,
        near_dedup=None,
        pii=PiiParams(kinds=()),
        splits=SplitParams(valid=0.0, test=0.0),
    )


def _option(key: str) -> str:
    """How the command line gives a key of the spec."""
    return OPTIONS.get(key, f"--set {key}")


def _mistake(error: Any, algorithm: str, known: Mapping[str, Any]) -> str:
    """One sentence for one error of the spec."""
    place = [str(part) for part in error["loc"] if "[" not in str(part)]
    key = place[0] if place else ""
    if error["type"] == "extra_forbidden":
        return f"{algorithm} has no setting {key!r}; it has: {', '.join(known)}"
    message = error["msg"].removeprefix("Value error, ")
    return f"{_option(key)}: {message}" if key else message
