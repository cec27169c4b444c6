"""The page's figures: sections of the report's data drawn with `figures`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from lexmill.report import figures
from lexmill.report.curves import Curve, lines
from lexmill.report.figures import Mark, Row
from lexmill.report.formatting import count, number, percent, size, tick, tick_size
from lexmill.report.languages import language_name

DRAWN = 25  # rows of a bar chart; the rest is pooled into one row, the table has all


def languages_figure(corpus: Mapping[str, Any]) -> Markup:
    """Bytes by language, a piece per domain."""
    domains = [entry["domain"] for entry in corpus["domains"]]
    rows = [
        Row(
            row["name"],
            tuple(
                Mark(
                    row["domains"][domain],
                    label=f"{row['language']}, {domain}: {size(row['domains'][domain])}",
                )
                if domain in row["domains"]
                else None
                for domain in domains
            ),
            size(row["bytes"]),
        )
        for row in _pooled_languages(corpus["languages"])
    ]
    largest = corpus["languages"][0]["name"] if corpus["languages"] else "none"
    text = f"{len(corpus['languages'])} languages, {size(corpus['bytes'])} in all; the largest is {largest}."
    return figures.stacked_bars(rows, "Text by language and domain", text, "bytes of UTF-8 text", tick_size)


def stages_figure(corpus: Mapping[str, Any]) -> Markup:
    """Documents kept and dropped by stage."""
    rows = []
    for stage in corpus["stages"]:
        kept, dropped = stage["documents_out"], max(stage["documents_in"] - stage["documents_out"], 0)
        marks = tuple(
            Mark(value, label=f"{stage['stage']}: {count(value)} documents {word}")
            for value, word in ((kept, "kept"), (dropped, "dropped"))
        )
        share = dropped / stage["documents_in"] if stage["documents_in"] else 0.0
        rows.append(Row(stage["stage"], marks, percent(-share) if share >= 0.0005 else percent(share)))
    text = f"{len(rows)} stages; at the right the share of its documents that each dropped."
    return figures.stacked_bars(rows, "Documents kept and dropped by stage", text, "documents", count)


def language_figure(figure: Mapping[str, Any]) -> Markup:
    """One tokenizer metric by language, a marker per tokenizer."""
    digits = figure["digits"]
    rows = [
        Row(
            language_name(row["language"]),
            tuple(
                None if cell is None else _mark(cell, f"{name}, {row['language']}", digits)
                for name, cell in zip(figure["tokenizers"], row["cells"], strict=True)
            ),
        )
        for row in figure["rows"]
        if row["language"] in figure["drawn"]
    ]
    text = f"{len(rows)} languages, {len(figure['tokenizers'])} tokenizers; exact values in the table."
    return figures.dot_plot(rows, figure["title"], text, figure["unit"], tick, figure["reference"])


def mixture_figure(audit: Mapping[str, Any]) -> Markup:
    """Inferred shares with intervals, the truth beside them when it is known."""
    rows = []
    for entry in _pooled_shares(audit["shares"]):
        label = f"{entry['category']}: {percent(entry['share'])}"
        if entry["lower"] is not None and entry["upper"] is not None:
            label += f", interval {percent(entry['lower'])} to {percent(entry['upper'])}"
        truth = (
            None
            if entry["truth"] is None
            else Mark(entry["truth"], label=f"true share {percent(entry['truth'])}")
        )
        mark = Mark(entry["share"], entry["lower"], entry["upper"], label)
        rows.append(Row(entry["label"], (mark,), percent(entry["share"]), truth))
    text = f"{len(audit['shares'])} categories of the audit {audit['name']}."
    return figures.interval_bars(
        rows, "Inferred mixture", text, "share of training bytes", lambda v: f"{100 * v:g} %"
    )


def curve_figure(audit: Mapping[str, Any]) -> Markup:
    """Inferred shares against the number of merges used."""
    curves = []
    for series in audit["curve"]["series"]:
        points = [
            (float(merges), share)
            for merges, share in zip(audit["curve"]["merges"], series["shares"], strict=True)
            if share is not None
        ]
        curves.append(Curve(series["label"], tuple(points)))
    return lines(
        curves,
        "Inferred shares by merges used",
        f"{len(curves)} categories; exact values in the table.",
        ("merges used", "share of bytes"),
        (count, lambda value: f"{100 * value:g} %"),
        zero=True,
    )


def scores_figure(model: Mapping[str, Any]) -> Markup:
    """Bits per byte of each model, a marker per language."""
    rows = [
        Row(
            row["label"],
            tuple(
                _mark(row["cells"][language], f"{row['label']}, {language}", 3)
                if language in row["cells"]
                else None
                for language in model["languages"]
            ),
        )
        for row in model["scores"]
    ]
    text = f"{len(rows)} models, {len(model['languages'])} languages; exact values in the table."
    return figures.dot_plot(rows, "Bits per byte", text, "bits per byte, lower is better", tick)


def training_figure(run: Mapping[str, Any]) -> Markup:
    """Bits per byte against megabytes fed."""
    curves = [
        Curve(
            series["label"],
            tuple(
                (point["bytes"] / 1e6, bits)
                for point, bits in zip(run["points"], series["bits"], strict=True)
                if bits is not None
            ),
        )
        for series in run["series"]
    ]
    return lines(
        curves,
        f"Training of {run['label']}",
        f"{len(run['points'])} points; exact values in the table.",
        ("MB of text fed", "bits per byte"),
        (tick, tick),
    )


def _pooled_languages(languages: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The first DRAWN languages, and one row with the sums of the others."""
    if len(languages) <= DRAWN + 1:
        return list(languages)
    others = languages[DRAWN:]
    domains: dict[str, int] = {}
    for row in others:
        for domain, total in row["domains"].items():
            domains[domain] = domains.get(domain, 0) + total
    name = f"{len(others)} others"
    return [
        *languages[:DRAWN],
        {"name": name, "language": name, "domains": domains, "bytes": sum(row["bytes"] for row in others)},
    ]


def _pooled_shares(shares: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The first DRAWN categories, and one row with the sums of the others, which has no interval."""
    if len(shares) <= DRAWN + 1:
        return list(shares)
    others = shares[DRAWN:]
    known = [row["truth"] for row in others if row["truth"] is not None]
    pooled = {
        "category": f"{len(others)} others",
        "label": f"{len(others)} others",
        "share": sum(row["share"] for row in others),
        "lower": None,
        "upper": None,
        "truth": sum(known) if known else None,
    }
    return [*shares[:DRAWN], pooled]


def _mark(cell: Mapping[str, Any], name: str, digits: int) -> Mark:
    label = f"{name}: {number(cell['value'], digits)}"
    if cell["lower"] is not None and cell["upper"] is not None:
        label += f" [{number(cell['lower'], digits)}, {number(cell['upper'], digits)}]"
    return Mark(cell["value"], cell["lower"], cell["upper"], label)
