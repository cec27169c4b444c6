"""Open the warehouse that a person named, or say in one sentence why not."""

from __future__ import annotations

from tasks.step import InputError
from warehouse.redact import redact_text
from warehouse.store import Warehouse


def warehouse_to_write(url: str) -> Warehouse:
    """A warehouse that runs may fill; a local folder is made.  Raises InputError."""
    store = _opened(url)
    if store.place.local is None:
        if url.startswith("memory:"):
            raise InputError(
                "a memory:// warehouse ends with its process, and every step is a process: name a folder"
            )
        return store
    try:
        store.place.local.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"warehouse {url}: cannot be made a folder ({error.strerror})") from None
    return store


def warehouse_to_read(url: str) -> Warehouse:
    """A warehouse that is there.  Raises InputError, so that a mistyped name is not taken for an empty one."""
    store = _opened(url)
    if store.place.local is not None and not store.place.local.is_dir():
        raise InputError(f"there is no warehouse at {url}: name it with --warehouse, or run a pipeline first")
    return store


def _opened(url: str) -> Warehouse:
    try:
        return Warehouse(url)
    except ValueError as error:
        raise InputError(f"warehouse {redact_text(url)}: {error}") from None
