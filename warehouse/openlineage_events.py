"""Run log events -> OpenLineage events, built with the official client's classes.

Importing the client takes about a second, so it happens in the functions.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from warehouse.record import Record
from warehouse.runs import Event
from warehouse.store import RecordError, Warehouse

if TYPE_CHECKING:
    from openlineage.client.event_v2 import RunEvent

NAMESPACE = "lexmill"  # of jobs
_RECIPE_SCHEMA = "urn:lexmill:openlineage:1-0-0:RecipeRunFacet.json#/$defs/RecipeRunFacet"
_RUN_ENDS = {"completed": "COMPLETE", "failed": "FAIL", "cancelled": "ABORT", "killed": "ABORT"}
_STEP_ENDS = {"built": "COMPLETE", "failed": "FAIL", "cancelled": "ABORT"}


def translate(warehouse: Warehouse, history: Sequence[Event]) -> list[RunEvent]:
    """The OpenLineage events for the last event of `history`, the events of one run so far."""
    first, last = history[0], history[-1]
    pipeline = first.get("pipeline") or "unknown"
    if last["event"] == "run_started":
        return [_run_event(warehouse, "START", last, pipeline, ())]
    if last["event"] == "run_finished":
        return [_run_event(warehouse, _RUN_ENDS[last["status"]], last, pipeline, history)]
    if last["status"] in _STEP_ENDS:
        return step_events(warehouse, last, _record_of(warehouse, last), pipeline)
    return []


def run_uuid(*parts: str) -> str:
    """The OpenLineage run id of a run (run id) or of a step in it (run id, kind, name)."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "urn:lexmill:run:" + "/".join(parts)))


def _run_event(
    warehouse: Warehouse, kind: str, event: Event, pipeline: str, history: Sequence[Event]
) -> RunEvent:
    from openlineage.client import event_v2, facet_v2

    facets: dict[str, Any] = {"processing_engine": _engine()}
    if event.get("error"):
        facets["errorMessage"] = facet_v2.error_message_run.ErrorMessageRunFacet(
            message=event["error"], programmingLanguage="python", producer=_producer()
        )
    used = {status: [e for e in history if e.get("status") == status] for status in ("built", "reused")}
    return event_v2.RunEvent(
        eventType=event_v2.RunState[kind],
        eventTime=event["time"],
        run=event_v2.Run(run_uuid(event["run_id"]), facets),
        job=event_v2.Job(NAMESPACE, pipeline, {"jobType": _job_type("PIPELINE")}),
        inputs=[event_v2.InputDataset(*_dataset(warehouse, e), facets=_version(e)) for e in used["reused"]],
        outputs=[event_v2.OutputDataset(*_dataset(warehouse, e), facets=_version(e)) for e in used["built"]],
        producer=_producer(),
    )


def step_events(warehouse: Warehouse, step: Event, record: Record | None, pipeline: str) -> list[RunEvent]:
    """START and the end of one step; `record` is what it made, None when it made nothing."""
    from openlineage.client import event_v2

    ended = datetime.fromisoformat(step["time"])
    started = (ended - timedelta(seconds=step.get("seconds") or 0.0)).isoformat(timespec="microseconds")
    job = event_v2.Job(NAMESPACE, f"{step['kind']}/{step['name']}", _job_facets(record))
    run_id = run_uuid(step["run_id"], step["kind"], step["name"])
    inputs = [
        event_v2.InputDataset(*_dataset(warehouse, ref), facets=_version(ref))
        for ref in step.get("inputs", ())
    ]
    outputs = [_output(warehouse, step, record)] if step["status"] == "built" else []
    return [
        event_v2.RunEvent(
            eventType=event_v2.RunState[kind],
            eventTime=time,
            run=event_v2.Run(run_id, _step_run_facets(step, record, pipeline, error)),
            job=job,
            inputs=inputs,
            outputs=made,
            producer=_producer(),
        )
        for kind, time, made, error in (
            ("START", started, [], ""),
            (_STEP_ENDS[step["status"]], step["time"], outputs, step.get("error") or ""),
        )
    ]


def _step_run_facets(step: Event, record: Record | None, pipeline: str, error: str) -> dict[str, Any]:
    from openlineage.client import facet_v2

    parent = facet_v2.parent_run
    facets: dict[str, Any] = {
        "parent": parent.ParentRunFacet(
            run=parent.Run(run_uuid(step["run_id"])),
            job=parent.Job(NAMESPACE, pipeline),
            producer=_producer(),
        ),
        "processing_engine": _engine(),
        "lexmill_recipe": _recipe_facet(step, record),
    }
    if error:
        facets["errorMessage"] = facet_v2.error_message_run.ErrorMessageRunFacet(
            message=error, programmingLanguage="python", producer=_producer()
        )
    return facets


def _job_facets(record: Record | None) -> dict[str, Any]:
    from openlineage.client import facet_v2

    facets: dict[str, Any] = {"jobType": _job_type("STEP")}
    if record and record.producer.commit:
        facets["sourceCodeLocation"] = facet_v2.source_code_location_job.SourceCodeLocationJobFacet(
            type="git",
            url=f"urn:git:commit:{record.producer.commit}",
            path=record.build.partition(":")[0].replace(".", "/") + ".py",
            version=record.producer.commit,
            producer=_producer(),
        )
    return facets


def _output(warehouse: Warehouse, step: Event, record: Record | None) -> Any:
    from openlineage.client import event_v2, facet_v2

    statistics: dict[str, Any] = {}
    if record:
        statistics["outputStatistics"] = (
            facet_v2.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
                size=sum(entry.bytes for entry in record.files),
                fileCount=len(record.files),
                producer=_producer(),
            )
        )
    namespace, name = _dataset(warehouse, step)
    return event_v2.OutputDataset(namespace, name, facets=_version(step), outputFacets=statistics)


def _recipe_facet(step: Event, record: Record | None) -> Any:
    """Custom facet: what determined the artifact, and what it holds."""
    facet = _recipe_class()
    return facet(
        fingerprint=step["fingerprint"],
        contentDigest=step.get("content_digest") or "",
        stage=step.get("stage") or "",
        why=step.get("why") or "",
        build=record.build if record else "",
        recipeVersion=record.recipe_version if record else None,
        params=record.params if record else {},
        producer=_producer(),
    )


@cache
def _recipe_class() -> Any:
    import attr
    from openlineage.client.generated.base import RunFacet

    fields = {
        name: attr.field(kw_only=True)
        for name in ("fingerprint", "contentDigest", "stage", "why", "build", "recipeVersion", "params")
    }
    schema = {"_get_schema": staticmethod(lambda: _RECIPE_SCHEMA)}
    return attr.make_class("LexmillRecipeRunFacet", fields, bases=(RunFacet,), class_body=schema)


def _job_type(kind: str) -> Any:
    from openlineage.client import facet_v2

    return facet_v2.job_type_job.JobTypeJobFacet(
        processingType="BATCH", integration="LEXMILL", jobType=kind, producer=_producer()
    )


def _engine() -> Any:
    from openlineage.client import facet_v2

    return facet_v2.processing_engine_run.ProcessingEngineRunFacet(
        name="lexmill", version=_lexmill_version(), producer=_producer()
    )


def _dataset(warehouse: Warehouse, item: Mapping[str, Any]) -> tuple[str, str]:
    return warehouse.display_url, f"{item['kind']}/{item['name']}"


def _version(item: Mapping[str, Any]) -> dict[str, Any]:
    from openlineage.client import facet_v2

    facet = facet_v2.dataset_version_dataset.DatasetVersionDatasetFacet
    return {"version": facet(datasetVersion=item["fingerprint"], producer=_producer())}


def _record_of(warehouse: Warehouse, step: Event) -> Record | None:
    if step["status"] != "built":
        return None
    try:
        return warehouse.get(step["kind"], step["name"], step["fingerprint"]).record
    except (LookupError, RecordError):
        return None


def _producer() -> str:
    return f"urn:lexmill:{_lexmill_version()}"


@cache
def _lexmill_version() -> str:
    try:
        return version("lexmill")
    except PackageNotFoundError:
        return "0"
