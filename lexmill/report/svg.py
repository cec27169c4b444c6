"""What every drawing is made of: the svg element, ticks, colours and marker shapes."""

from __future__ import annotations

import math

from markupsafe import Markup, escape

from lexmill.report.formatting import visible

SERIES = 8  # colours and marker shapes before they repeat
# Marker outlines around the origin; shape doubles colour for readers who cannot tell the colours apart.
SHAPES = (
    "M4.5 0A4.5 4.5 0 1 1-4.5 0A4.5 4.5 0 1 1 4.5 0Z",  # circle
    "M-4-4H4V4H-4Z",  # square
    "M0-5L4.8 3.6H-4.8Z",  # triangle
    "M0-5.5L5.5 0L0 5.5L-5.5 0Z",  # diamond
    "M0 5L4.8-3.6H-4.8Z",  # triangle downwards
    "M-1.5-5H1.5V-1.5H5V1.5H1.5V5H-1.5V1.5H-5V-1.5H-1.5Z",  # plus
    "M-3.2-5L0-1.8L3.2-5L5-3.2L1.8 0L5 3.2L3.2 5L0 1.8L-3.2 5L-5 3.2L-1.8 0L-5-3.2Z",  # cross
    "M-5-2.5H5V2.5H-5Z",  # flat box
)
TRUTH_SHAPE = 3


def ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Round values (1, 2 or 5 times a power of ten apart) within [low, high], very roughly `wanted` of them."""
    if not high > low:
        return [low]
    raw = (high - low) / (1.6 * wanted)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [round(index * step, 12) + 0.0 for index in range(first, math.floor(high / step + 1e-9) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Round values within [low, high] (both positive), the fewer in a decade the more decades there are."""
    exponents = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    decades = math.log10(high / low)
    factors: tuple[float, ...] = (1, 1.5, 2, 3, 5, 7) if decades < 1 else (1, 2, 5) if decades < 3 else (1,)
    values = [round(factor * 10.0**exponent, 9 - exponent) for exponent in exponents for factor in factors]
    return [value for value in values if low * (1 - 1e-9) <= value <= high * (1 + 1e-9)]


def svg(height: float, name: str, text: str, inner: str) -> Markup:
    """A drawing as wide as its place, `height` pixels high, with its accessible title and description."""
    return Markup(  # noqa: S704  # `inner` is ours; texts in it went through `safe`
        f'<svg class="figure" width="100%" height="{height:g}" role="img" aria-label="{safe(f"{name}. {text}")}">'
        f"<title>{safe(name)}</title><desc>{safe(text)}</desc>{inner}</svg>"
    )


def swatch(series: int, shape: str = "marker") -> Markup:
    """The legend's sign of a series: `marker`, `bar`, `line` or `truth`."""
    colour = f"c{series % SERIES}"
    if shape == "bar":
        inner = f'<rect class="{colour}" x="1" y="3" width="14" height="10" rx="1"/>'
    elif shape == "line":
        dash = f" dash{series // SERIES}" if series >= SERIES else ""
        inner = f'<line class="curve {colour}{dash}" x1="0" x2="16" y1="8" y2="8"/>'
    elif shape == "truth":
        inner = f'<path class="truth" d="{SHAPES[TRUTH_SHAPE]}" transform="translate(8 8)"/>'
    else:
        inner = f'<path class="{colour}" d="{SHAPES[series % len(SHAPES)]}" transform="translate(8 8)"/>'
    return Markup(  # noqa: S704
        f'<svg class="swatch" width="16" height="16" aria-hidden="true">{inner}</svg>'
    )


def percent(share: float) -> str:
    """A share of the width as an SVG length: 0.25 -> `25%`."""
    return f"{100 * share:.4f}".rstrip("0").rstrip(".") + "%"


def safe(text: str) -> Markup:
    """Text from outside, made visible and escaped."""
    return escape(visible(text))
