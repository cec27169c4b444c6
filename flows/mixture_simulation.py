"""`lexmill mixture simulate`: read the categories, split their documents in halves, run the trials."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from typing import Any, Literal

from flows.console import console
from lexmill.mixture.bootstrap import Document, ReplicateError
from lexmill.mixture.infer import MixtureInputError
from lexmill.mixture.separation import SolverError
from lexmill.mixture.simulate import SimulationError, halves_of, simulate
from lexmill.mixture.sources import (
    Category,
    DocumentRule,
    ReadTally,
    SourceError,
    category_files,
    read_category,
)
from lexmill.tokenizer.split import SplitError, normalize, splitter
from tasks.step import InputError
from tasks.worker import StepError


def run_simulation(
    categories_: Sequence[Category],
    *,
    document: DocumentRule,
    text_field: str,
    pretokenizer: str,
    normalizer: str,
    trials: int,
    categories: int,
    vocab_size: int,
    merges: int | Literal["auto"],
    gap: float,
    bootstrap: int,
    seed: int,
    quiet: bool,
) -> dict[str, Any]:
    """{summary, rows, settings, read, seconds} of a simulation (see `lexmill.mixture.simulate`).

    Raises InputError, and StepError where the solver fails.
    """
    cut, change = splitter(pretokenizer), normalize(normalizer)
    show = _progress(quiet)
    tallies = {category.name: ReadTally() for category in categories_}
    started = time.perf_counter()
    try:
        halves = halves_of(
            _documents(categories_, document, text_field, tallies, show), lambda text: cut(change(text)), seed
        )
        read = time.perf_counter() - started
        found = simulate(
            halves,
            trials,
            categories,
            vocab_size,
            seed,
            bootstrap=bootstrap,
            merges=merges,
            gap=gap,
            progress=show,
        )
    except (SourceError, SimulationError, SplitError, MixtureInputError, ReplicateError) as error:
        raise InputError(str(error)) from error
    except SolverError as error:
        raise StepError(str(error)) from error
    return {
        "summary": found.summary(),
        "rows": list(found.rows),
        "settings": {
            "trials": trials, "categories": categories, "vocab_size": vocab_size, "merges": merges, "gap": gap,
            "bootstrap": bootstrap, "seed": seed, "pretokenizer": pretokenizer, "normalizer": normalizer,
        },
        "read": {name: asdict(tally) for name, tally in tallies.items()},
        "seconds": {"read": round(read, 3), "trials": round(time.perf_counter() - started - read, 3)},
    }  # fmt: skip


def _documents(
    categories: Sequence[Category],
    rule: DocumentRule,
    text_field: str,
    tallies: dict[str, ReadTally],
    show: Callable[[float, str], None],
) -> Iterator[Document]:
    for number, category in enumerate(sorted(categories, key=lambda category: category.name)):
        files, tally = category_files(category), tallies[category.name]
        show(0.0, f"reading {category.name} ({number + 1} of {len(categories)})")
        for found in read_category(category, files, rule, text_field, tally):
            yield Document(found.unit, found.category, found.source, found.text)
        if not tally.documents:
            raise SourceError(f"category {category.name!r} is empty: give it text, or leave it out")


def _progress(quiet: bool) -> Callable[[float, str], None]:
    """At most a line every five seconds, on standard error."""
    out, begun = console(stderr=True), time.monotonic()
    last = [begun]

    def show(fraction: float, message: str) -> None:
        now = time.monotonic()
        if not quiet and now - last[0] >= 5:
            last[0] = now
            out.print(f"{now - begun:6.1f} s  {fraction:4.0%} {message}", markup=False)

    return show
