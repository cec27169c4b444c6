"""The sections of the report as short Markdown: for cards beside artifacts and for a workflow's own pages."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from lexmill.report.formatting import MISSING, count, interval, number, percent, size, visible
from lexmill.report.languages import language_name

ROWS = 40  # of a table; what is left out is counted below it


def documents_markdown(corpus: Mapping[str, Any]) -> str:
    """What `corpus_data` says: totals, warnings, languages, stages with reasons, licences."""
    parts = [
        f"**{count(corpus['documents'])} documents, {size(corpus['bytes'])}** of text "
        f"in {len(corpus['languages'])} languages.",
        *(f"> {_text(warning)}" for warning in corpus["warnings"]),
        _table(
            ("language", "documents", "bytes", "share"),
            [
                (
                    _language(row["language"]),
                    count(row["documents"]),
                    size(row["bytes"]),
                    percent(row["share"]),
                )
                for row in corpus["languages"]
            ],
        ),
        _table(("stage", "in", "dropped", "out"), _stage_rows(corpus["stages"])),
        _table(
            ("licence", "documents", "bytes"),
            [
                (_text(row["license"] or "none stated"), count(row["documents"]), size(row["bytes"]))
                for row in corpus["licenses"]
            ],
        ),
    ]
    return _joined(parts)


def tokenizers_markdown(section: Mapping[str, Any]) -> str:
    """What `tokenizers_data` says: one row a tokenizer, then the premiums by language."""
    columns = section["columns"]
    rows = [
        (
            _text(row["name"]),
            count(row["vocab_size"]),
            *(_value(row["cells"][column["metric"]], column["digits"]) for column in columns),
        )
        for row in section["rows"]
    ]
    parts = [
        _text(section["about"]),
        _table(("tokenizer", "vocabulary", *(f"{c['title']}, {c['unit']}" for c in columns)), rows),
    ]
    for figure in section["by_language"]:
        if figure["metric"] == "premium":
            parts.append(
                _table(
                    (_text(figure["unit"]), *(_text(name) for name in figure["tokenizers"])),
                    [
                        (
                            _language(row["language"]),
                            *(_value(cell, figure["digits"]) for cell in row["cells"]),
                        )
                        for row in figure["rows"]
                    ],
                )
            )
    return _joined(parts)


def mixture_markdown(audit: Mapping[str, Any]) -> str:
    """What `mixture_data` says: the alarm, shares with intervals and truth, how good the answer is."""
    header: tuple[str, ...] = (audit["category_word"], "share of bytes, %", "interval")
    header += ("truth, %",) if audit["has_truth"] else ()
    rows = []
    for row in audit["shares"]:
        cells: tuple[str, ...] = (
            _text(row["label"]),
            number(100 * row["share"], 2),
            interval(row["lower"], row["upper"], 2, 100),
        )
        if audit["has_truth"]:
            cells += (MISSING if row["truth"] is None else number(100 * row["truth"], 2),)
        rows.append(cells)
    facts = [f"- {_text(fact['label'])}: {_text(fact['value'])}" for fact in audit["facts"]]
    alarm = f"> {_text(audit['alarm'])}" if audit["alarm"] else ""
    return _joined([alarm, _table(header, rows), "\n".join(facts)])


def models_markdown(model: Mapping[str, Any]) -> str:
    """What `model_data` says: bits per byte of every model by language."""
    rows = [
        (_text(row["label"]), *(_value(row["cells"].get(language), 3) for language in model["languages"]))
        for row in model["scores"]
    ]
    header = ("bits per byte", *(_language(language) for language in model["languages"]))
    return _joined([_text(model["about"]), _table(header, rows)])


def _stage_rows(stages: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for stage in stages:
        came, went = stage["documents_in"], stage["documents_out"]
        rows.append((f"**{_text(stage['stage'])}**", count(came), count(came - went), count(went)))
        rows += [(_text(r["reason"]), "", count(r["documents"]), "") for r in stage["reasons"]]
    return rows


def _value(cell: Mapping[str, Any] | None, digits: int) -> str:
    if cell is None:
        return MISSING
    text = number(cell["value"], digits)
    if cell["lower"] is None or cell["upper"] is None:
        return text
    return f"{text} {interval(cell['lower'], cell['upper'], digits)}"


def _language(code: str) -> str:
    name = language_name(code)
    return _text(code) if name == code else f"{_text(name)} ({_text(code)})"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A pipe table, first column to the left, the others to the right; empty without rows."""
    if not rows:
        return ""
    lines = [header, ["---", *("---:" for _ in header[1:])], *rows[:ROWS]]
    text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return text if len(rows) <= ROWS else f"{text}\n\n{len(rows) - ROWS} more rows in the report."


def _joined(parts: Sequence[str]) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"


def _text(text: object) -> str:
    """Text from outside that can neither end a cell nor become markup."""
    return (
        re.sub(r"([\\`*_{}\[\]<>|#!~])", r"\\\1", visible(text)).replace("\\<", "&lt;").replace("\\>", "&gt;")
    )
