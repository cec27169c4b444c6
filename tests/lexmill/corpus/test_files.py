"""Digests of local files, and their memory."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from lexmill.corpus import files
from lexmill.corpus.files import content_digest


@pytest.fixture
def texts(tmp_path: Path) -> list[tuple[str, Path]]:
    made = []
    for number in range(6):
        path = tmp_path / f"{number}.txt"
        path.write_text(f"text {number}")
        made.append((path.name, path))
    return made


def test_a_digest_is_of_names_and_bytes_and_is_remembered(texts, tmp_path):
    cache = tmp_path / "cache"
    first = content_digest(texts, cache)
    assert content_digest(texts, cache) == first
    assert len(json.loads((cache / "local-digests.json").read_text())) == len(texts)
    texts[0][1].write_text("other")
    assert content_digest(texts, cache) != first


def test_a_memory_that_cannot_be_written_stops_nothing(texts, tmp_path, monkeypatch):
    expected = content_digest(texts, tmp_path / "cache")
    assert content_digest(texts, texts[0][1] / "no folder") == expected

    def full(*_: object) -> None:
        raise OSError(27, "File too large")

    monkeypatch.setattr(os, "replace", full)
    other = tmp_path / "other"
    assert content_digest(texts, other) == expected
    assert list(other.iterdir()) == []


def test_the_memory_keeps_the_newest(texts, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_REMEMBERED", 2)
    for name, path in texts:
        content_digest([(name, path)], tmp_path / "cache")
    known = json.loads((tmp_path / "cache" / "local-digests.json").read_text())
    assert [Path(key.split("|")[0]).name for key in known] == ["3.txt", "4.txt", "5.txt"]
