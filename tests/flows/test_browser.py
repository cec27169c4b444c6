"""Prefect's UI in a real browser: a scheduled run with its graph, artifacts and parameters, and a rerun from the page.

`LEXMILL_SCREENSHOTS=folder` keeps the pictures.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.flows.conftest import PrefectServer
from tests.flows.prefect_project import served, wait_for, write_project

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(1200)]

CHROMIUM = Path("/usr/bin/chromium")  # apt-get install -y chromium
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync"]  # fmt: skip
MINUTE = 60_000  # milliseconds
TASKS = ("ingest english", "ingest german", "ingest small", "count small-gpt4o", "tokenize small-one",
         "tokenize small-two", "audit small-own")  # fmt: skip


@pytest.fixture(scope="module")
def page() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        found = browser.new_page(viewport={"width": 1280, "height": 800})
        found.set_default_timeout(2 * MINUTE)
        yield found
        browser.close()


@pytest.fixture
def client(prefect_api: PrefectServer) -> Iterator[Any]:
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as found:
        yield found


@pytest.fixture
def project(prefect_server: PrefectServer, tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "project").mkdir()
    (tmp_path / "elsewhere").mkdir()
    config = write_project(tmp_path / "project", cron="* * * * *")
    with served(config, prefect_server, tmp_path / "elsewhere"):
        yield config


def completed(client: Any, **wanted: bool) -> list[Any]:
    """Completed runs, newest first."""
    from prefect.client.schemas.filters import FlowRunFilter
    from prefect.client.schemas.sorting import FlowRunSort

    done = FlowRunFilter(state={"type": {"any_": ["COMPLETED"]}})
    found = client.read_flow_runs(flow_run_filter=done, sort=FlowRunSort.END_TIME_DESC)
    return [run for run in found if all(getattr(run, key) == value for key, value in wanted.items())]


def shot(page: Any, name: str) -> None:
    if folder := os.environ.get("LEXMILL_SCREENSHOTS"):
        page.wait_for_timeout(3000)  # the graph draws itself
        page.screenshot(path=str(Path(folder) / f"{name}.png"))


def shown(page: Any, *texts: str | re.Pattern[str]) -> None:
    """Every text stands on the page."""
    for text in texts:
        page.get_by_text(text, **({} if isinstance(text, re.Pattern) else {"exact": True})).first.wait_for()


def test_a_scheduled_run_and_a_rerun_from_the_page(
    page: Any, client: Any, prefect_server: PrefectServer, project: Path
) -> None:
    pages = prefect_server.page.replace(
        "127.0.0.1", "localhost"
    )  # another name: the UI must find its API anyway
    page.goto(f"{pages}/deployments")
    shown(page, "small", "small.audit", "stuck.ingest")

    scheduled = wait_for(lambda: completed(client, auto_scheduled=True), 400, "a scheduled run")[-1]
    page.goto(f"{pages}/runs/flow-run/{scheduled.id}")
    shown(page, "auto-scheduled", "Completed", "7 Task runs", re.compile("7 of 7 steps to build"))
    shot(page, "prefect-run")
    page.get_by_text("Task Runs", exact=True).click()
    shown(page, *TASKS)
    page.get_by_text("Artifacts", exact=True).click()
    page.get_by_text("Task runs", exact=True).last.scroll_into_view_if_needed()
    page.mouse.move(700, 700)
    page.mouse.wheel(0, 3000)  # the list is drawn when it is scrolled to
    shown(page, "mixture-small-own", "tokenizer-small-one")
    page.get_by_text("Parameters", exact=True).click()
    shown(page, re.compile(re.escape(project.name)))
    graph = client.request("GET", "/flow_runs/{id}/graph-v2", path_params={"id": scheduled.id}).json()
    nodes = {node["label"]: node for _, node in graph["nodes"]}
    assert set(nodes) == set(TASKS)
    assert {nodes[name]["id"] for name in ("ingest english", "ingest german")} == {
        parent["id"] for parent in nodes["ingest small"]["parents"]
    }

    page.goto(f"{pages}/artifacts/key/mixture-small-own")
    shown(page, re.compile("mixture/small-own@"))
    page.locator("a[href^='/artifacts/artifact/']").first.click()
    shown(page, "Parameters", "Metrics")
    shot(page, "prefect-artifact")

    page.goto(f"{pages}/deployments/deployment/{scheduled.deployment_id}")
    page.get_by_role("button", name="Run", exact=True).last.click()
    page.get_by_text("Quick run").click()
    page.get_by_text("Run Deployment").wait_for()
    page.get_by_role("button", name="Run", exact=True).last.click()
    by_hand = wait_for(lambda: completed(client, auto_scheduled=False), 400, "the run by hand")[0]
    page.goto(f"{pages}/runs/flow-run/{by_hand.id}")
    shown(page, "Completed")
    page.get_by_text("Task Runs", exact=True).click()
    shown(page, "Skipped")

    page.goto(f"{pages}/deployments/deployment/{scheduled.deployment_id}/run")
    shown(page, "Run this stage only, on artifacts that are already built.")
    page.get_by_role("button", name="str", exact=True).first.click()
    page.locator(".p-select-button__control").first.click()
    for key in ("ArrowDown", "ArrowDown", "ArrowDown", "Enter"):  # ingest, count, tokenize
        page.keyboard.press(key)
    page.get_by_role("button", name="Submit").click()
    stage = wait_for(lambda: named(client, "small: tokenize"), 400, "the run of one stage")
    page.goto(f"{pages}/runs/flow-run/{stage.id}")
    shown(page, "small: tokenize", "Completed")


def named(client: Any, name: str) -> Any:
    return next((run for run in completed(client, auto_scheduled=False) if run.name == name), None)
