"""Which tests share a worker when the suite runs on two cores (`pytest -n 2 --dist loadgroup`)."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of one Prefect server, of one built pipeline, or of one file stay together."""
    for item in items:
        place = item.path.relative_to(ROOT).as_posix()
        if place.startswith(
            ("flows/test_prefect_run", "flows/test_prefect_serve", "flows/test_prefect_dask")
        ):
            place = "prefect"
        elif place.startswith("integration/"):
            place = "integration"
        item.add_marker(pytest.mark.xdist_group(place))
