"""Charts as inline SVG: numbers in, markup out, no plotting library.

Horizontal places are percentages of the drawing's width, so that a figure fills a phone or a desk without scaling its
text.  Colours are classes (`c0` ... `c7`) that the style sheet maps, for light and for dark.  A mark's `<title>` gives
its exact value; every text from outside is escaped here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup, escape

from lexmill.report.formatting import clip, visible

SERIES = 8  # colours and marker shapes before they repeat
_ROW = 22
_LABEL_END, _PLOT, _PLOT_WIDTH = 28.0, 30.0, 56.0  # per cent of the width: labels | plot | values
_AXIS = 26


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
class Curve:
    """Points of a line, x ascending, with lower and upper bounds of the same length if known."""

    name: str
    points: tuple[tuple[float, float], ...]
    bounds: tuple[tuple[float, float], ...] = field(default=())


def ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Round values (1, 2 or 5 times a power of ten apart) within [low, high], about `wanted` of them."""
    if not high > low:
        return [low]
    raw = (high - low) / max(wanted, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [round(index * step, 12) + 0.0 for index in range(first, math.floor(high / step + 1e-9) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten within [low, high] (both positive); only powers when that would be many."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    factors = (1, 2, 5) if len(exponents) <= 4 else (1,)
    values = [factor * 10.0**exponent for exponent in exponents for factor in factors]
    return [value for value in values if low * (1 - 1e-9) <= value <= high * (1 + 1e-9)]


def interval_bars(rows: Sequence[Row], name: str, text: str, axis: str, tick: Callable[[float], str]) -> Markup:
    """A bar per row from zero, a whisker for its interval, a diamond for the truth.

    `name` and `text` are the figure's accessible title and description, `axis` the axis title with its unit.
    """
    high = max((_highest(row) for row in rows), default=0.0) or 1.0
    body = []
    for index, row in enumerate(rows):
        middle = index * _ROW + _ROW / 2
        mark = row.marks[0]
        if mark is not None:
            body.append(_bar(0.0, mark.value / high, middle, 0, mark.label))
            body.append(_whisker(mark, 0.0, high, middle))
        if row.truth is not None:
            body.append(_marker(3, row.truth.value / high, middle, "truth", row.truth.label))
    return _row_chart(rows, body, name, text, axis, ticks(0.0, high), 0.0, high, tick)


def stacked_bars(rows: Sequence[Row], name: str, text: str, axis: str, tick: Callable[[float], str]) -> Markup:
    """A bar per row made of one piece per series, in order."""
    high = max((sum(mark.value for mark in row.marks if mark) for row in rows), default=0.0) or 1.0
    body = []
    for index, row in enumerate(rows):
        start = 0.0
        for series, mark in enumerate(row.marks):
            if mark is not None and mark.value > 0:
                body.append(_bar(start / high, mark.value / high, index * _ROW + _ROW / 2, series, mark.label))
                start += mark.value
    return _row_chart(rows, body, name, text, axis, ticks(0.0, high, 4), 0.0, high, tick)


def dot_plot(
    rows: Sequence[Row],
    name: str,
    text: str,
    axis: str,
    tick: Callable[[float], str],
    reference: float | None = None,
) -> Markup:
    """A marker per series and row with its interval, on an axis from the lowest to the highest value.

    The axis is logarithmic when all values are positive and span more than a factor of four.
    """
    ends = [end for row in rows for mark in row.marks if mark is not None for end in _ends(mark)]
    if reference is not None:
        ends.append(reference)
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    logarithmic = low > 0 and high / low > 4
    scale: Callable[[float], float] = math.log if logarithmic else float
    room = 0.03 * (scale(high) - scale(low)) or 0.5
    first, last = scale(low) - room, scale(high) + room
    body = []
    if reference is not None:
        at = (scale(reference) - first) / (last - first)
        body.append(f'<line class="reference" x1="{_percent(at)}" x2="{_percent(at)}" y1="0" y2="{len(rows) * _ROW}"/>')
    for index, row in enumerate(rows):
        middle = index * _ROW + _ROW / 2
        spread = _spread(len(row.marks))
        for series, mark in enumerate(row.marks):
            if mark is None:
                continue
            y = middle + spread[series]
            body.append(_whisker(_transformed(mark, scale), first, last, y, series))
            body.append(_marker(series, (scale(mark.value) - first) / (last - first), y, f"c{series % SERIES}", mark.label))
    places = log_ticks(low, high) if logarithmic else ticks(low, high)
    return _row_chart(rows, body, name, text, axis, places, first, last, tick, scale)


def lines(
    curves: Sequence[Curve],
    name: str,
    text: str,
    axes: tuple[str, str],
    tick: tuple[Callable[[float], str], Callable[[float], str]],
    zero: bool = False,
) -> Markup:
    """Curves over a common x axis with bands for their bounds; `zero` makes the y axis start at zero."""
    xs = [x for curve in curves for x, _ in curve.points] or [0.0, 1.0]
    ys = [y for curve in curves for _, y in curve.points] + [y for curve in curves for pair in curve.bounds for y in pair]
    x_low, x_high = min(xs), max(xs)
    y_low, y_high = (0.0 if zero else min(ys, default=0.0)), max(ys, default=1.0)
    if x_high <= x_low:
        x_low, x_high = x_low - 0.5, x_high + 0.5
    if y_high <= y_low:
        y_low, y_high = y_low - 0.5, y_high + 0.5
    left, width, top, height = 11.0, 86.0, 14, 220

    def point(x: float, y: float) -> str:
        return f"{1000 * (x - x_low) / (x_high - x_low):.2f},{height * (1 - (y - y_low) / (y_high - y_low)):.2f}"

    grid, labels = [], []
    for value in ticks(y_low, y_high):
        y = top + height * (1 - (value - y_low) / (y_high - y_low))
        grid.append(f'<line class="grid" x1="{left:g}%" x2="{left + width:g}%" y1="{y:.1f}" y2="{y:.1f}"/>')
        labels.append(f'<text class="tick" x="{left:g}%" dx="-6" y="{y + 4:.1f}" text-anchor="end">{escape(tick[1](value))}</text>')
    for value in ticks(x_low, x_high, 4):
        x = left + width * (value - x_low) / (x_high - x_low)
        labels.append(f'<text class="tick" x="{x:.3f}%" y="{top + height + 17}" text-anchor="middle">{escape(tick[0](value))}</text>')
    shapes = []
    for series, curve in enumerate(curves):
        colour = f"c{series % SERIES}"
        if curve.bounds:
            upper = [point(x, pair[1]) for (x, _), pair in zip(curve.points, curve.bounds, strict=True)]
            lower = [point(x, pair[0]) for (x, _), pair in zip(curve.points, curve.bounds, strict=True)]
            shapes.append(f'<polygon class="band {colour}" points="{" ".join(upper + lower[::-1])}"/>')
        dash = f" dash{series // SERIES}" if series >= SERIES else ""
        path = " ".join(point(x, y) for x, y in curve.points)
        shapes.append(
            f'<polyline class="curve {colour}{dash}" vector-effect="non-scaling-stroke" points="{path}">'
            f"<title>{_safe(curve.name)}</title></polyline>"
        )
    bottom = top + height
    axis_titles = (
        f'<text class="axis" x="{left:g}%" y="10" dx="-4">{_safe(axes[1])}</text>'
        f'<text class="axis" x="{left + width:g}%" y="{bottom + 34}" text-anchor="end">{_safe(axes[0])}</text>'
    )
    plot = (
        f'<svg x="{left:g}%" y="{top}" width="{width:g}%" height="{height}" viewBox="0 0 1000 {height}" '
        f'preserveAspectRatio="none" overflow="visible">{"".join(shapes)}</svg>'
    )
    frame = f'<line class="frame" x1="{left:g}%" x2="{left + width:g}%" y1="{bottom}" y2="{bottom}"/>'
    return _svg(bottom + 40, name, text, "".join(grid) + frame + plot + "".join(labels) + axis_titles)


def swatch(series: int, shape: str = "marker") -> Markup:
    """The legend's sign of a series: `marker`, `bar`, `line` or `truth`."""
    colour = f"c{series % SERIES}"
    if shape == "bar":
        inner = f'<rect class="{colour}" x="1" y="3" width="14" height="10" rx="1"/>'
    elif shape == "line":
        dash = f" dash{series // SERIES}" if series >= SERIES else ""
        inner = f'<line class="curve {colour}{dash}" x1="0" x2="16" y1="8" y2="8"/>'
    elif shape == "truth":
        inner = f'<path class="truth" d="{_SHAPES[3]}" transform="translate(8 8)"/>'
    else:
        inner = f'<path class="{colour}" d="{_SHAPES[series % len(_SHAPES)]}" transform="translate(8 8)"/>'
    return Markup(f'<svg class="swatch" width="16" height="16" aria-hidden="true">{inner}</svg>')


# Marker outlines around the origin; shape doubles colour for readers who cannot tell the colours apart.
_SHAPES = (
    "M4.5 0A4.5 4.5 0 1 1-4.5 0A4.5 4.5 0 1 1 4.5 0Z",  # circle
    "M-4-4H4V4H-4Z",  # square
    "M0-5L4.8 3.6H-4.8Z",  # triangle
    "M0-5.5L5.5 0L0 5.5L-5.5 0Z",  # diamond
    "M0 5L4.8-3.6H-4.8Z",  # triangle downwards
    "M-1.5-5H1.5V-1.5H5V1.5H1.5V5H-1.5V1.5H-5V-1.5H-1.5Z",  # plus
    "M-3.2-5L0-1.8L3.2-5L5-3.2L1.8 0L5 3.2L3.2 5L0 1.8L-3.2 5L-5 3.2L-1.8 0L-5-3.2Z",  # cross
    "M-5-2.5H5V2.5H-5Z",  # flat box
)


def _row_chart(
    rows: Sequence[Row],
    body: Sequence[str],
    name: str,
    text: str,
    axis: str,
    places: Sequence[float],
    first: float,
    last: float,
    tick: Callable[[float], str],
    scale: Callable[[float], float] = float,
) -> Markup:
    """Row names, grid, marks, values and axis of a chart whose rows run from top to bottom."""
    height = len(rows) * _ROW
    grid, labels = [], []
    for value in places:
        at = (scale(value) - first) / (last - first)
        grid.append(f'<line class="grid" x1="{_percent(at)}" x2="{_percent(at)}" y1="0" y2="{height}"/>')
        labels.append(f'<text class="tick" x="{_percent(at)}" y="{height + 15}" text-anchor="middle">{escape(tick(value))}</text>')
    for index, row in enumerate(rows):
        y = index * _ROW + _ROW / 2 + 4
        labels_left = f'<text class="row" x="{_LABEL_END - _PLOT:g}%" y="{y:g}" text-anchor="end"><title>{_safe(row.name)}</title>{escape(clip(visible(row.name), 20))}</text>'
        grid.append(labels_left.replace(f'x="{_LABEL_END - _PLOT:g}%"', f'x="{100 * (_LABEL_END - _PLOT) / _PLOT_WIDTH:.4f}%"'))
        if row.text:
            labels.append(f'<text class="value" x="{100 * (100 - _PLOT) / _PLOT_WIDTH:.4f}%" y="{y:g}" text-anchor="end">{_safe(row.text)}</text>')
    title = f'<text class="axis" x="100%" y="{height + 32}" text-anchor="end">{_safe(axis)}</text>'
    plot = (
        f'<svg x="{_PLOT:g}%" y="4" width="{_PLOT_WIDTH:g}%" height="{height + _AXIS + 12}" overflow="visible">'
        f"{''.join(grid)}{''.join(body)}{''.join(labels)}{title}</svg>"
    )
    return _svg(height + _AXIS + 16, name, text, plot)


def _svg(height: float, name: str, text: str, inner: str) -> Markup:
    return Markup(
        f'<svg class="figure" width="100%" height="{height:g}" role="img" aria-label="{_safe(f"{name}. {text}")}">'
        f"<title>{_safe(name)}</title><desc>{_safe(text)}</desc>{inner}</svg>"
    )


def _bar(start: float, length: float, middle: float, series: int, label: str) -> str:
    return (
        f'<rect class="bar c{series % SERIES}" x="{_percent(start)}" width="{_percent(length)}" y="{middle - 7:g}" '
        f'height="14"><title>{_safe(label)}</title></rect>'
    )


def _whisker(mark: Mark, first: float, last: float, y: float, series: int | None = None) -> str:
    if mark.lower is None or mark.upper is None:
        return ""
    low, high = ((end - first) / (last - first) for end in (mark.lower, mark.upper))
    colour = "whisker" if series is None else f"whisker c{series % SERIES}"
    caps = "".join(
        f'<line class="{colour}" x1="{_percent(at)}" x2="{_percent(at)}" y1="{y - 3:g}" y2="{y + 3:g}"/>' for at in (low, high)
    )
    return f'<line class="{colour}" x1="{_percent(low)}" x2="{_percent(high)}" y1="{y:g}" y2="{y:g}"/>{caps}'


def _marker(series: int, at: float, y: float, colour: str, label: str) -> str:
    # A path cannot stand at a percentage, a nested svg can.
    return (
        f'<svg class="mark" x="{_percent(at)}" y="{y:g}" width="1" height="1" overflow="visible">'
        f'<path class="{colour}" d="{_SHAPES[series % len(_SHAPES)]}"><title>{_safe(label)}</title></path></svg>'
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


def _transformed(mark: Mark, scale: Callable[[float], float]) -> Mark:
    if mark.lower is None or mark.upper is None:
        return mark
    return Mark(scale(mark.value), scale(mark.lower), scale(mark.upper), mark.label)


def _percent(share: float) -> str:
    return f"{100 * share:.4f}".rstrip("0").rstrip(".") + "%"


def _safe(text: str) -> Markup:
    return escape(visible(text))
