"""From sources to a dataset: duplicates across sources and runs, sampling, edits, evaluation text, accounting."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from lexmill.corpus.params import CleaningParams, CorpusParams
from lexmill.corpus.schema import document_id
from tasks.attributes import build_attributes
from tasks.documents import build_documents
from tasks.recipes.documents import attributes_step, documents_step
from tasks.recipes.ingest import source_steps
from tasks.step import BuildContext, InputError, build_function
from tests.helpers import run_build
from warehouse.card import card
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


def test_what_a_reader_refused_shows_no_personal_data(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"text": text(1)}) + '\n{"text": "Mail bob@posteo.net, broken')
    given = CorpusParams(name="a", path=str(path), language="en", license="MIT")
    artifact, _ = dataset(tmp_path / "w", given)
    (rejected,) = rows(artifact, "rejections")
    assert rejected["reason"] == "bad_json"
    assert "posteo" not in rejected["excerpt"]
    assert "<EMAIL>" in rejected["excerpt"]


def test_against_finds_what_one_run_finds_though_addresses_were_taken_out(tmp_path: Path) -> None:
    mails = " ".join(f"Write to person{n}@posteo.net about the {word}." for n, word in enumerate(VOCABULARY))
    one, two = (
        corpus(write(tmp_path / "a.txt", [mails]), "one"),
        corpus(write(tmp_path / "b.txt", [mails + " Indeed."]), "two"),
    )
    both, _ = dataset(tmp_path / "both", one, two)
    assert len(rows(both)) == 1
    first, _ = dataset(tmp_path / "first", one)
    extra = corpus(write(tmp_path / "c.txt", [text(7)]), "three")
    second, _ = dataset(tmp_path / "second", two, extra, against=[first])
    assert {row["corpus"] for row in rows(second)} == {"three"}


def test_long_documents_are_sorted_in_little_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lexmill.corpus.sorting.BUCKET_BYTES", 4000)
    monkeypatch.setattr("lexmill.corpus.sorting.ROW_GROUP_BYTES", 3000)
    texts = [text(n) for n in range(60)]
    corpora = [
        corpus(write(tmp_path / "a.txt", texts[:30]), "b"),
        corpus(write(tmp_path / "b.txt", texts[30:]), "b-c", domain="news"),
    ]
    artifact, _ = dataset(tmp_path / "w", *corpora)
    found = rows(artifact)
    keys = [(row["language"], row["domain"], row["id"]) for row in found]
    assert keys == sorted(keys)
    assert len(keys) == 60
    assert pq.read_metadata(artifact.file("documents.parquet")).num_row_groups > 10
    assert [row["id"] for row in found] == [row["id"] for row in rows(artifact, "signatures")]


def test_a_corpus_whose_shards_are_all_empty_is_an_error(tmp_path: Path) -> None:
    for name in ("x", "y"):
        write(tmp_path / "in" / f"{name}.txt", [""])
    good = corpus(write(tmp_path / "a.txt", [text(1)]), "good")
    with pytest.raises(InputError, match="corpus 'gone': no document could be read from any of its shards"):
        dataset(tmp_path / "w", good, corpus(tmp_path / "in", "gone", shards=2))


def test_relabelled_documents_are_not_judged_by_stop_words_of_the_declared_language(tmp_path: Path) -> None:
    german = "Der Fluss durchquert die alte Stadt und endet im Meer, und ein Boot wartet auf die Reisenden. "
    given = corpus(write(tmp_path / "a.txt", [german * 4]), language="en")
    cleaning = {
        "language": {"mismatch": "relabel"},
        "quality": {
            "max_repeated_lines": None,
            "gopher": {"stop_words": {"eng_Latn": ["the", "of"], "deu_Latn": ["der", "und"]}, "min_words": 5},
        },
    }
    artifact, _ = dataset(tmp_path / "w", given, **cleaning)
    assert [row["language"] for row in rows(artifact)] == ["deu_Latn"]


def test_the_card_has_the_header_of_the_hub(tmp_path: Path) -> None:
    given = corpus(write(tmp_path / "a.txt", [text(1)]), license="CC BY: 4.0 | see #3")
    artifact, _ = dataset(tmp_path / "w", given)
    page = card(artifact.record)
    header = yaml.safe_load(page.split("---")[1])
    assert header["language"] == ["eng"]
    assert header["license"] == "other"
    assert "CC BY: 4.0 \\| see #3" in page
    assert "near_dedup" in page
