"""What a person or a program sees: tables, JSON, progress, and errors with exit codes."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flows.runs import RunOutcome
from tasks.plan import PlannedStep
from tasks.step import InputError
from tasks.worker import StepError, StepResult

WIDTH_IN_A_PIPE = 180


def console(stderr: bool = False) -> Console:
    """A console that does not cut lines when its output is read by a program."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, width=None if stream.isatty() else WIDTH_IN_A_PIPE, highlight=False)


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    print(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))


def _plain(value: Any) -> Any:
    """What DuckDB and Arrow give beyond JSON's own types."""
    if isinstance(value, Decimal):  # sums of integers are 128-bit in DuckDB
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return str(value)


def print_rows(rows: Sequence[Mapping[str, Any]], title: str = "", empty: str = "nothing") -> None:
    """A table of dictionaries with the same keys; cells are shown as they are, markup is not interpreted."""
    if not rows:
        console().print(empty)
        return
    table = Table(title=title or None, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for key in rows[0]:
        table.add_column(str(key), overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if value is None else str(value)) for value in row.values()))
    console().print(table)


@contextmanager
def user_errors() -> Iterator[None]:
    """Exit code 2 for wrong input, 1 for a failed run; no stack trace for a user's mistake."""
    try:
        yield
    except (InputError, LookupError) as error:
        if isinstance(error, KeyError | IndexError):
            raise  # not a reference that nothing answers to, but a mistake of ours
        message = str(error.args[0] if error.args else error)
        console(stderr=True).print(Text(f"error: {message}", style="red"))
        if "--json" in sys.argv:
            print_json({"error": message, "exit_code": 2})
        raise typer.Exit(2) from None
    except StepError as error:
        console(stderr=True).print(Text(f"failed: {error}\n{error.details}", style="red"))
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        console(stderr=True).print("interrupted")
        raise typer.Exit(130) from None


class TerminalObserver:
    """Shows a run line by line: readable in a terminal, in a log file, and in CI."""

    def __init__(self, quiet: bool = False) -> None:
        self._console = console(stderr=True)
        self._quiet = quiet
        self._started = time.monotonic()
        self._shown: dict[str, float] = {}

    def _line(self, text: str, style: str = "") -> None:
        if not self._quiet:
            elapsed = time.monotonic() - self._started
            self._console.print(Text(f"{elapsed:6.1f} s  {text}", style=style))

    def started(self, planned: PlannedStep) -> None:
        """A step begins."""
        why = "; ".join(planned.why) or planned.status
        self._line(f"{planned.step.stage:9} {planned.step.title}  ({why})")

    def progress(self, planned: PlannedStep, fraction: float, message: str) -> None:
        """At most one line every five seconds a step."""
        now = time.monotonic()
        if now - self._shown.get(planned.step.title, self._started) >= 5:
            self._shown[planned.step.title] = now
            self._line(f"          {planned.step.title}  {fraction:4.0%} {message}", "dim")

    def log(self, planned: PlannedStep, message: str) -> None:
        """A step says something."""
        self._line(f"          {planned.step.title}  {message}", "dim")

    def finished(self, planned: PlannedStep, result: StepResult) -> None:
        """A step is done."""
        seconds = result.record.producer.seconds
        self._line(f"done      {planned.step.title}  {result.status} in {seconds:.1f} s", "green")

    def failed(self, planned: PlannedStep, error: Exception) -> None:
        """A step is not done."""
        self._line(f"FAILED    {error}", "bold red")
        if isinstance(error, StepError) and error.details:
            self._line(error.details, "dim")


def outcome_json(outcome: RunOutcome) -> dict[str, Any]:
    """What `lexmill run --json` prints."""
    return {
        "run_id": outcome.run_id,
        "status": outcome.status,
        "built": outcome.built,
        "reused": outcome.reused,
        "problems": [{"step": title, "message": message} for title, message in outcome.problems],
        "exit_code": outcome.exit_code,
    }
