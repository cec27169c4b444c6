"""Commands that check, remake and clean a warehouse."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from flows.commands.inspect import Reference, open_warehouse
from flows.commands.options import AsJson, WarehouseUrl
from flows.console import console, print_json, print_rows, user_errors
from warehouse.references import Version


def verify(
    reference: Annotated[str | None, typer.Argument(help="One artifact; all of them when absent.")] = None,
    warehouse: WarehouseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Hash payloads again and compare with the records.

    What is not as recorded is set aside, so that the next run builds it again, and the exit code is 1.
    """
    with user_errors():
        from warehouse.verify import verify as check

        store = open_warehouse(warehouse)
        results = check(store, reference)
        damaged = [result for result in results if result.status != "ok"]
        for result in damaged:
            if store.has(result.kind, result.name, result.fingerprint):
                store.quarantine_version(Version(result.kind, result.name, result.fingerprint))
    rows = [{**result.to_dict(), "problems": "; ".join(result.problems)} for result in results]
    if as_json:
        print_json(rows)
    else:
        print_rows(rows, empty="no artifacts")
        if damaged:
            console().print(f"{len(damaged)} set aside in .quarantine; the next run builds them again")
    if damaged:
        raise typer.Exit(1)


def reproduce(reference: Reference, warehouse: WarehouseUrl = None, as_json: AsJson = False) -> None:
    """Make an artifact and all it was made from again in a fresh place; exit code 1 when content differs."""
    with user_errors():
        from flows.reproduce import reproduce as remake

        rows = []
        for item in remake(open_warehouse(warehouse), reference):
            row = {
                "artifact": f"{item.kind}/{item.name}@{item.fingerprint}",
                "same": item.same,
                "recorded": item.recorded[:16],
                "found": item.found[:16],
            }
            rows.append(row)
            if not as_json:
                console(stderr=True).print(f"{'same     ' if item.same else 'DIFFERENT'} {row['artifact']}")
    if as_json:
        print_json(rows)
    else:
        same = sum(bool(row["same"]) for row in rows)
        console().print(f"{same} of {len(rows)} artifacts came out the same")
    if not all(row["same"] for row in rows):
        raise typer.Exit(1)


def gc(
    remove: Annotated[
        bool, typer.Option("--remove", help="Remove them; without it nothing is touched.")
    ] = False,
    keep_runs: Annotated[int, typer.Option(min=1, help="Keep what the last N runs used.")] = 10,
    warehouse: WarehouseUrl = None,
    as_json: AsJson = False,
) -> None:
    """List artifacts that nothing kept uses, and with --remove delete them.

    Kept are the latest of every name, what the last runs used, what those were made of, and all of the last hour.
    """
    with user_errors():
        from warehouse.collect import collect

        store = open_warehouse(warehouse)
        found = collect(store, keep_runs=keep_runs, dry_run=not remove)
    if as_json:
        print_json(found.to_dict())
        return
    rows = [asdict(item) for item in found.artifacts]
    print_rows(rows, empty="nothing to remove (what is younger than an hour always stays)")
    if rows and not remove:
        console().print("nothing was removed; add --remove to do it")
