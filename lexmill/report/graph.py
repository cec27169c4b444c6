"""Layered layout of a directed acyclic graph after Sugiyama, Tagawa and Toda (1981).

Columns from left to right, long edges split by bends, crossings reduced by barycentre sweeps, heights by least squares.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

SWEEPS = 12
_BEND_HEIGHT = 6.0  # the room an edge takes where it passes through a column


@dataclass(frozen=True)
class Node:
    """A box to place; `column` is the leftmost column it may stand in (its stage), `height` is in pixels."""

    id: str
    column: int
    height: float = 34.0


@dataclass(frozen=True)
class Layout:
    """Where everything stands, in pixels; y grows downwards."""

    boxes: dict[str, tuple[float, float]]  # id -> left, top
    edges: dict[tuple[str, str], tuple[tuple[float, float], ...]]  # from tail's right side to head's left
    columns: tuple[tuple[str, ...], ...]  # ids by column, top to bottom
    width: float
    height: float


def transitive_reduction(edges: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Edges that no longer path implies, sorted (Aho, Garey and Ullman 1972).  Raises ValueError on a cycle."""
    successors: dict[str, set[str]] = {}
    for tail, head in edges:
        successors.setdefault(tail, set()).add(head)
        successors.setdefault(head, set())
    reach: dict[str, set[str]] = {}
    for node in reversed(_topological_order(successors)):
        reach[node] = set().union(*({head} | reach[head] for head in successors[node]))
    return [
        (tail, head)
        for tail in sorted(successors)
        for head in sorted(successors[tail])
        if not any(head in reach[other] for other in successors[tail] if other != head)
    ]


def ancestors(edges: Sequence[tuple[str, str]], node: str) -> set[str]:
    """Every node from which `node` can be reached, itself excluded."""
    parents: dict[str, list[str]] = {}
    for tail, head in edges:
        parents.setdefault(head, []).append(tail)
    seen: set[str] = set()
    waiting = list(parents.get(node, []))
    while waiting:
        parent = waiting.pop()
        if parent not in seen:
            seen.add(parent)
            waiting.extend(parents.get(parent, []))
    return seen


def layout(
    nodes: Sequence[Node],
    edges: Sequence[tuple[str, str]],
    width: float = 150.0,
    gaps: tuple[float, float] = (46.0, 10.0),
) -> Layout:
    """Place `nodes` (unique ids) joined by `edges` (tail id, head id; both among the nodes).

    `width` is that of every node, `gaps` the space between columns and between rows, in pixels.  Every edge runs
    from a column to a later one; empty columns vanish; order and positions depend on the input alone.
    Raises ValueError on a cycle.
    """
    rank = _ranks(nodes, edges)
    columns, chains = _columns_with_bends(rank, edges)
    columns = _reduce_crossings(columns, chains)
    height = {name: _BEND_HEIGHT for column in columns for name in column}
    height |= {node.id: node.height for node in nodes}
    centres = _heights(columns, chains, height, gaps[1])
    left = {name: index * (width + gaps[0]) for index, column in enumerate(columns) for name in column}
    boxes = {name: (left[name], centres[name] - height[name] / 2) for name in rank}
    lines = {
        edge: tuple(
            point for name in chain for point in _points(name, edge, left[name], centres[name], width)
        )
        for edge, chain in chains.items()
    }
    bottom = max((centres[name] + height[name] / 2 for name in centres), default=0.0)
    shown = tuple(tuple(name for name in column if name in rank) for column in columns)
    return Layout(boxes, lines, shown, max(len(columns) * (width + gaps[0]) - gaps[0], 0.0), bottom)


def _points(
    name: str, edge: tuple[str, str], left: float, centre: float, width: float
) -> tuple[tuple[float, float], ...]:
    if name == edge[0]:
        return ((left + width, centre),)
    if name == edge[1]:
        return ((left, centre),)
    return ((left, centre), (left + width, centre))  # a bend crosses its column straight


def _topological_order(successors: Mapping[str, set[str]]) -> list[str]:
    waiting = dict.fromkeys(successors, 0)
    for heads in successors.values():
        for head in heads:
            waiting[head] += 1
    ready = sorted(name for name, left in waiting.items() if left == 0)
    order: list[str] = []
    while ready:
        node = ready.pop(0)
        order.append(node)
        for head in sorted(successors[node]):
            waiting[head] -= 1
            if waiting[head] == 0:
                ready.append(head)
    if len(order) != len(successors):
        raise ValueError("the graph has a cycle: lineage must be acyclic")
    return order


def _ranks(nodes: Sequence[Node], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Column of every node: its stage's, or one after its latest parent's; then without empty columns."""
    rank = {node.id: node.column for node in sorted(nodes, key=lambda node: node.id)}
    successors: dict[str, set[str]] = {name: set() for name in rank}
    for tail, head in edges:
        successors[tail].add(head)
    for tail in _topological_order(successors):
        for head in successors[tail]:
            rank[head] = max(rank[head], rank[tail] + 1)
    used = {column: index for index, column in enumerate(sorted(set(rank.values())))}
    return {name: used[column] for name, column in rank.items()}


def _columns_with_bends(
    rank: Mapping[str, int], edges: Sequence[tuple[str, str]]
) -> tuple[list[list[str]], dict[tuple[str, str], list[str]]]:
    """Names by column, and for every edge the chain tail, bends, head.

    Edges of one tail share their bends (a bundle), so that a node read by many leaves one line, not a sheaf.
    """
    columns: list[list[str]] = [[] for _ in range(max(rank.values(), default=-1) + 1)]
    for name in rank:
        columns[rank[name]].append(name)
    bends: set[str] = set()
    chains: dict[tuple[str, str], list[str]] = {}
    for tail, head in sorted(set(edges)):
        chain = [tail]
        for column in range(rank[tail] + 1, rank[head]):
            bend = f"\x00{tail}\x00{column}"  # no artifact is called so
            if bend not in bends:
                bends.add(bend)
                columns[column].append(bend)
            chain.append(bend)
        chains[tail, head] = [*chain, head]
    return columns, chains


def _links(
    chains: Mapping[tuple[str, str], Sequence[str]],
) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Neighbours in the column before and in the column after, of nodes and bends."""
    pairs = sorted({pair for chain in chains.values() for pair in pairwise(chain)})
    before: dict[str, list[str]] = {}
    after: dict[str, list[str]] = {}
    for tail, head in pairs:
        before.setdefault(head, []).append(tail)
        after.setdefault(tail, []).append(head)
    return before, after


def _reduce_crossings(
    columns: list[list[str]], chains: Mapping[tuple[str, str], Sequence[str]]
) -> list[list[str]]:
    """Sort columns by the mean place of their neighbours, forwards and backwards; keep the order that crosses least."""
    before, after = _links(chains)
    best, fewest = [list(column) for column in columns], _crossings(columns, after)
    current = [list(column) for column in columns]
    for sweep in range(SWEEPS):
        forwards = sweep % 2 == 0
        neighbours = before if forwards else after
        for index in range(len(current)) if forwards else reversed(range(len(current))):
            other = index - 1 if forwards else index + 1
            if not 0 <= other < len(current):
                continue
            place = {name: position for position, name in enumerate(current[other])}
            current[index] = _sorted_by_barycentre(current[index], neighbours, place)
        crossed = _crossings(current, after)
        if crossed < fewest:
            best, fewest = [list(column) for column in current], crossed
    return best


def _sorted_by_barycentre(
    column: list[str], neighbours: Mapping[str, list[str]], place: Mapping[str, int]
) -> list[str]:
    def key(item: tuple[int, str]) -> tuple[float, int]:
        position, name = item
        near = [place[other] for other in neighbours.get(name, [])]
        return (sum(near) / len(near) if near else float(position), position)

    return [name for _, name in sorted(enumerate(column), key=key)]


def _crossings(columns: Sequence[Sequence[str]], after: Mapping[str, list[str]]) -> int:
    total = 0
    for left, right in pairwise(columns):
        place = {name: position for position, name in enumerate(right)}
        ends = [place[head] for name in left for head in sorted(after.get(name, []), key=place.__getitem__)]
        total += sum(1 for i, first in enumerate(ends) for second in ends[i + 1 :] if second < first)
    return total


def _heights(
    columns: Sequence[Sequence[str]],
    chains: Mapping[tuple[str, str], Sequence[str]],
    height: Mapping[str, float],
    gap: float,
) -> dict[str, float]:
    """Centres: each column as near as possible to the means of its neighbours, with its order and distances kept."""
    before, after = _links(chains)
    centre = {
        name: y for column in columns for name, y in zip(column, _stack(column, height, gap), strict=True)
    }
    for sweep in range(SWEEPS):
        forwards = sweep % 2 == 0
        for column in columns if forwards else list(reversed(columns)):
            wanted = []
            for name in column:
                near = [*before.get(name, []), *after.get(name, [])]
                wanted.append(sum(centre[other] for other in near) / len(near) if near else centre[name])
            offsets = _stack(column, height, gap)
            fitted = _isotonic([want - offset for want, offset in zip(wanted, offsets, strict=True)])
            for name, offset, shift in zip(column, offsets, fitted, strict=True):
                centre[name] = offset + shift
    top = min((centre[name] - height[name] / 2 for name in centre), default=0.0)
    return {name: y - top for name, y in centre.items()}


def _stack(column: Sequence[str], height: Mapping[str, float], gap: float) -> list[float]:
    """Centres of boxes piled up without waste."""
    centres, y = [], 0.0
    for name in column:
        centres.append(y + height[name] / 2)
        y += height[name] + gap
    return centres


def _isotonic(values: Sequence[float]) -> list[float]:
    """The nearest non-decreasing sequence in least squares (pool adjacent violators)."""
    pools: list[tuple[float, int]] = []  # sum, size
    for value in values:
        total, size = value, 1
        while pools and pools[-1][0] / pools[-1][1] > total / size:
            previous, length = pools.pop()
            total, size = total + previous, size + length
        pools.append((total, size))
    return [total / size for total, size in pools for _ in range(size)]
