"""Events that say what was published, and the trigger that lets a new tokenizer start the audits.

A run that was asked for tokenizers only leaves the audits to others: the event of the last tokenizer it builds
carries the label `lexmill.next: audit`, and the audit deployment of the pipeline starts on that label.  A run that
audits by itself never sets it, and an audit run publishes no tokenizer, so nothing can start twice or in a circle.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from prefect.events import emit_event
from prefect.events.schemas.deployment_triggers import DeploymentEventTrigger

from tasks.plan import PlannedStep
from warehouse.record import Record
from warehouse.redact import redact_text

PUBLISHED = "artifact.published"


def publish_event(
    pipeline: str, record: Record, settings: Mapping[str, Any], next_stage: str = "none"
) -> None:
    """Tell Prefect that an artifact exists.  The payload is a reference; the data stay in the warehouse.

    `settings` are the `overrides` and the `warehouse` of the run, so that a run it starts works on the same thing.
    """
    resource = resource_id(record.kind, record.name)
    emit_event(
        event=PUBLISHED,
        resource={
            "prefect.resource.id": resource,
            "prefect.resource.name": f"{record.kind}/{record.name}",
            "lexmill.kind": record.kind,
            "lexmill.pipeline": pipeline,
            "lexmill.next": next_stage,
        },
        payload={
            "kind": record.kind,
            "name": record.name,
            "fingerprint": record.fingerprint,
            "content_digest": record.content_digest,
            "pipeline": pipeline,
            "overrides": [item for item in settings["overrides"] if redact_text(item) == item],
            "warehouse": _without_secret(settings["warehouse"]),
        },
    )


def _without_secret(url: str | None) -> str | None:
    """A warehouse URL that holds credentials stays out of Prefect's database; the run it starts uses the file's."""
    return None if url is not None and redact_text(url) != url else url


def resource_id(kind: str, name: str) -> str:
    """`lexmill.<kind>.<name>`."""
    return f"lexmill.{kind}.{name}"


def next_stage(
    plan: Sequence[PlannedStep], published: PlannedStep, unfinished: Iterable[PlannedStep], has_audits: bool
) -> str:
    """What another run should do about an artifact that this run has just published: `audit` or `none`."""
    if published.step.stage != "tokenize" or not has_audits:
        return "none"
    audits_here = any(p.step.stage == "audit" and p.status != "not selected" for p in plan)
    more_to_come = any(p.step.stage == "tokenize" for p in unfinished)
    return "none" if audits_here or more_to_come else "audit"


def audit_trigger(pipeline: str) -> DeploymentEventTrigger:
    """Start the deployment when a run has published its last tokenizer and will not audit it."""
    match: dict[str, Any] = {
        "prefect.resource.id": resource_id("tokenizer", "*"),
        "lexmill.pipeline": pipeline,
        "lexmill.next": "audit",
    }
    return DeploymentEventTrigger(
        name=f"lexmill: audit the tokenizers of {pipeline}",
        enabled=True,
        expect={PUBLISHED},
        match=match,
        parameters={
            "pipeline": pipeline,
            "only": "audit",
            "overrides": _from_payload("overrides"),
            "warehouse": _from_payload("warehouse"),
        },
    )


def _from_payload(field: str) -> dict[str, Any]:
    """A parameter whose value the server takes from the event."""
    template = {"__prefect_kind": "jinja", "template": "{{ event.payload." + field + " | tojson }}"}
    return {"__prefect_kind": "json", "value": template}
