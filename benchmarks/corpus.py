"""Cleaning throughput beside datatrove: JSONL.zst -> language -> Gopher and FineWeb rules -> exact and MinHash
deduplication -> Parquet, the same input and steps, one after the other on this machine.

    python benchmarks/corpus.py prepare TEXT... --megabytes 200 --out FOLDER
    python benchmarks/corpus.py run FOLDER --peer PEER_PYTHON
    python benchmarks/corpus.py scale FOLDER --shards 4
    python benchmarks/corpus.py memory FOLDER --megabytes 100 300 1000

`prepare` takes a random part of JSONL(.zst) or Parquet files with a text column and writes two shards; every
twentieth document is repeated as it is and every twentieth with a few words changed.  `run` prints one table and
compares what was kept.
`scale` runs the same on several runners, `memory` on several sizes (see `corpus_scale.py`).
The peer's interpreter needs what `corpus_datatrove.py` says.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import zstandard

ROOT = Path(__file__).resolve().parent.parent
SHARDS = 2
CONFIG = """\
version: 1
pipelines:
  bench:
    warehouse: {warehouse}
    runner: {{kind: threads, workers: {workers}}}
    corpora:
      - {{name: text, path: {source}, format: jsonl, shards: {shards}, license: mixed}}
    cleaning:
      language: {{min_score: 0.65}}
      quality:
        {{min_characters: null, min_letters: null, max_replacement: null, max_repeated_lines: null,
          max_repeated_line_characters: null, min_word_length: null, max_word_length: null, max_english: null,
          gopher: {{min_stop_words: null}}, gopher_repetition: {{}}, fineweb: {{}}}}
      near_dedup: {{bands: 14, rows: 8, words: 5, threshold: {threshold}}}
      pii: {{kinds: []}}
"""


def texts(path: Path) -> Iterator[str]:
    """Texts of a JSONL(.zst) or Parquet file."""
    if path.suffix == ".parquet":
        for batch in pq.ParquetFile(path).iter_batches(columns=["text"]):
            yield from batch["text"].to_pylist()
        return
    with path.open("rb") as raw:
        stream = zstandard.ZstdDecompressor().stream_reader(raw) if path.suffix == ".zst" else raw
        rest = b""
        while chunk := stream.read(1 << 20):
            *lines, rest = (rest + chunk).split(b"\n")
            yield from (json.loads(line)["text"] for line in lines if line)
        if rest:
            yield json.loads(rest)["text"]


def prepare(sources: list[Path], megabytes: float, out: Path, seed: int = 0) -> None:
    """Write the shards."""
    out.mkdir(parents=True)
    chance = random.Random(seed)
    handles = [(out / f"text-{i}.jsonl.zst").open("wb") for i in range(SHARDS)]
    writers = [zstandard.ZstdCompressor(level=3).stream_writer(handle) for handle in handles]
    size = number = 0

    def put(text: str) -> None:
        nonlocal size, number
        writers[number % SHARDS].write(
            json.dumps({"id": str(number), "text": text}, ensure_ascii=False).encode() + b"\n"
        )
        size += len(text.encode())
        number += 1

    there = sum(len(text.encode()) for path in sources for text in texts(path))
    share = megabytes * 1e6 / there / 1.1  # what is planted adds a tenth
    for text in (text for path in sources for text in texts(path)):
        if chance.random() > share:
            continue
        put(text)
        draw = chance.random()
        if draw < 0.05:
            put(text)
        elif draw < 0.10:
            put(changed(text, chance))
    for writer, handle in zip(writers, handles, strict=True):
        writer.close()
        handle.close()
    print(f"{number:,} documents, {size / 1e6:.1f} MB of text in {SHARDS} files")


def changed(text: str, chance: random.Random) -> str:
    """A text with one word in fifty replaced by another of its words."""
    words = text.split(" ")
    for _ in range(max(1, len(words) // 50)):
        words[chance.randrange(len(words))] = chance.choice(words)
    return " ".join(words)


def measured(
    command: list[str], folder: Path, environment: dict[str, str] | None = None
) -> tuple[float, float]:
    """(wall, CPU) seconds of a command and its children, run in `folder`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    kept = {
        k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"
    }  # neither side compiles twice
    done = subprocess.run(
        command, cwd=folder, env={**kept, **(environment or {})}, capture_output=True, text=True
    )
    wall = time.perf_counter() - started
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:3])} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def lexmill(source: Path, work: Path, workers: int, threshold: float) -> dict:
    """Run the pipeline through the command line; wall and CPU seconds, peak memory of a step, kept documents."""
    config, warehouse = work / "pipelines.yaml", work / "warehouse"
    config.write_text(
        CONFIG.format(warehouse=warehouse, workers=workers, source=source, shards=SHARDS, threshold=threshold)
    )
    command = [
        sys.executable,
        "-m",
        "flows.cli",
        "run",
        "bench",
        "-c",
        str(config),
        "--plain",
        "--only",
        "ingest",
    ]
    wall, cpu = measured(command, work, {"PYTHONPATH": str(ROOT)})
    records = [json.loads(path.read_text()) for path in warehouse.glob("*/*/*/artifact.json")]
    documents = next(warehouse.glob("documents/bench/*/documents.parquet"))
    steps = {f"{r['kind']}/{r['name']}": r["producer"]["seconds"] for r in records}
    final = next(r for r in records if r["kind"] == "documents")
    return {
        "wall": wall,
        "cpu": cpu,
        "peak": max(r["stats"]["peak_memory_bytes"] for r in records),
        "kept": kept(f"SELECT text FROM '{documents}'"),
        "steps": steps,
        "stages": final["stats"]["stage_seconds"],
    }


def datatrove(python: str, source: Path, work: Path, workers: int) -> dict:
    """The same by datatrove."""
    script = ROOT / "benchmarks" / "corpus_datatrove.py"
    wall, cpu = measured([python, str(script), str(source), str(work), str(workers)], work)
    return {"wall": wall, "cpu": cpu, "kept": kept(f"SELECT text FROM '{work}/out/*.parquet'")}


def kept(query: str) -> set[str]:
    """Hashes of the kept texts, up to white space, which one of the two normalises."""
    sql = f"SELECT DISTINCT md5(regexp_replace(nfc_normalize(text), '\\s+', ' ', 'g')) FROM ({query})"
    return {row[0] for row in duckdb.sql(sql).fetchall()}


def run(source: Path, peer: str | None, workers: int, threshold: float, repeats: int) -> None:
    """Print the table."""
    size = (
        sum(len(text.encode()) for path in sorted(source.glob("*.jsonl.zst")) for text in texts(path)) / 1e6
    )
    rows = []
    for repeat in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            ours = lexmill(source, Path(folder), workers, threshold)
        rows.append(("lexmill", ours))
        print(f"run {repeat}: {ours['steps']}\n{ours['stages']}", file=sys.stderr)
    if peer:
        work = Path(tempfile.mkdtemp())
        rows.append(("datatrove", datatrove(peer, source, work, workers)))
        shutil.rmtree(work)
    print(f"{size:.1f} MB of text, {workers} workers\n")
    print("| | wall s | CPU s | MB/s (wall) | peak of a process | kept |\n|---|---:|---:|---:|---:|---:|")
    for name, row in rows:
        peak = f"{row['peak'] / 2**20:,.0f} MiB" if "peak" in row else ""
        speed = size / row["wall"]
        print(
            f"| {name} | {row['wall']:.1f} | {row['cpu']:.1f} | {speed:.2f} | {peak} | {len(row['kept']):,} |"
        )
    if peer:
        theirs = rows[-1][1]["kept"]
        here, there, both = ours["kept"] - theirs, theirs - ours["kept"], ours["kept"] & theirs
        print(f"\nkept by both {len(both):,}, only here {len(here):,}, only there {len(there):,}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("prepare")
    making.add_argument("sources", nargs="+", type=Path)
    making.add_argument("--megabytes", type=float, default=200)
    making.add_argument("--out", type=Path, required=True)
    running = commands.add_parser("run")
    running.add_argument("folder", type=Path)
    running.add_argument("--peer", help="a Python interpreter with datatrove")
    running.add_argument("--workers", type=int, default=2)
    running.add_argument("--threshold", type=float, default=0.8)
    running.add_argument("--repeats", type=int, default=1)
    scaling = commands.add_parser("scale")
    scaling.add_argument("folder", type=Path)
    scaling.add_argument("--shards", type=int, default=4)
    growing = commands.add_parser("memory")
    growing.add_argument("folder", type=Path)
    growing.add_argument("--megabytes", type=float, nargs="+", default=[100, 300, 1000])
    given = parser.parse_args()
    if given.command == "prepare":
        prepare(given.sources, given.megabytes, given.out)
    elif given.command == "scale":
        from corpus_scale import scale

        scale(given.folder.resolve(), given.shards)
    elif given.command == "memory":
        from corpus_scale import memory

        memory(given.folder.resolve(), given.megabytes)
    else:
        run(given.folder.resolve(), given.peer, given.workers, given.threshold, given.repeats)


if __name__ == "__main__":
    main()
