"""The model steps, one after the other, on small real inputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from tokenizers import normalizers

from lexmill.training.params import ModelParams
from tasks.evaluate_models import prompt_of
from tasks.recipes.evaluate_models import model_evaluation_step
from tasks.recipes.training import adapted_model_step, base_model_step
from tasks.recipes.transfer import init_model_step, plan_step
from tasks.step import BuildContext, InputError, Step, build_function
from tests.helpers import run_build
from tests.lexmill.training.tiny import (
    TINY,
    config_of_tokenizer,
    sentences,
    train_tokenizer,
    write_documents,
)
from warehouse.store import Artifact

TRAINING = {
    "steps": 20,
    "batch_size": 4,
    "sequence_length": 32,
    "learning_rate": 0.01,
    "threads": 1,
    "evaluation_interval": 10,
}
ENTRY: dict[str, Any] = {
    "name": "french",
    "base": {
        "tokenizer": "english",
        "languages": ["eng_Latn"],
        "architecture": TINY.model_dump(),
        "training": TRAINING,
    },
    "transfer": {
        "tokenizer": "multilingual",
        "methods": ["subtoken_mean", "mean", "focus"],
        "focus": {"dimensions": 8, "min_count": 3},
    },
    "adaptation": {"languages": ["fra_Latn"], "training": TRAINING},
    "evaluation": {"bytes_per_language": 2000, "sample_tokens": 5},
}
MODEL = ModelParams.model_validate(ENTRY)


class House:
    """Builds steps in order and keeps their artifacts, as the flow does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.artifacts: dict[tuple[str, str], Artifact] = {}
        self.contexts: dict[tuple[str, str], BuildContext] = {}
        self.put("documents", "demo", lambda context: write_documents(context.out / "documents.parquet", 4))
        english = sentences("eng_Latn")
        self.put("tokenizer", "demo-english", tokenizer_build(english, 320))
        self.put("tokenizer", "demo-multilingual", tokenizer_build(english + sentences("fra_Latn"), 400))

    def put(self, kind: str, name: str, build: Any) -> None:
        artifact, _ = run_build(build, self.folder / kind / name, {}, kind=kind, name=name)
        self.artifacts[kind, name] = artifact

    def build(self, step: Step, again: str = "") -> Artifact:
        inputs = {role: [self.artifacts[key] for key in keys] for role, keys in step.inputs.items()}
        params = json.loads(json.dumps(step.params))  # as after the journey to the child process
        artifact, context = run_build(
            build_function(step),
            self.folder / step.kind / (step.name + again),
            params,
            inputs,
            kind=step.kind,
            name=step.name,
        )
        if not again:
            self.artifacts[step.key], self.contexts[step.key] = artifact, context
        return artifact


def tokenizer_build(texts: list[str], vocab_size: int) -> Any:
    def build(context: BuildContext) -> None:
        tokenizer = train_tokenizer(texts, vocab_size)
        tokenizer.save(str(context.out / "tokenizer.json"))
        (context.out / "tokenizer_config.json").write_text(json.dumps(config_of_tokenizer(tokenizer)))

    return build


def steps_of(model: ModelParams) -> list[Step]:
    return [
        base_model_step("demo", model),
        *(plan_step("demo", model, method) for method in model.transfer.methods),
        *(init_model_step("demo", model, method) for method in model.transfer.methods),
        *(adapted_model_step("demo", model, method) for method in model.adapted_methods),
        model_evaluation_step("demo", model),
    ]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    built = House(tmp_path_factory.mktemp("house"))
    for step in steps_of(MODEL):
        built.build(step)
    return built


def test_names_and_inputs_fit_together() -> None:
    steps = steps_of(MODEL)
    keys = [step.key for step in steps]
    assert keys == [
        ("model", "demo-french-base"),
        ("transfer_plan", "demo-french-subtoken_mean"),
        ("transfer_plan", "demo-french-mean"),
        ("transfer_plan", "demo-french-focus"),
        ("model", "demo-french-subtoken_mean-init"),
        ("model", "demo-french-mean-init"),
        ("model", "demo-french-focus-init"),
        ("model", "demo-french-subtoken_mean-adapted"),
        ("evaluation", "demo-french"),
    ]
    known = {("documents", "demo"), ("tokenizer", "demo-english"), ("tokenizer", "demo-multilingual"), *keys}
    assert all(key in known for step in steps for keys in step.inputs.values() for key in keys)


@pytest.mark.parametrize("position", range(9))
def test_each_step_gives_the_same_bytes_again(house: House, position: int) -> None:
    step = steps_of(MODEL)[position]
    assert house.build(step, again="-again").record.files == house.artifacts[step.key].record.files


def test_results_compare_all_phases(house: House) -> None:
    rows = pq.read_table(house.artifacts["evaluation", "demo-french"].file("results.parquet")).to_pylist()
    bits = {
        (r["phase"], r["method"], r["language"]): r["value"] for r in rows if r["metric"] == "bits_per_byte"
    }
    methods = [("base", ""), *(("init", m) for m in MODEL.transfer.methods), ("adapted", "subtoken_mean")]
    assert set(bits) == {(*m, language) for m in methods for language in ("eng_Latn", "fra_Latn")}
    assert bits["base", "", "eng_Latn"] < bits["base", "", "fra_Latn"]
    before, after = bits["init", "subtoken_mean", "fra_Latn"], bits["adapted", "subtoken_mean", "fra_Latn"]
    assert after < before - 0.2
    for row in rows:
        assert row["lower"] <= row["value"] <= row["upper"]
        assert row["split"] == "test"
    differences = {
        (r["method"], r["language"]): r["value"] for r in rows if r["metric"] == "bits_per_byte_difference"
    }
    for (method, language), value in differences.items():
        reference = bits["init", "subtoken_mean", language]
        assert value == pytest.approx(bits["init", method, language] - reference)
    assert {method for method, _ in differences} == {"mean", "focus"}


def test_results_json_has_samples_of_every_model(house: House) -> None:
    results = json.loads(house.artifacts["evaluation", "demo-french"].file("results.json").read_text())
    assert len(results["samples"]) == 2 * 5
    assert all(sample["prompt"] for sample in results["samples"])


def test_only_documents_of_the_right_split_and_language_were_seen(house: House) -> None:
    table = pq.read_table(house.artifacts["documents", "demo"].file("documents.parquet")).to_pylist()
    labels = {row["id"]: (row["split"], row["language"]) for row in table}

    def seen(kind: str, name: str) -> set[tuple[str, str]]:
        file = house.artifacts[kind, name].file("documents_seen.parquet")
        return {labels[i] for i in pq.read_table(file)["id"].to_pylist()}

    both = {("train", "eng_Latn"), ("train", "fra_Latn")}
    assert seen("model", "demo-french-base") == {("train", "eng_Latn")}
    assert seen("model", "demo-french-subtoken_mean-adapted") == both
    assert seen("transfer_plan", "demo-french-focus") == {("train", "fra_Latn")}
    assert seen("evaluation", "demo-french") == {("test", "eng_Latn"), ("test", "fra_Latn")}


def test_replay_takes_its_share(house: House) -> None:
    table = pq.read_table(house.artifacts["documents", "demo"].file("documents.parquet")).to_pylist()
    language = {row["id"]: row["language"] for row in table}
    seen = pq.read_table(
        house.artifacts["model", "demo-french-subtoken_mean-adapted"].file("documents_seen.parquet")
    ).to_pylist()
    fed = {
        code: sum(r["tokens"] for r in seen if language[r["id"]] == code) for code in ("eng_Latn", "fra_Latn")
    }
    assert fed["eng_Latn"] + fed["fra_Latn"] == 20 * 4 * 32
    assert fed["eng_Latn"] / sum(fed.values()) == pytest.approx(0.2, abs=0.06)


def test_plans_differ_only_where_the_method_speaks(house: House) -> None:
    counts = {
        method: json.loads(
            house.artifacts["transfer_plan", f"demo-french-{method}"].file("plan.json").read_text()
        )
        for method in MODEL.transfer.methods
    }
    assert {c["shared_tokens"] for c in counts.values()} == {counts["mean"]["shared_tokens"]}
    assert counts["mean"]["actions"]["compose"] == counts["subtoken_mean"]["actions"]["fallback"] == 0
    assert counts["focus"]["actions"]["compose"] == counts["subtoken_mean"]["actions"]["compose"] > 0
    assert counts["focus"]["composed_by"]["focus"] > 0
    assert sum(counts["focus"]["composed_by"].values()) == counts["focus"]["actions"]["compose"]
    tables = {
        method: pq.read_table(house.artifacts["transfer_plan", f"demo-french-{method}"].file("plan.parquet"))
        for method in MODEL.transfer.methods
    }
    assert not tables["focus"].equals(tables["subtoken_mean"])


def test_the_curve_has_held_out_columns(house: House) -> None:
    curve = pq.read_table(
        house.artifacts["model", "demo-french-subtoken_mean-adapted"].file("training.parquet")
    )
    assert {"bits_per_byte_fra_Latn", "bits_per_byte_eng_Latn"} <= set(curve.column_names)
    assert curve["step"].to_pylist() == [10, 20]


def test_only_what_depends_on_a_parameter_changes() -> None:
    def recipes(model: ModelParams) -> dict[str, str]:
        return {
            f"{s.kind} {s.name}": json.dumps([s.params, s.inputs], sort_keys=True) for s in steps_of(model)
        }

    longer = ENTRY["adaptation"] | {"training": TRAINING | {"steps": 21}}
    other = recipes(ModelParams.model_validate(ENTRY | {"adaptation": longer}))
    changed = {key for key, value in recipes(MODEL).items() if other[key] != value}
    assert changed == {"model demo-french-subtoken_mean-adapted"}


def test_a_lossy_tokenizer_is_refused_before_training(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def build(context: BuildContext) -> None:
        tokenizer = train_tokenizer(sentences("eng_Latn"), 320)
        tokenizer.normalizer = normalizers.Lowercase()
        tokenizer.save(str(context.out / "tokenizer.json"))

    house.put("tokenizer", "demo-lossy", build)
    lossy = ModelParams.model_validate(ENTRY | {"base": ENTRY["base"] | {"tokenizer": "lossy"}})
    monkeypatch.setattr("tasks.training.train", lambda *_: pytest.fail("training began"))
    with pytest.raises(InputError, match="model demo-french-base: the tokenizer spells"):
        house.build(base_model_step("demo", lossy), again="-lossy")


def test_prompts_are_short_in_every_script() -> None:
    assert prompt_of("The old miller  crosses the\nwooden bridge.") == "The old miller crosses the wooden"
    assert prompt_of("水車小屋の老人は橋を渡る。" * 50) == ("水車小屋の老人は橋を渡る。" * 50)[:60]
    assert prompt_of("a" * 59 + " b c") == "a" * 59


def test_a_language_without_documents_is_the_users_mistake(house: House, tmp_path: Path) -> None:
    wrong = ModelParams.model_validate(
        ENTRY | {"adaptation": {"languages": ["deu_Latn"], "training": TRAINING}}
    )
    with pytest.raises(InputError, match="no documents of the train split for languages deu_Latn"):
        house.build(adapted_model_step("demo", wrong, "subtoken_mean"), again="-wrong")
    with pytest.raises(InputError, match="no documents of the test split for languages deu_Latn"):
        house.build(model_evaluation_step("demo", wrong), again="-wrong")
