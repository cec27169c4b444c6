"""The ingest stage on more workers, and its memory on more text: `corpus.py scale` and `corpus.py memory`."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import zstandard
from corpus import CONFIG, ROOT, SHARDS, measured, texts

from flows.prefect_home import server_answers

RUNNERS = {
    "plain, 1 worker": ("{kind: threads, workers: 1}", True),
    "plain, 2 workers": ("{kind: threads, workers: 2}", True),
    "Prefect, threads, 2 workers": ("{kind: threads, workers: 2}", False),
    "Prefect, Dask, 2 worker processes": ("{kind: dask, address: 'ADDRESS'}", False),
}
_KINDS = ("source", "attributes", "documents")


def scale(source: Path, shards: int) -> None:
    """Print the seconds of the same ingest on each runner; ends with an error when they make different datasets.

    Prefect's runs use one server that is started before them.
    """
    size = text_megabytes(source)
    print(f"{size:.1f} MB of text in {shards} shards\n")
    print("| runner | command s | run s | MB/s (run) | dataset |\n|---|---:|---:|---:|---|", flush=True)
    made = set()
    with tempfile.TemporaryDirectory() as home, prefect_server(Path(home)):
        for name, (runner, plain) in RUNNERS.items():
            with tempfile.TemporaryDirectory() as folder, cluster("dask" in runner) as address:
                runner = runner.replace("ADDRESS", address)
                wall, warehouse = ingested(source, Path(folder), shards, runner, plain)
                seconds, (record,) = run_seconds(warehouse), records(warehouse, "documents")
            made.add((record["fingerprint"], record["content_digest"]))
            dataset = f"{record['fingerprint']} {record['content_digest'][:12]}"
            print(f"| {name} | {wall:.1f} | {seconds:.1f} | {size / seconds:.2f} | {dataset} |", flush=True)
    if len(made) != 1:
        raise SystemExit(f"the runners made {len(made)} different datasets")


def memory(source: Path, megabytes: list[float]) -> None:
    """Print the largest peak memory of each kind of step on ever more text."""
    print("| MB of text | documents kept | source MiB | attributes MiB | documents MiB |")
    print("|---:|---:|---:|---:|---:|", flush=True)
    for size in megabytes:
        with tempfile.TemporaryDirectory() as folder:
            larger = Path(folder) / "text"
            made = write_larger(source, size, larger)
            _, warehouse = ingested(larger, Path(folder), SHARDS, "{kind: threads, workers: 1}", True)
            peaks = [
                max(r["stats"]["peak_memory_bytes"] for r in records(warehouse, kind)) / 2**20
                for kind in _KINDS
            ]
            (final,) = records(warehouse, "documents")
        cells = " | ".join(f"{peak:,.0f}" for peak in peaks)
        print(f"| {made:,.0f} | {final['stats']['documents']:,} | {cells} |", flush=True)


def ingested(source: Path, work: Path, shards: int, runner: str, plain: bool) -> tuple[float, Path]:
    """Run the ingest stage in a folder; (wall seconds of the command, warehouse)."""
    config, warehouse = work / "pipelines.yaml", work / "warehouse"
    written = CONFIG.format(warehouse=warehouse, workers=1, source=source, shards=shards, threshold=0.8)
    config.write_text(written.replace("{kind: threads, workers: 1}", runner))
    command = [sys.executable, "-m", "flows.cli", "run", "bench", "-c", str(config), "--only", "ingest"]
    wall, _ = measured([*command, "--plain"] if plain else command, work, {"PYTHONPATH": str(ROOT)})
    return wall, warehouse


def run_seconds(warehouse: Path) -> float:
    """Seconds of the only run, without the start of the command and of Prefect's temporary server."""
    (path,) = warehouse.glob("lineage/runs/*/*.jsonl")
    return json.loads(path.read_text().splitlines()[-1])["seconds"]


def records(warehouse: Path, kind: str) -> list[dict]:
    return [json.loads(path.read_text()) for path in sorted(warehouse.glob(f"{kind}/*/*/artifact.json"))]


def text_megabytes(source: Path) -> float:
    return sum(len(text.encode()) for path in sorted(source.glob("*.jsonl*")) for text in texts(path)) / 1e6


@contextmanager
def prefect_server(home: Path) -> Iterator[None]:
    """A Prefect server of its own; this process, its children and Dask's workers find it by their environment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    api = f"http://127.0.0.1:{port}/api"
    os.environ |= {"PYTHONPATH": str(ROOT), "PREFECT_HOME": str(home), "PREFECT_API_URL": api}
    os.environ["PREFECT_LOGGING_LEVEL"] = "WARNING"
    command = [sys.executable, "-m", "flows.cli", "server", "--port", str(port)]
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(command, cwd=home, stdout=log, stderr=log)
    try:
        while not server_answers(api):
            if server.poll() is not None:
                raise SystemExit((home / "server.log").read_text())
            time.sleep(0.5)
        yield
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(timeout=60)


@contextmanager
def cluster(wanted: bool) -> Iterator[str]:
    """Address of a Dask cluster of two worker processes with a thread each; "" when none is wanted."""
    if not wanted:
        yield ""
        return
    from distributed import LocalCluster

    with LocalCluster(processes=True, n_workers=2, threads_per_worker=1, dashboard_address=None) as made:
        yield made.scheduler_address


def write_larger(source: Path, megabytes: float, out: Path) -> float:
    """Write shards of about so much text; where the source is smaller, it is repeated with every fourth word changed,
    which leaves no near-duplicates.  Returns the megabytes written."""
    out.mkdir(parents=True)
    chance = random.Random(0)
    handles = [(out / f"text-{shard}.jsonl.zst").open("wb") for shard in range(SHARDS)]
    writers = [zstandard.ZstdCompressor(level=3).stream_writer(handle) for handle in handles]
    size = 0
    for number, text in enumerate(_repeated(source, chance)):
        row = {"id": str(number), "text": text}
        writers[number % SHARDS].write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
        size += len(text.encode())
        if size >= megabytes * 1e6:
            break
    for writer, handle in zip(writers, handles, strict=True):
        writer.close()
        handle.close()
    return size / 1e6


def _repeated(source: Path, chance: random.Random) -> Iterator[str]:
    for turn in count():
        for path in sorted(source.glob("*.jsonl*")):
            for text in texts(path):
                yield varied(text, chance) if turn else text


def varied(text: str, chance: random.Random) -> str:
    """A text with every fourth word (or character, where words are not parted by spaces) replaced by one of its own."""
    space = " " if text.count(" ") * 20 > len(text) else ""
    units = text.split(" ") if space else list(text)
    for place in range(chance.randrange(4), len(units), 4):
        units[place] = chance.choice(units)
    return space.join(units)
