"""Who is building: a token in a folder's name from which a dead owner can be recognised."""

from __future__ import annotations

import os
import re
import secrets
import socket
import time
from functools import cache
from pathlib import Path

SEPARATOR = "~"
# A folder of another machine (or another container) says nothing about its owner's life: only its age does.
FOREIGN_AGE_SECONDS = 24 * 3600.0


def owner_token() -> str:
    """`<pid>~<start time>~<host>~<random>` of this process; unique for every call."""
    pid = os.getpid()
    return SEPARATOR.join((str(pid), _start_time(pid) or "0", _host(), secrets.token_hex(4)))


def is_abandoned(name: str, path: Path) -> bool:
    """Whether the owner named by the token at the end of `name` is dead.

    On this host: no such process, a zombie, or another process that was given the same number later.  On another
    host: nothing below `path` was written for a day.  A name without a token is never abandoned.
    """
    parts = name.split(SEPARATOR)
    if len(parts) < 4 or not parts[-4].rsplit("-", 1)[-1].isdigit():
        return False
    pid, started, host = int(parts[-4].rsplit("-", 1)[-1]), parts[-3], parts[-2]
    if host != _host():
        return time.time() - _last_change(path) > FOREIGN_AGE_SECONDS
    return not is_alive(pid, started)


def is_alive(pid: int, started: str) -> bool:
    """Whether the process `pid` of this host that started at `started` still runs ("0" when unknown)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it runs, as another user
    now = _start_time(pid)
    return not (now is None and Path("/proc/self/stat").exists()) and (now is None or started in ("0", now))


def identity() -> dict[str, str]:
    """`pid`, `started` and `host` of this process, to be written into a run log."""
    return {"pid": str(os.getpid()), "started": _start_time(os.getpid()) or "0", "host": _host()}


def is_dead(identity: dict[str, str] | None) -> bool:
    """Whether the process of an `identity` is known to have ended (unknown, or on another host, counts as alive)."""
    return (
        identity is not None
        and identity["host"] == _host()
        and not is_alive(int(identity["pid"]), identity["started"])
    )


def _start_time(pid: int) -> str | None:
    """Clock ticks since boot at which the process started; None when there is no such living process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()  # the command name before ")" may hold spaces
    return None if fields[0] == "Z" else fields[19]


@cache
def _host() -> str:
    """Host name and process-number name space: two containers may share the first, never the second."""
    try:
        space = re.sub(r"\D", "", os.readlink("/proc/self/ns/pid"))
    except OSError:
        space = "0"
    return re.sub(r"[^A-Za-z0-9_.]", "_", socket.gethostname()) + "." + space


def _last_change(path: Path) -> float:
    times = [path.stat().st_mtime] if path.exists() else [0.0]
    times += [entry.stat().st_mtime for entry in path.rglob("*") if entry.is_file()]
    return max(times)
