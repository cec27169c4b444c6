"""What a step shows in the Prefect UI beside its log: a progress bar, a card of what it built, a link to the report.

Nothing here may fail a step: the artifact is in the warehouse whether or not Prefect's server could be told.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from logging import Logger, LoggerAdapter
from typing import Any
from uuid import UUID

from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)

from warehouse.card import card
from warehouse.store import Artifact

SHOW_AFTER_SECONDS = 4.0  # shorter steps have no bar: two calls to the server would cost more than they tell
UPDATE_SECONDS = 2.0
LOG_SECONDS = 10.0
SHARE_COLUMNS = ("bytes", "lower", "upper", "pairs", "truth")  # of the table of an audit
MAX_CARD = 100_000  # characters; longer cards are cut

AnyLogger = Logger | LoggerAdapter[Any]


class ProgressBar:
    """Progress of one step: a bar in the UI at most every 2 s, a line in the log at most every 10 s."""

    def __init__(self, title: str, logger: AnyLogger, clock: Callable[[], float] = time.monotonic) -> None:
        """The bar appears once the step has run for 4 s."""
        self._title = title
        self._logger = logger
        self._clock = clock
        self._shown = clock() - UPDATE_SECONDS + SHOW_AFTER_SECONDS
        self._logged = clock()
        self._id: UUID | None = None

    def update(self, fraction: float, message: str) -> None:
        """The step has come so far (0..1)."""
        now = self._clock()
        if now - self._logged >= LOG_SECONDS:
            self._logged = now
            self._logger.info("%3.0f %% %s", 100 * fraction, message)
        if now - self._shown >= UPDATE_SECONDS:
            self._shown = now
            self._show(fraction)

    def finish(self) -> None:
        """The step is done; a bar that never appeared stays away."""
        if self._id is not None:
            self._show(1.0)

    def _show(self, fraction: float) -> None:
        percent = 100.0 * min(max(fraction, 0.0), 1.0)
        try:
            if self._id is None:
                found = create_progress_artifact(
                    progress=percent, key=artifact_key("progress", self._title), description=self._title
                )
                self._id = found  # type: ignore[assignment]
            else:
                update_progress_artifact(artifact_id=self._id, progress=percent)
        except Exception as error:
            self._logger.warning("the progress of %s could not be shown: %s", self._title, error)


def publish_card(artifact: Artifact, pipeline: str, logger: AnyLogger) -> None:
    """Show what was built: its results in short, then its card; for a report also the place of its page, for an audit
    also its shares as a table."""
    record = artifact.record
    title = f"{record.kind}/{record.name}@{record.fingerprint}"
    try:
        create_markdown_artifact(
            key=artifact_key(record.kind, record.name),
            markdown=_text(artifact, pipeline, logger),
            description=title,
        )
        if record.kind == "report":
            page = artifact.file("report.html")
            create_link_artifact(
                key=artifact_key("page", record.name),
                link=page.resolve().as_uri(),
                link_text=str(page.resolve()),
                description=f"The page of {title}",
            )
        elif record.kind == "mixture":
            create_table_artifact(
                key=artifact_key("shares", record.name),
                table=share_rows(artifact),
                description=f"Shares of {title} with their intervals",
            )
    except Exception as error:
        logger.warning("the card of %s could not be shown: %s", title, error)


def share_rows(artifact: Artifact) -> list[dict[str, Any]]:
    """The shares of a `mixture` artifact in per cent, largest first; a bound that is not there is empty."""
    import json

    mixture = json.loads(artifact.file("mixture.json").read_text(encoding="utf-8"))
    found = sorted(mixture["shares"].items(), key=lambda item: (-item[1]["bytes"], item[0]))
    return [
        {"category": name, **{f"{key}, %": _percent(share.get(key)) for key in SHARE_COLUMNS}}
        for name, share in found
    ]


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.2f}"


def artifact_key(*parts: str) -> str:
    """A key as Prefect wants it: lower-case letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", "-".join(parts).lower()).strip("-")


def _text(artifact: Artifact, pipeline: str, logger: AnyLogger) -> str:
    parts = [_results(artifact, pipeline, logger), card(artifact.record)]
    text = "\n\n---\n\n".join(filter(None, parts))
    return (
        text
        if len(text) <= MAX_CARD
        else text[:MAX_CARD] + "\n\n(cut; the whole card lies beside the artifact)"
    )


def _results(artifact: Artifact, pipeline: str, logger: AnyLogger) -> str:
    from tasks.report import artifact_markdown  # arrow and figures: not needed until something is built

    try:
        return artifact_markdown(artifact, pipeline)
    except Exception as error:
        logger.warning("the results of %s could not be summarised: %s", artifact.record.name, error)
        return ""
