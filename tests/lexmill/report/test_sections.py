from __future__ import annotations

import pyarrow as pa
import pytest

from lexmill.report.corpus import corpus_data
from lexmill.report.markdown import documents_markdown, mixture_markdown, models_markdown, tokenizers_markdown
from lexmill.report.mixtures import mixture_data
from lexmill.report.models import POINTS, change, model_data, model_of
from lexmill.report.results import Results
from lexmill.report.tokenizers import tokenizers_data
from tests.tasks.report_tables import (
    SENTENCES,
    documents_tables,
    mixture_files,
    tokenizer_results,
    training_table,
)


def corpus(**changes):
    documents, rejections, stages = documents_tables(tuple(SENTENCES))
    tables = {"documents": documents, "stage_report": stages, "rejections": rejections} | changes
    return corpus_data(tables["documents"], tables["stage_report"], tables["rejections"])


def test_corpus_totals_add_up():
    data = corpus()
    documents, rejections, _ = documents_tables(tuple(SENTENCES))
    assert data["documents"] == documents.num_rows
    for part in ("languages", "domains", "licenses", "splits", "corpora"):
        assert sum(row["bytes"] for row in data[part]) == data["bytes"] == sum(documents["bytes"].to_pylist())
        assert sum(row["documents"] for row in data[part]) == data["documents"]
    assert all(sum(row["domains"].values()) == row["bytes"] for row in data["languages"])
    dropped = sum(reason["documents"] for stage in data["stages"] for reason in stage["reasons"])
    assert dropped == rejections.num_rows == data["stages"][0]["documents_in"] - data["documents"]
    assert [row["bytes"] for row in data["languages"]] == sorted(
        (row["bytes"] for row in data["languages"]), reverse=True
    )


def test_corpus_warns_loudly():
    documents, _, stages = documents_tables(tuple(SENTENCES))
    nothing = pa.Table.from_pylist(
        [
            {"stage": "quality", "corpus": "lost", "reason": "in", "documents": 10, "bytes": 100},
            {"stage": "quality", "corpus": "lost", "reason": "too_short", "documents": 10, "bytes": 100},
            {"stage": "quality", "corpus": "lost", "reason": "out", "documents": 0, "bytes": 0},
        ]
    )
    text = " ".join(corpus(stage_report=nothing)["warnings"])
    assert "quality dropped every document" in text
    assert "Nothing of the corpus lost was kept" in text
    assert "carry no licence" in text
    train = documents.filter(pa.compute.equal(documents["split"], "train"))
    assert "No held-out documents in" in " ".join(corpus(documents=train)["warnings"])
    assert "dropped" not in " ".join(corpus(stage_report=stages)["warnings"])


def test_edited_is_not_dropped():
    stages = pa.Table.from_pylist(
        [
            {"stage": "normalize", "corpus": "w", "reason": reason, "documents": documents, "bytes": size}
            for reason, documents, size in [("in", 5, 500), ("edited", 3, 20), ("out", 5, 480)]
        ]
    )
    (stage,) = corpus(stage_report=stages)["stages"]
    assert stage["reasons"] == []
    assert (stage["documents_edited"], stage["bytes_edited"]) == (3, 20)


def test_examples_are_few_and_short():
    examples = corpus()["examples"]
    assert len(examples) == 6
    assert all(len(example["excerpt"]) <= 160 for example in examples)


@pytest.fixture(scope="module")
def tokenizers():
    names = ["multilingual", "medical"]
    results = Results(tokenizer_results(names, tuple(SENTENCES)).to_pylist())
    identities = [{"name": "multilingual", "algorithm": "bpe", "vocab_size": 1000}, {"name": "untested"}]
    return tokenizers_data(
        identities, results, {"reference_language": "eng_Latn", "documents": 7, "splits": ["test"]}
    )


def test_tokenizers_overall_and_by_language_do_not_mix(tokenizers):
    assert [row["name"] for row in tokenizers["rows"]] == ["multilingual", "untested", "medical"]
    compression = tokenizers["columns"][0]
    assert compression["metric"] == "bytes_per_token"
    assert compression["best"] == ["multilingual"]
    assert tokenizers["rows"][0]["cells"]["bytes_per_token"]["value"] == 4.1
    assert tokenizers["rows"][1]["cells"]["bytes_per_token"] is None
    premium = tokenizers["by_language"][0]
    assert premium["tokenizers"] == ["multilingual", "medical"]
    assert len(premium["rows"]) == len(SENTENCES) - 1  # the reference has none
    first = [row["cells"][0]["value"] for row in premium["rows"]]
    assert first == sorted(first, reverse=True)


def test_domains_are_sums_not_means_of_ratios():
    rows = [
        {
            "metric": metric,
            "value": value,
            "unit": "",
            "tokenizer": "t",
            "language": language,
            "domain": "law",
        }
        for language, tokens, ratio in [("a", 100.0, 2.0), ("b", 300.0, 4.0)]
        for metric, value in [("tokens", tokens), ("bytes_per_token", ratio)]
    ]
    (row,) = tokenizers_data([], Results(rows))["domains"]
    assert row["cells"] == [(100 * 2 + 300 * 4) / 400]


def test_results_leave_out_what_is_not_a_number():
    rows = [
        {"metric": "m", "value": value, "language": "a"} for value in (float("nan"), None, float("inf"), 2.0)
    ]
    assert [row["value"] for row in Results(rows).rows] == [2.0]


def test_mixture_error_against_the_truth():
    files = mixture_files(tuple(SENTENCES), truth=True)
    data = mixture_data(
        "own",
        files["mixture.json"],
        files["curve.parquet"].to_pylist(),
        files["evidence.parquet"].to_pylist(),
    )
    assert data["error"]["largest"] == pytest.approx(0.003)
    assert data["error"]["log10_mse"] == pytest.approx(-5.0458, abs=1e-3)
    assert data["curve"]["merges"] == [100, 300, 1000, 3000]
    assert len(data["curve"]["series"]) == 8
    assert data["evidence"][0]["merges"][0]["competitor"] == "E2 80"
    shares = [row["share"] for row in data["shares"]]
    assert shares == sorted(shares, reverse=True)


def test_mixture_without_truth_or_tables():
    data = mixture_data("gpt2", {"shares": {"eng_Latn": {"bytes": 1.0}}})
    assert (data["has_truth"], data["error"], data["evidence"], data["alarm"]) == (False, None, [], "")
    assert "100.00" in mixture_markdown(data)


def model_rows():
    return [
        {
            "metric": "bits_per_byte",
            "value": value,
            "phase": phase,
            "method": method,
            "language": "fra_Latn",
            "lower": None,
        }
        for phase, method, value in [
            ("adapted", "mean", 2.2),
            ("base", "", 3.5),
            ("init", "mean", 4.0),
            ("adapted", "focus", 2.1),
        ]
    ]


def test_models_are_in_the_order_of_their_making():
    data = model_data("french", Results(model_rows()))
    assert [row["label"] for row in data["scores"]] == [
        "base model",
        "mean, init",
        "mean, trained",
        "focus, trained",
    ]
    assert [row["label"] for row in data["scores"] if row["best"]] == ["focus, trained"]
    before, after = change(data, "fra_Latn")
    assert (before["value"], after["value"]) == (3.5, 2.1)
    assert change(data, "eng_Latn") is None


def test_one_document_shows_no_interval():
    bare = [row | {"lower": None, "upper": None} for row in model_rows()]
    data = model_data("french", Results(bare), {"interval": "95 %, bootstrap"})
    assert not data["has_intervals"]
    assert "95 %" not in models_markdown(data)
    assert "[" not in models_markdown(data).partition("|")[2]


def test_long_curves_keep_their_ends():
    rows = training_table(("eng_Latn",), 4.0).to_pylist()
    long = [{**rows[0], "step": step} for step in range(1, 1001)]
    (run,) = model_data("m", Results([]), None, [(("base", ""), long)])["training"]
    steps = [point["step"] for point in run["points"]]
    assert len(steps) == POINTS
    assert (steps[0], steps[-1]) == (1, 1000)
    assert steps == sorted(set(steps))
    assert [series["label"] for series in run["series"]] == ["training text", "English, held out"]


def test_model_names():
    assert model_of("base") == ("base", "")
    assert model_of("subtoken_mean-adapted") == ("adapted", "subtoken_mean")


def test_markdown_is_well_formed_and_escaped(tokenizers):
    evil = "a|b<script>*x*\n# no"
    documents, rejections, stages = documents_tables(("eng_Latn",), evil)
    files = mixture_files(("eng_Latn", "deu_Latn"), False, evil)
    texts = [
        documents_markdown(corpus_data(documents, stages, rejections)),
        tokenizers_markdown(tokenizers),
        mixture_markdown(mixture_data("x", files["mixture.json"])),
        models_markdown(model_data("french", Results(model_rows()))),
    ]
    for text in texts:
        assert "<script" not in text
        for block in text.split("\n\n"):
            lines = block.strip().split("\n")
            if lines[0].startswith("|"):
                bars = {line.replace("\\|", "").count("|") for line in lines}
                assert len(bars) == 1


def test_the_share_of_the_audited_categories_is_said():
    shares = {"eng_Latn": {"bytes": 0.6, "truth": 0.625}, "deu_Latn": {"bytes": 0.4, "truth": 0.375}}
    whole = {"eng_Latn": 0.5, "deu_Latn": 0.3, "fra_Latn": 0.2}
    data = mixture_data("own", {"shares": shares, "truth": whole})
    assert [row["truth"] for row in data["shares"]] == [0.625, 0.375]
    assert data["error"]["largest"] == pytest.approx(0.025)
    assert {"label": "true share of the audited categories", "value": "80.0 %"} in data["facts"]


def test_bounds_without_replicates_are_no_interval():
    shares = {
        "eng_Latn": {"bytes": 0.6, "lower": 0.6, "upper": 0.6},
        "deu_Latn": {"bytes": 0.4, "lower": 0.4, "upper": 0.4},
    }
    for replicates, expected in [(0, [(None, None), (None, None)]), (5, [(0.6, 0.6), (0.4, 0.4)])]:
        data = mixture_data("own", {"shares": shares, "interval": {"level": 0.9, "replicates": replicates}})
        assert [(row["lower"], row["upper"]) for row in data["shares"]] == expected
        assert data["has_intervals"] == bool(replicates)
