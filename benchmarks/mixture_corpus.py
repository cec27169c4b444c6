"""The text of the mixture benchmarks: documents as lexmill counts them, and what machine measured them."""

from __future__ import annotations

import importlib.metadata
import io
import json
import os
import platform
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import zstandard

from lexmill.mixture.bootstrap import Document
from lexmill.mixture.simulate import Halves, halves_of
from lexmill.mixture.simulate_halves import Half
from lexmill.tokenizer.split import splitter

CODE = "code/"  # programming languages are the categories code/python, code/c ...
PRETOKENIZER = "gpt4o"


def rows(paths: Iterable[Path]) -> Iterator[dict[str, str]]:
    """Documents of .jsonl, .jsonl.zst and .parquet files: text, language, and domain, source, group where given."""
    for path in paths:
        if path.suffix == ".parquet":
            file = pq.ParquetFile(path)
            wanted = {"id", "text", "language", "domain", "source", "group"} & set(file.schema_arrow.names)
            for batch in file.iter_batches(1024, columns=sorted(wanted)):
                yield from batch.to_pylist()
        else:
            with path.open("rb") as raw:
                stream = zstandard.ZstdDecompressor().stream_reader(raw) if path.suffix == ".zst" else raw
                for line in io.TextIOWrapper(stream, "utf-8"):
                    yield json.loads(line)


def category(row: dict[str, str]) -> str:
    """The language, with `code/` before a programming language."""
    return f"{CODE}{row['language']}" if row.get("domain") == "code" else row["language"]


def documents(paths: Iterable[Path], only: frozenset[str] | None = None) -> Iterator[Document]:
    """Documents of the categories in `only` (all when None); translations of one text are one unit."""
    for number, row in enumerate(rows(paths)):
        name = category(row)
        if only is None or name in only:
            unit = row.get("group") or row.get("id") or str(number)
            yield Document(unit, name, row.get("source") or "corpus", row["text"])


def sizes(paths: Iterable[Path]) -> dict[str, int]:
    """UTF-8 bytes of every category, the largest first."""
    found: dict[str, int] = {}
    for row in rows(paths):
        name = category(row)
        found[name] = found.get(name, 0) + len(row["text"].encode())
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def largest(size: dict[str, int], languages: int, code: int) -> list[str]:
    """The largest `languages` languages and `code` programming languages, sorted by name."""
    natural = [name for name in size if not name.startswith(CODE)]
    programming = [name for name in size if name.startswith(CODE)]
    if len(natural) < languages or len(programming) < code:
        raise SystemExit(
            f"{languages} languages and {code} programming languages were asked for, but the text has "
            f"{len(natural)} and {len(programming)}: give more files or ask for fewer"
        )
    return sorted(natural[:languages] + programming[:code])


def halves(paths: Iterable[Path], names: Iterable[str], seed: int) -> Halves:
    """Documents of these categories in two disjoint random halves."""
    return halves_of(documents(paths, frozenset(names)), splitter(PRETOKENIZER), seed)


def thinned(half: Half, size: np.ndarray, shares: np.ndarray, seed: int) -> Half:
    """Random documents of every category, at least one, so many that bytes are about in proportion to `shares`.

    `size` (categories,) are the bytes of all documents.
    """
    kept = shares / size / (shares / size).max()
    drawn = np.random.default_rng(seed).random(len(half.category))
    for c in range(len(size)):
        mine = np.flatnonzero(half.category == c)
        drawn[mine[drawn[mine].argmin()]] = -1.0
    chosen = drawn < kept[half.category]
    entries = np.repeat(chosen, np.diff(half.start))
    start = np.zeros(int(chosen.sum()) + 1, np.int64)
    np.cumsum(np.diff(half.start)[chosen], out=start[1:])
    return Half(
        half.unit[chosen], half.category[chosen], half.source[chosen], start, half.word[entries], half.count[entries]
    )  # fmt: skip


def log_error(found: np.ndarray, truth: np.ndarray) -> float:
    """log10 of the mean squared error of shares of bytes; -inf when they are equal."""
    with np.errstate(divide="ignore"):
        return float(np.log10(np.mean((found - truth) ** 2)))


def machine() -> str:
    """Hardware and versions, one line."""
    model = next(
        (line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor() or platform.machine(),
    )
    memory = next(
        (int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0
    )
    packages = ("lexmill", "highspy", "numba", "numpy")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    return f"{os.cpu_count()} x {model}, {memory / 2**20:.0f} GiB; Python {platform.python_version()}, {versions}"


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []
