"""Options that many commands share."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import typer

from tasks.step import STAGES, InputError, Stage

DEFAULT_CONFIG = Path("pipelines.yaml")
DEFAULT_WAREHOUSE = "warehouse/data"

Config = Annotated[Path, typer.Option("--config", "-c", help="The pipelines file.")]
WarehouseUrl = Annotated[
    str | None,
    typer.Option(
        "--warehouse",
        "-w",
        envvar="LEXMILL_WAREHOUSE",
        help="Warehouse URL (any fsspec URL). Default: for runs what the pipelines file says, else warehouse/data.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", help="Override one key of the pipeline: key.path=value. May be repeated."),
]
Only = Annotated[str | None, typer.Option("--only", help="This stage only.")]
Start = Annotated[str | None, typer.Option("--from", help="This stage and all later ones.")]
PipelineName = Annotated[str, typer.Argument(help="Name of a pipeline in the pipelines file.")]


def stage(name: str | None) -> Stage | None:
    """Check a stage name given on the command line."""
    if name is None:
        return None
    for known in STAGES:
        if name == known:
            return known
    close = get_close_matches(name, STAGES, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise InputError(f"there is no stage {name!r}{hint} (stages: {', '.join(STAGES)})")
