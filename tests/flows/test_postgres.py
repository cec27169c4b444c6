"""Prefect's server on PostgreSQL: Debian's package, a private cluster on loopback, one run."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from flows.prefect_run import run_with_prefect
from tests.flows.conftest import free_port, running_server
from tests.flows.prefect_builds import step, write_pipelines

pytestmark = [pytest.mark.postgres, pytest.mark.slow]


def binaries() -> Path:
    """Where Debian's postgresql keeps its programs: the newest version."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    assert found, "Debian's PostgreSQL is missing: apt-get install -y postgresql"
    return found[-1].parent


@contextmanager
def cluster() -> Iterator[tuple[str, str]]:
    """A cluster that lives as long as the block; yields its URL and the password in it."""
    programs, port, password = binaries(), free_port(), secrets.token_hex(8)
    account = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}

    with tempfile.TemporaryDirectory(prefix="lexmill-postgres-") as name:
        folder = Path(name)
        (folder / "password").write_text(password)
        if account:  # the server refuses to run as root
            subprocess.run(["chown", "-R", "postgres:postgres", name], check=True)

        def call(program: str, *arguments: str) -> None:
            done = subprocess.run(
                [str(programs / program), *arguments], cwd=folder, capture_output=True, text=True, **account
            )
            assert done.returncode == 0, done.stderr + done.stdout

        data, log = str(folder / "data"), str(folder / "log")
        secret = f"--pwfile={folder / 'password'}"
        call("initdb", "-D", data, "-U", "lexmill", secret, "--auth=scram-sha-256")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
        call("pg_ctl", "-D", data, "-l", log, "-w", "-o", options, "start")
        try:
            yield f"postgresql+asyncpg://lexmill:{password}@127.0.0.1:{port}/postgres", password
        finally:
            call("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")


def test_a_run_on_postgres(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

    server_folder = tmp_path / "server"
    server_folder.mkdir()
    source = step("source")
    steps = [source, *(step(f"part-{number:02}", needs=(source,)) for number in range(4))]
    monkeypatch.setattr("flows.runs.pipeline_steps", lambda name, pipeline, cache: steps)
    with cluster() as (url, password):
        began = time.monotonic()
        with running_server(server_folder, url) as server:
            started = time.monotonic() - began
            monkeypatch.setenv("PREFECT_HOME", str(server.home))
            with temporary_settings({PREFECT_API_URL: server.api, PREFECT_HOME: server.home}):
                outcome = run_with_prefect("steps", write_pipelines(tmp_path))
            ran = time.monotonic() - began - started
            counted = _query(url, "SELECT count(*) FROM task_run WHERE state_type = 'COMPLETED'")
    assert outcome.exit_code == 0
    assert len(outcome.built) == 5
    assert counted == 5
    assert not (server.home / "prefect.db").exists()
    said = (server_folder / "server.log").read_text()
    assert password not in said
    assert not re.search(r" 503 ", said)
    print(f"server start {started:.1f} s, run of five steps {ran:.1f} s")


def _query(url: str, statement: str) -> int:
    """One number from the database, once the server has written what it still holds."""
    import asyncio

    import asyncpg

    async def ask() -> int:
        connection = await asyncpg.connect(url.replace("+asyncpg", ""))
        try:
            for _ in range(60):
                found = await connection.fetchval(statement)
                if found == 5:
                    break
                await asyncio.sleep(0.5)
            return int(found)
        finally:
            await connection.close()

    return asyncio.run(ask())
