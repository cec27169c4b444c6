"""The command line `lexmill`: which commands there are."""

from __future__ import annotations

import typer

from flows.commands import inspect, maintain, mixture, prefect, runs, tokenizer

app = typer.Typer(
    name="lexmill",
    help="Multilingual corpora to tokenizers and adapted language models, with lineage.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    runs.run, runs.plan, runs.ingest, runs.validate, runs.schema,
    prefect.serve, prefect.server,
    inspect.artifacts, inspect.lineage, inspect.diff, inspect.trace, inspect.sql,
    maintain.verify, maintain.reproduce, maintain.gc,
):  # fmt: skip
    app.command()(command)
app.add_typer(tokenizer.app, name="tokenizer")
app.add_typer(mixture.app, name="mixture")


def main() -> None:
    """Entry point of the console command."""
    app()


if __name__ == "__main__":
    main()
