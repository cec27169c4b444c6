"""Streams made in a thread of their own."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from lexmill.corpus.prefetch import DEPTH, prefetched


def test_order_and_end() -> None:
    assert list(prefetched(range(1000))) == list(range(1000))
    assert list(prefetched([])) == []


def test_an_error_comes_in_its_place() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("damaged")

    stream = prefetched(broken())
    assert next(stream) == 1
    with pytest.raises(ValueError, match="damaged"):
        next(stream)


def test_it_is_ahead_by_a_few_items_and_stops_with_its_consumer() -> None:
    made: list[int] = []

    def endless() -> Iterator[int]:
        while True:
            made.append(len(made))
            yield made[-1]

    before = threading.active_count()
    stream = prefetched(endless())
    assert next(stream) == 0
    time.sleep(0.3)
    assert 1 < len(made) <= DEPTH + 2
    stream.close()
    assert threading.active_count() == before
