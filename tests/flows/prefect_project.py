"""A small real project for served runs: local text, two tokenizers, an audit; and a pipeline that never ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.flows.conftest import PrefectServer

PIPELINES = """\
version: 1
defaults:
  warehouse: data
  runner: {kind: threads, workers: 2}
  retries: {attempts: 0}
pipelines:
  small:
    description: Two tokenizers of two small texts
    schedule: {cron: "CRON", timezone: Europe/Berlin}
    tags: [demo]
    corpora:
      - {name: english, path: english.txt, language: eng_Latn, document: paragraph, license: CC0-1.0}
      - {name: german, path: german.txt, language: deu_Latn, document: paragraph, license: CC0-1.0}
    tokenizers:
      - {name: one, vocab_size: 300}
      - {name: two, vocab_size: 320}
    audits:
      - {name: own, tokenizer: one, categories: language, min_bytes: 1000, bootstrap: 0}
  stuck:
    corpora:
      - name: never
        package: {registry: pypi, name: lexmill-never-answered, version: 1.0.0, sha256: "DIGEST"}
        format: text
        members: '.*[.]txt'
        language: eng_Latn
        license: CC0-1.0
"""

ENGLISH = (
    "The {n} boats came home before the storm, and {n} children counted the lamps along the harbour wall."
)
GERMAN = "Die {n} Boote kamen vor dem Sturm nach Hause, und {n} Kinder zählten die Lampen an der Hafenmauer."


def write_project(folder: Path, cron: str = "0 4 * * 1") -> Path:
    """Texts and pipelines file; returns the file."""
    for name, sentence in (("english", ENGLISH), ("german", GERMAN)):
        paragraphs = [sentence.format(n=n * n + 7) for n in range(60)]
        (folder / f"{name}.txt").write_text("\n\n".join(paragraphs), encoding="utf-8")
    config = folder / "pipelines.yaml"
    config.write_text(PIPELINES.replace("CRON", cron).replace("DIGEST", "0" * 64))
    return config


@contextmanager
def silent_registry() -> Iterator[str]:
    """A package registry that accepts connections and never answers: a download from it takes for ever."""
    listener = socket.create_server(("127.0.0.1", 0))
    held: list[socket.socket] = []

    def hold() -> None:
        while True:
            try:
                held.append(listener.accept()[0])
            except OSError:
                return

    threading.Thread(target=hold, daemon=True).start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/simple"
    listener.close()
    for connection in held:
        connection.close()


@contextmanager
def served(config: Path, server: PrefectServer, elsewhere: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`lexmill serve` started from another folder; ended with SIGTERM, which must end it cleanly."""
    with silent_registry() as registry, (elsewhere / "serve.log").open("wb") as log:
        environment = {
            **server.environment,
            "LEXMILL_CACHE": str(elsewhere / "cache"),
            "PIP_INDEX_URL": registry,
            "PIP_CONFIG_FILE": os.devnull,
            "PREFECT_RUNNER_POLL_FREQUENCY": "2",
        }
        command = [sys.executable, "-m", "flows.cli", "serve", "--config", str(config)]
        process = subprocess.Popen(command, cwd=elsewhere, env=environment, stdout=log, stderr=log)
        try:
            wait_for(
                lambda: b"Serving" in (elsewhere / "serve.log").read_bytes(), 90, "lexmill serve", process
            )
            yield process
            process.send_signal(signal.SIGTERM)
            code = process.wait(timeout=60)
            assert code == 0, f"exit code {code}: " + (elsewhere / "serve.log").read_text()[-3000:]
        finally:
            process.kill()
            process.wait()


def wait_for(
    found: Callable[[], Any], seconds: float, what: str, process: subprocess.Popen[bytes] | None = None
) -> Any:
    """Ask until the answer is true, and return it."""
    deadline = time.monotonic() + seconds
    while not (answer := found()):
        assert process is None or process.poll() is None, f"{what}: the process ended"
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s"
        time.sleep(0.3)
    return answer
