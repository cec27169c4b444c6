"""pipelines.yaml: its shape, its validation, and errors that name file, line, key and what was expected."""

from __future__ import annotations

import copy
import difflib
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from flows.yaml_source import ConfigError, KeyPath, Source, apply_override, read_yaml
from lexmill.corpus.params import CleaningParams, CorpusParams
from lexmill.corpus.romanize_params import RomanizationParams
from lexmill.evaluation.params import EvaluationParams
from lexmill.mixture.params import AuditParams
from lexmill.report.params import ReportParams
from lexmill.tokenizer.algorithms import ALGORITHMS, AnySpec, algorithm_of
from lexmill.tokenizer.params import SequenceSpec
from lexmill.training.params import ModelParams

DEFAULT_CONFIG = Path("pipelines.yaml")
NAME = r"^[a-z0-9][a-z0-9_-]*$"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ScheduleParams(_Section):
    """When a served pipeline starts by itself."""

    cron: str
    timezone: str = "UTC"

    @field_validator("cron")
    @classmethod
    def _five_fields(cls, value: str) -> str:
        if len(value.split()) != 5:
            raise ValueError("a cron line has five fields: minute hour day-of-month month day-of-week")
        return value

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"no time zone is called {value!r}; use a name like Europe/Berlin") from None
        return value


class RunnerParams(_Section):
    """Where steps run.  Every step is a process of its own; `kind` says who starts them."""

    kind: Literal["threads", "processes", "dask", "ray"] = "threads"
    workers: int = Field(default=2, ge=1, le=1024, description="steps at the same time")
    address: str | None = Field(default=None, description="of an existing Dask or Ray cluster")


class RetryParams(_Section):
    """How often a failed step is tried again.  Wrong input is never retried."""

    attempts: int = Field(default=1, ge=0, le=20)
    delay_seconds: float = Field(default=5.0, ge=0)


class PipelineParams(_Section):
    """One pipeline: from corpora to a report.  Sections left out are not built."""

    description: str = ""
    warehouse: str = Field(default="warehouse/data", description="any fsspec URL")
    schedule: ScheduleParams | None = None
    tags: list[str] = Field(default_factory=list)
    runner: RunnerParams = RunnerParams()
    retries: RetryParams = RetryParams()
    corpora: list[CorpusParams] = Field(min_length=1)
    cleaning: CleaningParams = CleaningParams()
    romanization: RomanizationParams | None = None
    tokenizers: list[AnySpec] = Field(default_factory=list)
    audits: list[AuditParams] = Field(default_factory=list)
    models: list[ModelParams] = Field(default_factory=list)
    evaluation: EvaluationParams | None = None
    report: ReportParams | None = None


class PipelinesFile(_Section):
    """The whole file."""

    version: Literal[1]
    defaults: dict[str, Any] = Field(
        default_factory=dict, description="any keys of a pipeline; a pipeline's own keys win"
    )
    pipelines: dict[str, PipelineParams] = Field(min_length=1)

    @field_validator("pipelines")
    @classmethod
    def _plain_names(cls, value: dict[str, PipelineParams]) -> dict[str, PipelineParams]:
        for name in value:
            if not re.fullmatch(NAME, name):
                raise ValueError(
                    f"the pipeline name {name!r} may hold only a-z, 0-9, - and _, and begins with a letter or digit"
                )
        return value


def load_pipelines(config: Path = DEFAULT_CONFIG) -> dict[str, PipelineParams]:
    """Read and check the whole file.  Raises ConfigError with one line for every mistake found."""
    source = read_yaml(config)
    return _validated(source).pipelines


def load_pipeline(
    name: str, config: Path = DEFAULT_CONFIG, overrides: Sequence[str] = (), warehouse: str | None = None
) -> PipelineParams:
    """Read one pipeline, with `key.path=value` overrides applied before validation."""
    source = read_yaml(config)
    pipelines = source.data.get("pipelines") if isinstance(source.data, dict) else None
    if isinstance(pipelines, dict) and name not in pipelines:
        raise ConfigError(f"{source.path}: there is no pipeline {name!r}{_nearest(name, pipelines)}")
    if isinstance(pipelines, dict) and isinstance(pipelines[name], dict):
        _merge_defaults(
            source
        )  # first: an override changes one key of a section, wherever the section stands
        for assignment in overrides:
            apply_override(pipelines[name], assignment)
        source.data["pipelines"] = {name: pipelines[name]}
    pipeline = _validated(source).pipelines[name]
    return pipeline.model_copy(update={"warehouse": warehouse}) if warehouse else pipeline


def json_schema() -> dict[str, Any]:
    """JSON Schema of pipelines.yaml for editors: `defaults` takes any key of a pipeline."""
    schema = PipelinesFile.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Lexmill pipelines"
    pipeline = schema["$defs"]["PipelineParams"]
    schema["properties"]["defaults"] = {
        "type": "object",
        "properties": pipeline["properties"],
        "additionalProperties": False,
        "description": "any keys of a pipeline; a pipeline's own keys win",
    }
    pipeline.pop("required", None)  # a required key may stand in `defaults`
    return schema


def _validated(source: Source) -> PipelinesFile:
    if not isinstance(source.data, dict):
        raise ConfigError(f"{source.path}: expected a mapping with `version` and `pipelines`")
    _merge_defaults(source)
    try:
        parsed = PipelinesFile.model_validate(source.data)
    except ValidationError as error:
        found = [item for item in error.errors() if not _is_other_form(item)]
        raise ConfigError("\n".join(_explain(source, item) for item in found)) from None
    problems = [
        f"{_where(source, ('pipelines', name, *path))}: {message}"
        for name, pipeline in parsed.pipelines.items()
        for path, message in reference_problems(pipeline)
    ]
    if problems:
        raise ConfigError("\n".join(problems))
    return parsed


def _merge_defaults(source: Source) -> None:
    defaults = source.data.get("defaults") or {}
    if not isinstance(defaults, dict):
        raise ConfigError(f"{_where(source, ('defaults',))}: expected a mapping")
    unknown = [key for key in defaults if key not in PipelineParams.model_fields]
    if unknown:
        path: KeyPath = ("defaults", unknown[0])
        near = _nearest(unknown[0], PipelineParams.model_fields)
        raise ConfigError(f"{_where(source, path)}: unknown key{near}")
    pipelines = source.data.get("pipelines")
    for pipeline in pipelines.values() if isinstance(pipelines, dict) else ():
        if isinstance(pipeline, dict):
            for key, value in defaults.items():
                pipeline.setdefault(key, copy.deepcopy(value))


def reference_problems(pipeline: PipelineParams) -> Iterator[tuple[KeyPath, str]]:
    """Names that a section uses and no other section defines, and names used twice."""
    for section in ("corpora", "tokenizers", "audits", "models"):
        names = [item.name for item in getattr(pipeline, section)]
        for position, name in enumerate(names):
            if name in names[:position]:
                yield (section, position, "name"), f"the name {name!r} stands twice in {section}"
    tokenizers = {item.name for item in pipeline.tokenizers}
    corpora = {item.name for item in pipeline.corpora}

    def missing(name: str, known: set[str], what: str) -> str:
        return f"no {what} of this pipeline is called {name!r}{_nearest(name, known)}"

    yield from _cleaning_problems(pipeline, corpora, missing)
    yield from _tokenizer_problems(pipeline)
    for position, audit in enumerate(pipeline.audits):
        if isinstance(audit.tokenizer, str) and audit.tokenizer not in tokenizers:
            yield ("audits", position, "tokenizer"), missing(audit.tokenizer, tokenizers, "tokenizer")
    for position, model in enumerate(pipeline.models):
        if model.base.tokenizer not in tokenizers:
            path: KeyPath = ("models", position, "base", "tokenizer")
            yield path, missing(model.base.tokenizer, tokenizers, "tokenizer")
        if model.transfer is not None and model.transfer.tokenizer not in tokenizers:
            path = ("models", position, "transfer", "tokenizer")
            yield path, missing(model.transfer.tokenizer, tokenizers, "tokenizer")
    for position, audit in enumerate(pipeline.audits):
        if not isinstance(audit.tokenizer, str) and f"{audit.name}-subject" in tokenizers:
            yield (
                ("audits", position, "name"),
                f"a tokenizer is called {audit.name}-subject: name one of them anew",
            )
    for position, model in enumerate(pipeline.models):
        if model.name == "tokenizers":
            yield ("models", position, "name"), "a model cannot be called 'tokenizers': their evaluation is"
    for position, name in enumerate((pipeline.evaluation and pipeline.evaluation.tokenizers) or ()):
        if name not in tokenizers:
            yield ("evaluation", "tokenizers", position), missing(name, tokenizers, "tokenizer")
    if pipeline.evaluation is not None and pipeline.evaluation.parallel_corpus is not None:
        name = pipeline.evaluation.parallel_corpus
        if name not in corpora:
            yield ("evaluation", "parallel_corpus"), missing(name, corpora, "corpus")


def _tokenizer_problems(pipeline: PipelineParams) -> Iterator[tuple[KeyPath, str]]:
    """Tokenizers that need themselves, models whose file is not exact, audits of what has no merges."""
    specs = {spec.name: spec for spec in pipeline.tokenizers}
    for position, spec in enumerate(pipeline.tokenizers):
        for key in spec.TOKENIZERS:
            if getattr(spec, key) == spec.name:
                yield ("tokenizers", position, key), "a tokenizer cannot be made from itself"
    for position, model in enumerate(pipeline.models):
        named = [(("base", "tokenizer"), model.base.tokenizer)]
        named += [(("transfer", "tokenizer"), model.transfer.tokenizer)] if model.transfer else []
        for path, name in named:
            if name in specs and algorithm_of(specs[name]).export != "exact":
                yield (
                    ("models", position, *path),
                    f"the file of a {specs[name].algorithm_name} tokenizer does not encode exactly as the method does, "
                    "and a model needs one that does; name another",
                )
    for position, audit in enumerate(pipeline.audits):
        if isinstance(audit.tokenizer, str) and audit.tokenizer in specs:
            spec = specs[audit.tokenizer]
            if algorithm_of(spec).encoder != "merges" or isinstance(spec, SequenceSpec):
                yield (
                    ("audits", position, "tokenizer"),
                    f"a {spec.algorithm_name} tokenizer was not made by merging pairs inside words alone: "
                    "its merges say nothing of its mixture",
                )


def _cleaning_problems(
    pipeline: PipelineParams, corpora: set[str], missing: Callable[[str, set[str], str], str]
) -> Iterator[tuple[KeyPath, str]]:
    held_out = pipeline.cleaning.decontamination.corpora if pipeline.cleaning.decontamination else ()
    path: KeyPath = ("cleaning", "decontamination", "corpora")
    for position, name in enumerate(held_out):
        if name not in corpora:
            yield (*path, position), missing(name, corpora, "corpus")
    if corpora and corpora <= set(held_out):
        yield path, "every corpus of the pipeline is evaluation text: nothing is left for the documents"


def _is_other_form(error: Any) -> bool:
    """Whether an error only says that a mapping is no list, where both are allowed."""
    return error["type"] == "tuple_type" and isinstance(error.get("input"), dict)


def _explain(source: Source, error: Any) -> str:
    # pydantic names the alternatives of a union in the path, which are no keys of the file
    path: KeyPath = tuple(part for part in error["loc"] if not (isinstance(part, str) and "[" in part))
    where = _where(source, path)
    if error["type"] == "extra_forbidden":
        tagged = next((part[1:-1] for part in error["loc"] if str(part)[:1] == "["), "")
        keys = ALGORITHMS[tagged].spec.model_fields if tagged in ALGORITHMS else _keys_at(path[:-1])
        whose = f" of {tagged}" if tagged in ALGORITHMS else ""
        return f"{where}: unknown key{whose}{_nearest(str(path[-1]), keys)}"
    if error["type"] == "missing":
        return f"{where}: the key is missing (expected: {_describe(path)})"
    message = error["msg"].removeprefix("Value error, ")
    given = error.get("input")
    shown = f", not {given!r}" if isinstance(given, str | int | float | bool) else ""
    return f"{where}: {message[:1].lower()}{message[1:]}{shown}"


def _where(source: Source, path: KeyPath) -> str:
    line = source.line(path)
    if len(path) > 2 and path[0] == "pipelines" and (*path[:3],) not in source.lines:
        line = source.line(("defaults", *path[2:])) if ("defaults", path[2]) in source.lines else line
    key = ".".join(str(part) for part in path)
    return f"{source.path}:{line}: {key}" if line else f"{source.path}: {key}"


def _nearest(name: str, known: Any) -> str:
    names = sorted(str(item) for item in known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; expected one of: {', '.join(names)}" if names else ""


def _schema_at(path: Sequence[str | int]) -> list[dict[str, Any]]:
    """Sub-schemas that may apply at a path; a path part that is a union tag is passed over."""
    schema = PipelinesFile.model_json_schema()
    definitions = schema.get("$defs", {})

    def options(node: dict[str, Any]) -> list[dict[str, Any]]:
        if "$ref" in node:
            return options({**definitions[node["$ref"].rsplit("/", 1)[1]]})
        branches = node.get("anyOf") or node.get("oneOf") or node.get("allOf")
        return [found for branch in branches for found in options(branch)] if branches else [node]

    nodes = options(schema)
    for part in path:
        found: list[dict[str, Any]] = []
        for node in nodes:
            if part in node.get("properties", {}):
                found += options(node["properties"][part])
            elif isinstance(part, int) and isinstance(node.get("items"), dict):
                found += options(node["items"])
            elif isinstance(node.get("additionalProperties"), dict):
                found += options(node["additionalProperties"])
        nodes = found or nodes
    return nodes


def _keys_at(path: Sequence[str | int]) -> set[str]:
    return {key for node in _schema_at(path) for key in node.get("properties", {})}


def _describe(path: Sequence[str | int]) -> str:
    kinds = [str(node.get("type") or "/".join(map(str, node.get("enum", ())))) for node in _schema_at(path)]
    return " or ".join(dict.fromkeys(kind for kind in kinds if kind)) or "a value"
