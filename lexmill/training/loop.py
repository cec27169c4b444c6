"""The training loop: warm-up and cosine, gradient clipping, AdamW or Muon, a curve; repeatable to the bit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import pyarrow as pa
import torch
from torch import nn

from lexmill.training.cross_entropy import linear_cross_entropy
from lexmill.training.llama import Llama
from lexmill.training.params import TrainingParams
from lexmill.training.stream import PackedStream

ADAM_BETAS = (0.9, 0.95)
MUON_MOMENTUM = 0.95
EMBEDDING, HEAD = "model.embed_tokens.weight", "lm_head.weight"
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}

HeldOut = Callable[[Llama], Mapping[str, float]]
Progress = Callable[[float, str], None]


class DivergedError(ValueError):
    """The loss is no longer a number."""


@contextmanager
def repeatable(threads: int) -> Iterator[None]:
    """A fixed number of threads and deterministic algorithms, as they were before on leaving."""
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    fill_before = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    # Filling every new tensor with NaN finds bugs in kernels; it costs a fifth of the time and changes nothing.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.use_deterministic_algorithms(before[1])
        torch.utils.deterministic.fill_uninitialized_memory = fill_before  # type: ignore[attr-defined]


def learning_rate_factor(step: int, params: TrainingParams) -> float:
    """What the peak is multiplied with at `step` (0-based): linear warm-up, then a cosine to `final_share`.

    Loshchilov and Hutter, "SGDR" (2017), one cycle.
    """
    warmup = round(params.steps * params.warmup_share)
    if step < warmup:
        return (step + 1) / warmup
    progress = (step - warmup) / max(1, params.steps - 1 - warmup)
    return params.final_share + (1 - params.final_share) * 0.5 * (1 + math.cos(math.pi * progress))


def make_optimizers(model: Llama, params: TrainingParams) -> list[torch.optim.Optimizer]:
    """AdamW (Loshchilov and Hutter, 2019) for all, or Muon (Jordan, 2024) for the 2-D weights of the layers.

    Muon's update is scaled to AdamW's root mean square (Liu et al., "Muon is Scalable", 2025), so both share one
    learning rate and weight decay.  Norms are not decayed.
    """
    matrices = [p for p in model.model.layers.parameters() if p.ndim == 2]
    embeddings = embedding_parameters(model)
    norms = [p for p in model.parameters() if p.ndim == 1]
    by_adam = embeddings if params.optimizer == "muon" else embeddings + matrices
    groups = [
        {"params": by_adam, "weight_decay": params.weight_decay},
        {"params": norms, "weight_decay": 0.0},
    ]
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(groups, lr=params.learning_rate, betas=ADAM_BETAS, foreach=True)
    ]
    if params.optimizer == "muon":
        muon = torch.optim.Muon(
            matrices,
            lr=params.learning_rate,
            weight_decay=params.weight_decay,
            momentum=MUON_MOMENTUM,
            adjust_lr_fn="match_rms_adamw",
        )
        optimizers.append(muon)
    return optimizers


def embedding_parameters(model: Llama) -> list[nn.Parameter]:
    """The input matrix, and the output matrix when it is not the same."""
    return [parameter for name, parameter in model.named_parameters() if name in (EMBEDDING, HEAD)]


def train(
    model: Llama,
    stream: PackedStream,
    params: TrainingParams,
    held_out: HeldOut,
    progress: Progress,
    embeddings_first_share: float = 0.0,
) -> pa.Table:
    """Train `model` in place; return the curve.

    The curve has one row for each point of evaluation and the last step: `step`, `tokens`, `bytes` (int64, fed so
    far), `loss` (float64, nats a token, mean since the last row), `bits_per_byte` (float64, the same text, the
    separators' cost included), `learning_rate`, and `bits_per_byte_<key>` for each key of `held_out(model)`.
    During the first `embeddings_first_share` of the steps only the embedding matrices change.
    Raises DivergedError when the loss is no longer finite.
    """
    optimizers = make_optimizers(model, params)
    embeddings_only = round(params.steps * embeddings_first_share)
    rows: list[dict[str, float]] = []
    tokens = bytes_fed = 0
    nats = since_bytes = since_tokens = 0.0
    with repeatable(params.threads):
        for step in range(params.steps):
            _train_only_embeddings(model, step < embeddings_only)
            batch = stream.batch(params.batch_size, params.sequence_length)
            factor = learning_rate_factor(step, params)
            loss = _step(model, batch.inputs, batch.targets, optimizers, factor, params)
            if not math.isfinite(loss):
                raise DivergedError(
                    f"the training loss became {loss} at step {step}: lower learning_rate "
                    f"(now {params.learning_rate}) or lengthen warmup_share"
                )
            tokens += batch.targets.size
            bytes_fed += batch.bytes
            nats += loss * batch.targets.size
            since_bytes += batch.bytes
            since_tokens += batch.targets.size
            if _is_point(step, params):
                row = {
                    "step": step + 1,
                    "tokens": tokens,
                    "bytes": bytes_fed,
                    "loss": nats / since_tokens,
                    "bits_per_byte": nats / math.log(2) / max(1.0, since_bytes),
                    "learning_rate": params.learning_rate * factor,
                }
                rows.append(row | {f"bits_per_byte_{key}": v for key, v in held_out(model).items()})
                nats = since_bytes = since_tokens = 0.0
            progress((step + 1) / params.steps, f"step {step + 1}/{params.steps}, loss {loss:.3f} nats/token")
    _train_only_embeddings(model, False)
    return pa.Table.from_pylist(rows)


def _is_point(step: int, params: TrainingParams) -> bool:
    last = step == params.steps - 1
    return last or (params.evaluation_interval > 0 and (step + 1) % params.evaluation_interval == 0)


def _train_only_embeddings(model: Llama, only: bool) -> None:
    embeddings = {id(parameter) for parameter in embedding_parameters(model)}
    for parameter in model.parameters():
        parameter.requires_grad_(not only or id(parameter) in embeddings)


def _step(
    model: Llama,
    inputs: object,
    targets: object,
    optimizers: list[torch.optim.Optimizer],
    factor: float,
    params: TrainingParams,
) -> float:
    """One forward, backward and update; the loss in nats a token."""
    dtype = DTYPES[params.precision]
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype is torch.bfloat16):
        hidden = model.hidden_states(torch.as_tensor(inputs))
    flat = torch.as_tensor(targets).flatten()
    loss = linear_cross_entropy(hidden.flatten(0, 1), model.lm_head.weight, flat, dtype)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), params.clip_norm)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = params.learning_rate * factor
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return float(loss.detach())
