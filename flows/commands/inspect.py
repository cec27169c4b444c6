"""Commands that look at a warehouse and change nothing."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.commands.options import DEFAULT_WAREHOUSE, AsJson, WarehouseUrl
from flows.console import console, print_json, print_rows, user_errors
from flows.places import warehouse_to_read
from tasks.step import InputError
from warehouse.store import Warehouse

Reference = Annotated[
    str,
    typer.Argument(help="kind/name, kind/name@latest, kind/name@FINGERPRINT, or a fingerprint's beginning."),
]


def artifacts(
    kind: Annotated[str | None, typer.Argument(help="Only this kind.")] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Every version, not only the latest of each name.")
    ] = False,
    warehouse: WarehouseUrl = None,
    as_json: AsJson = False,
) -> None:
    """List artifacts: what there is, how large, when and by which run it was made."""
    with user_errors():
        store = open_warehouse(warehouse)
        kinds = sorted({version.kind for version in store.versions()})
        if kind is not None and kind not in kinds:
            raise InputError(
                f"there are no artifacts of the kind {kind!r}; the kinds here: {', '.join(kinds)}"
            )
        rows = [
            {
                "kind": record.kind,
                "name": record.name,
                "fingerprint": record.fingerprint,
                "latest": store.latest_fingerprint(record.kind, record.name) == record.fingerprint,
                "bytes": sum(entry.bytes for entry in record.files),
                "created": record.producer.created,
                "run": record.producer.run_id,
                "content_digest": record.content_digest,
            }
            for record in store.records(kind)
        ]
        shown = [row for row in rows if every or row["latest"]]
        if as_json:
            print_json(shown)
        else:
            narrow = [{k: v for k, v in row.items() if k != "content_digest"} for row in shown]
            print_rows(narrow, empty=f"no artifacts in {store.display_url}")


def lineage(
    reference: Reference,
    up: Annotated[bool, typer.Option("--up", help="Only what it was made from.")] = False,
    down: Annotated[bool, typer.Option("--down", help="Only what was made from it.")] = False,
    mermaid: Annotated[bool, typer.Option("--mermaid", help="A Mermaid flowchart.")] = False,
    openlineage: Annotated[
        bool, typer.Option("--openlineage", help="OpenLineage events, one JSON a line.")
    ] = False,
    warehouse: WarehouseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Show what an artifact was made from (up) and what was made from it (down)."""
    with user_errors():
        import json

        from warehouse.lineage import Graph, downstream, to_mermaid, upstream
        from warehouse.openlineage import lineage_events

        store = open_warehouse(warehouse)
        if openlineage:
            for event in lineage_events(store, reference):
                print(json.dumps(event, ensure_ascii=False))
            return
        before = upstream(store, reference) if up or not down else Graph([], [])
        after = downstream(store, reference) if down or not up else Graph([], [])
        graph = Graph(list(dict.fromkeys(before.nodes + after.nodes)), before.edges + after.edges)
        if mermaid:
            print(to_mermaid(graph))
        elif as_json:
            print_json(graph.to_dict())
        else:
            rows = [{"from": edge.source, "as": edge.role, "to": edge.target} for edge in graph.edges]
            print_rows(rows, empty=f"{reference} stands alone")


def diff(
    first: Reference, second: Reference, warehouse: WarehouseUrl = None, as_json: AsJson = False
) -> None:
    """Compare two artifacts field by field: parameters, inputs, files, metrics, packages."""
    with user_errors():
        from warehouse.compare import diff as compare

        store = open_warehouse(warehouse)
        found = compare(store.resolve(first).record, store.resolve(second).record)
        rows = [difference.to_dict() for difference in found]
        if as_json:
            print_json(rows)
        else:
            print_rows(rows, empty="no difference")


def trace(
    document: Annotated[str, typer.Option("--doc", help="A document's id.")],
    warehouse: WarehouseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Follow one document: where it came from, whether it was dropped, which artifacts it reached."""
    with user_errors():
        from warehouse.trace import trace_document

        found = trace_document(open_warehouse(warehouse), document)
        print_json(found.to_dict())


def sql(
    query: Annotated[str, typer.Argument(help="One SELECT over the views: documents, rejections, word_counts, "
                                         "artifacts, runs, steps, edges, metrics, files, stage_report.")],
    limit: Annotated[int, typer.Option(help="Rows shown as a table.")] = 200,
    warehouse: WarehouseUrl = None,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Ask the warehouse in SQL (DuckDB); works while other processes write."""
    with user_errors():
        from warehouse.views import QueryError
        from warehouse.views import query as ask

        try:
            rows = ask(open_warehouse(warehouse), query).to_pylist()
        except QueryError as error:
            raise InputError(str(error)) from error
        if as_json:
            print_json(rows)
            return
        print_rows(rows[:limit], empty="no rows")
        if len(rows) > limit:
            console(stderr=True).print(f"{limit} of {len(rows)} rows shown; see --limit or --json")


def open_warehouse(url: str | None) -> Warehouse:
    """The warehouse of `--warehouse`, LEXMILL_WAREHOUSE, or the default place."""
    return warehouse_to_read(url or DEFAULT_WAREHOUSE)
