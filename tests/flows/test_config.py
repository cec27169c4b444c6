"""pipelines.yaml: what is accepted, and how a mistake is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flows.config import PipelinesFile, json_schema, load_pipeline, load_pipelines
from flows.yaml_source import ConfigError

ROOT = Path(__file__).resolve().parents[2]
GOOD = """\
version: 1
defaults:
  warehouse: somewhere
  runner: {kind: threads, workers: 3}
pipelines:
  mine:
    corpora:
      - {name: text, path: text.txt}
    tokenizers:
      - {name: general, vocab_size: 1000}
    audits:
      - {name: own, tokenizer: general}
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "pipelines.yaml"
    path.write_text(text)
    return path


def test_the_shipped_file_is_valid() -> None:
    assert "demo" in load_pipelines(ROOT / "pipelines.yaml")


def test_defaults_reach_pipelines_and_lose_to_them(tmp_path: Path) -> None:
    path = write(
        tmp_path, GOOD + "  other:\n    warehouse: elsewhere\n    corpora: [{name: t, path: t.txt}]\n"
    )
    pipelines = load_pipelines(path)
    assert pipelines["mine"].warehouse == "somewhere"
    assert pipelines["mine"].runner.workers == 3
    assert pipelines["other"].warehouse == "elsewhere"


def test_overrides_and_the_warehouse_of_the_command_line_win(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    pipeline = load_pipeline("mine", path, ["tokenizers.general.vocab_size=2000"], "memory://w")
    assert pipeline.tokenizers[0].vocab_size == 2000
    assert pipeline.warehouse == "memory://w"


def test_an_override_changes_one_key_of_a_section_that_stands_in_defaults(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    assert load_pipeline("mine", path, ["runner.address=tcp://host"]).runner.workers == 3
    assert load_pipelines(path)["mine"].runner.address is None


def mutated(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


@pytest.mark.parametrize(
    ("text", "line", "key", "words"),
    [
        (mutated("vocab_size: 1000", "vocab_sice: 1000"), 10, "tokenizers.0.vocab_sice", "did you mean 'vocab_size'"),
        (mutated("vocab_size: 1000", "vocab_size: many"), 10, "tokenizers.0.vocab_size", "integer"),
        (mutated("vocab_size: 1000", "vocab_size: 5"), 10, "tokenizers.0: vocab_size", "256 base symbols"),
        (mutated(", vocab_size: 1000", ""), 10, "tokenizers.0.vocab_size", "missing"),
        (mutated("tokenizer: general", "tokenizer: generall"), 12, "audits.0.tokenizer", "did you mean 'general'"),
        (mutated("vocab_size: 1000", "vocab_size: 1000, algorithm: pickyy"), 10, "tokenizers.0", "one of: bpe, "),
        (mutated("vocab_size: 1000", "vocab_size: 1000, threshold: 1"), 10, "tokenizers.0.threshold", "key of bpe"),
        (mutated("vocab_size: 1000", "vocab_size: 1000, algorithm: picky"), 12, "audits.0.tokenizer", "picky"),
        (mutated("vocab_size: 1000", "vocab_size: 999, algorithm: adaptivocab, base: general"), 10, "base", "itself"),
        (mutated("kind: threads", "kind: thread"), 4, "runner.kind", "'threads', 'processes', 'dask' or 'ray'"),
        (mutated("  warehouse: somewhere", "  warehous: somewhere"), 3, "defaults.warehous", "mean 'warehouse'"),
        (GOOD + "    evaluation: {tokenizers: [genral]}\n", 13, "evaluation.tokenizers.0", "did you mean 'general'"),
        (mutated("  mine:\n", "  -mine:\n"), 5, "pipelines", "begins with"),
        (mutated("version: 1", "version: 2"), 1, "version", "1"),
        (mutated("  mine:\n", "  Mine:\n"), 5, "pipelines", "a-z"),
        (mutated("      - {name: text, path: text.txt}", "      []"), 7, "corpora", "at least 1"),
    ],
)  # fmt: skip
def test_a_mistake_names_file_line_key_and_what_was_expected(
    tmp_path: Path, text: str, line: int, key: str, words: str
) -> None:
    path = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_pipelines(path)
    message = str(caught.value)
    assert message.startswith(f"{path}:{line}: ")
    assert key in message
    assert words in message


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = mutated("vocab_size: 1000", "vocab_sice: 1000").replace("path: text.txt", "pfad: text.txt")
    with pytest.raises(ConfigError) as caught:
        load_pipelines(write(tmp_path, text))
    assert "vocab_sice" in str(caught.value)
    assert "pfad" in str(caught.value)


def test_names_that_stand_twice_are_refused(tmp_path: Path) -> None:
    text = mutated(
        "      - {name: general, vocab_size: 1000}", "      - {name: general, vocab_size: 1000}\n" * 2
    )
    with pytest.raises(ConfigError, match="'general' stands twice in tokenizers"):
        load_pipelines(write(tmp_path, text))


def test_an_unknown_pipeline_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'mine'"):
        load_pipeline("mime", write(tmp_path, GOOD))


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ("{cron: '0 4 * *'}", "five fields"),
        ("{cron: '0 4 * * 1', timezone: Mars/Olympus}", "no time zone is called"),
    ],
)
def test_schedules_are_checked(tmp_path: Path, schedule: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load_pipelines(write(tmp_path, mutated("  mine:\n", f"  mine:\n    schedule: {schedule}\n")))


def test_the_schema_for_editors_names_every_section() -> None:
    schema = json_schema()
    json.dumps(schema)
    assert set(schema["properties"]) == set(PipelinesFile.model_fields)
    pipeline = schema["$defs"]["PipelineParams"]["properties"]
    assert {"corpora", "tokenizers", "audits", "models", "schedule", "runner"} <= set(pipeline)
    assert "warehouse" in schema["properties"]["defaults"]["properties"]


def test_the_committed_schema_is_the_current_one() -> None:
    committed = json.loads((ROOT / "docs/pipelines.schema.json").read_text())
    assert committed == json_schema(), "run: lexmill schema > docs/pipelines.schema.json"
