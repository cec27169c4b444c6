"""Curves over a common axis, as inline SVG."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from lexmill.report.svg import SERIES, safe, svg, ticks

_LEFT, _WIDTH = 11.0, 86.0  # of the plot, per cent of the width
_TOP, _HEIGHT = 14, 220  # of the plot, pixels
_UNITS = 1000  # the plot's inner width: it is stretched to the place it gets


@dataclass(frozen=True)
class Curve:
    """Points of a line, x ascending."""

    name: str
    points: tuple[tuple[float, float], ...]


def lines(
    curves: Sequence[Curve],
    name: str,
    text: str,
    titles: tuple[str, str],
    tick: tuple[Callable[[float], str], Callable[[float], str]],
    zero: bool = False,
) -> Markup:
    """Curves over a common x axis; `zero` makes the y axis start there.

    `titles` and `tick` are of the x and the y axis: titles with their units, and how a value is written.
    """
    x_low, x_high = _span([x for curve in curves for x, _ in curve.points])
    y_low, y_high = _span([y for curve in curves for _, y in curve.points] + ([0.0] if zero else []))
    bottom = _TOP + _HEIGHT
    parts = []
    for value in ticks(y_low, y_high):
        label = escape(tick[1](value))
        y = _TOP + _HEIGHT * (1 - (value - y_low) / (y_high - y_low))
        parts.append(
            f'<line class="grid" x1="{_LEFT:g}%" x2="{_LEFT + _WIDTH:g}%" y1="{y:.1f}" y2="{y:.1f}"/>'
            f'<text class="tick" x="{_LEFT:g}%" dx="-6" y="{y + 4:.1f}" text-anchor="end">{label}</text>'
        )
    for value in ticks(x_low, x_high, 4):
        x = _LEFT + _WIDTH * (value - x_low) / (x_high - x_low)
        label = escape(tick[0](value))
        parts.append(f'<text class="tick" x="{x:.3f}%" y="{bottom + 17}" text-anchor="middle">{label}</text>')
    shapes = [
        _polyline(
            series,
            curve.name,
            [
                (_UNITS * (x - x_low) / (x_high - x_low), _HEIGHT * (1 - (y - y_low) / (y_high - y_low)))
                for x, y in curve.points
            ],
        )
        for series, curve in enumerate(curves)
    ]
    parts.append(
        f'<line class="frame" x1="{_LEFT:g}%" x2="{_LEFT + _WIDTH:g}%" y1="{bottom}" y2="{bottom}"/>'
        f'<svg x="{_LEFT:g}%" y="{_TOP}" width="{_WIDTH:g}%" height="{_HEIGHT}" viewBox="0 0 {_UNITS} {_HEIGHT}" '
        f'preserveAspectRatio="none" overflow="visible">{"".join(shapes)}</svg>'
        f'<text class="axis" x="{_LEFT:g}%" y="10" dx="-4">{safe(titles[1])}</text>'
        f'<text class="axis" x="{_LEFT + _WIDTH:g}%" y="{bottom + 34}" text-anchor="end">{safe(titles[0])}</text>'
    )
    return svg(bottom + 40, name, text, "".join(parts))


def _polyline(series: int, name: str, points: Sequence[tuple[float, float]]) -> str:
    dash = f" dash{series // SERIES}" if series >= SERIES else ""
    path = " ".join(f"{x:.2f},{y:.2f}" for x, y in points)
    return (
        f'<polyline class="curve c{series % SERIES}{dash}" vector-effect="non-scaling-stroke" points="{path}">'
        f"<title>{safe(name)}</title></polyline>"
    )


def _span(values: Sequence[float]) -> tuple[float, float]:
    """Lowest and highest value, never the same."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    return (low, high) if high > low else (low - 0.5, high + 0.5)
