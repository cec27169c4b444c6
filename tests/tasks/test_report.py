from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest

from lexmill.report.params import ReportParams
from tasks.recipes.report import VERSION, report_step
from tasks.report import artifact_markdown, build_report
from tasks.step import Step
from tests.helpers import run_build
from tests.tasks.report_payloads import Pipeline, full_pipeline
from tests.tasks.report_tables import WIDE
from warehouse.record import fingerprint_of

EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>\u202e\u2066\x07{{ 7*7 }}"
VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """Checks nesting; collects tags, ids, links, and the text outside of style and script."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.stack, self.tags, self.ids, self.links, self.attributes, self.texts = [], [], [], [], [], []
        self.feed(text)
        self.close()
        assert self.stack == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self.ids += [value for name, value in attrs if name == "id"]
        self.links += [value for name, value in attrs if name in ("href", "src")]
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.stack.pop()

    def handle_endtag(self, tag):
        assert self.stack, tag
        assert self.stack.pop() == tag

    def handle_data(self, data):
        if self.stack and self.stack[-1] not in ("style", "script"):
            self.texts.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.texts).split())


def build(folder, inputs, **params):
    artifact, context = run_build(
        build_report,
        folder,
        ReportParams(**params).model_dump(mode="json"),
        inputs,
        kind="report",
        name="demo",
    )
    html = artifact.file("report.html").read_text(encoding="utf-8")
    return html, json.loads(artifact.file("report.json").read_text(encoding="utf-8")), context


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return full_pipeline(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="module")
def built(made, tmp_path_factory):
    return build(
        tmp_path_factory.mktemp("built") / "report",
        made.inputs,
        title="The demo",
        description="Many languages",
    )


def test_page_is_well_formed_and_whole(built):
    html, _, _ = built
    page = Page(html)
    assert len(page.ids) == len(set(page.ids))
    for section in ("summary", "corpus", "tokenizers", "mixtures", "models", "lineage"):
        assert section in page.ids
        assert f"#{section}" in page.links
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    assert "The demo" in page.text
    assert "Many languages" in page.text
    assert len(html.encode()) < 1_000_000


def test_page_needs_nothing_from_outside(built):
    html, _, _ = built
    page = Page(html)
    assert all(link.startswith(("#", "data:,")) for link in page.links)
    assert not {"img", "iframe", "object", "embed", "form", "base"} & set(page.tags)
    assert page.tags.count("script") == 1
    assert not re.search(r"https?://|@import|url\(", html)
    policy = next(value for _, name, value in page.attributes if name == "content" and "default-src" in value)
    assert "default-src 'none'" in policy
    assert re.search(r"script-src 'sha256-[A-Za-z0-9+/]{43}='", policy)


def test_figures_and_tables_are_accessible(built):
    page = Page(built[0])
    figures = [value for tag, name, value in page.attributes if tag == "svg" and name == "aria-label"]
    assert len(figures) == page.tags.count("figure")
    assert page.tags.count("caption") == page.tags.count("table")
    assert page.tags.count("h1") == 1
    assert ("html", "lang", "en") in page.attributes


def test_figures_show_the_numbers_of_their_tables(built):
    html, data, _ = built
    for figure in data["tokenizers"]["by_language"]:
        for row in figure["rows"]:
            for name, cell in zip(figure["tokenizers"], row["cells"], strict=True):
                value = f"{cell['value']:.2f}"
                assert f"<title>{name}, {row['language']}: {value}" in html  # in the figure
                assert re.search(rf'<td class="n">{value}', html)  # in the table
    for audit in data["mixtures"]:
        for row in audit["shares"]:
            assert f"<title>{row['category']}: {100 * row['share']:.1f} %" in html
            assert f">{100 * row['share']:.2f}</td>" in html
    for model in data["models"]:
        for row in model["scores"]:
            for language, cell in row["cells"].items():
                assert f"<title>{row['label']}, {language}: {cell['value']:.3f}" in html


def test_every_artifact_is_in_graph_and_table(built, made):
    html, data, _ = built
    artifacts = [artifact for found in made.inputs.values() for artifact in found]
    assert len(data["lineage"]["artifacts"]) == len(artifacts)
    assert html.count('class="node"') == len(artifacts)
    for artifact in artifacts:
        assert artifact.record.fingerprint in html
        assert artifact.record.content_digest in html
    positions = {a["title"]: i for i, a in enumerate(data["lineage"]["artifacts"])}
    base, source = positions["model/demo-french-base"], positions["source/udhr"]
    above = re.search(rf'data-node="{base}" data-ancestors="([^"]*)"', html).group(1).split()
    assert str(source) in above
    assert str(positions["mixture/demo-own"]) not in above


def test_rerun_gives_the_same_bytes(made, built, tmp_path):
    html, data, _ = build(tmp_path / "again", made.inputs, title="The demo", description="Many languages")
    assert html == built[0]
    assert data == built[1]


def test_no_time_and_no_place_in_the_page(made, built):
    html = built[0]
    assert "2026-01-01" not in html
    assert str(made.folder) not in html
    assert not re.search(r"\d+(\.\d+)? ?(seconds|s)\b", Page(html).text)


def test_hostile_names_and_text_stay_text(tmp_path):
    made = full_pipeline(tmp_path / "in", ("eng_Latn", "arb_Arab", "fra_Latn"), EVIL)
    html, data, _ = build(tmp_path / "report", made.inputs, title="T" + EVIL, description="D" + EVIL)
    page = Page(html)
    assert page.tags.count("script") == 1
    assert "img" not in page.tags
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    assert "alert(1)</script>" not in html
    assert "\u202e" not in html
    assert "\u2066" not in html
    assert "\x07" not in html
    assert "49" not in re.findall(r"\{\{ 7\*7 \}\}|49(?= *-)", html)
    assert "{{ 7*7 }}" in page.text
    assert data["pipeline"]["title"] == "T" + EVIL  # the data is as it was
    for artifact in (a for found in made.inputs.values() for a in found):
        assert "<script" not in artifact_markdown(artifact, "demo")


def test_right_to_left_samples_say_so(built):
    html, data, _ = built
    arabic = next(sample for sample in data["tokenizers"]["samples"] if sample["language"] == "arb_Arab")
    assert arabic["direction"] == "rtl"
    assert '<p class="tokens" dir="rtl">' in html


@pytest.mark.parametrize(
    "roles",
    [
        (), ("sources", "documents"), ("documents", "tokenizers"), ("tokenizers",), ("mixtures",), ("models",),
        ("documents", "tokenizers", "evaluations"), ("models", "evaluations"), ("plans",),
    ],
)  # fmt: skip
def test_absent_sections_are_left_out(made, tmp_path, roles):
    html, data, _ = build(tmp_path / "report", {role: made.inputs[role] for role in roles})
    page = Page(html)
    assert ("corpus" in page.ids) == ("documents" in roles)
    assert ("mixtures" in page.ids) == ("mixtures" in roles)
    assert "lineage" in page.ids
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    known = {artifact["title"] for artifact in data["lineage"]["artifacts"]}
    assert {f"{a.record.kind}/{a.record.name}" for role in roles for a in made.inputs[role]} <= known


def test_empty_corpus_is_shown_as_empty(made, tmp_path):
    import pyarrow.parquet as pq

    source = made.inputs["documents"][0]
    empty = Pipeline(tmp_path / "in")
    tables = {entry.path: pq.read_table(source.file(entry.path)).slice(0, 0) for entry in source.record.files}
    empty.add("documents", "documents", "demo", tables)
    html, data, _ = build(tmp_path / "report", empty.inputs)
    Page(html)
    assert data["corpus"]["documents"] == 0


def test_forty_languages_fit(tmp_path):
    made = full_pipeline(tmp_path / "in", WIDE)
    html, data, context = build(tmp_path / "report", made.inputs, sample_languages=("heb_Hebr", "eng_Latn"))
    Page(html)
    assert len(data["corpus"]["languages"]) == 40
    assert [sample["language"] for sample in data["tokenizers"]["samples"]] == ["heb_Hebr", "eng_Latn"]
    size = next(metric.value for metric in context.metrics if metric.name == "report_size")
    assert size == len(html.encode()) < 1_000_000


def test_fingerprint_is_the_plans(made, built):
    params = ReportParams(title="The demo", description="Many languages").model_dump(mode="json")
    inputs = {role: [a.record.fingerprint for a in found] for role, found in made.inputs.items()}
    assert built[1]["pipeline"]["fingerprint"] == fingerprint_of("report", params, inputs, VERSION)


def test_step_takes_every_artifact_by_role_in_the_order_of_the_steps():
    def step(kind, name):
        return Step(stage="ingest", kind=kind, name=name, build="x:y", version=1, params={})

    steps = [
        step("tokenizer", "demo-b"),
        step("tokenizer", "demo-a"),
        step("documents", "demo"),
        step("report", "demo"),
    ]
    made = report_step("demo", ReportParams(), steps, "About the pipeline")
    assert made.inputs == {
        "documents": (("documents", "demo"),),
        "tokenizers": (("tokenizer", "demo-b"), ("tokenizer", "demo-a")),
    }
    assert made.params["description"] == "About the pipeline"
    assert report_step("demo", ReportParams(description="own"), steps, "other").params["description"] == "own"
    assert (made.stage, made.kind, made.name) == ("report", "report", "demo")
