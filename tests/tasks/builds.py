"""Build functions that behave in one known way each."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from tasks.step import BuildContext, InputError


def write_text(context: BuildContext) -> None:
    """A small deterministic payload from parameters and inputs."""
    parts = [a.file("text.txt").read_text() for a in context.inputs.get("parts", [])]
    (context.out / "text.txt").write_text("".join([*parts, f"{context.params['text']}\n"]))
    context.metric("characters", len(context.params["text"]), "characters", name=context.name)
    context.progress(1.0, "written")


def refuse_input(context: BuildContext) -> None:
    raise InputError("the file notes.txt is empty; give one with text")


def crash(context: BuildContext) -> None:
    raise RuntimeError("this build is broken")


def die(context: BuildContext) -> None:
    (context.out / "half.txt").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)


def sleep(context: BuildContext) -> None:
    (context.out / "half.txt").write_text("half")
    context.progress(0.1, f"pid {os.getpid()}")
    time.sleep(float(context.params["seconds"]))
    (context.out / "text.txt").write_text("rested")


def leave_nothing(context: BuildContext) -> None:
    context.log("nothing to do")


def talk(context: BuildContext) -> None:
    """Prints on standard output, which must not disturb the answers."""
    print("a library prints this")
    context.log("a line for the log")
    (context.out / "text.txt").write_text("said")


def fail_until(context: BuildContext) -> None:
    """Fails until it was called `times` times: the count lies in a file outside the warehouse."""
    counter = Path(context.runtime["counter"])
    calls = 1 + (int(counter.read_text()) if counter.exists() else 0)
    counter.write_text(str(calls))
    if calls < context.params["times"]:
        raise RuntimeError(f"attempt {calls} fails")
    (context.out / "text.txt").write_text("at last")
