"""Several real processes on one warehouse: they lock, publish, die and read at the same time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from tests.warehouse.support import documents, put
from warehouse.collect import collect
from warehouse.owners import is_abandoned, owner_token
from warehouse.runs import RunLog, close_dead_runs, read_run
from warehouse.store import Warehouse
from warehouse.views import connect, open_catalog, write_catalog

ROOT = Path(__file__).parents[2]
START = """
import sys, time, pathlib
from tests.warehouse.support import describe, documents, put
from warehouse.store import Warehouse
from warehouse.runs import RunLog
warehouse = Warehouse(sys.argv[1])
"""


def start(code: str, url: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", START + code, str(url), *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


BUILD_ONCE = """
with warehouse.lock("tokenizer", "demo", "f" * 16):
    if warehouse.has("tokenizer", "demo", "f" * 16):
        print("reused")
    else:
        with warehouse.building("tokenizer", "demo", "f" * 16) as folder:
            (folder / "a").write_text("x")
            time.sleep(0.5)
            record = describe(folder).model_copy(update={"fingerprint": "f" * 16})
            warehouse.publish(folder, record)
        print("built")
"""


def test_the_lock_lets_only_one_process_build(tmp_path: Path) -> None:
    processes = [start(BUILD_ONCE, tmp_path) for _ in range(3)]
    assert sorted(process.communicate()[0].strip() for process in processes) == ["built", "reused", "reused"]
    assert list((tmp_path / ".locks").iterdir()) == []


def test_without_the_lock_both_publish_and_one_is_kept(tmp_path: Path) -> None:
    code = """
with warehouse.building("tokenizer", "demo", "0" * 16) as folder:
    (folder / "a").write_text("x")
    record = describe(folder, run_id=sys.argv[2])
    print("ready", flush=True)
    while not pathlib.Path(sys.argv[1], "go").exists():
        time.sleep(0.005)
    print(warehouse.publish(folder, record).record.producer.run_id)
"""
    processes = [start(code, tmp_path, str(n)) for n in range(3)]
    assert [line_of(process) for process in processes] == ["ready"] * 3
    (tmp_path / "go").touch()
    kept = {process.communicate()[0].strip() for process in processes}
    assert len(kept) == 1
    assert [process.returncode for process in processes] == [0, 0, 0]
    warehouse = Warehouse(str(tmp_path))
    assert [record.producer.run_id for record in warehouse.records()] == list(kept)
    assert list((tmp_path / "tokenizer" / "demo").glob(".building*")) == []


def test_a_killed_build_leaves_nothing_that_counts(tmp_path: Path) -> None:
    code = """
RunLog(warehouse, "r1").start("demo", {}, "test")
with warehouse.lock("tokenizer", "demo", "f" * 16), warehouse.building("tokenizer", "demo", "f" * 16) as folder:
    (folder / "half").write_text("x")
    (folder / "_SUCCESS").touch()
    print("building", flush=True)
    time.sleep(60)
"""
    process = start(code, tmp_path)
    assert line_of(process) == "building"
    warehouse = Warehouse(str(tmp_path))
    assert warehouse.clean_abandoned() == []  # its owner lives
    assert close_dead_runs(warehouse) == []
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert warehouse.versions() == []
    with warehouse.lock("tokenizer", "demo", "f" * 16):  # the lock died with its holder
        pass
    (abandoned,) = warehouse.clean_abandoned()
    assert abandoned.startswith("tokenizer/demo/.building-ffffffffffffffff-")
    assert list((tmp_path / "tokenizer" / "demo").iterdir()) == []
    assert close_dead_runs(warehouse) == ["r1"]
    assert read_run(warehouse, "r1")[-1]["status"] == "killed"


def test_an_owner_of_another_host_is_judged_by_age(tmp_path: Path) -> None:
    pid, started, _, rest = owner_token().split("~")
    folder = tmp_path / f".building-f-{pid}~{started}~elsewhere.1~{rest}"
    folder.mkdir()
    assert not is_abandoned(folder.name, folder)
    os.utime(folder, (0, 0))
    assert is_abandoned(folder.name, folder)
    assert not is_abandoned("README.md", folder)
    reused_number = f".building-f-{os.getpid()}~1~{owner_token().split('~')[2]}~{rest}"
    assert is_abandoned(reused_number, folder)


def test_readers_and_a_writer_do_not_disturb_each_other(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    put(warehouse, "documents", "demo", {"documents.parquet": documents(("c:0", "deu_Latn", "web", "train"))})
    write_catalog(warehouse)
    code = """
for n in range(1, 8):
    rows = [(f"c:{i}", "deu_Latn", "web", "train") for i in range(n + 1)]
    put(warehouse, "documents", "demo", {"documents.parquet": documents(*rows)}, params={"n": n})
    from warehouse.views import write_catalog
    write_catalog(warehouse)
"""
    with connect(warehouse) as early, open_catalog(warehouse) as catalog:
        process = start(code, tmp_path)
        seen = []
        while process.poll() is None:
            with connect(warehouse) as con:
                count, versions = con.sql(
                    "SELECT count(*), count(DISTINCT fingerprint) FROM documents"
                ).fetchall()[0]
                assert versions == 1  # never half of one version and half of another
                seen.append(count)
        assert process.returncode == 0
        assert seen == sorted(seen)
        assert early.sql("SELECT count(*) FROM documents").fetchall() == [(1,)]
        assert catalog.sql("SELECT count(*) FROM artifacts").fetchall() == [(1,)]
    code = """
from warehouse.views import open_catalog
print(open_catalog(warehouse).sql("SELECT count(*) FROM documents").fetchall())
"""
    assert start(code, tmp_path).communicate()[0].strip() == "[(8,)]"


def test_what_is_being_built_is_not_collected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse = Warehouse(str(tmp_path))
    fingerprint = put(warehouse, latest=False).record.fingerprint
    monkeypatch.setattr("warehouse.collect.MINIMUM_AGE_SECONDS", -1.0)
    code = f"""
with warehouse.lock("tokenizer", "demo", "{fingerprint}"):
    print("locked", flush=True)
    time.sleep(60)
"""
    process = start(code, tmp_path)
    assert line_of(process) == "locked"
    assert collect(warehouse, dry_run=False).artifacts == []
    process.kill()
    process.wait()
    assert [item.fingerprint for item in collect(warehouse, dry_run=False).artifacts] == [fingerprint]
    assert warehouse.versions() == []


def test_runs_of_many_processes_are_all_there(tmp_path: Path) -> None:
    code = """
log = RunLog(warehouse)
log.start("demo", {}, "test")
for n in range(20):
    log.step("built", "tokenizer", f"t{n}", "f" * 16)
log.finish("completed")
"""
    processes = [start(code, tmp_path) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    log = RunLog(Warehouse(str(tmp_path)), "torn")
    log.start("demo", {}, "test")
    with (tmp_path / log.path).open("a") as stream:
        stream.write('{"event": "step", "run_id": "torn", "na')  # what a power cut leaves
    time.sleep(0.01)
    log.step("built", "tokenizer", "after", "f" * 16)
    with connect(Warehouse(str(tmp_path))) as con:
        assert con.sql("SELECT count(*) FROM runs WHERE status = 'completed'").fetchall() == [(3,)]
        assert con.sql("SELECT count(*), count(DISTINCT name) FROM steps").fetchall() == [(61, 21)]
        with pytest.raises(duckdb.Error):
            con.execute("INSERT INTO steps VALUES (1)")
