from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from lexmill.training.llama import Llama
from lexmill.training.loop import DivergedError, learning_rate_factor, make_optimizers, train
from lexmill.training.params import AdaptationParams, ArchitectureParams, ModelParams, TrainingParams
from lexmill.training.stream import PackedStream, Source, read_documents
from tests.lexmill.training.tiny import TINY, sentences, vocabulary, write_documents

VOCABULARY = vocabulary(sentences("eng_Latn"), 320)
FAST = TrainingParams(
    steps=30, batch_size=4, sequence_length=32, learning_rate=0.01, evaluation_interval=10, threads=1
)


def run(
    folder: Path, params: TrainingParams, share: float = 0.0, architecture: ArchitectureParams = TINY
) -> tuple[Llama, list[dict]]:
    documents = read_documents(write_documents(folder / "documents.parquet"), ["eng_Latn"])
    model = Llama(architecture, VOCABULARY.size, seed=params.seed)
    stream = PackedStream(
        [Source(documents, 1.0)], VOCABULARY.tokenizer, VOCABULARY.separator, VOCABULARY.tokens, params.seed
    )
    curve = train(model, stream, params, lambda m: {"x": 1.5}, lambda fraction, message: None, share)
    return model, curve.to_pylist()


def test_schedule() -> None:
    params = TrainingParams(steps=101, warmup_share=0.1, final_share=0.2)
    factors = [learning_rate_factor(step, params) for step in range(101)]
    assert factors[:10] == pytest.approx([0.1 * (i + 1) for i in range(10)])
    assert factors[10] == pytest.approx(1.0)
    assert factors[55] == pytest.approx(0.2 + 0.8 / 2)  # half-way between 10 and 100
    assert factors[100] == pytest.approx(0.2)
    assert all(a >= b for a, b in pairwise(factors[9:]))
    assert learning_rate_factor(0, TrainingParams(steps=1, warmup_share=0.0)) == 1.0


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_training_learns_and_repeats_to_the_bit(tmp_path: Path, optimizer: str, precision: str) -> None:
    params = FAST.model_copy(update={"optimizer": optimizer, "precision": precision})
    model, curve = run(tmp_path, params)
    again, same_curve = run(tmp_path, params)
    assert curve == same_curve
    assert all(torch.equal(t, again.state_dict()[name]) for name, t in model.state_dict().items())
    assert curve[-1]["loss"] < curve[0]["loss"] - 0.5 < math.log(VOCABULARY.size)


def test_the_curve_counts_what_was_fed(tmp_path: Path) -> None:
    _, curve = run(tmp_path, FAST.model_copy(update={"steps": 25}))
    assert [row["step"] for row in curve] == [10, 20, 25]
    assert [row["tokens"] for row in curve] == [n * 4 * 32 for n in (10, 20, 25)]
    first = curve[0]
    assert first["bits_per_byte"] == pytest.approx(
        first["loss"] * first["tokens"] / math.log(2) / first["bytes"]
    )
    assert {row["bits_per_byte_x"] for row in curve} == {1.5}


def test_embeddings_first(tmp_path: Path) -> None:
    untied = TINY.model_copy(update={"tie_word_embeddings": False})
    start = Llama(untied, VOCABULARY.size, seed=0).state_dict()
    model, _ = run(tmp_path, FAST.model_copy(update={"steps": 3}), share=1.0, architecture=untied)
    changed = {name for name, tensor in model.state_dict().items() if not torch.equal(tensor, start[name])}
    assert changed == {"model.embed_tokens.weight", "lm_head.weight"}
    assert all(parameter.requires_grad for parameter in model.parameters())
    partly, _ = run(tmp_path, FAST.model_copy(update={"steps": 4}), share=0.5, architecture=untied)
    assert not torch.equal(partly.state_dict()["model.layers.0.mlp.up_proj.weight"],
                           start["model.layers.0.mlp.up_proj.weight"])  # fmt: skip


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_every_parameter_has_one_optimizer(tied: bool, optimizer: str) -> None:
    model = Llama(TINY.model_copy(update={"tie_word_embeddings": tied}), 50)
    optimizers = make_optimizers(model, FAST.model_copy(update={"optimizer": optimizer}))
    held = [p for o in optimizers for group in o.param_groups for p in group["params"]]
    assert len(held) == len({id(p) for p in held})
    assert {id(p) for p in held} == {id(p) for p in model.parameters()}
    for group in (group for o in optimizers for group in o.param_groups):
        assert all((group["weight_decay"] > 0) == (p.ndim == 2) for p in group["params"])


def test_a_loss_that_is_no_number_is_reported(tmp_path: Path) -> None:
    documents = read_documents(write_documents(tmp_path / "documents.parquet"), ["eng_Latn"])
    stream = PackedStream([Source(documents, 1.0)], VOCABULARY.tokenizer, 0, VOCABULARY.tokens, 0)
    model = Llama(TINY, VOCABULARY.size)
    with torch.no_grad():
        model.model.norm.weight[0] = math.nan
    with pytest.raises(DivergedError, match="became nan at step 0: lower learning_rate"):
        train(model, stream, FAST, lambda m: {}, lambda fraction, message: None)


def test_settings_of_torch_are_put_back(tmp_path: Path) -> None:
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    run(tmp_path, FAST.model_copy(update={"steps": 1}))
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == before


def test_impossible_parameters_are_refused() -> None:
    with pytest.raises(ValueError, match="hidden_size must be a multiple"):
        ArchitectureParams(hidden_size=30, num_attention_heads=4)
    with pytest.raises(ValueError, match="must be even"):
        ArchitectureParams(hidden_size=20, num_attention_heads=4, num_key_value_heads=4)
    with pytest.raises(ValueError, match="multiple of num_key_value_heads"):
        ArchitectureParams(num_key_value_heads=3)
    entry = {
        "name": "m",
        "base": {"tokenizer": "a", "languages": ["eng_Latn"]},
        "transfer": {"tokenizer": "b", "methods": ["mean"]},
        "adaptation": {"languages": ["fra_Latn"]},
    }
    assert ModelParams.model_validate(entry).adapted_methods == ("mean",)
    assert ModelParams.model_validate(entry).evaluated_languages == ("eng_Latn", "fra_Latn")
    wrong = entry | {"adaptation": {"languages": ["fra_Latn"], "methods": ["focus"]}}
    with pytest.raises(ValueError, match=r"focus is not one of transfer\.methods"):
        ModelParams.model_validate(wrong)
    long = entry | {"adaptation": {"languages": ["fra_Latn"], "training": {"sequence_length": 1024}}}
    with pytest.raises(ValueError, match="sequence_length 1024 exceeds max_position_embeddings"):
        ModelParams.model_validate(long)
    with pytest.raises(ValueError, match="each method once"):
        ModelParams.model_validate(entry | {"transfer": {"tokenizer": "b", "methods": ["mean", "mean"]}})
    same = entry | {"adaptation": {"languages": ["fra_Latn", "eng_Latn"]}}
    with pytest.raises(ValueError, match="eng_Latn is both a new language and a replayed one"):
        ModelParams.model_validate(same)
    alone = entry | {"adaptation": {"languages": ["eng_Latn"], "replay_share": 0}}
    assert ModelParams.model_validate(alone).adaptation.languages == ("eng_Latn",)
    with pytest.raises(ValueError, match="replay_share"):
        AdaptationParams(languages=("fra_Latn",), replay_share=1.0)
