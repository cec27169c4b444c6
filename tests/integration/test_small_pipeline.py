"""The whole pipeline by the command line, without Prefect: what is built, rerun, asked and explained."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from tests.integration.conftest import Project

KINDS = {
    "source",
    "attributes",
    "documents",
    "word_counts",
    "tokenizer",
    "mixture",
    "transfer_plan",
    "model",
    "evaluation",
    "report",
}

pytestmark = pytest.mark.network


@pytest.fixture
def copy(built: Project, tmp_path: Path) -> Project:
    """A copy of the built project, to be changed."""
    folder = tmp_path / "copy"
    shutil.copytree(built.folder, folder)
    return Project(folder)


def test_every_kind_is_there_and_every_payload_is_as_recorded(built: Project) -> None:
    rows = built.json("artifacts")
    assert {row["kind"] for row in rows} == KINDS
    assert {row["status"] for row in built.json("verify")} == {"ok"}


def test_nothing_changed_means_nothing_runs(built: Project) -> None:
    started = time.monotonic()
    outcome = built.json("run", "small", "--plain")
    assert outcome["built"] == []
    assert len(outcome["reused"]) == len(built.json("plan", "small"))
    assert time.monotonic() - started < 30  # a hang, not a benchmark
    (row,) = built.json(
        "sql", f"SELECT status, count(*) AS n FROM steps WHERE run_id = '{outcome['run_id']}' GROUP BY 1"
    )
    assert row == {"status": "reused", "n": len(outcome["reused"])}


def test_a_changed_tokenizer_size_runs_only_what_depends_on_it(copy: Project) -> None:
    rows = copy.json("plan", "small", "--set", "tokenizers.general.vocab_size=1600")
    status = {row["step"]: row["status"] for row in rows}
    assert status["tokenizer/small-english"] == "up to date"
    assert status["model/small-french-base"] == "up to date"
    assert status["documents/small"] == "up to date"
    changed = {step for step, s in status.items() if s != "up to date"}
    assert {
        "tokenizer/small-general",
        "mixture/small-own",
        "report/small",
        "model/small-french-mean-init",
    } <= changed
    why = {row["step"]: row["why"] for row in rows}
    assert why["tokenizer/small-general"] == "vocab_size: 1500 -> 1600"
    assert "input tokenizer/small-general changed" in why["mixture/small-own"]
    before = copy.digests()
    outcome = copy.json("run", "small", "--plain", "--set", "tokenizers.general.vocab_size=1600")
    assert set(outcome["built"]) == changed
    after = copy.digests()
    assert {step for step in after if after[step] != before[step]} == changed


def test_going_back_builds_nothing_and_moves_latest_back(copy: Project) -> None:
    before = copy.digests()
    copy.json("run", "small", "--plain", "--only", "tokenize", "--set", "tokenizers.general.vocab_size=1600")
    assert copy.digests() != before
    assert copy.json("run", "small", "--plain")["built"] == []
    assert copy.digests() == before


def test_a_stage_alone_and_from_a_stage_on(copy: Project) -> None:
    override = ("--set", "tokenizers.general.vocab_size=1700")
    stopped = copy.lexmill("run", "small", "--plain", "--only", "audit", *override)
    assert stopped.returncode == 2
    assert "run the stage 'tokenize' first" in stopped.stderr
    assert copy.json("run", "small", "--plain", "--only", "tokenize", *override)["built"] == [
        "tokenizer/small-general"
    ]
    assert copy.json("run", "small", "--plain", "--only", "audit", *override)["built"] == [
        "mixture/small-own"
    ]
    later = copy.json("run", "small", "--plain", "--from", "transfer", *override)
    assert "model/small-french-subtoken_mean-adapted" in later["built"]
    assert "report/small" in later["built"]


def test_a_changed_local_file_is_noticed_by_its_content(copy: Project) -> None:
    notes = copy.folder / "notes.txt"
    text = notes.read_text()
    notes.write_text(text)  # touched, not changed
    assert copy.json("run", "small", "--plain")["built"] == []
    notes.write_text(
        text + "\nButter is added last, in small cold pieces, once the dough has become smooth and strong.\n"
    )
    status = {row["step"]: row["status"] for row in copy.json("plan", "small")}
    assert status["source/notes"] == "changed"
    assert status["source/wiki"] == "up to date"
    assert status["documents/small"] == "changed"


def test_a_corrupted_file_is_found_and_built_again(copy: Project) -> None:
    before = copy.digests()
    (path,) = (copy.folder / "warehouse/data/tokenizer/small-general").rglob("tokenizer.json")
    payload = bytearray(path.read_bytes())
    payload[len(payload) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(bytes(payload))
    rows = {f"{r['kind']}/{r['name']}": r["status"] for r in copy.json("verify", code=1)}
    assert rows.pop("tokenizer/small-general") == "corrupt file"
    assert set(rows.values()) == {"ok"}
    outcome = copy.json("run", "small", "--plain")
    assert outcome["built"] == ["tokenizer/small-general"]
    assert copy.digests() == before
    assert {row["status"] for row in copy.json("verify")} == {"ok"}


def test_lineage_goes_from_the_report_to_the_sources_and_back(built: Project) -> None:
    up = built.json("lineage", "report/small", "--up")
    names = {f"{n['kind']}/{n['name']}" for n in up["nodes"]}
    assert {"source/wiki", "source/notes", "mixture/small-own", "model/small-french-base"} <= names
    down = built.json("lineage", "source/notes", "--down")
    assert {f"{n['kind']}/{n['name']}" for n in down["nodes"]} >= {"report/small", "documents/small"}
    assert "flowchart" in built.lexmill("lineage", "documents/small", "--mermaid").stdout


def test_a_document_is_followed_from_its_origin_to_the_models_that_saw_it(built: Project) -> None:
    (row,) = built.json(
        "sql",
        "SELECT id FROM documents WHERE language = 'eng_Latn' AND split = 'train' AND corpus = 'wiki' LIMIT 1",
    )
    traced = built.json("trace", "--doc", row["id"])
    text = str(traced)
    assert "source" in text
    assert "CC-BY-SA-4.0" in text
    assert "small-english" in text
    missing = built.lexmill("trace", "--doc", "wiki:ffffffffffffffff")
    assert missing.returncode == 2


def test_questions_in_sql_join_what_was_made(built: Project) -> None:
    rows = built.json("sql", "SELECT language, sum(bytes) AS bytes FROM documents GROUP BY 1 ORDER BY 1")
    assert {"eng_Latn", "fra_Latn", "spa_Latn"} <= {row["language"] for row in rows}
    counted = built.json("sql", "SELECT sum(count) AS n FROM word_counts WHERE language = 'fra_Latn'")
    assert counted[0]["n"] > 10_000
    metrics = built.json("sql", "SELECT DISTINCT metric FROM metrics")
    assert len(metrics) > 5
    balance = built.json("sql", "SELECT * FROM byte_balance")
    assert {row["corpus"] for row in balance} == {"wiki", "notes"}
    assert all(row["bytes_unaccounted"] == 0 and row["bytes_read"] > 0 for row in balance)
    stages = built.json("sql", "SELECT * FROM stage_totals")
    assert all(row["bytes_unaccounted"] == 0 for row in stages)
    assert (
        sum(row["documents_dropped"] for row in stages)
        == built.json("sql", "SELECT count(*) AS n FROM rejections")[0]["n"]
    )
    assert all(row["seconds"] is not None for row in stages if row["stage"] in ("language", "near_dedup"))
    counted = built.json("sql", "SELECT DISTINCT pretokenizer, normalizer FROM pretoken_counts")
    assert counted == [{"pretokenizer": "gpt4o", "normalizer": "none"}]
    refused = built.lexmill("sql", "COPY (SELECT 1) TO 'stolen.csv'")
    assert refused.returncode == 2
    assert not (built.folder / "stolen.csv").exists()


def test_reproduce_gives_the_same_content_from_records_alone(built: Project) -> None:
    rows = built.json("reproduce", "tokenizer/small-english")
    assert {row["artifact"].split("@")[0] for row in rows} >= {
        "source/wiki",
        "documents/small",
        "tokenizer/small-english",
    }
    assert all(row["same"] for row in rows)


def test_gc_removes_nothing_that_a_kept_run_used(copy: Project) -> None:
    before = copy.digests()
    found = copy.json("gc", "--remove")
    assert found["artifacts"] == []
    assert copy.digests() == before


def test_openlineage_events_are_written_for_the_run(built: Project) -> None:
    events = list((built.folder / "warehouse/data/lineage/openlineage").glob("*.jsonl"))
    assert events
    assert (
        '"eventType": "COMPLETE"' in events[0].read_text()
        or '"eventType":"COMPLETE"' in events[0].read_text()
    )


def test_ingest_of_paths_needs_no_pipelines_file(tmp_path: Path, built: Project) -> None:
    shutil.copy(built.folder / "notes.txt", tmp_path / "notes.txt")
    project = Project(tmp_path)
    outcome = project.json("ingest", "notes.txt", "--warehouse", "store", "--language", "eng_Latn")
    assert "documents/ingest" in outcome["built"]
    rows = project.json("sql", "SELECT count(*) AS n FROM documents", "--warehouse", "store")
    assert rows[0]["n"] >= 1
