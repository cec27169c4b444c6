"""Training and comparing tokenizers as tasks: counts in, files and metrics out."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest

from lexmill.evaluation.params import EvaluationParams
from lexmill.tokenizer.load import load_tokenizer
from lexmill.tokenizer.specs.bpe import BpeSpec
from tasks.count import build_word_counts
from tasks.evaluate_tokenizers import build_tokenizer_evaluation
from tasks.recipes.count import Cut, word_counts_step
from tasks.recipes.evaluate_tokenizers import tokenizer_evaluation_step
from tasks.recipes.tokenizers import tokenizer_step
from tasks.step import InputError, build_function
from tasks.tokenizers import build_tokenizer
from tests.helpers import run_build
from tests.tasks.token_payloads import build_documents

PARAMS = BpeSpec(name="general", vocab_size=420)


@pytest.fixture(scope="module")
def documents(tmp_path_factory):
    return run_build(build_documents, tmp_path_factory.mktemp("d") / "out", {"groups": 60})[0]


@pytest.fixture(scope="module")
def counts(documents, tmp_path_factory):
    params = word_counts_step("demo", Cut("gpt4o")).params
    return run_build(
        build_word_counts, tmp_path_factory.mktemp("c") / "out", params, {"documents": [documents]}
    )[0]


def train(counts, folder, params=PARAMS):
    step = tokenizer_step("demo", params)
    return run_build(
        build_tokenizer, folder, step.params, {"word_counts": [counts]}, name=step.name, kind=step.kind
    )


def test_step_reads_the_counts_of_its_own_pattern():
    step = tokenizer_step("demo", PARAMS.model_copy(update={"normalizer": "NFC"}))
    assert (step.kind, step.name, step.stage) == ("tokenizer", "demo-general", "tokenize")
    assert step.inputs == {
        "word_counts": (("word_counts", word_counts_step("demo", Cut("gpt4o", "NFC")).name),)
    }
    assert build_function(step) is build_tokenizer
    json.dumps(dict(step.params))


def test_tokenizer_is_built_alike_twice_and_measured(counts, tmp_path):
    one, context = train(counts, tmp_path / "one")
    two, _ = train(counts, tmp_path / "two")
    assert one.record.files == two.record.files
    assert load_tokenizer(one.file("tokenizer.json")).get_vocab_size() == 420
    metrics = {(m.name, m.labels.get("language", "")): m.value for m in context.metrics}
    assert metrics["vocab_size", ""] == 420
    assert metrics["bytes_per_token", "eng_Latn"] > 2
    assert context.stats["selection"] == {"splits": ["train"], "languages": None, "domains": None}


def test_selection_is_recorded_and_measured_alone(counts, tmp_path):
    params = BpeSpec(name="greek", vocab_size=300, languages=("ell_Grek",), domains=("news",))
    artifact, context = train(counts, tmp_path / "out", params)
    assert context.stats["selection"]["languages"] == ["ell_Grek"]
    assert context.stats["selection"]["domains"] == ["news"]
    assert {m.labels["language"] for m in context.metrics if m.name == "bytes_per_token"} == {"ell_Grek"}
    identity = json.loads(artifact.file("lexmill.json").read_text())
    assert list(identity["training_data"]["languages"]) == ["ell_Grek"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vocab_size": 100_000}, "ask for at most"),
        ({"languages": ("xho_Latn",)}, "xho_Latn is not in the word counts"),
        ({"weights": {"nowhere": 2.0}}, "weights name nowhere"),
        ({"special_tokens": ("a",)}, "also an ordinary token"),
    ],
)
def test_mistakes_of_the_user_are_input_errors_and_leave_nothing(counts, tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        train(counts, tmp_path / "out", PARAMS.model_copy(update=options))
    assert not list((tmp_path / "out").iterdir())


def evaluate(documents, tokenizers, folder, **options):
    params = EvaluationParams(**options).model_dump(mode="json")
    return run_build(
        build_tokenizer_evaluation, folder, params, {"documents": [documents], "tokenizers": tokenizers}
    )


def test_evaluation_compares_tokenizers_on_held_out_text(documents, counts, tmp_path):
    general, _ = train(counts, tmp_path / "general")
    expression = BpeSpec(name="lines", vocab_size=300, pretokenizer=r"[^\n]+", languages=("eng_Latn",))
    params = word_counts_step("demo", Cut(expression.pretokenizer)).params
    other_counts, _ = run_build(build_word_counts, tmp_path / "counts", params, {"documents": [documents]})
    lines, _ = train(other_counts, tmp_path / "lines", expression)
    artifact, context = evaluate(documents, [general, lines], tmp_path / "one")
    again, _ = evaluate(documents, [general, lines], tmp_path / "two")
    assert artifact.record.files == again.record.files
    rows = pq.read_table(artifact.file("results.parquet")).to_pylist()
    premiums = {
        (row["tokenizer"], row["language"]): (row["lower"], row["value"], row["upper"])
        for row in rows
        if row["metric"] == "premium"
    }
    assert len(premiums) == 4
    assert all(lower <= value <= upper for lower, value, upper in premiums.values())
    assert premiums["demo-lines", "ell_Grek"][1] > premiums["demo-general", "ell_Grek"][1] > 1
    summary = json.loads(artifact.file("results.json").read_text())
    assert summary["parallel_groups"] == {"deu_Latn": 12, "ell_Grek": 12}
    assert len(summary["results"]) == len(rows)
    names = {metric.name for metric in context.metrics}
    assert {"fertility", "bytes_per_token", "single_token_retention", "premium", "premium_gini"} <= names


def test_only_the_named_corpus_gives_premiums(documents, counts, tmp_path):
    general, _ = train(counts, tmp_path / "general")
    artifact, _ = evaluate(documents, [general], tmp_path / "none", parallel_corpus="elsewhere")
    assert json.loads(artifact.file("results.json").read_text())["parallel_groups"] == {}
    artifact, _ = evaluate(documents, [general], tmp_path / "some", parallel_corpus="mills", splits=["test"])
    assert json.loads(artifact.file("results.json").read_text())["parallel_groups"] == {
        "deu_Latn": 6,
        "ell_Grek": 6,
    }


def test_evaluation_step_chooses_by_name():
    tokenizers = [("tokenizer", "demo-a"), ("tokenizer", "demo-b")]
    step = tokenizer_evaluation_step("demo", EvaluationParams(), tokenizers)
    assert step.inputs == {"documents": (("documents", "demo"),), "tokenizers": tuple(tokenizers)}
    assert step.key == ("evaluation", "demo-tokenizers")
    assert build_function(step) is build_tokenizer_evaluation
    step = tokenizer_evaluation_step("demo", EvaluationParams(tokenizers=("b",)), tokenizers)
    assert step.inputs["tokenizers"] == (("tokenizer", "demo-b"),)
    with pytest.raises(InputError, match="names c, but the tokenizers are: a, b"):
        tokenizer_evaluation_step("demo", EvaluationParams(tokenizers=("c",)), tokenizers)


def test_no_held_out_document_is_an_input_error(counts, tmp_path):
    few, _ = run_build(build_documents, tmp_path / "few", {"groups": 1})
    general, _ = train(counts, tmp_path / "general")
    with pytest.raises(InputError, match="no document is in splits test"):
        evaluate(few, [general], tmp_path / "out", splits=["test"])
