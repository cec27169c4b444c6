"""A small project that only ingests: two corpora with duplicates, short texts and lines that are no JSON."""

from __future__ import annotations

import json
import random
from pathlib import Path

from tests.integration.conftest import Project

PIPELINES = """\
version: 1
pipelines:
  corpus:
    runner: {kind: threads, workers: 2}
    retries: {attempts: 0}
    corpora:
      - {name: english, path: english.jsonl, language: eng_Latn, license: CC0-1.0}
      - {name: german, path: german, document: paragraph, language: deu_Latn, license: CC0-1.0}
"""
ENGLISH = (
    "river boat harbour lamp storm children kitchen bread starter morning wall garden window letter copper"
)
GERMAN = "Fluss Boot Hafen Lampe Sturm Kinder Küche Brot Morgen Mauer Garten Fenster Brief Kupfer Winter"
STEPS = {"source/english", "source/german", "attributes/english", "attributes/german", "documents/corpus"}


def sentence(words: str, number: int, count: int, end: str) -> str:
    chance = random.Random(number)
    return " ".join([*(chance.choice(words.split()) for _ in range(count)), end])


def make_corpora(folder: Path) -> Project:
    """Two corpora with duplicates, short texts and lines that are no JSON."""
    (folder / "german").mkdir(parents=True)
    rows = [
        json.dumps({"text": sentence(ENGLISH, n % 1500, 40, f"and that was day {n % 1500} of the year.")})
        for n in range(1800)
    ]
    rows += ['{"text": "x"}', "no JSON", '{"text": 7}']
    (folder / "english.jsonl").write_text("\n".join(rows))
    for part in range(3):
        paragraphs = [
            sentence(GERMAN, n, 30, f"und das war der Tag {n}.") for n in range(60 * part, 60 * part + 60)
        ]
        (folder / "german" / f"{part}.txt").write_text("\n\n".join(paragraphs))
    (folder / "pipelines.yaml").write_text(PIPELINES)
    return Project(folder)
