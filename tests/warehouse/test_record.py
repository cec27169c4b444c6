"""Fingerprints: the same recipe always, another recipe never."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from warehouse.record import Metric, canonical_json, fingerprint_of

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
).filter(lambda value: "\\ud" not in json.dumps(value))  # lone surrogates are no text
params = st.dictionaries(st.text("abcde", min_size=1, max_size=5), json_values, max_size=5)

steady = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def shuffled(value: Any, seed: int) -> Any:
    if isinstance(value, dict):
        items = list(value.items())
        random.Random(seed).shuffle(items)
        return {key: shuffled(item, seed) for key, item in items}
    return [shuffled(item, seed) for item in value] if isinstance(value, list) else value


@steady
@given(params, st.integers())
def test_order_of_keys_does_not_count(value: dict[str, Any], seed: int) -> None:
    again = shuffled(value, seed)
    assert fingerprint_of("k", again, {"a": ["1"], "b": ["2"]}, 1) == fingerprint_of(
        "k", value, {"b": ["2"], "a": ["1"]}, 1
    )


@steady
@given(params)
def test_a_trip_through_json_does_not_count(value: dict[str, Any]) -> None:
    again = json.loads(json.dumps(value))
    assert fingerprint_of("k", again, {}, 1) == fingerprint_of("k", value, {}, 1)


@steady
@given(json_values, json_values)
def test_canonical_json_is_one_to_one(one: Any, other: Any) -> None:
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (canonical_json(one) == canonical_json(other)) == same


def test_everything_that_determines_the_result_counts() -> None:
    base = fingerprint_of("k", {"a": 1}, {"corpus": ["x", "y"]}, 1)
    others = [
        fingerprint_of("l", {"a": 1}, {"corpus": ["x", "y"]}, 1),
        fingerprint_of("k", {"a": 1.0}, {"corpus": ["x", "y"]}, 1),
        fingerprint_of("k", {"a": True}, {"corpus": ["x", "y"]}, 1),
        fingerprint_of("k", {"a": 1}, {"corpus": ["y", "x"]}, 1),
        fingerprint_of("k", {"a": 1}, {"other": ["x", "y"]}, 1),
        fingerprint_of("k", {"a": 1}, {"corpus": ["x", "y"]}, 2),
    ]
    assert len({base, *others}) == 7
    assert len(base) == 16


def test_numbers_that_json_does_not_have() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        fingerprint_of("k", {"a": float("nan")}, {}, 1)
    with pytest.raises(ValidationError):
        Metric(name="loss", value=float("inf"))
