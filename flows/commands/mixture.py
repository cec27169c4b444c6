"""`lexmill mixture`: what was this tokenizer trained on?"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from flows.commands.options import DEFAULT_WAREHOUSE, AsJson, WarehouseUrl
from flows.console import TerminalObserver, console, print_json, user_errors
from tasks.step import InputError

app = typer.Typer(
    help="What was a BPE tokenizer trained on?  Inspect its merges, infer the mixture, simulate how well that works.",
    no_args_is_help=True,
)

Tokenizer = Annotated[
    Path,
    typer.Argument(
        metavar="TOKENIZER",
        help="tokenizer.json, .tiktoken, SentencePiece .model, vocab.bpe, tekken or bpe_ranks JSON; or a folder.",
    ),
]
CategoryPaths = Annotated[
    list[str] | None,
    typer.Option(
        "--category",
        metavar="NAME=PATH",
        help="Text of one category: a .txt, .jsonl (.gz, .zst), .parquet file, a folder or a glob.  Repeat it.",
    ),
]
Known = Annotated[
    list[str] | None,
    typer.Option(
        "--known", metavar="NAME=PATH", help="A tokenizer it may have inherited its first merges from."
    ),
]
JsonFile = Annotated[
    str | None, typer.Option("--json", metavar="FILE", help="Write the answer as JSON; - is standard output.")
]
DocumentRule = Annotated[
    Literal["line", "paragraph", "file"],
    typer.Option(
        "--document", help="What is one document in text files; paragraphs are parted by empty lines."
    ),
]
TextField = Annotated[str, typer.Option("--text-field", help="Field of the text in JSON Lines and Parquet.")]
Pretokenizer = Annotated[
    str | None,
    typer.Option(help="gpt2, gpt4, gpt4o or a regular expression.  Default: what the tokenizer's file says."),
]
Normalizer = Annotated[
    Literal["none", "NFC", "NFKC"] | None, typer.Option(help="Default: what the tokenizer's file says.")
]
Seed = Annotated[int, typer.Option(min=0, help="Of all that is random.")]
Gap = Annotated[
    float,
    typer.Option(min=0.0, max=0.5, help="Certified relative optimality gap to stop at; 0: solve to the end."),
]
Merges = Annotated[
    int | None,
    typer.Option(min=1, help="How many merges to look at.  Default: while the text has enough of them."),
]


@app.command()
def inspect(tokenizer: Tokenizer, known: Known = None, as_json: AsJson = False) -> None:
    """Show what kind of merge list a file holds, how it cuts text, and whose merges it begins with."""
    with user_errors():
        from flows.adhoc_mixture import tokenizer_file
        from flows.mixture_tables import print_inspection
        from lexmill.mixture.inspect import describe

        path = tokenizer_file(tokenizer)
        found = describe(_load(path), {name: merges for name, (_, merges) in _known_lists(known).items()})
        if as_json:
            print_json(found)
        else:
            print_inspection(path.name, found)


@app.command()
def infer(
    tokenizer: Tokenizer,
    category: CategoryPaths = None,
    counts: Annotated[
        str | None,
        typer.Option(
            metavar="ARTIFACT", help="Word counts of the warehouse instead: its languages are categories."
        ),
    ] = None,
    merges: Merges = None,
    start_merge: Annotated[
        str,
        typer.Option(metavar="auto|N", help="First merge looked at; auto: the first that is not inherited."),
    ] = "auto",
    gap: Gap = 0.01,
    bootstrap: Annotated[
        int, typer.Option(min=0, max=1000, help="Replicates behind the 90 % intervals; 0: no intervals.")
    ] = 20,
    seed: Seed = 0,
    json_file: JsonFile = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the shares as a bar chart (.svg).")
    ] = None,
    document: DocumentRule = "paragraph",
    text_field: TextField = "text",
    pretokenizer: Pretokenizer = None,
    normalizer: Normalizer = None,
    known: Known = None,
    warehouse: WarehouseUrl = None,
) -> None:
    """Infer the share of every category in the tokenizer's training data, with intervals."""
    with user_errors():
        from flows.adhoc_mixture import MixtureRequest, infer_files
        from flows.mixture_tables import print_mixture

        _check_targets(json_file, plot)
        request = MixtureRequest(
            tokenizer=tokenizer,
            params=_audit(tokenizer, merges, start_merge, gap, bootstrap, seed, counts is not None),
            categories=_categories(category, counts, pretokenizer, normalizer),
            counts=counts,
            document=document,
            text_field=text_field,
            pretokenizer=_pattern(pretokenizer),
            normalizer=normalizer,
            known={name: file for name, (file, _) in _known_lists(known, start_merge == "auto").items()},
        )
        run = infer_files(request, warehouse or DEFAULT_WAREHOUSE, TerminalObserver(quiet=json_file == "-"))
        if run.outcome.input_error:
            raise InputError(_plain_problem(run.outcome.problems))
        if run.outcome.cancelled:
            raise KeyboardInterrupt
        if run.mixture is None:
            console(stderr=True).print(_plain_problem(run.outcome.problems), markup=False)
            raise typer.Exit(run.outcome.exit_code)
        if plot is not None:
            _write(plot, run.mixture.file("shares.svg").read_bytes())
        if json_file != "-":
            print_mixture(run.result)
        _write_json(json_file, run.result)


@app.command()
def simulate(
    category: CategoryPaths = None,
    trials: Annotated[int, typer.Option(min=1, help="How many mixtures are drawn.")] = 20,
    categories: Annotated[int, typer.Option(min=2, help="Categories in each mixture.")] = 5,
    vocab_size: Annotated[
        int, typer.Option(min=257, max=1 << 20, help="Of the tokenizers that are trained.")
    ] = 30_000,
    merges: Merges = None,
    gap: Gap = 0.01,
    bootstrap: Annotated[
        int, typer.Option(min=0, max=1000, help="Replicates behind each interval; 0: no intervals.")
    ] = 20,
    seed: Seed = 0,
    json_file: JsonFile = None,
    document: DocumentRule = "paragraph",
    text_field: TextField = "text",
    pretokenizer: Pretokenizer = "gpt4o",
    normalizer: Normalizer = "none",
) -> None:
    """Train tokenizers on random mixtures of the categories, infer the mixtures back, and say how well that went."""
    with user_errors():
        from flows.mixture_simulation import run_simulation
        from flows.mixture_tables import print_simulation

        _check_targets(json_file, None)
        chosen = _categories(category, None, pretokenizer, normalizer)
        if categories > len(chosen):
            raise InputError(
                f"--categories {categories}: only {len(chosen)} are given with --category; ask for fewer"
            )
        result = run_simulation(
            chosen,
            document=document,
            text_field=text_field,
            pretokenizer=_pattern(pretokenizer) or "gpt4o",
            normalizer=normalizer or "none",
            trials=trials,
            categories=categories,
            vocab_size=vocab_size,
            merges="auto" if merges is None else merges,
            gap=gap,
            bootstrap=bootstrap,
            seed=seed,
            quiet=json_file == "-",
        )
        if json_file != "-":
            print_simulation(result)
        _write_json(json_file, result)


def _audit(
    tokenizer: Path, merges: int | None, start: str, gap: float, bootstrap: int, seed: int, from_counts: bool
) -> Any:
    from lexmill.mixture.params import AuditParams

    if start != "auto" and not start.isdecimal():
        raise InputError(f"--start-merge {start!r}: give auto or a whole number from 0 on")
    values: dict[str, Any] = {
        "name": "adhoc",
        "tokenizer": {"path": str(tokenizer)},
        "merges": "auto" if merges is None else merges,
        "start_merge": "auto" if start == "auto" else int(start),
        "gap": gap,
        "bootstrap": bootstrap,
        "seed": seed,
    }
    if not from_counts:
        values["min_bytes"] = 1  # who names a category wants it counted
    return AuditParams.model_validate(values)


def _categories(
    given: list[str] | None, counts: str | None, pretokenizer: str | None, normalizer: str | None
) -> Any:
    from lexmill.mixture.sources import SourceError, parse_categories

    if counts is None:
        try:
            return parse_categories(given or [])
        except SourceError as error:
            raise InputError(str(error)) from error
    if given:
        raise InputError("--category and --counts exclude each other: give one of them")
    if pretokenizer is not None or normalizer is not None:
        raise InputError("--counts are cut already: leave --pretokenizer and --normalizer out")
    return ()


def _pattern(pretokenizer: str | None) -> str | None:
    """The same, checked."""
    from lexmill.tokenizer.patterns import pattern_of

    if pretokenizer is not None:
        try:
            pattern_of(pretokenizer)
        except ValueError as error:
            raise InputError(f"--{error}") from error
    return pretokenizer


def _load(path: Path) -> Any:
    """The merge list of a file that the user names.  Raises InputError."""
    from lexmill.mixture.mergelist import MergeList, MergeListError

    try:
        return MergeList.load(path)
    except MergeListError as error:
        raise InputError(str(error)) from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def _known_lists(given: list[str] | None, installed: bool = True) -> dict[str, tuple[Path, Any]]:
    """Tokenizers to compare with, file and merge list: those of installed packages, and those that the user names."""
    from flows.adhoc_mixture import tokenizer_file
    from lexmill.mixture.inherit import installed_tokenizers, readable
    from lexmill.mixture.sources import SourceError, named_path

    files = installed_tokenizers() if installed else {}
    found = {name: (files[name], merges) for name, merges in readable(files).items()}
    named: dict[str, tuple[Path, Any]] = {}
    for value in given or ():
        try:
            name, path = named_path(value, "--known")
        except SourceError as error:
            raise InputError(str(error)) from error
        if name in named:
            raise InputError(f"--known {name} is given twice: name each tokenizer once")
        file = tokenizer_file(Path(path))
        named[name] = (file, _load(file))
    return {**found, **named}


def _check_targets(json_file: str | None, plot: Path | None) -> None:
    """Say before the work what would fail after it."""
    if plot is not None and plot.suffix != ".svg":
        raise InputError(f"--plot {plot}: the chart is an SVG; give a name that ends in .svg")
    for flag, target in (
        ("--json", None if json_file in (None, "-") else Path(str(json_file))),
        ("--plot", plot),
    ):
        if target is None:
            continue
        if target.is_dir() or not target.absolute().parent.is_dir():
            raise InputError(f"{flag} {target}: name a file in a folder that is there")
        if not os.access(target.absolute().parent, os.W_OK):
            raise InputError(f"{flag} {target}: the folder cannot be written to")


def _write_json(target: str | None, value: Any) -> None:
    import json

    if target == "-":
        print_json(value)
    elif target is not None:
        text = json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False)
        _write(Path(target), (text + "\n").encode())


def _write(target: Path, data: bytes) -> None:
    """The whole file or nothing of it."""
    scratch = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        scratch.write_bytes(data)
        os.replace(scratch, target)
    finally:
        scratch.unlink(missing_ok=True)


def _plain_problem(problems: list[tuple[str, str]]) -> str:
    """What went wrong, without the names of artifacts that the user did not choose."""
    found = []
    for title, message in problems:
        name = title.rpartition("/")[2]
        found.append(message.removeprefix(f"{title}: ").removeprefix(f"{name}: "))
    return "; ".join(found)
