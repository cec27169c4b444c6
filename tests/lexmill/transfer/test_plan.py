from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from transformers import LlamaForCausalLM

from lexmill.training.checkpoint import load_model, save_model
from lexmill.training.llama import Llama
from lexmill.training.vocabulary import Vocabulary, make_vocabulary
from lexmill.transfer.plan import SCHEMA, make_plan, match_tokens, new_tokens, padded_size, summarize_plan
from lexmill.transfer.subtoken_mean import segmenter, subtoken_mean
from lexmill.transfer.surgery import PlanError, apply_plan
from tests.lexmill.training.tiny import (
    TINY,
    config_of_tokenizer,
    save_tokenizer,
    sentences,
    train_tokenizer,
    vocabulary,
)

ENGLISH = vocabulary(sentences("eng_Latn"), 320)
BOTH = vocabulary(sentences("eng_Latn") + sentences("fra_Latn"), 450)
IDS = torch.randint(0, 320, (2, 30), generator=torch.Generator().manual_seed(0))


def base(tied: bool = True, rows: int = 320) -> Llama:
    model = Llama(TINY.model_copy(update={"tie_word_embeddings": tied}), rows, seed=7)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)) * 0.2)
    return model


def subtoken_plan() -> pa.Table:
    composed = subtoken_mean(new_tokens(ENGLISH, BOTH), segmenter(ENGLISH.tokenizer))
    return make_plan(ENGLISH, BOTH, composed, pad_to_multiple=64)


@pytest.mark.parametrize("tied", [True, False])
def test_the_identity_plan_reproduces_logits_bit_for_bit(tied: bool) -> None:
    model = base(tied)
    plan = make_plan(ENGLISH, ENGLISH, {}, pad_to_multiple=1)
    assert plan["action"].to_pylist() == ["role"] + ["copy"] * 319
    assert torch.equal(apply_plan(model, plan, ENGLISH.size)(IDS), model(IDS))


@pytest.mark.parametrize("tied", [True, False])
def test_a_permutation_plan_permutes_the_logits(tied: bool) -> None:
    model = base(tied)
    order = np.random.default_rng(0).permutation(320)
    plan = make_plan(ENGLISH, ENGLISH, {}, 1)
    sources = pa.array([[index] for index in order.tolist()], pa.list_(pa.int32()))
    plan = plan.set_column(3, SCHEMA.field("source_ids"), sources)
    place = torch.from_numpy(np.argsort(order))
    permuted = apply_plan(model, plan, 320)(place[IDS])
    torch.testing.assert_close(permuted, model(IDS)[:, :, torch.from_numpy(order)], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("tied", [True, False])
def test_rows_are_what_the_plan_says(tied: bool) -> None:
    model, plan = base(tied, rows=350), subtoken_plan()
    new = apply_plan(model, plan, ENGLISH.size)
    for old_matrix, new_matrix in (
        (model.model.embed_tokens.weight, new.model.embed_tokens.weight),
        (model.lm_head.weight, new.lm_head.weight),
    ):
        old = old_matrix.detach().numpy()[: ENGLISH.size]  # rows 320..349 are padding and must not count
        for row in plan.to_pylist():
            made = new_matrix.detach().numpy()[row["token_id"]]
            if row["action"] in ("copy", "role"):
                np.testing.assert_array_equal(made, old[row["source_ids"][0]])
            elif row["action"] == "compose":
                pieces = segmenter(ENGLISH.tokenizer)(row["token"])
                np.testing.assert_allclose(made, old[pieces].mean(axis=0), rtol=1e-5, atol=1e-6)
            else:
                np.testing.assert_allclose(made, old.mean(axis=0), rtol=1e-5, atol=1e-6)
    assert (new.lm_head.weight.data_ptr() == new.model.embed_tokens.weight.data_ptr()) == tied
    others = set(model.state_dict()) - {"model.embed_tokens.weight", "lm_head.weight"}
    assert all(torch.equal(model.state_dict()[name], new.state_dict()[name]) for name in others)


def test_the_plan_covers_every_row_once_and_is_padded() -> None:
    plan = subtoken_plan()
    assert plan.schema == SCHEMA
    assert plan["token_id"].to_pylist() == list(range(512))  # 450 rounded up to 64
    summary = summarize_plan(plan, ENGLISH, BOTH)
    assert summary["actions"]["pad"] == 62
    assert summary["actions"]["fallback"] == 0
    assert sum(summary["actions"].values()) == 512
    copies, roles = match_tokens(ENGLISH, BOTH)
    assert summary["shared_tokens"] == len(copies) + len(roles)
    assert all(ENGLISH.tokens[s] == BOTH.tokens[t] is not None for t, s in copies.items())
    assert plan.equals(subtoken_plan())


def test_without_a_method_new_tokens_fall_back_to_the_mean() -> None:
    plan = make_plan(ENGLISH, BOTH, {}, 1)
    fallback = [row for row in plan.to_pylist() if row["action"] == "fallback"]
    assert [row["token_id"] for row in fallback] == sorted(new_tokens(ENGLISH, BOTH))
    assert all(row["source_ids"] == row["weights"] == [] for row in fallback)


def special(tokens: list[str], roles: dict[str, str]) -> Vocabulary:
    tokenizer = train_tokenizer(sentences("eng_Latn"), 300, special=False)
    tokenizer.add_special_tokens(tokens)
    return make_vocabulary(tokenizer, roles)


def test_special_tokens_go_by_role_not_by_name() -> None:
    source = special(["<s>", "</s>", "<unk>", "<chat>"], {"bos_token": "<s>", "eos_token": "</s>"})
    target = special(
        ["<pad>", "<start>", "<end>", "<chat>", "<new>"], {"bos_token": "<start>", "eos_token": "<end>"}
    )
    _, roles = match_tokens(source, target)

    def name(vocabulary: Vocabulary, index: int) -> str:
        return vocabulary.special_tokens()[index]

    named = {name(target, t): name(source, s) for t, s in roles.items()}
    assert named == {"<start>": "<s>", "<end>": "</s>", "<chat>": "<chat>"}
    plan = make_plan(source, target, {}, 1).to_pylist()
    assert {row["token"]: row["action"] for row in plan[300:]} == {
        b"<pad>": "fallback",
        b"<start>": "role",
        b"<end>": "role",
        b"<chat>": "role",
        b"<new>": "fallback",
    }


def test_a_special_separator_takes_the_row_of_a_line_feed_separator() -> None:
    source = vocabulary(sentences("eng_Latn"), 300, special=False)
    target = vocabulary(sentences("eng_Latn"), 301, special=True)
    copies, roles = match_tokens(source, target)
    assert roles == {target.separator: source.separator}
    assert source.tokens[source.separator] == b"\n"
    assert copies[target.tokens.index(b"\n")] == source.separator


def test_bytes_that_the_source_spells_twice_come_from_its_lowest_id() -> None:
    tokenizer = train_tokenizer(sentences("eng_Latn"), 300)
    tokenizer.add_tokens(["e accent: é"])  # an added token stands for its text
    twice = Vocabulary(tokenizer, (*make_vocabulary(tokenizer, {}).tokens, b"the"), {}, 0)
    twice_again = Vocabulary(tokenizer, (*twice.tokens, b"the"), {}, 0)
    copies, _ = match_tokens(twice_again, twice)
    assert copies[twice.tokens.index(b"the")] == twice_again.tokens.index(b"the")


def test_saved_with_the_target_tokenizer_it_opens_in_transformers(tmp_path: Path) -> None:
    texts = sentences("eng_Latn") + sentences("fra_Latn")
    folder = save_tokenizer(tmp_path / "tokenizer", train_tokenizer(texts, 450))
    model = apply_plan(base(), subtoken_plan(), ENGLISH.size)
    save_model(model, BOTH, folder, tmp_path / "model")
    theirs = LlamaForCausalLM.from_pretrained(tmp_path / "model", dtype=torch.float32).train(False)
    ids = torch.tensor([[0, 449, 511, 3]])  # the largest token id and the last padding row too
    with torch.no_grad():
        torch.testing.assert_close(theirs(ids).logits, model(ids), rtol=1e-4, atol=1e-4)
    assert torch.equal(load_model(tmp_path / "model")(ids), model(ids))
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    assert (config["vocab_size"], config["tokenizer_vocab_size"], config["eos_token_id"]) == (512, 450, 0)
    assert config_of_tokenizer(BOTH.tokenizer)["eos_token"] == BOTH.tokenizer.id_to_token(0)


@pytest.mark.parametrize(
    ("row", "change", "message"),
    [
        (5, {"token_id": 6}, "token_id must be 0, 1, 2"),
        (5, {"source_ids": [320]}, "source_ids must be 0..319"),
        (5, {"source_ids": [-1]}, "source_ids must be 0..319"),
        (5, {"weights": [float("nan")]}, "weights must be finite"),
        (5, {"weights": [0.5]}, "weights of token 5 sum to 0.5"),
        (5, {"weights": [0.5, 0.5]}, "same length"),
    ],
)
def test_wrong_plans_are_refused(row: int, change: dict, message: str) -> None:
    rows = make_plan(ENGLISH, ENGLISH, {}, 1).to_pylist()
    rows[row] |= change
    with pytest.raises(PlanError, match=message):
        apply_plan(base(), pa.Table.from_pylist(rows, schema=SCHEMA), ENGLISH.size)


def test_a_plan_for_a_larger_vocabulary_is_refused() -> None:
    with pytest.raises(PlanError, match="400 source tokens, the model has 320 rows"):
        apply_plan(base(), make_plan(ENGLISH, ENGLISH, {}, 1), 400)


def test_rounding_up() -> None:
    assert [padded_size(n, 64) for n in (1, 64, 65)] == [64, 64, 128]
    assert padded_size(65, 1) == 65
