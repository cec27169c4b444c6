from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexmill.report.graph import Node, ancestors, layout, transitive_reduction

WIDTH, GAPS = 150.0, (46.0, 10.0)


@st.composite
def graphs(draw):
    size = draw(st.integers(1, 14))
    names = [f"n{i}" for i in range(size)]
    nodes = [Node(n, draw(st.integers(0, 5)), draw(st.sampled_from([34.0, 51.0]))) for n in names]
    pairs = [(a, b) for a, b in itertools.combinations(names, 2)]
    return nodes, draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []


def overlap(a, b, heights, plan):
    (ax, ay), (bx, by) = plan.boxes[a], plan.boxes[b]
    return abs(ax - bx) < WIDTH and ay < by + heights[b] - 1e-6 and by < ay + heights[a] - 1e-6


@settings(max_examples=80, deadline=None)
@given(graphs())
def test_layout_places_every_node_apart_and_every_edge_runs_rightwards(graph):
    nodes, edges = graph
    plan = layout(nodes, edges, WIDTH, GAPS)
    heights = {node.id: node.height for node in nodes}
    assert set(plan.boxes) == set(heights)
    for a, b in itertools.combinations(plan.boxes, 2):
        assert not overlap(a, b, heights, plan), (a, b)
    for (tail, head), points in plan.edges.items():
        xs = [x for x, _ in points]
        assert xs == sorted(xs)
        assert xs[0] == plan.boxes[tail][0] + WIDTH
        assert xs[-1] == plan.boxes[head][0]
        assert xs[0] < xs[-1]
    for x, y in plan.boxes.values():
        assert 0 <= x <= plan.width - WIDTH + 1e-6
        assert -1e-6 <= y <= plan.height
    assert all(-1e-6 <= y <= plan.height + 1e-6 for points in plan.edges.values() for _, y in points)


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_a_bend_never_runs_through_a_box(graph):
    nodes, edges = graph
    plan = layout(nodes, edges, WIDTH, GAPS)
    for points in plan.edges.values():
        for (x1, y1), (x2, _) in zip(points[1:-1:2], points[2:-1:2], strict=True):
            for node in nodes:
                left, top = plan.boxes[node.id]
                if left < x2 - 1e-6 and left + WIDTH > x1 + 1e-6:
                    assert not top < y1 < top + node.height


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_reduction_keeps_reachability_and_has_no_superfluous_edge(graph):
    nodes, edges = graph
    kept = transitive_reduction(edges)
    assert set(kept) <= set(edges)
    for node in nodes:
        assert ancestors(kept, node.id) == ancestors(edges, node.id)
    for edge in kept:
        rest = [other for other in kept if other != edge]
        assert edge[0] not in ancestors(rest, edge[1])


def test_layout_does_not_depend_on_the_order_of_its_input():
    nodes = [
        Node(name, column) for name, column in [("s1", 0), ("s2", 0), ("d", 1), ("w", 2), ("t", 3), ("m", 4)]
    ]
    edges = [("s1", "d"), ("s2", "d"), ("d", "w"), ("w", "t"), ("t", "m"), ("d", "m")]
    assert layout(nodes, edges) == layout(nodes[::-1], edges[::-1])


def test_crossings_that_can_be_avoided_are_avoided():
    nodes = [Node(name, column) for column in (0, 1) for name in (f"{'ab'[column]}{i}" for i in range(4))]
    edges = [(f"a{i}", f"b{3 - i}") for i in range(4)]
    plan = layout(nodes, edges)
    assert all(points[0][1] == pytest.approx(points[-1][1]) for points in plan.edges.values())


def test_stage_columns_hold_even_without_inputs():
    plan = layout([Node("source", 0), Node("documents", 1), Node("alone", 1)], [("source", "documents")])
    assert plan.columns == (("source",), ("documents", "alone")) or plan.columns == (
        ("source",),
        ("alone", "documents"),
    )


def test_cycle_is_refused():
    with pytest.raises(ValueError, match="cycle"):
        layout([Node("a", 0), Node("b", 0)], [("a", "b"), ("b", "a")])


def test_nothing_to_draw():
    plan = layout([], [])
    assert (plan.width, plan.height, plan.boxes) == (0.0, 0.0, {})
