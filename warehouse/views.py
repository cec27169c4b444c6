"""DuckDB over the warehouse: an in-memory database whose views read the files, so no process locks another.

`artifacts`, `files`, `edges` and `metrics` are the records as they were when `connect` was called; `events`, `runs`
and `steps` read the run logs.  `documents`, `rejections`, `stage_report`, `attributes`, `word_counts` and
`word_totals` read the latest version of every name, with the columns `artifact` (its name) and `fingerprint`; every
other Parquet payload has a view `<kind>_<file stem>` of the same form.  `stage_totals`, `byte_balance`,
`document_attributes` and `pretoken_counts` are made from these.
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from warehouse.owners import owner_token
from warehouse.record import Record
from warehouse.references import Version
from warehouse.runs import RUNS
from warehouse.schema import (
    ARTIFACTS,
    DERIVED,
    EDGES,
    EVENTS,
    FILES,
    METRICS,
    PAYLOADS,
    RUNS_SQL,
    STEPS_SQL,
    Columns,
    index_rows,
)
from warehouse.store import Warehouse

log = logging.getLogger(__name__)

CATALOG = "catalog.duckdb"
SqlPath = Callable[[str], str]  # path below the root -> what the SQL text holds


class QueryError(ValueError):
    """The query is not one SELECT statement, or DuckDB refused it."""


def connect(warehouse: Warehouse) -> duckdb.DuckDBPyConnection:
    """An in-memory database with all views, as things are now.  Close it, or use it as a context manager."""
    con = duckdb.connect()
    _prepare(con, warehouse)
    _define(con, warehouse, warehouse.place.sql_path, materialize=False)
    return con


def query(
    warehouse: Warehouse, sql: str, params: Sequence[Any] | Mapping[str, Any] | None = None
) -> pa.Table:
    """Run one SELECT and return all its rows; `params` fill `?` or `$name`.

    The connection can read the warehouse and nothing else, and can write nothing.  Raises QueryError.
    """
    with connect(warehouse) as con:
        try:
            statements = con.extract_statements(sql)
            if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                raise QueryError(
                    "give exactly one SELECT statement (FROM, WITH, DESCRIBE and SUMMARIZE count)"
                )
            _confine(con, warehouse)
            relation = con.sql(sql, params=params)
            return relation.to_arrow_table()
        except duckdb.Error as error:
            raise QueryError(str(error)) from None


def write_catalog(warehouse: Warehouse) -> str:
    """Write `catalog.duckdb`: the records and run logs as tables, the payloads as views with relative paths.

    It is an index that can be made again at any time.  The new file replaces the old one by a rename, so readers that
    have the old one open go on undisturbed.  Returns its path below the root.
    """
    place = warehouse.place
    base = place.local or Path(tempfile.gettempdir())
    base.mkdir(parents=True, exist_ok=True)
    temporary = base / f".{CATALOG}-{owner_token()}"
    try:
        with duckdb.connect(str(temporary)) as con:
            _prepare(con, warehouse)
            _define(con, warehouse, (lambda path: path) if place.local else place.sql_path, materialize=True)
        if place.local:
            os.replace(temporary, place.local / CATALOG)
        else:
            place.upload(temporary, CATALOG)
    finally:
        temporary.unlink(missing_ok=True)
    return CATALOG


def open_catalog(warehouse: Warehouse) -> duckdb.DuckDBPyConnection:
    """Open a local `catalog.duckdb` read-only, wherever the warehouse lies now.  Raises FileNotFoundError."""
    if warehouse.place.local is None or not (warehouse.place.local / CATALOG).exists():
        raise FileNotFoundError(f"{warehouse.display_url} has no {CATALOG}: run write_catalog first")
    con = duckdb.connect(str(warehouse.place.local / CATALOG), read_only=True)
    _prepare(con, warehouse)
    return con


def _prepare(con: duckdb.DuckDBPyConnection, warehouse: Warehouse) -> None:
    con.execute(f"SET temp_directory = {_quoted(str(Path(tempfile.gettempdir()) / 'lexmill-duckdb'))}")
    con.execute("SET TimeZone = 'UTC'")
    if warehouse.place.local:
        con.execute(f"SET file_search_path = {_quoted(str(warehouse.place.local))}")
    else:
        con.register_filesystem(warehouse.place.fs)


def _confine(con: duckdb.DuckDBPyConnection, warehouse: Warehouse) -> None:
    """Only files below the root may be read; no setting can be changed back."""
    con.execute(f"SET allowed_directories = [{_quoted(warehouse.place.sql_path().rstrip('/') + '/')}]")
    con.execute("SET python_enable_replacements = false")
    con.execute("SET enable_external_access = false")
    con.execute("SET lock_configuration = true")


def _define(
    con: duckdb.DuckDBPyConnection, warehouse: Warehouse, sql_path: SqlPath, *, materialize: bool
) -> None:
    records = warehouse.records()
    latest = _latest_versions(warehouse, records)
    rows = index_rows(records, latest)
    for name, columns in (("artifacts", ARTIFACTS), ("files", FILES), ("edges", EDGES), ("metrics", METRICS)):
        _create_table(con, name, columns, rows[name])
    _define_runs(con, warehouse, sql_path, materialize)
    payloads = _payload_paths(records, latest)
    for view, (kind, file, columns) in PAYLOADS.items():
        _define_payload(con, view, file, columns, payloads.pop((kind, file), []), sql_path)
    for (kind, file), paths in sorted(payloads.items()):
        view = f"{kind}_{file.removesuffix('.parquet')}".replace("/", "_").replace("-", "_").replace(".", "_")
        _define_payload(con, view, file, {}, paths, sql_path)
    for view, sql in DERIVED.items():
        con.execute(f"CREATE VIEW {_identifier(view)} AS {sql}")


def _latest_versions(warehouse: Warehouse, records: Sequence[Record]) -> set[Version]:
    names = {(record.kind, record.name) for record in records}
    pointed = ((kind, name, warehouse.latest_fingerprint(kind, name)) for kind, name in sorted(names))
    return {Version(kind, name, fingerprint) for kind, name, fingerprint in pointed if fingerprint}


def _create_table(
    con: duckdb.DuckDBPyConnection, name: str, columns: Columns, rows: Sequence[Mapping[str, object]]
) -> None:
    con.execute(
        f"CREATE TABLE {_identifier(name)} AS SELECT unnest(from_json(?::JSON, ?), max_depth := 2)",
        [json.dumps(rows), json.dumps([columns])],
    )


def _define_runs(
    con: duckdb.DuckDBPyConnection, warehouse: Warehouse, sql_path: SqlPath, materialize: bool
) -> None:
    logs = warehouse.place.glob(f"{RUNS}/*/*.jsonl")
    if warehouse.place.local and logs:
        logs = [f"{RUNS}/*/*.jsonl"]
    form = "TABLE" if materialize else "VIEW"
    for name, sql in (("events", _events_sql(logs, sql_path)), ("runs", RUNS_SQL), ("steps", STEPS_SQL)):
        con.execute(f"CREATE {form} {name} AS {sql}")


def _events_sql(logs: Sequence[str], sql_path: SqlPath) -> str:
    if not logs:
        return _empty(EVENTS)
    columns = ", ".join(f"{_quoted(name)}: {_quoted(kind)}" for name, kind in EVENTS.items())
    # A line that a killed process left half written is an error for the reader: it is ignored, the rest is kept.
    paths = ", ".join(_quoted(sql_path(path)) for path in logs)
    return (
        f"SELECT * FROM read_json([{paths}], "  # noqa: S608 - a view takes no parameters; every part is quoted
        f"format = 'newline_delimited', ignore_errors = true, columns = {{{columns}}}) WHERE event IS NOT NULL"
    )


def _payload_paths(records: Sequence[Record], latest: set[Version]) -> dict[tuple[str, str], list[str]]:
    paths: dict[tuple[str, str], list[str]] = {}
    for record in records:
        version = Version(record.kind, record.name, record.fingerprint)
        for entry in record.files if version in latest else ():
            if entry.path.endswith(".parquet"):
                paths.setdefault((record.kind, entry.path), []).append("/".join((*version, entry.path)))
    return paths


def _define_payload(
    con: duckdb.DuckDBPyConnection,
    view: str,
    file: str,
    columns: Columns,
    paths: Sequence[str],
    sql_path: SqlPath,
) -> None:
    readable = [path for path in paths if _is_readable(con, sql_path(path))]
    if not readable:
        con.execute(f"CREATE VIEW {_identifier(view)} AS {_empty({**columns, **_OWN})}")
        return
    source = (
        f"read_parquet([{', '.join(_quoted(sql_path(path)) for path in readable)}], "
        "union_by_name = true, hive_partitioning = false, filename = '_path')"
    )
    try:
        described = con.execute(f"DESCRIBE FROM {source}").fetchall()
        present = [row[0] for row in described if row[0] != "_path"]
        con.execute(f"CREATE VIEW {_identifier(view)} AS {_select(source, file, columns, present)}")
    except duckdb.Error as error:
        log.warning("no view %s: its files do not fit together: %s", view, error)


_OWN: Columns = {"artifact": "VARCHAR", "fingerprint": "VARCHAR"}


def _select(source: str, file: str, columns: Columns, present: Sequence[str]) -> str:
    depth = file.count("/")
    places = {"artifact": -3 - depth, "fingerprint": -2 - depth}
    selected = [_identifier(name) for name in present]
    selected += [
        f"NULL::{kind} AS {_identifier(name)}" for name, kind in columns.items() if name not in present
    ]
    selected += [
        # a payload may have a column of that name: then ours gets another one
        f"string_split(_path, '/')[{at}] AS {_identifier(name if name not in present else f'{name}_of_file')}"
        for name, at in places.items()
    ]
    return f"SELECT {', '.join(selected)} FROM {source}"  # noqa: S608 - names are quoted above


def _is_readable(con: duckdb.DuckDBPyConnection, path: str) -> bool:
    try:
        con.execute("SELECT count(*) FROM parquet_schema(?)", [path]).fetchall()
    except duckdb.Error as error:
        log.warning("the views leave out %s: %s", path, error)
        return False
    return True


def _empty(columns: Columns) -> str:
    return (
        "SELECT "
        + ", ".join(f"NULL::{kind} AS {_identifier(name)}" for name, kind in columns.items())
        + " LIMIT 0"
    )


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
