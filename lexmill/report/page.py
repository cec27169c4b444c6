"""The report as one HTML file that needs nothing else: no network, no fonts, no libraries."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

import jinja2
from markupsafe import Markup

from lexmill.report import charts, formatting
from lexmill.report.languages import language_name
from lexmill.report.lineage import lineage_graph
from lexmill.report.svg import swatch


def render_page(data: Mapping[str, Any]) -> str:
    """The page for the dictionary of `lexmill.report.data.report_data`.

    Every value that is not markup of this package is made visible (`formatting.visible`) and escaped.  The only
    script is our own: the page's content policy names its hash, so no other text can run.
    """
    environment = _environment()
    script = _source(environment, "script.js")
    return environment.get_template("page.html").render(
        data=data,
        style=Markup(_source(environment, "style.css")),  # noqa: S704  # a file of this package
        script=Markup(script),  # noqa: S704
        script_hash=base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii"),
    )


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("lexmill.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: value if isinstance(value, Markup) else formatting.visible(value),
    )
    for name in ("count", "size", "percent", "number", "significant", "interval"):
        environment.filters[name] = getattr(formatting, name)
    environment.filters["language_label"] = language_name
    environment.globals.update(
        charts=charts, swatch=swatch, language_name=language_name, lineage_graph=lineage_graph
    )
    return environment


def _source(environment: jinja2.Environment, name: str) -> str:
    if environment.loader is None:
        raise RuntimeError("the environment has no templates")
    return environment.loader.get_source(environment, name)[0]
