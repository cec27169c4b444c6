"""Ingesting when things go wrong: kills, full disks, vanishing files, damaged artifacts; nothing half is left, and a
rerun ends where an undisturbed run ends."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from flows.runs import prepare_run
from tasks.child import serve
from tasks.plan import PlannedStep
from tasks.step import InputError
from tests.integration.conftest import ROOT, Project
from tests.integration.ingest_project import ENGLISH, STEPS, make_corpora, sentence
from warehouse.store import Warehouse


@pytest.fixture
def corpora(tmp_path: Path) -> Project:
    return make_corpora(tmp_path / "project")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The same, ingested without disturbance; must not be changed."""
    project = make_corpora(tmp_path_factory.mktemp("whole") / "project")
    done = project.lexmill("run", "corpus", "--plain")
    assert done.returncode == 0, done.stderr
    assert project.digests().keys() == STEPS
    return project


@pytest.fixture
def copied(whole: Project, tmp_path: Path) -> Project:
    """A built project that may be damaged."""
    shutil.copytree(whole.folder, tmp_path / "project")
    return Project(tmp_path / "project")


def start(project: Project, **options: Any) -> subprocess.Popen[str]:
    """A run in the background."""
    environment = {**project.environment(), "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        project.command("run", "corpus", "--plain"), cwd=project.folder, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options,
    )  # fmt: skip


def half_built(project: Project, kind: str = "*") -> list[Path]:
    return sorted((project.folder / "warehouse/data").glob(f"{kind}/*/.building-*"))


def assert_nothing_half(project: Project, whole: Project) -> None:
    """What is there is intact and as it should be; no working folder is left."""
    assert half_built(project) == []
    built, expected = project.digests(), whole.digests()
    assert all(built[key] == expected[key] for key in built)
    if built:
        assert {row["status"] for row in project.json("verify")} == {"ok"}


def assert_completes(project: Project, whole: Project) -> None:
    done = project.lexmill("run", "corpus", "--plain")
    assert done.returncode == 0, done.stderr
    assert project.digests() == whole.digests()
    assert half_built(project) == []


def kill_a_step(project: Project, kind: str, delay: float) -> None:
    """Run until a step of `kind` has begun to write; SIGKILL its process `delay` seconds later."""
    run = start(project)
    deadline = time.monotonic() + 120
    while not (found := half_built(project, kind)):
        assert run.poll() is None, run.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    time.sleep(delay)
    process = int(found[0].name.split("-")[2].split("~")[0])  # the folder's name says who owns it
    os.kill(process, signal.SIGKILL)
    said = "".join(run.communicate(timeout=120))
    assert run.returncode == 1, said
    assert f"{kind}/" in said
    assert "ended by SIGKILL" in said


@pytest.mark.slow
def test_steps_killed_at_random_moments(corpora: Project, whole: Project) -> None:
    chance = random.Random(4)
    for kind, longest in (("source", 0.1), ("attributes", 1.0), ("documents", 0.05), ("documents", 0.8)):
        kill_a_step(corpora, kind, chance.uniform(0, longest))
        assert_nothing_half(corpora, whole)
        assert "documents/corpus" not in corpora.digests()
    assert_completes(corpora, whole)


@pytest.mark.slow
def test_two_ingests_at_once_while_others_ask(corpora: Project, whole: Project) -> None:
    runs = [start(corpora) for _ in range(2)]
    answers = []
    while any(run.poll() is None for run in runs):
        if (corpora.folder / "warehouse/data").exists():
            asked = corpora.lexmill("sql", "SELECT count(*) AS n FROM documents", "--json")
            assert asked.returncode == 0, asked.stderr
            answers.append(json.loads(asked.stdout)[0]["n"])
    for run in runs:
        said = "".join(run.communicate())
        assert run.returncode == 0, said
    assert len(answers) > 1
    documents = corpora.json("sql", "SELECT count(*) AS n FROM documents")[0]["n"]
    assert set(answers) <= {0, documents}
    assert corpora.digests() == whole.digests()
    rows = corpora.json(
        "sql", "SELECT kind || '/' || name AS step, status, count(*) AS n FROM steps GROUP BY ALL"
    )
    assert {(row["step"], row["status"]): row["n"] for row in rows} == {
        (step, status): 1 for step in STEPS for status in ("built", "reused")
    }


SMALL_DISK = """\
set -e
mkdir -p warehouse
mount -t tmpfs -o size=$1 tmpfs warehouse
lexmill() { "$PYTHON" -m flows.cli "$@"; }
for size in $2 $3; do
    code=0; lexmill run corpus --plain || code=$?
    echo "ended with code $code" >&2
    lexmill artifacts --json > full-$size.json
    find warehouse -name '.building*' >> left.txt
    mount -o remount,size=$size warehouse
done
lexmill run corpus --plain
lexmill artifacts --json > last.json
"""


def own_mounts() -> bool:
    """Whether this user may mount a file system of its own."""
    if shutil.which("unshare") is None:
        return False
    mount = ["unshare", "-rm", "sh", "-c", "mount -t tmpfs -o size=64k tmpfs /mnt"]
    return subprocess.run(mount, capture_output=True).returncode == 0


@pytest.mark.slow
def test_a_disk_that_is_full(corpora: Project, whole: Project) -> None:
    """Twice too small, then large enough; without the right to mount, a limit on the size of files does it."""
    if not own_mounts():
        with_small_files(corpora, whole)
        return
    sizes = sizes_of(whole)
    sources = sum(size for key, size in sizes.items() if key.startswith("source/"))
    small = [sources // 2, sum(sizes.values()) - sizes["documents/corpus"] // 2, 64 << 20]
    command = ["unshare", "-rm", "sh", "-c", SMALL_DISK, "sh", *map(str, small)]
    environment = {**corpora.environment(), "PYTHONPATH": str(ROOT), "PYTHON": corpora.command()[0]}
    done = subprocess.run(
        command, cwd=corpora.folder, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("ended with code 1") == 2, done.stderr
    assert done.stderr.count("the disk is full") >= 2, done.stderr
    assert (corpora.folder / "left.txt").read_text() == ""
    expected = whole.digests()
    for size in small[1:]:
        rows = json.loads((corpora.folder / f"full-{size}.json").read_text())
        built = {f"{row['kind']}/{row['name']}": (row["fingerprint"], row["content_digest"]) for row in rows}
        assert built.items() <= expected.items()
        assert "documents/corpus" not in built
    rows = json.loads((corpora.folder / "last.json").read_text())
    assert {f"{r['kind']}/{r['name']}": (r["fingerprint"], r["content_digest"]) for r in rows} == expected


def sizes_of(project: Project) -> dict[str, int]:
    return {f"{row['kind']}/{row['name']}": row["bytes"] for row in project.json("artifacts")}


def test_files_that_may_not_grow(corpora: Project, whole: Project) -> None:
    with_small_files(corpora, whole)


def with_small_files(project: Project, whole: Project) -> None:
    """No file may become larger than half the dataset's: some step fails in the middle of writing."""
    limit = max(sizes_of(whole).values()) // 4
    run = start(project, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    said = "".join(run.communicate(timeout=120))
    assert run.returncode == 1, said
    assert "File too large" in said
    assert_nothing_half(project, whole)
    assert "documents/corpus" not in project.digests()
    assert_completes(project, whole)


class Channel:
    """Takes the answers of a step; the first one of `event` makes something happen."""

    def __init__(self, event: str, action: Callable[[], object]) -> None:
        self._event, self._action, self.done = event, action, False

    def write(self, line: str) -> int:
        if not self.done and json.loads(line)["event"] == self._event:
            self.done = True
            self._action()
        return len(line)


def planned_source(
    project: Project, name: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[Warehouse, PlannedStep]:
    monkeypatch.chdir(project.folder)
    prepared = prepare_run("corpus", project.folder / "pipelines.yaml")
    return prepared.warehouse, next(p for p in prepared.plan if p.step.title == f"source/{name}")


def build_here(warehouse: Warehouse, planned: PlannedStep, channel: Channel) -> Mapping[str, Any]:
    """What a step's process does, in this one."""
    request = {
        "step": {**asdict(planned.step), "inputs": {}},
        "inputs": planned.inputs,
        "fingerprint": planned.fingerprint,
        "warehouse": warehouse.url,
        "run_id": "test",
        "commit": "",
        "dirty": False,
    }
    return serve(request, channel)  # type: ignore[arg-type]


def truncate(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def grow(path: Path) -> None:
    with path.open("a") as file:
        file.write("\n\nNoch ein Absatz, der nicht da war, als der Lauf geplant wurde.")


CHANGES = {"deleted": Path.unlink, "truncated": truncate, "grown": grow}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("when", ["before", "while"])
def test_a_source_that_changes_under_way(
    corpora: Project, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None], when: str
) -> None:
    """Between the plan and the reading, or when the reading has begun (the last file is not open yet)."""
    warehouse, planned = planned_source(corpora, "german", monkeypatch)
    victim = corpora.folder / "german" / "2.txt"
    channel = Channel("progress", (lambda: change(victim)) if when == "while" else (lambda: None))
    if when == "before":
        change(victim)
    with pytest.raises(InputError, match=r"corpus 'german'.*(changed|cannot be read)"):
        build_here(warehouse, planned, channel)
    assert channel.done == (when == "while")
    assert warehouse.versions() == []
    assert half_built(corpora) == []


def test_a_source_that_is_gone_is_wrong_input(corpora: Project, whole: Project, tmp_path: Path) -> None:
    away = tmp_path / "away"
    (corpora.folder / "english.jsonl").rename(away)
    done = corpora.lexmill("run", "corpus", "--plain")
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert "english.jsonl does not exist" in done.stderr
    away.rename(corpora.folder / "english.jsonl")
    assert not (corpora.folder / "warehouse").exists() or corpora.digests() == {}


REFUSED = {
    "an empty file": ("empty.txt", "", "no document could be read"),
    "lines that are no records": ("rows.jsonl", "[1]\n7\nnull\n{}\n", "no document could be read"),
    "every document dropped": (
        "short.jsonl",
        '{"text": "a b"}\n{"text": "c"}\n',
        "nothing is left of 2 documents",
    ),
}


@pytest.mark.parametrize(("name", "content", "words"), REFUSED.values(), ids=REFUSED)
def test_nothing_to_keep_is_wrong_input(tmp_path: Path, name: str, content: str, words: str) -> None:
    project = Project(tmp_path)
    (tmp_path / name).write_text(content)
    done = project.lexmill("ingest", name, "--language", "eng")
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not any(key.startswith("documents/") for key in project.digests())
    assert half_built(project) == []


def payload(project: Project, kind: str, name: str) -> Iterator[Path]:
    (folder,) = (project.folder / "warehouse/data" / kind / name).glob("[0-9a-f]*")
    return (path for path in sorted(folder.iterdir()) if path.suffix == ".parquet")


@pytest.mark.parametrize("damage", [Path.unlink, truncate], ids=["missing", "truncated"])
def test_attributes_that_are_visibly_damaged_are_made_again(
    copied: Project, whole: Project, damage: Callable[[Path], None]
) -> None:
    damage(next(payload(copied, "attributes", "german")))
    plan = {row["step"]: row["status"] for row in copied.json("plan", "corpus")}
    assert plan["attributes/german"] == "damaged"
    assert_completes(copied, whole)


def flip(path: Path) -> None:
    """Change bytes in the middle, not the size."""
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 64] = bytes(byte ^ 0xFF for byte in content[middle : middle + 64])
    path.write_bytes(content)


def test_attributes_with_other_bytes_are_told_and_mended(copied: Project, whole: Project) -> None:
    victim = next(path for path in payload(copied, "attributes", "english") if path.stem == "signatures")
    flip(victim)
    shutil.rmtree(copied.folder / "warehouse/data/documents")
    done = copied.lexmill("run", "corpus", "--plain")
    assert done.returncode == 1, done.stderr
    assert "lexmill verify" in done.stderr
    assert half_built(copied) == []
    found = {f"{r['kind']}/{r['name']}": r["status"] for r in copied.json("verify", code=1)}
    assert found["attributes/english"] != "ok"
    assert_completes(copied, whole)


def test_against_documents_that_are_not_there(copied: Project) -> None:
    (copied.folder / "more.txt").write_text(sentence(ENGLISH, 7001, 40, "and that was all of it."))
    arguments = ("ingest", "more.txt", "--language", "eng", "--name", "more", "--against", "corpus")
    known = copied.json(*arguments)
    assert known["status"] == "completed"
    (fingerprint,) = (copied.folder / "warehouse/data/documents/corpus").glob("[0-9a-f]*")
    signatures = fingerprint / "signatures.parquet"
    record = json.loads((fingerprint / "artifact.json").read_text())
    record["files"] = [entry for entry in record["files"] if entry["path"] != "signatures.parquet"]
    (fingerprint / "artifact.json").write_text(json.dumps(record))
    signatures.unlink()
    (copied.folder / "more.txt").write_text(sentence(ENGLISH, 7002, 40, "and that was all of it."))
    older = copied.lexmill(*arguments)
    assert older.returncode == 2, older.stderr
    assert "documents/corpus" in older.stderr
    assert "ingest it again" in older.stderr
    shutil.rmtree(fingerprint)
    gone = copied.lexmill(*arguments)
    assert gone.returncode == 2, gone.stderr
    assert "has no documents 'corpus'" in gone.stderr
    assert "Traceback" not in older.stderr + gone.stderr
