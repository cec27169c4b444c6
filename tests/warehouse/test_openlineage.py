"""OpenLineage events: accepted by the official classes, complete, and never in the way of a run."""

from __future__ import annotations

import json
import logging
import threading
import time
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.warehouse.support import put
from warehouse.openlineage import Emitter, emit_run, lineage_events
from warehouse.openlineage_events import run_uuid
from warehouse.record import Record
from warehouse.runs import RunLog
from warehouse.store import Warehouse


@pytest.fixture(params=["local", "memory"])
def warehouse(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    monkeypatch.delenv("OPENLINEAGE_URL", raising=False)
    return Warehouse(str(tmp_path) if request.param == "local" else f"memory://{uuid.uuid4().hex}/wh")


def parsed(event: dict[str, Any]) -> Any:
    """Build the official objects from the JSON: they validate ids, times and URLs."""
    from openlineage.client import event_v2, facet_v2

    facet_classes = {
        "parent": facet_v2.parent_run.ParentRunFacet,
        "processing_engine": facet_v2.processing_engine_run.ProcessingEngineRunFacet,
        "errorMessage": facet_v2.error_message_run.ErrorMessageRunFacet,
        "jobType": facet_v2.job_type_job.JobTypeJobFacet,
        "sourceCodeLocation": facet_v2.source_code_location_job.SourceCodeLocationJobFacet,
        "version": facet_v2.dataset_version_dataset.DatasetVersionDatasetFacet,
        "outputStatistics": facet_v2.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet,
    }

    def facets(found: dict[str, Any]) -> dict[str, Any]:
        built = {}
        for name, content in found.items():
            if name == "tags":  # the client's own: its version
                continue
            fields = {key: value for key, value in content.items() if not key.startswith("_")}
            assert content["_producer"].startswith("urn:lexmill:")
            if name == "lexmill_recipe":
                assert "RecipeRunFacet" in content["_schemaURL"]
                continue
            built[name] = facet_classes[name](**fields)
            assert built[name]._schemaURL == content["_schemaURL"]
        return built

    def dataset(kind: Any, item: dict[str, Any]) -> Any:
        assert set(item) <= {"namespace", "name", "facets", "inputFacets", "outputFacets"}
        facets(item.get("outputFacets", {}))
        return kind(item["namespace"], item["name"], facets=facets(item.get("facets", {})))

    return event_v2.RunEvent(
        eventType=event_v2.RunState[event["eventType"]],
        eventTime=event["eventTime"],
        run=event_v2.Run(event["run"]["runId"], facets(event["run"]["facets"])),
        job=event_v2.Job(event["job"]["namespace"], event["job"]["name"], facets(event["job"]["facets"])),
        inputs=[dataset(event_v2.InputDataset, item) for item in event["inputs"]],
        outputs=[dataset(event_v2.OutputDataset, item) for item in event["outputs"]],
        producer=event["producer"],
    )


def log_run(warehouse: Warehouse, *listeners: Any, run_id: str | None = None) -> tuple[str, Record, Record]:
    """A run that reuses a corpus, builds a tokenizer, fails a model, is told to stop a report."""
    log = RunLog(warehouse, run_id, listeners=listeners)
    corpus = put(warehouse, "documents", "demo", run_id="an-earlier-run")
    made = put(
        warehouse, params={"size": 9, "none": None}, inputs={"documents": corpus}, run_id=log.run_id
    ).record
    log.start("demo", {}, "test")
    log.step(
        "reused", "documents", "demo", corpus.record.fingerprint, content_digest=corpus.record.content_digest
    )
    log.step(
        "built",
        made.kind,
        made.name,
        made.fingerprint,
        inputs=made.inputs,
        seconds=2.0,
        why="new",
        stage="tokenize",
    )
    log.step("failed", "model", "demo", "f" * 16, error="no memory", seconds=1.0)
    log.step("cancelled", "report", "demo", "e" * 16)
    log.step("not_run", "report", "other", "e" * 16)
    log.finish("failed", "model/demo: no memory")
    return log.run_id, corpus.record, made


def events_of(warehouse: Warehouse, run_id: str) -> list[dict[str, Any]]:
    text = warehouse.place.read(f"lineage/openlineage/{run_id}.jsonl").decode()
    return [json.loads(line) for line in text.splitlines()]


def test_events_of_a_run(warehouse: Warehouse) -> None:
    run_id, corpus, made = log_run(warehouse)
    emit_run(warehouse, run_id)
    events = events_of(warehouse, run_id)
    assert [(e["eventType"], e["job"]["name"]) for e in events] == [
        ("START", "demo"),
        ("START", "tokenizer/demo"),
        ("COMPLETE", "tokenizer/demo"),
        ("START", "model/demo"),
        ("FAIL", "model/demo"),
        ("START", "report/demo"),
        ("ABORT", "report/demo"),
        ("FAIL", "demo"),
    ]
    for event in events:
        assert parsed(event).schemaURL == event["schemaURL"]
    start, complete, end = events[1], events[2], events[-1]
    assert start["outputs"] == []
    (output,) = complete["outputs"]
    assert (output["namespace"], output["name"]) == (warehouse.display_url, "tokenizer/demo")
    assert output["facets"]["version"]["datasetVersion"] == made.fingerprint
    assert output["outputFacets"]["outputStatistics"] == {
        **output["outputFacets"]["outputStatistics"],
        "fileCount": 1,
        "size": 2,
    }
    assert complete["inputs"][0]["facets"]["version"]["datasetVersion"] == corpus.fingerprint
    assert start["run"]["runId"] == complete["run"]["runId"] == run_uuid(run_id, "tokenizer", "demo")
    assert (
        complete["run"]["facets"]["parent"]["run"]["runId"]
        == events[0]["run"]["runId"]
        == end["run"]["runId"]
    )
    recipe = complete["run"]["facets"]["lexmill_recipe"]
    assert (recipe["fingerprint"], recipe["why"], recipe["params"]["size"]) == (made.fingerprint, "new", 9)
    assert complete["job"]["facets"]["sourceCodeLocation"]["version"] == "abc"
    assert events[4]["run"]["facets"]["errorMessage"]["message"] == "no memory"
    assert [item["name"] for item in end["inputs"]] == ["documents/demo"]
    assert [item["name"] for item in end["outputs"]] == ["tokenizer/demo"]
    emit_run(warehouse, run_id)  # again: the same, not twice
    assert events_of(warehouse, run_id) == events


def test_a_listener_sends_the_same_events_as_they_come(warehouse: Warehouse) -> None:
    run_id, _, _ = log_run(warehouse, Emitter(warehouse, "r-live"), run_id="r-live")
    live = events_of(warehouse, run_id)
    emit_run(warehouse, run_id)
    assert events_of(warehouse, run_id) == live


def test_lineage_of_an_artifact(warehouse: Warehouse) -> None:
    run_id, _, _ = log_run(warehouse)
    events = lineage_events(warehouse, "tokenizer/demo")
    assert [(e["eventType"], e["job"]["name"]) for e in events] == [
        ("START", "documents/demo"),
        ("COMPLETE", "documents/demo"),
        ("START", "tokenizer/demo"),
        ("COMPLETE", "tokenizer/demo"),
    ]
    for event in events:
        parsed(event)
    assert events[3]["run"]["runId"] == run_uuid(run_id, "tokenizer", "demo")
    assert events[3]["run"]["facets"]["parent"]["job"]["name"] == "demo"
    assert json.loads(json.dumps(events)) == events


@pytest.fixture
def collector() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    received: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(201)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", received
    server.shutdown()
    server.server_close()


def test_http_endpoint_gets_the_same_events(
    warehouse: Warehouse, collector: tuple[str, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, received = collector
    run_id, _, _ = log_run(warehouse)
    monkeypatch.setenv("OPENLINEAGE_URL", url)
    emit_run(warehouse, run_id)
    assert received == events_of(warehouse, run_id)


@pytest.mark.parametrize("url", ["http://user:hush@127.0.0.1:9", "not a url", "http://[broken"])
def test_a_dead_endpoint_costs_a_warning_and_nothing_else(
    warehouse: Warehouse, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    run_id, _, _ = log_run(warehouse)
    started = time.monotonic()
    with caplog.at_level(logging.WARNING, "warehouse"):
        emit_run(warehouse, run_id, url)
    assert time.monotonic() - started < 10
    assert len(events_of(warehouse, run_id)) == 8
    messages = [r.getMessage() for r in caplog.records if r.name == "warehouse.openlineage"]
    assert len(messages) == 1
    assert "hush" not in messages[0]


def test_an_unknown_run_is_not_an_error(warehouse: Warehouse, caplog: pytest.LogCaptureFixture) -> None:
    emit_run(warehouse, "none")
    assert "no run none" in caplog.text
