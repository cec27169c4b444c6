"""The shares of one audit as an SVG file of its own, with the colours and fonts that the report's page would give."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from lexmill.report.charts import DRAWN, mixture_figure
from lexmill.report.svg import safe

WIDTH, HEAD, MARGIN = 760, 58, 16  # pixels; the head holds title, legend and, below it, the alarm

_STYLE = """
text { font-family: system-ui, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif; fill: #1c1c1a; }
.title { font-size: 16px; font-weight: 600; } .about, .alarm { font-size: 12px; fill: #5b5b56; }
.alarm { fill: #8a3b00; } .paper { fill: #fdfdfb; }
.figure .row { font-size: 12.5px; } .figure .value { font-size: 12px; }
.figure .tick, .figure .axis { font-size: 11px; fill: #5b5b56; }
.grid { stroke: #e9e9e3; } .whisker { stroke: #1c1c1a; stroke-width: 1.3; fill: none; } .c0 { fill: #0072b2; }
.truth { fill: #fdfdfb; stroke: #1c1c1a; stroke-width: 1.7; }
"""


def mixture_picture(audit: Mapping[str, Any]) -> str:
    """A whole SVG document of what `mixture_data` says: a bar per category, its interval, the truth where known.

    The largest `DRAWN` categories have a bar each, the others one together.  The same data give the same text.
    """
    figure = str(mixture_figure(audit))
    height = _height(figure)
    head = [
        f'<text class="title" x="{MARGIN}" y="26">What {safe(str(audit["tokenizer"]))} was trained on</text>',
        f'<text class="about" x="{MARGIN}" y="44">{safe(_legend(audit))}</text>',
    ]
    top = HEAD
    if audit["alarm"]:
        head.append(f'<text class="alarm" x="{MARGIN}" y="{HEAD + 4}">{safe(_short(audit["alarm"]))}</text>')
        top += 18
    total = top + height + MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{total:g}" '
        f'viewBox="0 0 {WIDTH} {total:g}"><style>{_STYLE}</style>'
        f'<rect class="paper" width="{WIDTH}" height="{total:g}"/>{"".join(head)}'
        f'<svg x="{MARGIN}" y="{top}" width="{WIDTH - 2 * MARGIN}" height="{height:g}">{figure}</svg></svg>\n'
    )


def _height(figure: str) -> float:
    """The pixels that a drawing of `lexmill.report.svg` says it takes."""
    found = re.search(r'^<svg [^>]*?height="([0-9.]+)"', figure)
    assert found is not None  # our own markup
    return float(found[1])


def _legend(audit: Mapping[str, Any]) -> str:
    parts = ["Bars: inferred share of the training bytes"]
    if audit["has_intervals"]:
        parts.append(f"whiskers: {audit['interval_level']} interval")
    if audit["has_truth"]:
        parts.append("diamonds: the truth")
    if len(audit["shares"]) > DRAWN + 1:
        parts.append(f"the {DRAWN} largest of {len(audit['shares'])}")
    return "; ".join(parts) + "."


def _short(alarm: str) -> str:
    """The first clause of the alarm: a picture has one line for it."""
    first = re.split(r"[:.;]", alarm, maxsplit=1)[0]
    return f"Alarm: {first}." if len(first) <= 110 else f"Alarm: {first[:107]}..."
