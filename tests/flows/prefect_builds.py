"""Build functions and steps for tests of runs under Prefect."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from tasks.step import BuildContext, Stage, Step

PIPELINES = """\
version: 1
pipelines:
  steps:
    warehouse: {warehouse}
    runner: {{kind: {runner}, workers: 2}}
    retries: {{attempts: {attempts}, delay_seconds: 0.1}}
    tags: [tests]
    corpora: [{{name: notes, path: notes.txt, language: eng_Latn, license: CC0-1.0}}]
"""


def write_pipelines(folder: Path, runner: str = "threads", attempts: int = 0) -> Path:
    """A pipelines file whose pipeline `steps` has the steps that a test gives it."""
    config = folder / "pipelines.yaml"
    config.write_text(PIPELINES.format(warehouse=folder / "data", runner=runner, attempts=attempts))
    return config


def step(
    name: str,
    build: str = "tests.tasks.builds:write_text",
    needs: tuple[Step, ...] = (),
    stage: Stage = "ingest",
    **fields: Any,
) -> Step:
    """A step of kind `documents` (`tokenizer` in that stage) with a small text as its payload."""
    kind = "tokenizer" if stage == "tokenize" else "mixture" if stage == "audit" else "documents"
    params = {"text": name, **fields.pop("params", {})}
    inputs = {"parts": tuple(other.key for other in needs)} if needs else {}
    return Step(
        stage=stage, kind=kind, name=name, build=build, version=1, params=params, inputs=inputs, **fields
    )


def occupy(context: BuildContext) -> None:
    """Write when it began and ended into a journal outside the warehouse."""
    journal = Path(context.runtime["journal"])
    with journal.open("a") as file:
        file.write("+")
    time.sleep(1.0)
    with journal.open("a") as file:
        file.write("-")
    (context.out / "text.txt").write_text(context.params["text"])


def wait_long(context: BuildContext) -> None:
    """Say which process it is, then take five minutes."""
    Path(context.runtime["pid"]).write_text(str(os.getpid()))
    (context.out / "half.txt").write_text("half")
    for _ in range(3000):
        context.progress(0.1, "waiting")
        time.sleep(0.1)


def slow_progress(context: BuildContext) -> None:
    """Take long enough for a progress bar."""
    for tenth in range(10):
        context.progress(tenth / 10, f"{tenth} of 10")
        time.sleep(0.6)
    (context.out / "text.txt").write_text("slow")
