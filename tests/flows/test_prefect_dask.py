"""The ingest flow on Dask with worker processes of their own: the same dataset as on threads."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from flows.prefect_run import run_with_prefect
from tests.flows.conftest import ROOT, PrefectServer
from warehouse.store import Warehouse

PIPELINES = """\
version: 1
pipelines:
  corpus:
    warehouse: {warehouse}
    runner: {runner}
    retries: {{attempts: 0}}
    corpora:
      - {{name: notes, path: notes, document: paragraph, language: eng_Latn, license: CC0-1.0, shards: 2}}
"""
WORDS = (
    "river",
    "boat",
    "harbour",
    "lamp",
    "storm",
    "children",
    "kitchen",
    "bread",
    "morning",
    "wall",
    "garden",
)
STEPS = {
    *(f"{kind}/notes-{shard}-of-2" for kind in ("source", "attributes") for shard in range(2)),
    "documents/corpus",
}


def make_corpus(folder: Path) -> None:
    """Six files; every third paragraph stands in two of them."""
    (folder / "notes").mkdir()
    for part in range(6):
        numbers = [n if n % 3 else n % 90 for n in range(40 * part, 40 * part + 40)]
        paragraphs = [
            " ".join([*random.Random(n).choices(WORDS, k=30), f"and that was day {n}."]) for n in numbers
        ]
        (folder / "notes" / f"{part}.txt").write_text("\n\n".join(paragraphs))


def built(folder: Path, name: str, runner: str) -> dict[str, tuple[str, str]]:
    """Fingerprint and content digest of every artifact of a run into a warehouse of its own."""
    config = folder / "pipelines.yaml"
    config.write_text(PIPELINES.format(warehouse=folder / name, runner=runner))
    outcome = run_with_prefect("corpus", config)
    assert outcome.exit_code == 0, outcome.problems
    assert set(outcome.built) == STEPS
    records = Warehouse(str(folder / name)).records()
    return {f"{r.kind}/{r.name}": (r.fingerprint, r.content_digest) for r in records}


def test_two_dask_worker_processes_make_the_same_dataset(
    prefect_api: PrefectServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from distributed import Client, LocalCluster

    make_corpus(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # workers and the steps they start
    expected = built(tmp_path, "threads", "{kind: threads, workers: 2}")
    cluster = LocalCluster(processes=True, n_workers=2, threads_per_worker=1, dashboard_address=None)
    with cluster, Client(cluster) as client:
        found = built(tmp_path, "dask", f"{{kind: dask, address: '{cluster.scheduler_address}'}}")
        tasks = client.run(lambda dask_worker: dask_worker.state.executed_count)
        processes = client.run(os.getpid)
    assert len({os.getpid(), *processes.values()}) == 3
    assert all(count > 0 for count in tasks.values()), tasks
    assert found == expected
