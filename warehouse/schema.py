"""Columns of every view: an empty warehouse has the same tables as a full one."""

from __future__ import annotations

from warehouse.record import Record
from warehouse.references import Version

Columns = dict[str, str]

ARTIFACTS: Columns = {
    "kind": "VARCHAR",
    "name": "VARCHAR",
    "fingerprint": "VARCHAR",
    "latest": "BOOLEAN",
    "content_digest": "VARCHAR",
    "stage": "VARCHAR",
    "build": "VARCHAR",
    "recipe_version": "BIGINT",
    "params": "JSON",
    "stats": "JSON",
    "files": "BIGINT",
    "bytes": "BIGINT",
    "run_id": "VARCHAR",
    "created": "TIMESTAMP WITH TIME ZONE",
    "seconds": "DOUBLE",
    "host": "VARCHAR",
    "commit": "VARCHAR",
    "dirty": "BOOLEAN",
    "packages": "JSON",
}
_ID: Columns = {"kind": "VARCHAR", "name": "VARCHAR", "fingerprint": "VARCHAR"}
FILES: Columns = {**_ID, "latest": "BOOLEAN", "path": "VARCHAR", "bytes": "BIGINT", "sha256": "VARCHAR"}
EDGES: Columns = {
    "role": "VARCHAR",
    "from_kind": "VARCHAR",
    "from_name": "VARCHAR",
    "from_fingerprint": "VARCHAR",
    "to_kind": "VARCHAR",
    "to_name": "VARCHAR",
    "to_fingerprint": "VARCHAR",
}
METRICS: Columns = {
    **_ID,
    "latest": "BOOLEAN",
    "metric": "VARCHAR",
    "value": "DOUBLE",
    "unit": "VARCHAR",
    "labels": "MAP(VARCHAR, VARCHAR)",
}

# As written in the run logs; `runs` and `steps` are selections from it.
EVENTS: Columns = {
    "event": "VARCHAR",
    "run_id": "VARCHAR",
    "time": "TIMESTAMP WITH TIME ZONE",
    "pipeline": "VARCHAR",
    "parameters": "JSON",
    "trigger": "VARCHAR",
    "user": "VARCHAR",
    "process": "STRUCT(pid VARCHAR, started VARCHAR, host VARCHAR)",
    "status": "VARCHAR",
    "error": "VARCHAR",
    "seconds": "DOUBLE",
    "kind": "VARCHAR",
    "name": "VARCHAR",
    "fingerprint": "VARCHAR",
    "stage": "VARCHAR",
    "content_digest": "VARCHAR",
    "inputs": "STRUCT(role VARCHAR, kind VARCHAR, name VARCHAR, fingerprint VARCHAR, content_digest VARCHAR)[]",
    "why": "VARCHAR",
}
RUNS_SQL = """
    SELECT started.run_id, started.pipeline, coalesce(finished.status, 'unfinished') AS status,
           started.time AS started, finished.time AS finished, finished.seconds, started.trigger,
           started.parameters, started."user", started.process.host AS host, finished.error
    FROM events AS started
    LEFT JOIN (SELECT run_id, arg_max(status, "time") AS status, max("time") AS time,
                      arg_max(seconds, "time") AS seconds, arg_max(error, "time") AS error
               FROM events WHERE event = 'run_finished' GROUP BY run_id) AS finished USING (run_id)
    WHERE started.event = 'run_started'
"""
STEPS_SQL = """
    SELECT run_id, "time", stage, kind, name, fingerprint, status, seconds, why, error, content_digest, inputs
    FROM events WHERE event = 'step'
"""

# Payload views: (kind, file) -> columns.  Files of older recipes may lack some: those read as NULL.
PAYLOADS: dict[str, tuple[str, str, Columns]] = {
    "documents": (
        "documents",
        "documents.parquet",
        {
            "id": "VARCHAR",
            "text": "VARCHAR",
            "language": "VARCHAR",
            "domain": "VARCHAR",
            "corpus": "VARCHAR",
            "license": "VARCHAR",
            "group": "VARCHAR",
            "origin": "VARCHAR",
            "bytes": "BIGINT",
            "declared_language": "VARCHAR",
            "detected_language": "VARCHAR",
            "detection_score": "FLOAT",
            "split": "VARCHAR",
        },
    ),
    "rejections": (
        "documents",
        "rejections.parquet",
        {
            "id": "VARCHAR",
            "corpus": "VARCHAR",
            "language": "VARCHAR",
            "domain": "VARCHAR",
            "origin": "VARCHAR",
            "bytes": "BIGINT",
            "stage": "VARCHAR",
            "reason": "VARCHAR",
            "detail": "VARCHAR",
            "duplicate_of": "VARCHAR",
            "excerpt": "VARCHAR",
        },
    ),
    "stage_report": (
        "documents",
        "stage_report.parquet",
        {
            "stage": "VARCHAR",
            "corpus": "VARCHAR",
            "reason": "VARCHAR",
            "documents": "BIGINT",
            "bytes": "BIGINT",
        },
    ),
    "attributes": (
        "attributes",
        "attributes.parquet",
        {
            "id": "VARCHAR",
            "bytes": "BIGINT",
            "detected_language": "VARCHAR",
            "detection_score": "FLOAT",
            "script_share": "FLOAT",
            "contaminated": "INTEGER",
        },
    ),
    "word_counts": (
        "word_counts",
        "counts.parquet",
        {"language": "VARCHAR", "domain": "VARCHAR", "word": "BLOB", "count": "BIGINT"},
    ),
    "word_totals": (
        "word_counts",
        "totals.parquet",
        {
            "language": "VARCHAR",
            "domain": "VARCHAR",
            "documents": "BIGINT",
            "bytes": "BIGINT",
            "words": "BIGINT",
        },
    ),
}


# Views over the views above.
DERIVED: dict[str, str] = {
    # what came into every stage and what became of it; `bytes_unaccounted` is 0
    "stage_totals": """
        SELECT *, bytes_in - bytes_edited - bytes_dropped - bytes_out AS bytes_unaccounted
        FROM (SELECT artifact, fingerprint,
                     list_position(['read', 'normalize', 'language', 'quality', 'decontamination', 'exact_dedup',
                                    'near_dedup', 'sampling', 'pii', 'repeated_text'], stage) AS number, stage,
                     coalesce(sum(documents) FILTER (reason = 'in'), 0) AS documents_in,
                     coalesce(sum(documents) FILTER (reason NOT IN ('in', 'out', 'edited')), 0) AS documents_dropped,
                     coalesce(sum(documents) FILTER (reason = 'out'), 0) AS documents_out,
                     coalesce(sum(bytes) FILTER (reason = 'in'), 0) AS bytes_in,
                     coalesce(sum(bytes) FILTER (reason = 'edited'), 0) AS bytes_edited,
                     coalesce(sum(bytes) FILTER (reason NOT IN ('in', 'out', 'edited')), 0) AS bytes_dropped,
                     coalesce(sum(bytes) FILTER (reason = 'out'), 0) AS bytes_out
              FROM stage_report GROUP BY ALL)
        LEFT JOIN (SELECT name AS artifact, fingerprint, labels['stage'] AS stage, sum(value) AS seconds
                   FROM metrics WHERE kind = 'documents' AND metric = 'stage_seconds' GROUP BY ALL)
             USING (artifact, fingerprint, stage)
        ORDER BY artifact, number
    """,
    # bytes read = bytes edited away + bytes of the rejections + bytes of the documents, counted from the tables
    "byte_balance": """
        SELECT artifact, fingerprint, corpus, bytes_read, bytes_edited, bytes_rejected, bytes_kept,
               bytes_read - bytes_edited - bytes_rejected - bytes_kept AS bytes_unaccounted
        FROM (SELECT artifact, fingerprint, corpus,
                     coalesce(sum(bytes) FILTER (stage = 'read' AND reason = 'in'), 0) AS bytes_read,
                     coalesce(sum(bytes) FILTER (reason = 'edited'), 0) AS bytes_edited
              FROM stage_report GROUP BY ALL)
        LEFT JOIN (SELECT artifact, fingerprint, corpus, sum(bytes) AS rejected FROM rejections GROUP BY ALL)
             USING (artifact, fingerprint, corpus)
        LEFT JOIN (SELECT artifact, fingerprint, corpus, sum(bytes) AS kept FROM documents GROUP BY ALL)
             USING (artifact, fingerprint, corpus),
        LATERAL (SELECT coalesce(rejected, 0) AS bytes_rejected, coalesce(kept, 0) AS bytes_kept)
    """,
    # attributes of the sources that the latest documents were made from
    "document_attributes": """
        SELECT attributes.*, datasets.name AS dataset
        FROM attributes
        JOIN edges ON edges.from_kind = 'attributes' AND edges.from_name = attributes.artifact
                  AND edges.from_fingerprint = attributes.fingerprint
        JOIN artifacts AS datasets ON datasets.kind = 'documents' AND datasets.kind = edges.to_kind
                  AND datasets.name = edges.to_name AND datasets.fingerprint = edges.to_fingerprint AND datasets.latest
    """,
    "pretoken_counts": """
        SELECT counts.*, artifacts.params ->> 'pretokenizer' AS pretokenizer,
               artifacts.params ->> 'normalizer' AS normalizer
        FROM word_counts AS counts
        JOIN artifacts ON artifacts.kind = 'word_counts' AND artifacts.name = counts.artifact
                      AND artifacts.fingerprint = counts.fingerprint
    """,
}


def index_rows(records: list[Record], latest: set[Version]) -> dict[str, list[dict[str, object]]]:
    """Rows of `artifacts`, `files`, `edges` and `metrics`; JSON columns hold Python values."""
    rows: dict[str, list[dict[str, object]]] = {"artifacts": [], "files": [], "edges": [], "metrics": []}
    for record in records:
        version = Version(record.kind, record.name, record.fingerprint)
        identity = {"kind": record.kind, "name": record.name, "fingerprint": record.fingerprint}
        marked = {**identity, "latest": version in latest}
        rows["artifacts"].append({**marked, **_artifact(record)})
        rows["files"] += [{**marked, **entry.model_dump()} for entry in record.files]
        rows["edges"] += [
            {
                "role": ref.role,
                **{f"from_{key}": getattr(ref, key) for key in identity},
                **{f"to_{key}": value for key, value in identity.items()},
            }
            for ref in record.inputs
        ]
        rows["metrics"] += [
            {**marked, "metric": m.name, "value": m.value, "unit": m.unit, "labels": m.labels}
            for m in record.metrics
        ]
    return rows


def _artifact(record: Record) -> dict[str, object]:
    producer = record.producer
    return {
        "content_digest": record.content_digest,
        "stage": record.stage,
        "build": record.build,
        "recipe_version": record.recipe_version,
        "params": record.params,
        "stats": record.stats,
        "files": len(record.files),
        "bytes": sum(entry.bytes for entry in record.files),
        "run_id": producer.run_id,
        "created": producer.created,
        "seconds": producer.seconds,
        "host": producer.host,
        "commit": producer.commit,
        "dirty": producer.dirty,
        "packages": producer.packages,
    }
