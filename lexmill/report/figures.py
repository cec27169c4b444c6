"""Charts with a row for each name, as inline SVG: numbers in, markup out.

Horizontal places are percentages of the drawing's width, so that a figure fills a phone or a desk without scaling its
text.  Colours are classes (`c0` ... `c7`) that the style sheet maps, for light and for dark.  A mark's `<title>` gives
its exact value; every text from outside is escaped here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from lexmill.report.formatting import clip, visible
from lexmill.report.svg import SERIES, SHAPES, TRUTH_SHAPE, log_ticks, percent, safe, svg, ticks

_ROW = 22  # pixels
_LABEL_END, _PLOT, _PLOT_WIDTH = 31.0, 33.0, 53.0  # per cent of the width: labels | plot | values
_NAME = 24  # characters of a row's name


@dataclass(frozen=True)
class Mark:
    """One value with its interval, if it has one; `label` is the exact text of the tooltip."""

    value: float
    lower: float | None = None
    upper: float | None = None
    label: str = ""


@dataclass(frozen=True)
class Row:
    """One line of a chart: a name, one mark per series (None: not measured), and the text at the right."""

    name: str
    marks: tuple[Mark | None, ...]
    text: str = ""
    truth: Mark | None = None


@dataclass(frozen=True)
class Axis:
    """From `low` at the left to `high` at the right, with its ticks; `scale` is log for a logarithmic one."""

    low: float
    high: float
    ticks: tuple[float, ...]
    format: Callable[[float], str]
    title: str
    scale: Callable[[float], float] = float

    def place(self, value: float) -> float:
        """Where a value stands, 0 to 1."""
        low, high = self.scale(self.low), self.scale(self.high)
        return (self.scale(value) - low) / (high - low)


def interval_bars(
    rows: Sequence[Row], name: str, text: str, title: str, tick: Callable[[float], str]
) -> Markup:
    """A bar per row from zero, a whisker for its interval, a diamond for the truth.

    `name` and `text` are the figure's accessible title and description, `title` the axis title with its unit, `tick`
    writes a value of the axis.
    """
    high = max((_highest(row) for row in rows), default=0.0) or 1.0
    axis = Axis(0.0, high, tuple(ticks(0.0, high, 4)), tick, title)
    body = []
    for index, row in enumerate(rows):
        middle = index * _ROW + _ROW / 2
        mark = row.marks[0]
        if mark is not None:
            body.append(_bar(0.0, mark.value / high, middle, 0, mark.label))
            body.append(_whisker(mark, axis, middle))
        if row.truth is not None:
            body.append(_marker(TRUTH_SHAPE, axis.place(row.truth.value), middle, "truth", row.truth.label))
    return _row_chart(rows, body, axis, name, text)


def stacked_bars(
    rows: Sequence[Row], name: str, text: str, title: str, tick: Callable[[float], str]
) -> Markup:
    """A bar per row made of one piece per series, in order."""
    high = max((sum(mark.value for mark in row.marks if mark) for row in rows), default=0.0) or 1.0
    axis = Axis(0.0, high, tuple(ticks(0.0, high, 4)), tick, title)
    body = []
    for index, row in enumerate(rows):
        start = 0.0
        for series, mark in enumerate(row.marks):
            if mark is not None and mark.value > 0:
                body.append(
                    _bar(start / high, mark.value / high, index * _ROW + _ROW / 2, series, mark.label)
                )
                start += mark.value
    return _row_chart(rows, body, axis, name, text)


def dot_plot(
    rows: Sequence[Row],
    name: str,
    text: str,
    title: str,
    tick: Callable[[float], str],
    reference: float | None = None,
) -> Markup:
    """A marker per series and row with its interval, on an axis from the lowest to the highest value.

    The axis is logarithmic when all values are positive and span more than a factor of four.  `reference` is a value
    marked by a vertical line.
    """
    ends = [end for row in rows for mark in row.marks if mark is not None for end in _ends(mark)]
    ends += [] if reference is None else [reference]
    axis = _fitted_axis(min(ends, default=0.0), max(ends, default=1.0), tick, title)
    body = []
    if reference is not None:
        at = percent(axis.place(reference))
        body.append(f'<line class="reference" x1="{at}" x2="{at}" y1="0" y2="{len(rows) * _ROW}"/>')
    for index, row in enumerate(rows):
        spread = _spread(len(row.marks))
        for series, mark in enumerate(row.marks):
            if mark is not None:
                y = index * _ROW + _ROW / 2 + spread[series]
                body.append(_whisker(mark, axis, y, series))
                body.append(_marker(series, axis.place(mark.value), y, f"c{series % SERIES}", mark.label))
    return _row_chart(rows, body, axis, name, text)


def _fitted_axis(low: float, high: float, tick: Callable[[float], str], title: str) -> Axis:
    """An axis with a little room beyond both ends."""
    logarithmic = low > 0 and high / low > 4
    if logarithmic:
        room = (high / low) ** 0.03
        return Axis(low / room, high * room, tuple(log_ticks(low, high)), tick, title, math.log)
    room = 0.03 * (high - low) or 0.5
    return Axis(low - room, high + room, tuple(ticks(low, high)), tick, title)


def _row_chart(rows: Sequence[Row], body: Sequence[str], axis: Axis, name: str, text: str) -> Markup:
    """Row names, grid, marks, values and axis of a chart whose rows run from top to bottom."""
    height = len(rows) * _ROW
    parts = []
    for value in axis.ticks:
        at = percent(axis.place(value))
        parts.append(f'<line class="grid" x1="{at}" x2="{at}" y1="0" y2="{height}"/>')
        label = escape(axis.format(value))
        parts.append(f'<text class="tick" x="{at}" y="{height + 15}" text-anchor="middle">{label}</text>')
    left, right = ((at - _PLOT) / _PLOT_WIDTH for at in (_LABEL_END, 100.0))
    for index, row in enumerate(rows):
        y = index * _ROW + _ROW / 2 + 4
        parts.append(
            f'<text class="row" x="{percent(left)}" y="{y:g}" text-anchor="end"><title>{safe(row.name)}</title>'
            f"{escape(clip(visible(row.name), _NAME))}</text>"
        )
        if row.text:
            parts.append(
                f'<text class="value" x="{percent(right)}" y="{y:g}" text-anchor="end">{safe(row.text)}</text>'
            )
    parts.append(f'<text class="axis" x="100%" y="{height + 32}" text-anchor="end">{safe(axis.title)}</text>')
    plot = (
        f'<svg x="{_PLOT:g}%" y="4" width="{_PLOT_WIDTH:g}%" height="{height + 38}" overflow="visible">'
        f"{''.join(parts)}{''.join(body)}</svg>"
    )
    return svg(height + 42, name, text, plot)


def _bar(start: float, length: float, middle: float, series: int, label: str) -> str:
    return (
        f'<rect class="bar c{series % SERIES}" x="{percent(start)}" width="{percent(length)}" y="{middle - 7:g}" '
        f'height="14"><title>{safe(label)}</title></rect>'
    )


def _whisker(mark: Mark, axis: Axis, y: float, series: int | None = None) -> str:
    """The interval of a mark; with end caps unless it belongs to a coloured marker."""
    if mark.lower is None or mark.upper is None:
        return ""
    low, high = (percent(axis.place(end)) for end in (mark.lower, mark.upper))
    colour = "whisker" if series is None else f"whisker c{series % SERIES}"
    line = f'<line class="{colour}" x1="{low}" x2="{high}" y1="{y:g}" y2="{y:g}"/>'
    if series is not None:
        return line
    caps = (
        f'<line class="{colour}" x1="{at}" x2="{at}" y1="{y - 3:g}" y2="{y + 3:g}"/>' for at in (low, high)
    )
    return line + "".join(caps)


def _marker(series: int, at: float, y: float, colour: str, label: str) -> str:
    # A path cannot stand at a percentage, a nested svg can.
    return (
        f'<svg class="mark" x="{percent(at)}" y="{y:g}" width="1" height="1" overflow="visible">'
        f'<path class="{colour}" d="{SHAPES[series % len(SHAPES)]}"><title>{safe(label)}</title></path></svg>'
    )


def _spread(series: int) -> list[float]:
    """Vertical offsets that keep markers of one row apart, within the row."""
    step = min(4.0, 14.0 / max(series - 1, 1))
    return [step * (index - (series - 1) / 2) for index in range(series)]


def _ends(mark: Mark) -> list[float]:
    return [end for end in (mark.value, mark.lower, mark.upper) if end is not None]


def _highest(row: Row) -> float:
    marks = [mark for mark in (*row.marks, row.truth) if mark is not None]
    return max((end for mark in marks for end in _ends(mark)), default=0.0)
