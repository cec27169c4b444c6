"""Commands that start Prefect."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.commands.options import DEFAULT_CONFIG, Config, WarehouseUrl
from flows.console import user_errors


def serve(config: Config = DEFAULT_CONFIG, warehouse: WarehouseUrl = None) -> None:
    """Serve every pipeline as a Prefect deployment, with its schedule, until stopped."""
    with user_errors():
        from flows.serve import serve_pipelines

        serve_pipelines(config, warehouse)


def server(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of server and UI.")] = 4200,
    database: Annotated[
        str | None,
        typer.Option(
            help="Database URL, e.g. postgresql+asyncpg://…; SQLite by default.",
            envvar="LEXMILL_PREFECT_DATABASE",
        ),
    ] = None,
) -> None:
    """Start Prefect's server and UI, on loopback unless told otherwise."""
    with user_errors():
        from flows.server import start_server

        start_server(host, port, database)
