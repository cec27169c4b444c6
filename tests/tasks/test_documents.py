"""From sources to a dataset: duplicates across sources and runs, sampling, edits, evaluation text, accounting."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from lexmill.corpus.params import CleaningParams, CorpusParams
from lexmill.corpus.schema import document_id
from tasks.attributes import build_attributes
from tasks.documents import build_documents
from tasks.recipes.documents import attributes_step, documents_step
from tasks.recipes.ingest import source_steps
from tasks.step import BuildContext, InputError, build_function
from tests.helpers import run_build
from warehouse.store import Artifact

VOCABULARY = [
    *(
        "river",
        "town",
        "boat",
        "winter",
        "garden",
        "letter",
        "window",
        "market",
        "bridge",
        "stone",
    ),
    *(
        "morning",
        "evening",
        "children",
        "teacher",
        "house",
        "mountain",
        "water",
        "bread",
        "song",
        "forest",
    ),
    *(
        "story",
        "doctor",
        "journey",
        "harbour",
        "island",
        "summer",
        "kitchen",
        "machine",
        "question",
        "answer",
    ),
    *(
        "village",
        "night",
        "family",
        "number",
        "paper",
        "silver",
        "green",
        "narrow",
        "quiet",
        "yellow",
    ),
    *(
        "distant",
        "simple",
        "heavy",
        "early",
        "famous",
    ),
]


def sentence(chance: random.Random, words: int = 12) -> str:
    return " ".join(chance.choices(VOCABULARY, k=words)).capitalize() + "."


def text(seed: int, sentences: int = 12) -> str:
    chance = random.Random(seed)
    return " ".join(sentence(chance) for _ in range(sentences))


def write(path: Path, texts: list[str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n\n".join(texts), encoding="utf-8")
    return path


def corpus(path: Path, name: str = "local", **params: object) -> CorpusParams:
    values = {"document": "paragraph", "language": "en", "license": "CC0-1.0", **params}
    return CorpusParams.model_validate({"name": name, "path": str(path), **values})


def sources(folder: Path, given: CorpusParams) -> list[Artifact]:
    steps = source_steps(given, folder / "cache")
    return [
        run_build(
            build_function(s), folder / s.name, s.params, runtime=s.runtime, kind="source", name=s.name
        )[0]
        for s in steps
    ]


def dataset(
    folder: Path,
    *corpora: CorpusParams,
    against: list[Artifact] | None = None,
    **cleaning: object,
) -> tuple[Artifact, BuildContext]:
    """Every step of the ingest stage, as the graph puts them together."""
    params = CleaningParams.model_validate({"language": {"detect": False}, **cleaning})
    held_out = set(params.decontamination.corpora) if params.decontamination else set()
    read = {given.name: sources(folder, given) for given in corpora}
    evaluation = [artifact for name in sorted(held_out) for artifact in read[name]]
    kept = [artifact for name, found in read.items() if name not in held_out for artifact in found]
    (first_step, *_) = source_steps(corpora[0], folder / "cache")
    step = attributes_step(first_step, params)
    attributes = []
    for source in kept:
        inputs = {"source": [source], "evaluation": evaluation}
        place = folder / f"attributes-{source.record.name}"
        attributes.append(run_build(build_attributes, place, step.params, inputs, kind="attributes")[0])
    made = documents_step("demo", params, [], [])
    inputs = {"sources": kept, "attributes": attributes, "against": against or []}
    return run_build(
        build_documents, folder / "documents", made.params, inputs, name="demo", kind="documents"
    )


def rows(artifact: Artifact, file: str = "documents") -> list[dict]:
    return pq.read_table(artifact.file(f"{file}.parquet")).to_pylist()


def reasons(artifact: Artifact) -> Counter:
    return Counter(row["reason"] for row in rows(artifact, "rejections"))


def assert_balanced(artifact: Artifact) -> None:
    """Bytes read = bytes edited away + bytes rejected by reason + bytes kept, and the same stage by stage."""
    report = rows(artifact, "stage_report")
    for unit in ("documents", "bytes"):
        sums: Counter = Counter()
        for row in report:
            sums[row["stage"], row["corpus"]] += row[unit] if row["reason"] == "in" else -row[unit]
        assert not any(sums.values()), sums
    read = sum(r["bytes"] for r in report if (r["stage"], r["reason"]) == ("read", "in"))
    edited = sum(r["bytes"] for r in report if r["reason"] == "edited")
    rejected = sum(row["bytes"] for row in rows(artifact, "rejections"))
    assert read == edited + rejected + sum(row["bytes"] for row in rows(artifact))


def test_near_duplicates_go_across_corpora_and_the_first_corpus_keeps_its_own(tmp_path: Path) -> None:
    originals = [text(seed) for seed in range(6)]
    changed = [value.replace("river", "stream", 2) for value in originals]
    changed[5] = text(99)
    corpora = [
        corpus(write(tmp_path / "a.txt", originals), "first"),
        corpus(write(tmp_path / "b.txt", changed), "second"),
    ]
    artifact, _ = dataset(tmp_path / "w", *corpora)
    assert Counter(row["corpus"] for row in rows(artifact)) == {"first": 6, "second": 1}
    found = [row for row in rows(artifact, "rejections") if row["stage"] == "near_dedup"]
    assert len(found) + reasons(artifact)["duplicate"] == 5
    kept = {row["id"] for row in rows(artifact)}
    assert all(row["duplicate_of"] in kept and row["detail"].startswith("similarity 0.") for row in found)
    assert_balanced(artifact)
    untouched, _ = dataset(tmp_path / "off", *corpora, near_dedup=None)
    assert len(rows(untouched)) == 12 - reasons(untouched)["duplicate"]


def test_what_the_warehouse_holds_already_is_a_duplicate(tmp_path: Path) -> None:
    earlier = [text(seed) for seed in range(5)]
    first, _ = dataset(tmp_path / "one", corpus(write(tmp_path / "a.txt", earlier), "old"))
    later = [earlier[0], earlier[1].replace("river", "stream", 1) + " Indeed.", text(50), text(51)]
    given = corpus(write(tmp_path / "b.txt", later), "new")
    second, _ = dataset(tmp_path / "two", given, against=[first])
    assert len(rows(second)) == 2
    assert {row["corpus"] for row in rows(second)} == {"new"}
    old = {row["id"] for row in rows(first)}
    assert {row["duplicate_of"] for row in rows(second, "rejections")} <= old
    assert reasons(second) == {"duplicate": 1, "near_duplicate": 1}
    assert_balanced(second)
    with pytest.raises(InputError, match="give both the same words, bands, rows and seed"):
        dataset(tmp_path / "three", given, against=[first], near_dedup={"bands": 10})


def test_any_number_of_shards_gives_the_same_dataset(tmp_path: Path) -> None:
    chance = random.Random(5)
    texts = [text(seed, 4) for seed in range(200)]
    texts += [value + " Indeed." for value in chance.sample(texts, 40)] + chance.sample(texts, 20)
    files = [write(tmp_path / "in" / f"{n}.txt", texts[n::7]) for n in range(7)]
    digests = set()
    for shards in (1, 2, 3):
        given = corpus(files[0].parent, shards=shards)
        cleaning = {"repeated_text": {"min_characters": 20}, "sampling": {"max_bytes": 40_000}}
        artifact, _ = dataset(tmp_path / str(shards), given, **cleaning)
        assert_balanced(artifact)
        digests.add(artifact.record.content_digest)
    assert len(digests) == 1
    assert reasons(artifact).keys() == {"duplicate", "near_duplicate", "not_sampled"}


def test_repeated_paragraphs_and_personal_data_are_cut(tmp_path: Path) -> None:
    legal = "All rights reserved. " + text(1, 3)
    texts = [f"{text(seed)}\n\n{legal}\n\nWrite to anna{seed}@posteo.net soon." for seed in (10, 11, 12)]
    paths = [write(tmp_path / "in" / f"{n}.txt", [value]) for n, value in enumerate(texts)]
    given = corpus(paths[0].parent, document="file")
    artifact, _ = dataset(tmp_path / "w", given, repeated_text={})
    kept = [row["text"] for row in rows(artifact)]
    assert sum(legal in value for value in kept) == 1
    assert all("@posteo.net" not in value and "<EMAIL>" in value for value in kept)
    assert_balanced(artifact)
    stages = {(row["stage"], row["reason"]): row["bytes"] for row in rows(artifact, "stage_report")}
    assert stages["repeated_text", "edited"] > 2 * len(legal) - 4
    assert stages["pii", "edited"] > 0


def test_a_rejection_shows_no_personal_data(tmp_path: Path) -> None:
    texts = [text(1), "Mail bob@posteo.net now and " + text(2), "Mail bob@posteo.net now and " + text(2)]
    artifact, _ = dataset(tmp_path / "w", corpus(write(tmp_path / "a.txt", texts)))
    (rejected,) = rows(artifact, "rejections")
    assert rejected["excerpt"].startswith("Mail <EMAIL> now")


def test_evaluation_text_is_not_part_of_the_documents(tmp_path: Path) -> None:
    exam = [text(seed, 2) for seed in (70, 71)]
    training = [text(1), text(2) + " " + exam[0] + " " + text(3), text(4)]
    corpora = [
        corpus(write(tmp_path / "train.txt", training), "train"),
        corpus(write(tmp_path / "exam.txt", exam), "exam"),
    ]
    artifact, _ = dataset(tmp_path / "w", *corpora, decontamination={"corpora": ["exam"]})
    assert reasons(artifact) == {"contaminated": 1}
    assert {row["corpus"] for row in rows(artifact)} == {"train"}
    assert_balanced(artifact)


def test_sampling_by_temperature(tmp_path: Path) -> None:
    german = ["Der Fluss durchquert die alte Stadt und endet im Meer. " * 3 + str(n) for n in range(20)]
    corpora = [
        corpus(write(tmp_path / "en.txt", [text(n) for n in range(200)]), "en"),
        corpus(write(tmp_path / "de.txt", german), "de", language="de"),
    ]
    quality = {"max_repeated_lines": None}
    plain, _ = dataset(tmp_path / "all", *corpora, near_dedup=None, quality=quality)
    before = Counter()
    for row in rows(plain):
        before[row["language"]] += row["bytes"]
    sampling = {"temperature": 5.0, "max_bytes": 20_000}
    artifact, _ = dataset(tmp_path / "some", *corpora, near_dedup=None, quality=quality, sampling=sampling)
    after = Counter()
    for row in rows(artifact):
        after[row["language"]] += row["bytes"]
    assert sum(after.values()) <= 20_000
    assert after["deu_Latn"] / sum(after.values()) > 2 * before["deu_Latn"] / sum(before.values())
    table = {row["category"]: row for row in rows(artifact, "sampling")}
    assert table["eng_Latn"]["bytes_out"] == after["eng_Latn"] <= table["eng_Latn"]["budget"]
    assert table["eng_Latn"]["bytes_in"] == before["eng_Latn"]
    assert_balanced(artifact)


def test_document_ids_do_not_depend_on_the_text(tmp_path: Path) -> None:
    artifact, _ = dataset(tmp_path / "w", corpus(write(tmp_path / "a.txt", [text(1)])))
    (row,) = rows(artifact)
    assert row["id"] == document_id("local", row["origin"])


def test_a_shard_without_documents_is_no_error(tmp_path: Path) -> None:
    given = corpus(write(tmp_path / "a.txt", [text(1), text(2)]), shards=3)
    artifact, _ = dataset(tmp_path / "w", given)
    assert len(rows(artifact)) == 2


def test_a_sample_of_a_corpus(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", [text(n) for n in range(100)])
    whole, _ = dataset(tmp_path / "all", corpus(path))
    part, _ = dataset(tmp_path / "part", corpus(path, sample=0.3))
    assert {row["id"] for row in rows(part)} < {row["id"] for row in rows(whole)}
    assert 15 <= len(rows(part)) <= 45
