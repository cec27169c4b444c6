"""The record beside every artifact: what it is, what determined it, what it holds, who made it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

RECORD_VERSION = 1


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class InputRef(_Strict):
    """One input of an artifact."""

    role: str
    kind: str
    name: str
    fingerprint: str
    content_digest: str


class FileEntry(_Strict):
    """One file of the payload; `path` is relative to the artifact's folder."""

    path: str
    bytes: int
    sha256: str


class Metric(_Strict):
    """One number with its unit and what it is about (language, split, tokenizer, ...)."""

    name: str
    value: FiniteFloat  # JSON has no NaN and no infinity
    unit: str = ""
    labels: dict[str, str] = Field(default_factory=dict)


class Producer(_Strict):
    """Who made it: recorded, never hashed."""

    run_id: str
    created: str  # ISO 8601, UTC
    seconds: float
    host: str
    python: str
    packages: dict[str, str]
    commit: str = ""  # git commit of the code, "" outside a checkout
    dirty: bool = False


class Record(_Strict):
    """`artifact.json`."""

    record_version: int = RECORD_VERSION
    kind: str
    name: str
    fingerprint: str
    recipe_version: int
    params: dict[str, Any]
    inputs: list[InputRef]
    files: list[FileEntry]
    content_digest: str
    build: str  # "tasks.module:function" that made it
    stage: str
    runtime: dict[str, Any] = Field(default_factory=dict)
    stats: dict[str, Any] = Field(default_factory=dict)
    metrics: list[Metric] = Field(default_factory=list)
    producer: Producer


def input_ref(role: str, record: Record) -> InputRef:
    """The artifact that `record` describes, as an input of another."""
    return InputRef(
        role=role,
        kind=record.kind,
        name=record.name,
        fingerprint=record.fingerprint,
        content_digest=record.content_digest,
    )


def canonical_json(value: Any) -> bytes:
    """Sorted keys, no spaces, UTF-8; NaN and infinities are refused."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def fingerprint_of(
    kind: str, params: Mapping[str, Any], inputs: Mapping[str, Sequence[str]], recipe_version: int
) -> str:
    """Hash of what determines the result: kind, parameters, input fingerprints by role, recipe version (16 hex)."""
    recipe = {"kind": kind, "params": params, "inputs": inputs, "recipe_version": recipe_version}
    return hashlib.sha256(canonical_json(recipe)).hexdigest()[:16]
