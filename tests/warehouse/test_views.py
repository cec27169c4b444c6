"""SQL over the warehouse: the right columns when empty, the latest versions when not, and no way out."""

from __future__ import annotations

import uuid
from pathlib import Path

import pyarrow as pa
import pytest

from tests.warehouse.support import documents, put
from warehouse.record import InputRef, Metric
from warehouse.runs import RunLog
from warehouse.schema import PAYLOADS
from warehouse.store import Warehouse
from warehouse.views import QueryError, connect, open_catalog, query, write_catalog


@pytest.fixture(params=["local", "memory"])
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Warehouse:
    url = str(tmp_path / "it's here") if request.param == "local" else f"memory://{uuid.uuid4().hex}/wh"
    return Warehouse(url, cache=tmp_path / "cache")


def fill(warehouse: Warehouse) -> None:
    gone = documents(("x:9", "rus_Cyrl", "web", "train"))
    put(warehouse, "documents", "old", {"documents.parquet": gone}, latest=False)
    rows = documents(("a:1", "deu_Latn", "web", "train"), ("a:2", "fra_Latn", "web", "test"))
    corpus = put(warehouse, "documents", "demo", {"documents.parquet": rows}, params={"v": 2})
    put(
        warehouse, "documents", "other", {"documents.parquet": documents(("b:1", "eng_Latn", "web", "train"))}
    )
    counts = pa.table({"language": ["deu_Latn"], "domain": ["web"], "word": [b" \xff"], "count": [2**40]})
    put(warehouse, "word_counts", "demo-gpt2", {"counts.parquet": counts}, inputs={"documents": corpus})
    metric = Metric(name="fertility", value=1.5, unit="tokens/word", labels={"language": "deu_Latn"})
    files: dict[str, bytes | pa.Table] = {
        "merges.parquet": pa.table({"rank": [0, 1], "artifact": ["x", "y"]})
    }
    put(warehouse, "tokenizer", "demo-small", files, inputs={"documents": corpus}, metrics=[metric])
    log = RunLog(warehouse)
    log.start("demo", {"set": ["a=1"]}, "test")
    ref = InputRef(role="documents", kind="documents", name="demo", fingerprint="f", content_digest="c")
    log.step("built", "tokenizer", "demo-small", "f" * 16, inputs=[ref], seconds=2.0, why="new")
    log.finish("failed", "boom")
    RunLog(warehouse).start("demo", {}, "test")


def test_an_empty_warehouse_has_every_view(warehouse: Warehouse) -> None:
    with connect(warehouse) as con:
        for name in ("artifacts", "runs", "steps", "edges", "metrics", "files", *PAYLOADS):
            assert con.sql(f"SELECT count(*) FROM {name}").fetchall() == [(0,)], name
        for name, (_, _, columns) in PAYLOADS.items():
            found = {row[0]: row[1] for row in con.sql(f"DESCRIBE {name}").fetchall()}
            assert found == {**columns, "artifact": "VARCHAR", "fingerprint": "VARCHAR"}


def test_views_show_the_latest_of_every_name(warehouse: Warehouse) -> None:
    fill(warehouse)
    rows = query(
        warehouse, "SELECT artifact, id, split, declared_language FROM documents ORDER BY id"
    ).to_pylist()
    assert [(row["artifact"], row["id"], row["split"]) for row in rows] == [
        ("demo", "a:1", "train"),
        ("demo", "a:2", "test"),
        ("other", "b:1", "train"),
    ]
    assert rows[0]["declared_language"] is None  # a column that these files do not have
    fingerprint = warehouse.latest("documents", "demo").record.fingerprint
    counted = query(warehouse, "SELECT count(*) AS n FROM documents WHERE fingerprint = ?", [fingerprint])
    assert counted.to_pylist() == [{"n": 2}]
    assert query(warehouse, "SELECT word, count FROM word_counts").to_pylist() == [
        {"word": b" \xff", "count": 2**40}
    ]
    # a payload nobody declared, which has a column of our name
    merges = query(
        warehouse, "SELECT rank, artifact, artifact_of_file FROM tokenizer_merges ORDER BY rank"
    ).to_pylist()
    assert merges[0] == {"rank": 0, "artifact": "x", "artifact_of_file": "demo-small"}


def test_records_and_runs(warehouse: Warehouse) -> None:
    fill(warehouse)
    with connect(warehouse) as con:
        assert con.sql(
            "SELECT name, latest FROM artifacts WHERE kind = 'documents' ORDER BY name"
        ).fetchall() == [
            ("demo", True),
            ("old", False),
            ("other", True),
        ]
        edges = con.sql("SELECT from_name, to_kind, role FROM edges ORDER BY to_kind").fetchall()
        assert edges == [("demo", "tokenizer", "documents"), ("demo", "word_counts", "documents")]
        metrics = con.sql("SELECT name, metric, value, unit, labels['language'] FROM metrics").fetchall()
        assert metrics == [("demo-small", "fertility", 1.5, "tokens/word", "deu_Latn")]
        assert con.sql("SELECT sum(bytes) > 0 FROM files WHERE path = 'merges.parquet'").fetchall() == [
            (True,)
        ]
        runs = con.sql(
            "SELECT pipeline, status, error, parameters->>'$.set[0]' FROM runs ORDER BY started"
        ).fetchall()
        assert runs == [("demo", "failed", "boom", "a=1"), ("demo", "unfinished", None, None)]
        assert con.sql("SELECT status, seconds, why, inputs[1].name FROM steps").fetchall() == [
            ("built", 2.0, "new", "demo")
        ]
        assert con.sql("SELECT extract(year FROM created) FROM artifacts LIMIT 1").fetchall() == [(2026,)]


def test_a_damaged_payload_is_left_out_and_said(
    warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    fill(warehouse)
    fingerprint = warehouse.latest("documents", "demo").record.fingerprint
    warehouse.place.write(f"documents/demo/{fingerprint}/documents.parquet", b"PAR1 not at all")
    assert query(warehouse, "SELECT DISTINCT artifact FROM documents").to_pylist() == [{"artifact": "other"}]
    assert "the views leave out" in caplog.text


@pytest.mark.parametrize(
    "sql",
    [
        "COPY documents TO '{root}/x.csv'",
        "COPY documents TO '/tmp/lexmill-x.csv'",
        "ATTACH '{root}/x.db'",
        "INSTALL httpfs",
        "LOAD json",
        "SET threads = 1",
        "EXPORT DATABASE '{root}/x'",
        "CREATE TABLE x (a INT)",
        "DROP VIEW documents",
        "DELETE FROM artifacts",
        "EXPLAIN ANALYZE COPY documents TO '{root}/x.csv'",
        "PRAGMA enable_profiling",
        "CALL enable_logging('QueryLog')",
        "SELECT 1; SELECT 2",
        "",
        "SELEC 1",
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM read_csv('https://example.org/x.csv')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM read_text('{outside}/secret.txt')",
        "SELECT * FROM enable_logging('QueryLog', storage = 'file', storage_path = '{root}/log')",
        "SELECT * FROM warehouse",
        "SELECT CAST(id AS INT) FROM documents",
        "SELECT 1 // (n - 5) FROM range(10) AS t(n)",
        "SELECT * FROM documents WHERE id = ?",
    ],
)
def test_queries_can_neither_write_nor_look_outside(warehouse: Warehouse, sql: str, tmp_path: Path) -> None:
    fill(warehouse)
    (tmp_path / "secret.txt").write_text("secret")
    root = warehouse.place.sql_path().replace("'", "''")
    outside = f"{root}/.." if warehouse.place.local else root.rpartition("/")[0]
    before = sorted(warehouse.place.sizes(""))
    with pytest.raises(QueryError):
        query(warehouse, sql.replace("{root}", root).replace("{outside}", outside))
    assert sorted(warehouse.place.sizes("")) == before


def test_any_file_of_the_warehouse_can_be_read(warehouse: Warehouse) -> None:
    fill(warehouse)
    old = warehouse.place.sql_path("documents", "old").replace("'", "''")
    assert query(warehouse, f"SELECT id FROM read_parquet('{old}/*/documents.parquet')").to_pylist() == [
        {"id": "x:9"}
    ]
    assert query(warehouse, "DESCRIBE documents").num_rows == 15
    assert query(warehouse, "FROM documents WHERE id = $id", {"id": "a:1"}).num_rows == 1


def test_the_catalog_survives_a_move(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse = Warehouse(str(tmp_path / "one"))
    fill(warehouse)
    assert write_catalog(warehouse) == "catalog.duckdb"
    (tmp_path / "one").rename(tmp_path / "two")
    monkeypatch.chdir("/")
    with open_catalog(Warehouse(str(tmp_path / "two"))) as con:
        assert con.sql("SELECT count(*) FROM documents").fetchall() == [(3,)]
        assert con.sql("SELECT status FROM runs ORDER BY started").fetchall() == [
            ("failed",),
            ("unfinished",),
        ]
        assert con.sql("SELECT count(*) FROM artifacts").fetchall() == [(5,)]
    assert [path.name for path in (tmp_path / "two").glob(".catalog*")] == []


def test_a_remote_catalog_is_written_whole(tmp_path: Path) -> None:
    warehouse = Warehouse(f"memory://{uuid.uuid4().hex}", cache=tmp_path)
    fill(warehouse)
    write_catalog(warehouse)
    assert warehouse.place.read("catalog.duckdb")[8:12] == b"DUCK"
    with pytest.raises(FileNotFoundError, match=r"has no catalog\.duckdb"):
        open_catalog(warehouse)
