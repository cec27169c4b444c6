"""One Prefect server for all tests that need one: a process of its own, with its own home and port."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from flows.prefect_home import server_answers

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 400.0  # 13 s alone; minutes on a machine that does ten other things


@dataclass(frozen=True)
class PrefectServer:
    """A running server: its API address, its home, and the environment for programs that use it."""

    api: str
    home: Path
    environment: dict[str, str]

    @property
    def page(self) -> str:
        return self.api.removesuffix("/api")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_server(folder: Path, database: str | None = None) -> Iterator[PrefectServer]:
    """`lexmill server` in `folder` until the block ends."""
    port = free_port()
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")},
        "PREFECT_HOME": str(folder / "home"),
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
        "NO_PROXY": "127.0.0.1,localhost",
    }
    command = [sys.executable, "-m", "flows.cli", "server", "--port", str(port)]
    given = {**environment, **({"LEXMILL_PREFECT_DATABASE": database} if database else {})}
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=given, stdout=log, stderr=log)
    try:
        api = f"http://127.0.0.1:{port}/api"
        deadline = time.monotonic() + START_SECONDS
        while not server_answers(api):
            assert process.poll() is None, (folder / "server.log").read_text()
            assert time.monotonic() < deadline, "the Prefect server did not come up"
            time.sleep(0.2)
        yield PrefectServer(api, folder / "home", {**environment, "PREFECT_API_URL": api})
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """A server that this process and its children use."""
    with running_server(tmp_path_factory.mktemp("prefect")) as server:
        yield server
        if handlers := sys.modules.get("prefect.logging.handlers"):
            handlers.APILogWorker.drain_all(timeout=10)  # while there is a server to take the last lines


@pytest.fixture
def prefect_api(prefect_server: PrefectServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[PrefectServer]:
    """Lets Prefect in this process talk to the server."""
    monkeypatch.setenv("PREFECT_API_URL", prefect_server.api)
    monkeypatch.setenv("PREFECT_HOME", str(prefect_server.home))
    from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

    with temporary_settings({PREFECT_API_URL: prefect_server.api, PREFECT_HOME: prefect_server.home}):
        yield prefect_server
