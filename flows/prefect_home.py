"""Where Prefect keeps its things, what it may send, and which server a command talks to.

Call `configure_prefect` before the first `import prefect` of a process: Prefect reads these settings only once.
"""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from pathlib import Path

SERVER_FILE = "lexmill-server.json"


def configure_prefect(project: Path) -> Path:
    """Set what the user has not set: home in `<project>/warehouse/.prefect`, no telemetry; returns the home.

    Profiles (`prefect profile`, `prefect config set`) stay those in `~/.prefect`, so a server chosen there is used.
    """
    home = Path(os.environ.setdefault("PREFECT_HOME", str(project.resolve() / "warehouse" / ".prefect")))
    home.mkdir(parents=True, exist_ok=True)
    profiles = Path.home() / ".prefect" / "profiles.toml"
    if profiles.is_file():
        os.environ.setdefault("PREFECT_PROFILES_PATH", str(profiles))
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    return home


def use_running_server(home: Path) -> str | None:
    """The API address that this process will use: the user's setting, else our own server when it answers.

    None means that no server is known; Prefect then starts one for as long as the process lives.
    """
    from prefect.settings import PREFECT_API_URL

    if configured := PREFECT_API_URL.value():
        return str(configured)
    try:
        address = str(json.loads((home / SERVER_FILE).read_text(encoding="utf-8"))["api"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not server_answers(address):
        return None
    os.environ["PREFECT_API_URL"] = address  # also for the processes that we start
    return address


def note_server(home: Path, address: str) -> None:
    """Leave the address of the server that is about to start, for the commands that look for it."""
    (home / SERVER_FILE).write_text(json.dumps({"api": address}) + "\n", encoding="utf-8")


def server_answers(address: str) -> bool:
    """Whether a Prefect API is healthy there, within two seconds."""
    if not address.startswith(("http://", "https://")):
        return False
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{address}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def page_of(address: str) -> str:
    """Address of the UI that belongs to an API address."""
    return address.removesuffix("/").removesuffix("/api")
