"""The graph up and down, and the way of one document through it."""

from __future__ import annotations

import time
import uuid
from pathlib import Path

import pyarrow as pa
import pytest

from tests.warehouse.support import documents, put
from warehouse.lineage import downstream, to_mermaid, upstream
from warehouse.store import Artifact, Warehouse
from warehouse.trace import covers, trace_document


@pytest.fixture(params=["local", "memory"])
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Warehouse:
    url = str(tmp_path / "wh") if request.param == "local" else f"memory://{uuid.uuid4().hex}"
    return Warehouse(url, cache=tmp_path / "cache")


@pytest.fixture
def pipeline(warehouse: Warehouse) -> dict[str, Artifact]:
    """source -> documents -> counts -> two tokenizers -> base model -> adapted model -> report."""
    de, fr, test, dropped = "w:1", "w:2", "w:3", "w:4"
    raw = documents(*[(i, "und", "web", "") for i in (de, fr, test, dropped)])
    clean = documents(
        (de, "deu_Latn", "web", "train"), (fr, "fra_Latn", "web", "train"), (test, "deu_Latn", "web", "test")
    )
    rejected = pa.table(
        {"id": [dropped], "stage": ["deduplicate"], "reason": ["exact"], "duplicate_of": [de]}
    )
    made: dict[str, Artifact] = {}
    made["source"] = put(warehouse, "source", "w", {"documents.parquet": raw})
    files = {"documents.parquet": clean, "rejections.parquet": rejected}
    made["documents"] = put(warehouse, "documents", "demo", files, inputs={"source": made["source"]})
    made["counts"] = put(
        warehouse,
        "word_counts",
        "demo",
        inputs={"documents": made["documents"]},
        stats={"selection": {"splits": ["train"]}},
    )
    for name, stats in {
        "all": {},
        "german": {"selection": {"languages": ["deu_Latn"], "domains": None}},
    }.items():
        made[name] = put(
            warehouse, "tokenizer", name, inputs={"counts": made["counts"]}, params={"n": name}, stats=stats
        )
    seen = {"documents_seen.parquet": pa.table({"id": [de]})}
    made["base"] = put(
        warehouse, "model", "base", seen, inputs={"documents": made["documents"], "tokenizer": made["german"]}
    )
    seen = {"documents_seen.parquet": pa.table({"id": [fr]})}
    made["adapted"] = put(
        warehouse,
        "model",
        "adapted",
        seen,
        params={"a": 1},
        inputs={"documents": made["documents"], "base": made["base"]},
    )
    made["report"] = put(warehouse, "report", "demo", inputs={"model": made["adapted"]})
    return made


def names(graph_nodes: list) -> list[str]:
    return [f"{node.kind}/{node.name}" for node in graph_nodes]


def test_upstream_and_downstream(warehouse: Warehouse, pipeline: dict[str, Artifact]) -> None:
    up = upstream(warehouse, "tokenizer/german")
    assert names(up.nodes) == ["source/w", "documents/demo", "word_counts/demo", "tokenizer/german"]
    assert sorted(edge.role for edge in up.edges) == ["counts", "documents", "source"]
    down = downstream(warehouse, "model/base")
    assert names(down.nodes) == ["model/base", "model/adapted", "report/demo"]
    everything = downstream(warehouse, "source/w")
    assert len(everything.nodes) == 8
    order = {node.version: at for at, node in enumerate(everything.nodes)}
    assert all(order[edge.source] < order[edge.target] for edge in everything.edges)
    assert everything.to_dict()["edges"][0]["target"].count("@") == 1
    with pytest.raises(LookupError, match="no artifact"):
        upstream(warehouse, "tokenizer/none")


def test_removed_inputs_stay_in_the_graph(warehouse: Warehouse, pipeline: dict[str, Artifact]) -> None:
    record = pipeline["counts"].record
    warehouse.place.remove(warehouse.folder("word_counts", "demo", record.fingerprint))
    up = upstream(warehouse, "tokenizer/all")
    assert [(node.name, node.present) for node in up.nodes] == [("demo", False), ("all", True)]
    assert ":::gone" in to_mermaid(up)


def test_mermaid(warehouse: Warehouse, pipeline: dict[str, Artifact]) -> None:
    text = to_mermaid(upstream(warehouse, "documents/demo"))
    source, target = (pipeline[name].record.fingerprint[:8] for name in ("source", "documents"))
    assert text.splitlines() == [
        "flowchart LR",
        "    classDef gone stroke-dasharray: 4",
        f'    n0["source/w<br/>{source}"]',
        f'    n1["documents/demo<br/>{target}"]',
        '    n0 -->|"source"| n1',
    ]


def reached(warehouse: Warehouse, doc_id: str) -> dict[str, str]:
    return {f"{item.kind}/{item.name}": item.how for item in trace_document(warehouse, doc_id).reached}


def test_a_document_that_a_model_has_seen(warehouse: Warehouse, pipeline: dict[str, Artifact]) -> None:
    assert reached(warehouse, "w:1") == {
        "word_counts/demo": "selected",
        "tokenizer/all": "carried",
        "tokenizer/german": "selected",
        "model/base": "seen",
        "model/adapted": "inherited",  # through its base, not by its own training
        "report/demo": "inherited",
    }
    trace = trace_document(warehouse, "w:1")
    (source,), (kept,) = trace.sources, trace.documents
    assert (source["artifact"], source["origin"], source["license"]) == ("w", "file.json#w:1", "CC0-1.0")
    assert (kept["split"], kept["language"]) == ("train", "deu_Latn")
    assert "text" not in kept
    assert trace.rejections == []
    adapted = next(item for item in trace.reached if item.name == "adapted")
    assert adapted.via == [f"model/base@{pipeline['base'].record.fingerprint}"]


def test_a_document_of_another_language(warehouse: Warehouse, pipeline: dict[str, Artifact]) -> None:
    assert reached(warehouse, "w:2") == {
        "word_counts/demo": "selected",
        "tokenizer/all": "carried",
        "model/adapted": "seen",
        "report/demo": "inherited",
    }


def test_a_held_out_document_reaches_nothing(warehouse: Warehouse, pipeline: dict[str, Artifact]) -> None:
    trace = trace_document(warehouse, "w:3")
    assert trace.documents[0]["split"] == "test"
    assert trace.reached == []


def test_a_rejected_document(warehouse: Warehouse, pipeline: dict[str, Artifact]) -> None:
    trace = trace_document(warehouse, "w:4").to_dict()
    assert trace["documents"] == trace["reached"] == []
    (row,) = trace["rejections"]
    assert (row["stage"], row["reason"], row["duplicate_of"], row["artifact"]) == (
        "deduplicate",
        "exact",
        "w:1",
        "demo",
    )
    assert trace["sources"][0]["id"] == "w:4"


def test_an_unknown_document(warehouse: Warehouse, pipeline: dict[str, Artifact]) -> None:
    with pytest.raises(LookupError, match="no source, corpus or rejection holds a document"):
        trace_document(warehouse, "x' OR 1=1")


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        ({}, True),
        ({"languages": None, "splits": []}, True),
        ({"languages": ["deu_Latn"], "splits": ["train"]}, True),
        ({"languages": ["deu_Latn"], "splits": ["test"]}, False),
        ({"domains": ["code"]}, False),
    ],
)
def test_selection(selection: dict[str, object], expected: bool) -> None:
    assert covers(selection, {"language": "deu_Latn", "domain": "web", "split": "train"}) is expected


def test_tracing_fifty_thousand_documents_is_fast(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    rows = [(f"w:{n:016x}", "deu_Latn", "web", "train") for n in range(50_000)]
    corpus = put(warehouse, "documents", "demo", {"documents.parquet": documents(*rows)})
    seen = {"documents_seen.parquet": pa.table({"id": [row[0] for row in rows]})}
    put(warehouse, "model", "demo", seen, inputs={"documents": corpus})
    trace_document(warehouse, rows[0][0])  # imports
    started = time.process_time()
    assert [item.how for item in trace_document(warehouse, rows[-1][0]).reached] == ["seen"]
    assert time.process_time() - started < 2.0
