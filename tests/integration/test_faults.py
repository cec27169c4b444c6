"""Kills, double runs and wrong input: nothing half is left, and a rerun ends where an undisturbed run ends."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from tasks.step import STAGES
from tests.integration.conftest import ROOT, Project

pytestmark = pytest.mark.network


def start_run(project: Project) -> subprocess.Popen[str]:
    """A whole run whose lines can be read as they come."""
    return subprocess.Popen(
        project.command("run", "small", "--plain"), cwd=project.folder, stderr=subprocess.PIPE, text=True,
        env={**project.environment(), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip


def wait_for_children(pid: int) -> set[int]:
    """The processes that a process has started; the first that are seen, within ten seconds."""
    for _ in range(200):
        files = Path(f"/proc/{pid}/task").glob("*/children")
        if children := {int(child) for file in files for child in file.read_text().split()}:
            return children
        time.sleep(0.05)
    raise AssertionError("no step's process was seen")


def kill_when_stage_starts(project: Project, stage: str) -> bool:
    """Start a run, SIGKILL it as soon as a step of `stage` has begun; whether that happened."""
    process = start_run(project)
    assert process.stderr is not None
    watchdog = threading.Timer(300, process.kill)
    watchdog.start()
    try:
        for line in process.stderr:
            words = line.split()
            if len(words) > 3 and words[2] == stage:
                os.kill(process.pid, signal.SIGKILL)
                return True
        return False
    finally:
        watchdog.cancel()
        process.wait()
        process.stderr.close()


@pytest.mark.slow
def test_killed_at_every_stage_it_ends_like_an_undisturbed_run(project: Project, built: Project) -> None:
    for stage in STAGES:
        assert kill_when_stage_starts(project, stage), f"no step of stage {stage} began"
        listed = project.json("artifacts")
        statuses = {row["status"] for row in project.json("verify")}
        assert statuses <= {"ok"}, f"after a kill in {stage}: {statuses}"
        assert len(listed) < len(built.digests())
    done = project.lexmill("run", "small", "--plain", timeout=600)
    assert done.returncode == 0, done.stderr
    assert project.digests() == built.digests()
    left = [p for p in (project.folder / "warehouse/data").rglob(".*") if p.is_dir() and "~" in p.name]
    assert left == []
    runs = project.json("sql", "SELECT status FROM runs ORDER BY run_id")
    assert runs[-1]["status"] == "completed"
    assert {run["status"] for run in runs[:-1]} <= {"killed", "running", "unfinished"}


def test_killed_while_training_a_tokenizer_a_rerun_completes(project: Project, built: Project) -> None:
    assert kill_when_stage_starts(project, "tokenize")
    assert {row["status"] for row in project.json("verify")} <= {"ok"}
    outcome = project.json("run", "small", "--plain", "--only", "ingest")
    assert outcome["status"] == "completed"
    project.json("run", "small", "--plain", "--only", "count")
    project.json("run", "small", "--plain", "--only", "tokenize")
    mine, whole = project.digests(), built.digests()
    assert "tokenizer/small-general" in mine
    assert all(mine[key] == whole[key] for key in mine)


def test_two_runs_at_once_build_everything_once(project: Project, built: Project) -> None:
    command = project.command("run", "small", "--plain", "--only", "ingest", "--json")
    environment = {**project.environment(), "PYTHONPATH": str(ROOT)}
    runs = [
        subprocess.Popen(
            command, cwd=project.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(2)
    ]
    for run in runs:
        out, err = run.communicate(timeout=300)
        assert run.returncode == 0, (out + err).decode()
    rows = project.json("sql", "SELECT kind, name, status, count(*) AS n FROM steps GROUP BY ALL")
    names = [(kind, name) for kind in ("source", "attributes") for name in ("notes", "wiki")]
    assert {(row["kind"], row["name"], row["status"]): row["n"] for row in rows} == {
        (kind, name, status): 1
        for kind, name in [*names, ("documents", "small")]
        for status in ("built", "reused")
    }
    mine, whole = project.digests(), built.digests()
    assert all(mine[key] == whole[key] for key in mine)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["corpora.notes.path=absent.txt"], "absent.txt"),
        (["corpora.notes.path=nothing/*.txt"], "nothing"),
        (["corpora.wiki.package.sha256=" + "f" * 64], "sha256"),
        (["corpora.notes.language=klingonese"], "klingonese"),
        (["tokenizers.general.vocab_size=2000000000"], "vocab_size"),
        (["tokenizers.general.vocab_size=900000"], "ask for at most"),
        (["tokenizers.english.languages=[deu_Latn]"], "deu_Latn"),
        (["corporra=[]"], "did you mean 'corpora'"),
    ],
)
def test_wrong_input_is_one_clear_sentence_and_exit_code_2(
    project: Project, overrides: list[str], words: str
) -> None:
    arguments = [item for override in overrides for item in ("--set", override)]
    done = project.lexmill("run", "small", "--plain", *arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    if (project.folder / "warehouse").exists():  # wrong configuration is told before anything is made
        assert {row["status"] for row in project.json("verify")} <= {"ok"}


def test_an_empty_corpus_is_wrong_input(project: Project) -> None:
    (project.folder / "notes.txt").write_text("\n\n \n")
    done = project.lexmill("run", "small", "--plain", "--only", "ingest", "--set", "corpora.0=null")
    assert done.returncode == 2
    done = project.lexmill("ingest", "notes.txt")
    assert done.returncode == 2
    assert "notes" in done.stderr


def test_a_step_that_dies_is_exit_code_1_and_keeps_what_was_built(project: Project, built: Project) -> None:
    process = start_run(project)
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if line.split()[2:3] == ["tokenize"]:
            break
    for child in wait_for_children(process.pid):
        os.kill(child, signal.SIGKILL)
    said += process.stderr.read()
    assert process.wait(timeout=120) == 1, said
    assert "ended by SIGKILL" in said
    mine, whole = project.digests(), built.digests()
    assert "documents/small" in mine
    assert all(mine[key] == whole[key] for key in mine)
    (run,) = project.json("sql", "SELECT status, error FROM runs")
    assert run["status"] == "failed"
    assert "SIGKILL" in run["error"]
