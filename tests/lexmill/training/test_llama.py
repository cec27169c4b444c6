from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer, GenerationConfig, LlamaForCausalLM

from lexmill.training.checkpoint import CheckpointError, load_model, save_model
from lexmill.training.llama import Llama
from lexmill.training.params import ArchitectureParams
from tests.lexmill.training.tiny import TINY, save_tokenizer, sentences, train_tokenizer, vocabulary

ENGLISH = sentences("eng_Latn")


def saved(folder: Path, architecture: ArchitectureParams, special: bool = True, rows: int = 320) -> Llama:
    tokenizer_folder = save_tokenizer(folder / "tokenizer", train_tokenizer(ENGLISH, 300, special))
    model = Llama(architecture, rows, seed=3)
    with torch.no_grad():  # away from the symmetric start, so that norms and every matrix matter
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(5)) * 0.3)
    save_model(model, vocabulary(ENGLISH, 300, special), tokenizer_folder, folder / "model")
    return model


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("key_value_heads", [4, 2, 1])
@pytest.mark.parametrize("theta", [10_000.0, 500_000.0])
def test_transformers_computes_the_same_logits(
    tmp_path: Path, tied: bool, key_value_heads: int, theta: float
) -> None:
    changes = {"tie_word_embeddings": tied, "num_key_value_heads": key_value_heads, "rope_theta": theta}
    model = saved(tmp_path, TINY.model_copy(update=changes))
    theirs = LlamaForCausalLM.from_pretrained(tmp_path / "model", dtype=torch.float32).train(False)
    ids = torch.randint(0, 320, (3, 64), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        ours, expected = model(ids), theirs(ids).logits
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-4)
    assert expected.std() > 0.1


def test_transformers_opens_tokenizer_and_generation_config(tmp_path: Path) -> None:
    saved(tmp_path, TINY)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "model")
    assert tokenizer.decode(tokenizer.encode(ENGLISH[0])) == ENGLISH[0]
    generation = GenerationConfig.from_pretrained(tmp_path / "model")
    assert generation.eos_token_id == generation.bos_token_id == tokenizer.eos_token_id == 0
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    assert (config["vocab_size"], config["tokenizer_vocab_size"]) == (320, 300)


def test_a_line_feed_separator_is_no_eos(tmp_path: Path) -> None:
    saved(tmp_path, TINY, special=False)
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    assert config["eos_token_id"] is config["bos_token_id"] is None
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "model")
    assert tokenizer.decode([config["document_separator_token_id"]]) == "\n"


@pytest.mark.parametrize("tied", [True, False])
def test_loading_gives_the_same_bits_and_saving_the_same_bytes(tmp_path: Path, tied: bool) -> None:
    model = saved(tmp_path, TINY.model_copy(update={"tie_word_embeddings": tied}))
    again = load_model(tmp_path / "model")
    assert all(torch.equal(tensor, again.state_dict()[name]) for name, tensor in model.state_dict().items())
    shared = again.lm_head.weight.data_ptr() == again.model.embed_tokens.weight.data_ptr()
    assert shared == tied
    save_model(again, vocabulary(ENGLISH, 300), tmp_path / "tokenizer", tmp_path / "again")
    for file in sorted((tmp_path / "model").iterdir()):
        assert file.read_bytes() == (tmp_path / "again" / file.name).read_bytes()


def test_the_future_does_not_change_the_past() -> None:
    model = Llama(TINY, 50, seed=1)
    ids = torch.randint(0, 50, (1, 20), generator=torch.Generator().manual_seed(0))
    other = ids.clone()
    other[0, 12:] = 7
    torch.testing.assert_close(model(ids)[:, :12], model(other)[:, :12])
    assert not torch.allclose(model(ids)[:, 12:], model(other)[:, 12:])


def test_equal_seeds_give_equal_weights() -> None:
    first, second, third = Llama(TINY, 50, seed=1), Llama(TINY, 50, seed=1), Llama(TINY, 50, seed=2)
    assert torch.equal(first.lm_head.weight, second.lm_head.weight)
    assert not torch.equal(first.lm_head.weight, third.lm_head.weight)


def test_too_long_a_sequence_is_refused() -> None:
    with pytest.raises(ValueError, match="65 tokens exceed max_position_embeddings 64"):
        Llama(TINY, 50)(torch.zeros(1, 65, dtype=torch.int64))


def test_files_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    saved(tmp_path, TINY)
    config_file = tmp_path / "model" / "config.json"
    config = json.loads(config_file.read_text())
    config_file.write_text(json.dumps(config | {"vocab_size": 330}))
    with pytest.raises(CheckpointError, match=r"lm_head.weight is \[320, 32\], config.json says \[330, 32\]"):
        load_model(tmp_path / "model")
    config_file.write_text(json.dumps(config | {"num_hidden_layers": 1}))
    with pytest.raises(CheckpointError, match=r"layers\.1\..* is not part of this model"):
        load_model(tmp_path / "model")
    config_file.write_text(json.dumps(config | {"model_type": "gpt2"}))
    with pytest.raises(CheckpointError, match="only Llama"):
        load_model(tmp_path / "model")


def test_fewer_rows_than_tokens_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="299 embedding rows cannot hold 300"):
        save_model(Llama(TINY, 299), vocabulary(ENGLISH, 300), tmp_path, tmp_path / "model")
