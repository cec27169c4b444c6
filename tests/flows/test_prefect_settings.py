"""Decisions around Prefect that need no server: addresses, databases, homes, events, runners, retries."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows import prefect_home, server
from flows.config import PipelineParams, RunnerParams
from flows.prefect_home import configure_prefect, note_server, page_of, server_answers, use_running_server
from flows.serve import absolute_warehouse, stages_of
from tasks.plan import PlannedStep
from tasks.step import InputError
from tests.flows.prefect_builds import step

CORPUS = {"name": "notes", "path": "notes.txt", "language": "eng_Latn", "license": "CC0-1.0"}
SETTINGS = ("PREFECT_HOME", "PREFECT_PROFILES_PATH", "DO_NOT_TRACK", "PREFECT_SERVER_ANALYTICS_ENABLED",
            "PREFECT_API_URL", "PREFECT_SERVER_UI_API_URL", "PREFECT_SERVER_DATABASE_CONNECTION_URL")  # fmt: skip


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the user; those that a test makes are undone."""
    for name in SETTINGS:
        monkeypatch.setenv(name, "")  # so that the old value comes back, whatever the test does
        monkeypatch.delenv(name)
    (tmp_path / "user").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "user"))


def test_home_lies_in_the_project_unless_the_user_chose_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert configure_prefect(tmp_path) == tmp_path / "warehouse" / ".prefect"
    assert server.os.environ["DO_NOT_TRACK"] == "1"
    assert server.os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "mine"))
    assert configure_prefect(tmp_path) == tmp_path / "mine"


def test_profiles_of_the_user_are_kept(tmp_path: Path) -> None:
    profiles = tmp_path / "user" / ".prefect" / "profiles.toml"
    profiles.parent.mkdir()
    profiles.touch()
    configure_prefect(tmp_path)
    assert server.os.environ["PREFECT_PROFILES_PATH"] == str(profiles)


def test_a_server_that_is_gone_is_not_used(tmp_path: Path) -> None:
    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        assert use_running_server(tmp_path) is None
        note_server(tmp_path, "http://127.0.0.1:9/api")
        assert use_running_server(tmp_path) is None
        (tmp_path / prefect_home.SERVER_FILE).write_text("half a")
        assert use_running_server(tmp_path) is None


def test_only_http_is_asked() -> None:
    assert not server_answers("file:///etc/passwd")
    assert page_of("http://127.0.0.1:4200/api") == "http://127.0.0.1:4200"


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", "http://127.0.0.1:4300/api"),
        ("0.0.0.0", "http://127.0.0.1:4300/api"),
        ("::1", "http://[::1]:4300/api"),
        ("box.example", "http://box.example:4300/api"),
    ],
)
def test_the_address_of_the_api(host: str, expected: str) -> None:
    assert server.api_address(host, 4300) == expected


def test_the_server_is_started_with_its_traps_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    started: list[list[str]] = []
    monkeypatch.setattr(server.os, "execv", lambda path, arguments: started.append(arguments))
    server.start_server("0.0.0.0", 4300, "postgresql+asyncpg://lexmill:hidden@db/prefect")
    (arguments,) = started
    assert arguments[1:5] == ["-m", "prefect", "server", "start"]
    assert arguments[5:] == ["--host", "0.0.0.0", "--port", "4300", "--analytics-off"]
    environment = server.os.environ
    assert environment["PREFECT_SERVER_UI_API_URL"] == "/api"
    assert environment["PREFECT_SERVER_DATABASE_CONNECTION_URL"].endswith("@db/prefect")
    noted = json.loads((tmp_path / "warehouse" / ".prefect" / prefect_home.SERVER_FILE).read_text())
    assert noted == {"api": "http://127.0.0.1:4300/api"}
    said = capsys.readouterr()
    assert "hidden" not in said.out + said.err
    assert "no password" in said.err


@pytest.mark.parametrize("url", ["postgresql://u:hidden@h/d", "mysql://u:hidden@h/d", "u:hidden@h"])
def test_a_wrong_database_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(InputError, match=r"must begin with sqlite\+aiosqlite") as caught:
        server.checked_database(url)
    assert "hidden" not in str(caught.value)


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(server.DRIVERS, "postgresql+asyncpg", "no_such_driver")
    with pytest.raises(InputError, match="install `lexmill"):
        server.checked_database("postgresql+asyncpg://u:p@h/d")


def test_a_port_out_of_range_is_refused() -> None:
    with pytest.raises(InputError, match="70000 is not a port"):
        server.start_server(port=70000)


def test_stages_follow_from_the_sections() -> None:
    bare = PipelineParams.model_validate({"corpora": [CORPUS]})
    assert stages_of(bare) == ["ingest"]
    tokenizers = [{"name": "one", "vocab_size": 300}]
    audits = [{"name": "own", "tokenizer": "one"}]
    with_audit = PipelineParams.model_validate(
        {"corpora": [CORPUS], "tokenizers": tokenizers, "audits": audits, "report": {"title": "x"}}
    )
    assert stages_of(with_audit) == ["ingest", "count", "tokenize", "audit", "report"]


def test_a_warehouse_is_made_absolute_only_when_local(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert absolute_warehouse("data") == str(tmp_path / "data")
    assert absolute_warehouse("s3://bucket/data") == "s3://bucket/data"


def planned(name: str, stage: Any, status: Any = "new") -> PlannedStep:
    return PlannedStep(step(name, stage=stage), "0" * 16, {}, status)


def test_only_the_last_tokenizer_of_a_run_without_audits_asks_for_them() -> None:
    from flows.prefect_events import next_stage

    first, last = planned("a", "tokenize"), planned("b", "tokenize")
    left_out = planned("c", "audit", "not selected")
    plan = [first, last, left_out]
    assert next_stage(plan, first, [last], has_audits=True) == "none"
    assert next_stage(plan, last, [], has_audits=True) == "audit"
    assert next_stage(plan, last, [], has_audits=False) == "none"
    assert next_stage([first, last, planned("c", "audit")], last, [], has_audits=True) == "none"
    assert next_stage([planned("c", "audit")], planned("c", "audit"), [], has_audits=True) == "none"


def test_wrong_input_is_never_worth_a_retry() -> None:
    from prefect.states import Failed

    from tasks.task import build_artifact, worth_retrying
    from tasks.worker import StepError

    run: Any = None
    assert not worth_retrying(build_artifact, run, Failed(data=InputError("empty file")))
    assert worth_retrying(build_artifact, run, Failed(data=StepError("killed")))


@pytest.mark.parametrize("kind", ["dask", "ray"])
def test_a_runner_that_is_not_installed_is_named(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from flows.prefect_runner import task_runner

    monkeypatch.setitem(sys.modules, f"prefect_{kind}", None)
    with pytest.raises(InputError, match=rf"lexmill\[{kind}\]"):
        task_runner(RunnerParams(kind=kind))


def test_progress_is_shown_late_and_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    import logging

    from tasks import task_artifacts

    calls: list[float] = []
    monkeypatch.setattr(
        task_artifacts,
        "create_progress_artifact",
        lambda progress, key, description: calls.append(progress) or "id",
    )
    monkeypatch.setattr(
        task_artifacts, "update_progress_artifact", lambda artifact_id, progress: calls.append(progress)
    )
    now = [0.0]
    bar = task_artifacts.ProgressBar("documents/demo", logging.getLogger("test"), clock=lambda: now[0])
    for tick in range(100):  # ten seconds
        now[0] = tick / 10
        bar.update(tick / 100, "reading")
    assert calls == [40.0, 60.0, 80.0]
    bar.finish()
    assert calls[-1] == 100.0


def test_a_server_that_refuses_a_card_does_not_fail_the_step(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    import logging

    from tasks import task_artifacts

    def refuse(**given: Any) -> None:
        raise RuntimeError("503")

    monkeypatch.setattr(task_artifacts, "create_progress_artifact", refuse)
    now = [0.0]
    bar = task_artifacts.ProgressBar("documents/demo", logging.getLogger("test"), clock=lambda: now[0])
    now[0] = 5.0
    bar.update(0.5, "half")
    assert "could not be shown: 503" in caplog.text


def test_artifact_keys_are_what_prefect_takes() -> None:
    from tasks.task_artifacts import artifact_key

    assert artifact_key("word_counts", "demo-GPT_2 ") == "word-counts-demo-gpt-2"
