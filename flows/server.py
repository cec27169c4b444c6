"""Start Prefect's own server and UI with settings that suit Lexmill."""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import sys
from pathlib import Path

from flows.prefect_home import configure_prefect, note_server
from tasks.step import InputError

DRIVERS = {"sqlite+aiosqlite": "aiosqlite", "postgresql+asyncpg": "asyncpg"}


def start_server(host: str = "127.0.0.1", port: int = 4200, database: str | None = None) -> None:
    """Become `prefect server start`; does not return.

    `database` is a SQLAlchemy URL, SQLite in `PREFECT_HOME` by default; it goes to the server through the environment,
    never through its command line, and is not printed.  Raises InputError for an address or URL that cannot be meant.
    """
    if not 0 < port < 65536:
        raise InputError(f"{port} is not a port; use one between 1 and 65535")
    if database:
        os.environ["PREFECT_SERVER_DATABASE_CONNECTION_URL"] = checked_database(database)
    home = configure_prefect(Path.cwd())
    address = api_address(host, port)
    os.environ["PREFECT_API_URL"] = address
    os.environ.setdefault(
        "PREFECT_SERVER_UI_API_URL", "/api"
    )  # or the UI would ask port 4200, whatever the port
    note_server(home, address)
    print(
        f"Prefect server {address}, home {home}, database {'as given' if database else 'SQLite'}", flush=True
    )
    if not _is_loopback(host):
        print("The server has no password: whoever reaches this address can start runs.", file=sys.stderr)
    command = ["-m", "prefect", "server", "start", "--host", host, "--port", str(port), "--analytics-off"]
    os.execv(sys.executable, [sys.executable, *command])  # noqa: S606


def api_address(host: str, port: int) -> str:
    """Address of the API as programs on this machine reach it."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 (compared, not bound)
        host = "127.0.0.1"
    return f"http://[{host}]:{port}/api" if ":" in host else f"http://{host}:{port}/api"


def checked_database(url: str) -> str:
    """The URL itself, when its driver is known and installed; the error never repeats the URL: it holds a password."""
    scheme = url.partition("://")[0]
    if scheme not in DRIVERS or "://" not in url:
        raise InputError(
            "the database URL must begin with sqlite+aiosqlite:// or postgresql+asyncpg://"
            + (f", not {scheme}://" if "://" in url else "")
        )
    if importlib.util.find_spec(DRIVERS[scheme]) is None:
        raise InputError(f"{scheme} needs the package {DRIVERS[scheme]}; install `lexmill[postgres]`")
    return url


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
