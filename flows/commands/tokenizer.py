"""`lexmill tokenizer`: train one from counts or files, see which algorithms there are, audit any file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from flows.commands.options import DEFAULT_WAREHOUSE, AsJson, WarehouseUrl
from flows.console import TerminalObserver, console, print_json, print_rows, user_errors
from tasks.step import InputError

app = typer.Typer(
    help="Train a tokenizer by any published algorithm, list the algorithms, audit any tokenizer.json.",
    no_args_is_help=True,
)


@app.command()
def algorithms(as_json: AsJson = False) -> None:
    """List the algorithms: what each is, how exact its tokenizer.json is, its own settings."""
    with user_errors():
        from lexmill.tokenizer.algorithms import ALGORITHMS
        from lexmill.tokenizer.params import TrainerSpec

        rows = [
            {
                "algorithm": name,
                "export": algorithm.export,
                "summary": algorithm.summary,
                "paper": algorithm.paper,
                "settings": {
                    key: field.get_default(call_default_factory=True)
                    if not field.is_required()
                    else "required"
                    for key, field in algorithm.spec.model_fields.items()
                    if key not in TrainerSpec.model_fields and key != "algorithm"
                },
            }
            for name, algorithm in ALGORITHMS.items()
        ]
    if as_json:
        print_json(rows)
    else:
        print_rows(
            [
                {**row, "settings": ", ".join(f"{k}={v}" for k, v in row["settings"].items())}
                for row in rows  # type: ignore[attr-defined]
            ]
        )


@app.command()
def train(
    algorithm: Annotated[str, typer.Option(metavar="NAME", help="See `lexmill tokenizer algorithms`.")],
    vocab_size: Annotated[
        int, typer.Option(min=1, help="Everything counted: bytes, learned, special tokens.")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="New or empty folder for the tokenizer's files.")],
    counts: Annotated[
        str | None, typer.Option(metavar="ARTIFACT", help="Word counts of the warehouse.")
    ] = None,
    corpus: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[LANGUAGE=]PATH",
            help="A file, folder, glob or URL; one file or JSON Lines record is one document.  Repeat it.",
        ),
    ] = None,
    weight: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=W", help="Factor on the counts of a language or domain.  Repeat it."),
    ] = None,
    pretokenizer: Annotated[
        str | None,
        typer.Option(help="Name of a pattern (gpt2, gpt4, gpt4o, llama3 ...) or a regular expression."),
    ] = None,
    normalizer: Annotated[str | None, typer.Option(help="none, NFC or NFKC.")] = None,
    framing: Annotated[
        str | None, typer.Option(help="document, or line: every line is cut into words on its own.")
    ] = None,
    special_token: Annotated[
        list[str] | None, typer.Option(help="None unless asked for.  Repeat it.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of algorithms with something random.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Any other setting of the algorithm."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the artifact.  Default: the algorithm's.")] = None,
    warehouse: WarehouseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Train one tokenizer.  Other weights do not read the text again; wrong input writes nothing."""
    with user_errors():
        from flows.adhoc_tokenizer import TokenizerRequest, parse_settings, parse_weights, train_files

        given: dict[str, Any] = {
            "name": name,
            "vocab_size": vocab_size,
            "pretokenizer": pretokenizer,
            "normalizer": normalizer,
            "framing": framing,
            "weights": parse_weights(weight or []) or None,
            "special_tokens": tuple(special_token) if special_token else None,
            "seed": seed,
        }
        values = {key: value for key, value in given.items() if value is not None}
        request = TokenizerRequest(
            algorithm,
            values | parse_settings(settings or [], {"algorithm", *values}),
            counts,
            corpus or [],
            out,
        )
        run = train_files(request, warehouse or DEFAULT_WAREHOUSE, TerminalObserver(quiet=as_json))
        problem = "; ".join(message for _, message in run.outcome.problems)
        if run.outcome.input_error:
            raise InputError(problem)
        if run.outcome.cancelled:
            raise KeyboardInterrupt
        if run.artifact is None:
            console(stderr=True).print(problem, markup=False)
            raise typer.Exit(run.outcome.exit_code)
        result = run.result(out)
    if as_json:
        print_json(result)
        return
    export = result["export"]
    console().print(
        f"{result['algorithm']}: {result['vocab_size']:,} ids in {out}  ({result['artifact']})",
        soft_wrap=True,
    )
    console().print(
        f"export {export['label']}: {export['agreement']:.2%} of the words of split {export['split']} get the ids of "
        f"the encoder {result['encoder']}, {export['token_ratio']:.4f} times its tokens",
        soft_wrap=True,
    )


@app.command()
def audit(
    file: Annotated[
        Path, typer.Argument(metavar="TOKENIZER", help="A tokenizer.json, or a folder with one.")
    ],
    as_json: AsJson = False,
) -> None:
    """Look for defects in a tokenizer.json: unreachable ids, missing bytes, duplicates, text that is lost."""
    with user_errors():
        from flows.tokenizer_audit import audit_file, print_audit

        found = audit_file(file)
        if as_json:
            print_json(found)
        else:
            print_audit(found)
    if found["failures"]:
        raise typer.Exit(1)


@app.command()
def sizes(
    counts: Annotated[str, typer.Option(metavar="ARTIFACT", help="Word counts of the warehouse.")],
    development_domain: Annotated[
        list[str],
        typer.Option(metavar="DOMAIN", help="Parallel text; its split `valid` is measured.  Repeat it."),
    ],
    language: Annotated[
        list[str] | None, typer.Option(help="Only these languages.  Repeat it.  Default: all of the counts.")
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(
            metavar="LANGUAGE=SIZE",
            help="Reach the tokens of this language at this size.  Default: the fewest that all languages reach.",
        ),
    ] = None,
    warehouse: WarehouseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Find the vocabulary size at which each language takes the same number of tokens for the same text."""
    with user_errors():
        from flows.tokenizer_sizes import sizes_of_languages

        rows = sizes_of_languages(
            warehouse or DEFAULT_WAREHOUSE, counts, development_domain, language, reference
        )
    if as_json:
        print_json(rows)
    else:
        print_rows(
            [{key: row[key] for key in ("language", "reached", "size", "tokens", "target")} for row in rows]
        )
