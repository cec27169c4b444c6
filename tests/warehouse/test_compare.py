"""`diff`: every field that differs, once, with both values."""

from __future__ import annotations

from pathlib import Path

from tests.warehouse.support import put
from warehouse.compare import diff, flatten
from warehouse.record import Metric
from warehouse.store import Warehouse


def test_no_difference(tmp_path: Path) -> None:
    record = put(Warehouse(str(tmp_path)), params={"a": {"b": [1, 2]}}).record
    assert diff(record, record) == []


def test_every_section(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    corpora = [put(warehouse, "documents", "demo", params={"v": v}) for v in (1, 2)]
    a, b = (
        put(
            warehouse,
            files={"same": b"s", "t.json": bytes([v]), **({"new": b""} if v else {})},
            params={
                "size": 100 + v,
                "rules": {"on": True, "list": [1, v]},
                **({"old": None} if not v else {}),
            },
            inputs={"corpus": corpora[v]},
            metrics=[Metric(name="loss", value=v, labels={"split": "test"})],
        ).record
        for v in (0, 1)
    )
    b = b.model_copy(update={"producer": b.producer.model_copy(update={"packages": {"numpy": "2.1"}})})
    found = {(d.section, d.field): (d.change, d.a, d.b) for d in diff(a, b)}
    assert found[("params", "size")] == ("changed", 100, 101)
    assert found[("params", "rules.list.1")] == ("changed", 0, 1)
    assert found[("params", "old")] == ("removed", None, None)
    assert ("params", "rules.on") not in found
    assert found[("inputs", "corpus: documents/demo fingerprint")][0] == "changed"
    assert found[("files", "new")][0] == "added"
    assert found[("files", "t.json")][0] == "changed"
    assert ("files", "same") not in found
    assert found[("metrics", "loss{split=test}")] == ("changed", 0.0, 1.0)
    assert found[("packages", "numpy")] == ("changed", "2.0", "2.1")
    assert ("recipe", "fingerprint") in found


def test_numbers_of_different_type_differ(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    a, b = (put(warehouse, params={"x": x}).record for x in (1, 1.0))
    assert [(d.field, d.a, d.b) for d in diff(a, b) if d.section == "params"] == [("x", 1, 1.0)]


def test_flatten() -> None:
    assert flatten({"a": {"b": [1, {"c": None}]}, "d": [], "e": {}}) == {
        "a.b.0": 1,
        "a.b.1.c": None,
        "d": [],
        "e": {},
    }
