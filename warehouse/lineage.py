"""The graph of artifacts, from their records: what an artifact was made of, and what was made of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from warehouse.record import Record
from warehouse.references import Version
from warehouse.store import Warehouse


@dataclass(frozen=True)
class Node:
    """One artifact; `present` is False when only the records of others still name it."""

    kind: str
    name: str
    fingerprint: str
    present: bool = True

    @property
    def version(self) -> Version:
        """Its identity."""
        return Version(self.kind, self.name, self.fingerprint)


@dataclass(frozen=True)
class Edge:
    """`target` was made from `source`, which had this `role`."""

    source: Version
    target: Version
    role: str


@dataclass(frozen=True)
class Graph:
    """Artifacts in an order in which inputs come first, and the edges between them."""

    nodes: list[Node]
    edges: list[Edge]

    def to_dict(self) -> dict[str, Any]:
        """JSON form: `nodes` and `edges`, where an edge names its ends `kind/name@fingerprint`."""
        edges = [{"source": str(e.source), "target": str(e.target), "role": e.role} for e in self.edges]
        return {"nodes": [asdict(node) for node in self.nodes], "edges": edges}


def upstream(warehouse: Warehouse, ref: str) -> Graph:
    """The artifact that `ref` means and all that it was made of, transitively.  Raises LookupError."""
    return _reachable(warehouse, ref, "up")


def downstream(warehouse: Warehouse, ref: str) -> Graph:
    """The artifact that `ref` means and all that was made of it, transitively.  Raises LookupError."""
    return _reachable(warehouse, ref, "down")


def whole_graph(records: Iterable[Record]) -> Graph:
    """The graph of all records."""
    by_version = {version_of(record): record for record in records}
    edges = [
        Edge(Version(ref.kind, ref.name, ref.fingerprint), version, ref.role)
        for version, record in by_version.items()
        for ref in record.inputs
    ]
    versions = dict.fromkeys([*by_version, *(edge.source for edge in edges)])
    nodes = {version: Node(*version, present=version in by_version) for version in versions}
    return Graph([nodes[version] for version in _inputs_first(nodes, edges)], edges)


def to_mermaid(graph: Graph) -> str:
    """A Mermaid flowchart; artifacts that are gone are drawn dashed."""
    number = {node.version: f"n{at}" for at, node in enumerate(graph.nodes)}
    lines = ["flowchart LR", "    classDef gone stroke-dasharray: 4"]
    for node in graph.nodes:
        label = f"{node.kind}/{node.name}<br/>{node.fingerprint[:8]}".replace('"', "#quot;")
        lines.append(f'    {number[node.version]}["{label}"]{"" if node.present else ":::gone"}')
    for edge in graph.edges:
        role = edge.role.replace('"', "#quot;")
        lines.append(f'    {number[edge.source]} -->|"{role}"| {number[edge.target]}')
    return "\n".join(lines) + "\n"


def version_of(record: Record) -> Version:
    """The identity of the artifact that a record describes."""
    return Version(record.kind, record.name, record.fingerprint)


def closure(start: Iterable[Version], neighbours: Mapping[Version, Iterable[Version]]) -> set[Version]:
    """Everything that can be reached from `start`, itself included."""
    found: set[Version] = set()
    waiting = list(start)
    while waiting:
        version = waiting.pop()
        if version not in found:
            found.add(version)
            waiting.extend(neighbours.get(version, ()))
    return found


def inputs_of(records: Iterable[Record]) -> dict[Version, list[Version]]:
    """Artifact -> its direct inputs."""
    return {version_of(r): [Version(i.kind, i.name, i.fingerprint) for i in r.inputs] for r in records}


def _reachable(warehouse: Warehouse, ref: str, direction: str) -> Graph:
    graph = whole_graph(warehouse.records())
    neighbours: dict[Version, list[Version]] = {}
    for edge in graph.edges:
        here, there = (edge.target, edge.source) if direction == "up" else (edge.source, edge.target)
        neighbours.setdefault(here, []).append(there)
    wanted = closure([version_of(warehouse.resolve(ref).record)], neighbours)
    return Graph(
        [node for node in graph.nodes if node.version in wanted],
        [edge for edge in graph.edges if edge.source in wanted and edge.target in wanted],
    )


def _inputs_first(versions: Iterable[Version], edges: Iterable[Edge]) -> list[Version]:
    """Depth-first order with the inputs of an artifact before it; ties in the order of `versions`."""
    inputs: dict[Version, list[Version]] = {}
    for edge in edges:
        inputs.setdefault(edge.target, []).append(edge.source)
    order: dict[Version, None] = {}
    visiting: set[Version] = set()
    for root in versions:
        waiting = [root]
        while waiting:
            version = waiting[-1]
            visiting.add(version)
            open_inputs = [i for i in inputs.get(version, ()) if i not in order and i not in visiting]
            if open_inputs:
                waiting.extend(open_inputs[:1])
            else:
                order.setdefault(waiting.pop(), None)
    return list(order)
