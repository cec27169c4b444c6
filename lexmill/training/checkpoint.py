"""Models on disk: the Hugging Face layout of a Llama, safetensors only, the same bytes for the same weights."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from lexmill.training.llama import INITIALIZER_RANGE, RMS_NORM_EPS, Llama
from lexmill.training.params import ArchitectureParams
from lexmill.training.vocabulary import TOKENIZER_FILES, Vocabulary

WEIGHTS = "model.safetensors"
TIED = "lm_head.weight"


class CheckpointError(ValueError):
    """A folder does not hold a model that this code can run."""


def save_model(model: Llama, vocabulary: Vocabulary, tokenizer_folder: Path, folder: Path) -> None:
    """Write `config.json`, `generation_config.json`, `model.safetensors` and the tokenizer's files.

    `transformers.LlamaForCausalLM.from_pretrained(folder)` then gives the same logits.  The token ids of both
    configs come from the tokenizer.  A tied output matrix is not stored twice.
    """
    if model.vocab_size < vocabulary.size:
        raise CheckpointError(f"{model.vocab_size} embedding rows cannot hold {vocabulary.size} token ids")
    state = {name: tensor.detach().contiguous() for name, tensor in model.state_dict().items()}
    if model.architecture.tie_word_embeddings:
        del state[TIED]
    folder.mkdir(parents=True, exist_ok=True)
    safetensors.torch.save_file(state, folder / WEIGHTS, metadata={"format": "pt"})
    ids = token_ids(vocabulary)
    _write_json(folder / "config.json", config_of(model, vocabulary) | ids)
    _write_json(folder / "generation_config.json", {"_from_model_config": True} | ids)
    for name in TOKENIZER_FILES:
        if (tokenizer_folder / name).exists():
            shutil.copyfile(tokenizer_folder / name, folder / name)


def token_ids(vocabulary: Vocabulary) -> dict[str, int | None]:
    """bos, eos and pad ids of the tokenizer.

    Without a bos role it is the separator, which is what the model was trained to start from; a separator that
    is ordinary text (the line feed) is never an eos.
    """
    special = vocabulary.tokens[vocabulary.separator] is None
    fallback = vocabulary.separator if special else None
    return {
        "bos_token_id": vocabulary.roles.get("bos", fallback),
        "eos_token_id": vocabulary.roles.get("eos", fallback),
        "pad_token_id": vocabulary.roles.get("pad"),
    }


def config_of(model: Llama, vocabulary: Vocabulary) -> dict[str, Any]:
    """`config.json` without the token ids; `tokenizer_vocab_size` is `vocab_size` without padding rows."""
    architecture = model.architecture
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        **architecture.model_dump(mode="json"),
        "rope_parameters": {"rope_theta": architecture.rope_theta, "rope_type": "default"},
        "head_dim": architecture.hidden_size // architecture.num_attention_heads,
        "hidden_act": "silu",
        "rms_norm_eps": RMS_NORM_EPS,
        "initializer_range": INITIALIZER_RANGE,
        "attention_bias": False,
        "mlp_bias": False,
        "vocab_size": model.vocab_size,
        "tokenizer_vocab_size": vocabulary.size,
        "document_separator_token_id": vocabulary.separator,
        "torch_dtype": "float32",
    }


def load_model(folder: Path) -> Llama:
    """Read what `save_model` wrote.

    Raises CheckpointError when the folder holds another kind of model, or tensors that do not fit the config.
    """
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if config.get("model_type") != "llama" or config.get("attention_bias") or config.get("mlp_bias"):
        raise CheckpointError(f"{folder.name}/config.json: only Llama models without biases are supported")
    architecture = ArchitectureParams(**{name: config[name] for name in ArchitectureParams.model_fields})
    model = Llama(architecture, config["vocab_size"])
    state = safetensors.torch.load_file(folder / WEIGHTS)
    if architecture.tie_word_embeddings:
        state[TIED] = state["model.embed_tokens.weight"]
    _check(state, model)
    model.load_state_dict(state)
    return model


def _check(state: Mapping[str, torch.Tensor], model: Llama) -> None:
    expected = model.state_dict()
    for name in sorted(set(expected) | set(state)):
        if name not in state or name not in expected:
            problem = "is missing" if name not in state else "is not part of this model"
            raise CheckpointError(f"{WEIGHTS}: tensor {name} {problem}")
        if state[name].shape != expected[name].shape:
            raise CheckpointError(
                f"{WEIGHTS}: tensor {name} is {list(state[name].shape)}, config.json says "
                f"{list(expected[name].shape)}"
            )


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", encoding="utf-8")
