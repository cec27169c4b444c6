"""The corpus section: who is in it, how much, under which licence, and what was dropped on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lexmill.report.languages import language_name

DOCUMENT_COLUMNS = ("id", "language", "domain", "corpus", "license", "group", "bytes", "split")
REJECTION_COLUMNS = ("id", "corpus", "language", "stage", "reason", "detail", "excerpt")
EXAMPLES_PER_REASON = 2
EXCERPT = 160  # characters
SMALL = 50_000  # bytes of a language, below which figures are rough
NAMED = 8  # languages in a warning


def corpus_data(documents: pa.Table, stage_report: pa.Table, rejections: pa.Table) -> dict[str, Any]:
    """Totals of a documents artifact as JSON values.

    `documents` needs DOCUMENT_COLUMNS, `rejections` REJECTION_COLUMNS, `stage_report` the columns stage, corpus,
    reason, documents, bytes.  Bytes are UTF-8 bytes of text; shares are of the kept bytes.
    """
    total = pc.sum(documents["bytes"]).as_py() or 0
    stages = _stages(stage_report)
    languages = _languages(documents, total)
    licenses = _totals(documents, "license", total)
    for entry in licenses:
        held = documents.filter(_is(documents["license"], entry["license"]))
        entry["corpora"] = sorted(set(held["corpus"].to_pylist()))
    return {
        "documents": documents.num_rows,
        "bytes": total,
        "groups": len(documents["group"].drop_null().unique()),
        "languages": languages,
        "domains": _totals(documents, "domain", total),
        "licenses": licenses,
        "splits": _totals(documents, "split", total),
        "corpora": _corpora(stage_report, documents),
        "stages": stages,
        "examples": _examples(rejections),
        "warnings": _warnings(stages, stage_report, documents, languages, total),
    }


def _totals(table: pa.Table, column: str, total: int) -> list[dict[str, Any]]:
    """Documents and bytes by the values of one column, largest first."""
    grouped = table.group_by(column).aggregate([("bytes", "sum"), ("bytes", "count")]).to_pylist()
    rows = [
        {
            column: row[column],
            "documents": row["bytes_count"],
            "bytes": row["bytes_sum"],
            "share": row["bytes_sum"] / total if total else 0.0,
        }
        for row in grouped
    ]
    return sorted(rows, key=lambda row: (-row["bytes"], str(row[column])))


def _languages(documents: pa.Table, total: int) -> list[dict[str, Any]]:
    rows = _totals(documents, "language", total)
    by_domain: dict[str, dict[str, int]] = {}
    for row in documents.group_by(["language", "domain"]).aggregate([("bytes", "sum")]).to_pylist():
        by_domain.setdefault(row["language"], {})[row["domain"]] = row["bytes_sum"]
    for row in rows:
        row["name"] = language_name(row["language"])
        row["domains"] = dict(sorted(by_domain[row["language"]].items()))
    return rows


def _stages(report: pa.Table) -> list[dict[str, Any]]:
    """The funnel: for each stage, in file order, what came in, what went out, and the reasons between.

    The reason `edited` counts documents a stage changed, and the bytes it took from them; they are not dropped.
    """
    stages: dict[str, dict[str, Any]] = {}
    for row in report.to_pylist():
        stage = stages.setdefault(
            row["stage"],
            {"stage": row["stage"], "in": [0, 0], "out": [0, 0], "edited": [0, 0], "reasons": {}},
        )
        where = stage if row["reason"] in ("in", "out", "edited") else stage["reasons"]
        pair = where.setdefault(row["reason"], [0, 0])
        pair[0] += row["documents"] or 0
        pair[1] += row["bytes"] or 0
    return [
        {
            "stage": stage["stage"],
            "documents_in": stage["in"][0],
            "bytes_in": stage["in"][1],
            "documents_out": stage["out"][0],
            "bytes_out": stage["out"][1],
            "bytes_dropped": sum(size for _, size in stage["reasons"].values()),
            "documents_edited": stage["edited"][0],
            "bytes_edited": stage["edited"][1],
            "reasons": [
                {"reason": reason, "documents": documents, "bytes": size}
                for reason, (documents, size) in sorted(
                    stage["reasons"].items(), key=lambda item: (-item[1][0], item[0])
                )
            ],
        }
        for stage in stages.values()
    ]


def _corpora(report: pa.Table, documents: pa.Table) -> list[dict[str, Any]]:
    """Documents and bytes read and kept by source corpus; read counts are those that entered its first stage."""
    read: dict[str, tuple[int, int]] = {}
    for row in report.to_pylist():
        if row["reason"] == "in" and row["corpus"] is not None:
            read.setdefault(row["corpus"], (row["documents"] or 0, row["bytes"] or 0))
    kept = {row["corpus"]: row for row in _totals(documents, "corpus", 0)}
    rows = []
    for corpus in sorted(set(read) | set(kept)):
        entry = kept.get(corpus, {"documents": 0, "bytes": 0})
        licenses = documents.filter(_is(documents["corpus"], corpus))["license"].unique().to_pylist()
        rows.append(
            {
                "corpus": corpus,
                "documents_read": read[corpus][0] if corpus in read else None,
                "bytes_read": read[corpus][1] if corpus in read else None,
                "documents": entry["documents"],
                "bytes": entry["bytes"],
                "licenses": sorted(str(name) for name in licenses),
            }
        )
    return rows


def _examples(rejections: pa.Table) -> list[dict[str, Any]]:
    """A few dropped documents for every reason, smallest ids first."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rejections.sort_by(
        [("stage", "ascending"), ("reason", "ascending"), ("id", "ascending")]
    ).to_pylist():
        examples = found.setdefault((row["stage"], row["reason"]), [])
        if len(examples) < EXAMPLES_PER_REASON:
            excerpt = (row["excerpt"] or "")[:EXCERPT]
            examples.append({**{key: row[key] for key in REJECTION_COLUMNS}, "excerpt": excerpt})
    return [example for key in sorted(found) for example in found[key]]


def _warnings(
    stages: Sequence[Mapping[str, Any]],
    report: pa.Table,
    documents: pa.Table,
    languages: Sequence[Mapping[str, Any]],
    total: int,
) -> list[str]:
    """Plain sentences about what a reader should not overlook."""
    found = []
    for stage in stages:
        if stage["documents_in"] and not stage["documents_out"]:
            found.append(f"The stage {stage['stage']} dropped every document that reached it.")
        elif stage["bytes_in"] and stage["bytes_out"] < stage["bytes_in"] / 2:
            share = 1 - stage["bytes_out"] / stage["bytes_in"]
            found.append(
                f"The stage {stage['stage']} dropped {100 * share:.0f} % of the bytes that reached it."
            )
    kept = set(documents["corpus"].to_pylist())
    named = {name for name in report["corpus"].to_pylist() if name}
    found += [f"Nothing of the corpus {corpus} was kept." for corpus in sorted(named - kept)]
    unlicensed = documents.filter(
        pc.or_kleene(pc.is_null(documents["license"]), pc.equal(documents["license"], ""))
    )
    if unlicensed.num_rows:
        found.append(f"{unlicensed.num_rows:,} documents carry no licence.")
    held_out = set(
        documents.filter(pc.is_in(documents["split"], pa.array(["valid", "test"])))["language"].to_pylist()
    )
    missing = [row["language"] for row in languages if row["language"] not in held_out]
    if missing:
        found.append(f"No held-out documents in {_some(missing)}: nothing can be measured there.")
    small = [row["language"] for row in languages if row["bytes"] < SMALL]
    if small and len(small) < len(languages):
        found.append(
            f"Figures are rough where there is less than {SMALL // 1000} kB of text: {_some(small)}."
        )
    return found


def _some(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    text = ", ".join(names[:NAMED])
    return text if len(names) <= NAMED else f"{text} and {len(names) - NAMED} more"


def _is(column: pa.ChunkedArray, value: str | None) -> pa.ChunkedArray:
    return pc.is_null(column) if value is None else pc.equal(column, value)
