from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ElementTree
from itertools import pairwise

import pytest

from lexmill.report.curves import Curve, lines
from lexmill.report.figures import Mark, Row, dot_plot, interval_bars, stacked_bars
from lexmill.report.svg import log_ticks, percent, ticks

EVIL = "</text><script>alert(1)</script>\u202e\x00"


def parsed(markup):
    return ElementTree.fromstring(str(markup))


def percents(elements, attribute):
    return [float(e.get(attribute).rstrip("%")) for e in elements]


def by_class(root, tag, word):
    return [e for e in root.iter(tag) if word in (e.get("class") or "").split()]


def test_bars_intervals_and_truth_stand_where_the_numbers_are():
    rows = [
        Row("a", (Mark(0.5, 0.4, 0.8, "a: 50 %"),), "50 %", Mark(0.6, label="true")),
        Row("b", (Mark(0.2, 0.1, 0.3, "b: 20 %"),), "20 %"),
    ]
    root = parsed(interval_bars(rows, "n", "t", "share", str))
    assert percents(by_class(root, "rect", "bar"), "width") == [62.5, 25.0]  # of the highest end, 0.8
    spans = [e for e in by_class(root, "line", "whisker") if e.get("x1") != e.get("x2")]
    assert [(e.get("x1"), e.get("x2")) for e in spans] == [("50%", "100%"), ("12.5%", "37.5%")]
    (truth,) = by_class(root, "path", "truth")
    (holder,) = [e for e in by_class(root, "svg", "mark") if truth in list(e)]
    assert holder.get("x") == "75%"


def test_stacked_pieces_follow_one_another():
    root = parsed(
        stacked_bars(
            [Row("a", (Mark(30), None, Mark(10))), Row("b", (Mark(20), Mark(20), None))], "n", "t", "u", str
        )
    )
    bars = by_class(root, "rect", "bar")
    assert percents(bars, "x") == [0, 75, 0, 50]
    assert percents(bars, "width") == [75, 25, 50, 50]


def test_dot_plot_is_logarithmic_over_a_wide_range_only():
    def places(values):
        root = parsed(dot_plot([Row(str(v), (Mark(v),)) for v in values], "n", "t", "u", str))
        return percents(by_class(root, "svg", "mark"), "x")

    near = places([1, 2, 3])
    assert near[1] - near[0] == pytest.approx(near[2] - near[1], abs=1e-3)
    far = places([1, 4, 16])
    assert far[1] - far[0] == pytest.approx(far[2] - far[1], abs=1e-3)
    assert all(0 < place < 100 for place in near + far)


def test_missing_marks_leave_a_gap():
    root = parsed(dot_plot([Row("a", (None, Mark(1.5))), Row("b", (Mark(2.0), None))], "n", "t", "u", str))
    assert len(by_class(root, "svg", "mark")) == 2


def test_curve_points_are_the_values():
    root = parsed(
        lines([Curve("c", ((0.0, 4.0), (5.0, 3.0), (10.0, 2.0)))], "n", "t", ("x", "y"), (str, str))
    )
    (line,) = by_class(root, "polyline", "curve")
    assert line.get("points") == "0.00,0.00 500.00,110.00 1000.00,220.00"


@pytest.mark.parametrize(
    "draw",
    [
        lambda: interval_bars([], "n", "t", "u", str),
        lambda: stacked_bars([], "n", "t", "u", str),
        lambda: dot_plot([], "n", "t", "u", str),
        lambda: dot_plot([Row("only", (Mark(3.0),))], "n", "t", "u", str),
        lambda: lines([], "n", "t", ("x", "y"), (str, str)),
        lambda: lines([Curve("c", ((1.0, 2.0),))], "n", "t", ("x", "y"), (str, str)),
        lambda: interval_bars([Row("zero", (Mark(0.0, 0.0, 0.0),))], "n", "t", "u", str),
    ],
)
def test_degenerate_figures_are_still_drawings(draw):
    assert parsed(draw()).tag == "svg"
    assert "nan" not in str(draw()).lower()


@pytest.mark.parametrize(
    "draw",
    [
        lambda: dot_plot([Row(EVIL, (Mark(1.0, label=EVIL),), EVIL)], EVIL, EVIL, EVIL, lambda value: EVIL),
        lambda: interval_bars(
            [Row(EVIL, (Mark(1.0, label=EVIL),), EVIL)], EVIL, EVIL, EVIL, lambda value: EVIL[:8]
        ),
        lambda: lines(
            [Curve(EVIL, ((0.0, 1.0), (1.0, 2.0)))], EVIL, EVIL, (EVIL, EVIL), (lambda v: "<", lambda v: "&")
        ),
    ],
)
def test_text_in_figures_is_text(draw):
    text = str(draw())
    assert "<script" not in text
    root = parsed(re.sub("[\u202e\x00]", "", text))
    assert not list(root.iter("script"))


def test_figures_have_an_accessible_name():
    root = parsed(dot_plot([Row("a", (Mark(1.0),))], "Premium", "one language", "u", str))
    assert root.get("role") == "img"
    assert root.get("aria-label") == "Premium. one language"
    assert root.find("title").text == "Premium"


def test_ticks_are_round_and_inside():
    for low, high in [(0, 1), (1.95, 2.95), (0, 3_780), (-2, 7), (0.001, 0.0019)]:
        found = ticks(low, high)
        assert 3 <= len(found) <= 10
        assert all(low - 1e-9 <= value <= high + 1e-9 for value in found)
        steps = {round(b - a, 12) for a, b in pairwise(found)}
        assert len(steps) == 1
        assert round(steps.pop() / 10 ** math.floor(math.log10(found[1] - found[0]) + 1e-9), 6) in (
            1,
            2,
            5,
            10,
        )
    assert ticks(3, 3) == [3]


def test_log_ticks():
    assert log_ticks(1, 20) == [1, 2, 5, 10, 20]
    assert log_ticks(0.5, 4) == [0.5, 0.7, 1, 1.5, 2, 3]
    assert log_ticks(1, 1e6) == [10.0**e for e in range(7)]


def test_percent():
    assert [percent(share) for share in (0, 1, 0.25, 1 / 3)] == ["0%", "100%", "25%", "33.3333%"]
