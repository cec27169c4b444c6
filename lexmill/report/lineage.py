"""The lineage section: every artifact of the pipeline, what it was made from, and a drawing of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from lexmill.report.formatting import clip, visible
from lexmill.report.graph import Node, ancestors, layout, transitive_reduction

# Leftmost column of a kind; an artifact stands further right when its inputs do.
_COLUMNS = {
    "source": 0, "documents": 1, "word_counts": 2, "tokenizer": 3, "mixture": 4, "evaluation": 4, "model": 4,
    "transfer_plan": 5, "report": 9,
}  # fmt: skip
_KIND_COLOURS = {
    "source": 7, "documents": 0, "word_counts": 5, "tokenizer": 1, "mixture": 3, "transfer_plan": 6, "model": 2,
    "evaluation": 4,
}  # fmt: skip
WIDTH = 138.0  # of a box, pixels
_GAPS = (30.0, 9.0)
_LINE, _LETTERS = 14.0, 18  # of a name: height of a line, characters in it
_MARGIN = 8.0
_SMALLEST = 0.85  # the drawing shrinks so far to fit before it scrolls


def lineage_data(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Artifacts, sorted by kind and name, and edges (from, to) between them, both named `kind/name`.

    A record has kind, name, fingerprint, content_digest, build, stage, files (path, bytes) and inputs (role, kind,
    name, fingerprint), as in `artifact.json`.  Inputs that are not among the records appear as artifacts known only by
    reference (`content_digest` from the reference, no files).
    """
    artifacts: dict[str, dict[str, Any]] = {}
    edges: set[tuple[str, str]] = set()
    for record in records:
        name = _title(record)
        artifacts[name] = {
            "title": name,
            "kind": record["kind"],
            "name": record["name"],
            "fingerprint": record["fingerprint"],
            "content_digest": record["content_digest"],
            "build": record["build"],
            "files": len(record["files"]),
            "bytes": sum(entry["bytes"] for entry in record["files"]),
            "inputs": sorted({_title(reference) for reference in record["inputs"]}),
        }
    for record in records:
        for reference in record["inputs"]:
            artifacts.setdefault(_title(reference), _known_by_reference(reference))
            edges.add((_title(reference), _title(record)))
    ordered = sorted(artifacts.values(), key=lambda a: (_COLUMNS.get(a["kind"], 8), a["kind"], a["name"]))
    return {"artifacts": ordered, "edges": [list(edge) for edge in sorted(edges)]}


def lineage_graph(data: Mapping[str, Any], prefix: str = "") -> Markup:
    """The drawing of `lineage_data`: columns by stage, edges that another path implies left out.

    Every box links to its row in the table of artifacts; `data-ancestors` lists what it was made from, for the script
    that highlights it.  `prefix` is left out of the names shown.
    """
    artifacts = data["artifacts"]
    index = {artifact["title"]: position for position, artifact in enumerate(artifacts)}
    edges = transitive_reduction([(tail, head) for tail, head in data["edges"]])
    names = {a["title"]: _name_lines(visible(a["name"]).removeprefix(prefix)) for a in artifacts}
    nodes = [
        Node(a["title"], _COLUMNS.get(a["kind"], 8), 23 + _LINE * len(names[a["title"]])) for a in artifacts
    ]
    plan = layout(nodes, edges, WIDTH, _GAPS)
    heights = {node.id: node.height for node in nodes}
    width, height = plan.width + 2 * _MARGIN, plan.height + 2 * _MARGIN
    lines = "".join(
        f'<path class="edge" data-from="{index[tail]}" data-to="{index[head]}" d="{_curve(plan.edges[tail, head])}"/>'
        for tail, head in edges
    )
    boxes = "".join(
        _box(artifact, index, names[title], (*plan.boxes[title], heights[title]), ancestors(edges, title))
        for artifact in artifacts
        if (title := artifact["title"])
    )
    return Markup(  # noqa: S704  # every text went through escape
        f'<svg class="lineage" width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'style="min-width: {_SMALLEST * width:.0f}px" '
        f'role="group" aria-label="Lineage graph of {len(artifacts)} artifacts; the table below has the same content">'
        f"<title>Lineage graph</title>{lines}{boxes}</svg>"
    )


def _box(
    artifact: Mapping[str, Any],
    index: Mapping[str, int],
    name_lines: Sequence[str],
    place: tuple[float, float, float],
    above: set[str],
) -> str:
    """`place` is left, top, height."""
    left, top, height = place[0] + _MARGIN, place[1] + _MARGIN, place[2]
    position = index[artifact["title"]]
    kind, name, fingerprint = (visible(artifact[key]) for key in ("kind", "name", "fingerprint"))
    colour = _KIND_COLOURS.get(artifact["kind"], 7)
    listed = " ".join(str(index[title]) for title in sorted(above, key=index.__getitem__))
    label = f"{kind} {name}, fingerprint {fingerprint}, made from {len(above)} artifacts"
    texts = "".join(
        f'<text class="name" x="{left + 10:.1f}" y="{top + 15 + _LINE * number:.1f}">{escape(line)}</text>'
        for number, line in enumerate(name_lines)
    )
    return (
        f'<a class="node" href="#artifact-{position}" data-node="{position}" data-ancestors="{listed}" '
        f'aria-label="{escape(label)}"><title>{escape(f"{kind}/{name} {fingerprint}")}</title>'
        f'<rect class="box" x="{left:.1f}" y="{top:.1f}" width="{WIDTH:g}" height="{height:g}" rx="3"/>'
        f'<rect class="c{colour}" x="{left:.1f}" y="{top:.1f}" width="4" height="{height:g}"/>{texts}'
        f'<text class="kind" x="{left + 10:.1f}" y="{top + height - 8:.1f}">'
        f"{escape(clip(kind, 13))} {escape(fingerprint[:6])}</text></a>"
    )


def _name_lines(name: str) -> list[str]:
    """The name on one line or, broken after a dash or underscore where that is possible, on two."""
    if len(name) <= _LETTERS:
        return [name]
    at = max(name.rfind("-", 0, _LETTERS), name.rfind("_", 0, _LETTERS)) + 1
    at = at if at > _LETTERS // 3 else _LETTERS
    return [name[:at], clip(name[at:], _LETTERS)]


def _curve(points: Sequence[tuple[float, float]]) -> str:
    """A smooth path: bends are crossed straight, the spaces between columns by an S."""
    x, y = points[0]
    parts = [f"M{x + _MARGIN:.1f} {y + _MARGIN:.1f}"]
    for number, (next_x, next_y) in enumerate(points[1:]):
        if number % 2:
            parts.append(f"H{next_x + _MARGIN:.1f}")
        else:
            middle = (x + next_x) / 2 + _MARGIN
            parts.append(
                f"C{middle:.1f} {y + _MARGIN:.1f} {middle:.1f} {next_y + _MARGIN:.1f} "
                f"{next_x + _MARGIN:.1f} {next_y + _MARGIN:.1f}"
            )
        x, y = next_x, next_y
    return "".join(parts)


def _title(reference: Mapping[str, Any]) -> str:
    return f"{reference['kind']}/{reference['name']}"


def _known_by_reference(reference: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "title": _title(reference), "kind": reference["kind"], "name": reference["name"],
        "fingerprint": reference["fingerprint"], "content_digest": reference["content_digest"], "build": "",
        "files": None, "bytes": None, "inputs": [],
    }  # fmt: skip
