"""Make the next items of a stream while the last ones are used: reading and compressing leave Python's lock."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
DEPTH = 2  # items waiting: enough to even out, few enough for memory


def prefetched(items: Iterable[Item]) -> Iterator[Item]:
    """The same items in the same order, made in a thread of their own, at most `DEPTH` ahead.

    An exception of the stream is raised where its item would have come.  When the consumer stops early, so does the
    thread, after the item it is making.
    """
    waiting: queue.Queue[tuple[str, Item | BaseException | None]] = queue.Queue(DEPTH)
    stopped = threading.Event()

    def put(kind: str, value: Item | BaseException | None = None) -> None:
        while not stopped.is_set():
            try:
                waiting.put((kind, value), timeout=0.1)
                return
            except queue.Full:
                continue

    def produce() -> None:
        try:
            for item in items:
                put("item", item)
                if stopped.is_set():
                    return
            put("end")
        except BaseException as error:
            put("error", error)

    thread = threading.Thread(target=produce, daemon=True)
    thread.start()
    try:
        while True:
            kind, value = waiting.get()
            if kind == "item":
                yield value  # type: ignore[misc]
            elif kind == "error":
                raise value  # type: ignore[misc]
            else:
                return
    finally:
        stopped.set()
        thread.join()
