"""Cross-entropy of a linear output layer, without ever holding the logits of a whole batch.

With a vocabulary of 16 384, the logits of 2 048 tokens take 128 MiB and are read several times.  In chunks they
stay in the processor's cache, and the gradient is made in the same pass (the idea of Wijmans et al., "Cut Your
Losses in Large-Vocabulary Language Models", 2024, and of the Liger kernels, on a CPU).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

CHUNK_TOKENS = 256  # times 16 384 float32 logits: 16 MiB


class _LinearCrossEntropy(torch.autograd.Function):
    """Forward computes loss and both gradients; backward only scales them."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, dtype: torch.dtype) -> Tensor:
        tokens = targets.shape[0]
        states, rows = hidden.to(dtype), weight.to(dtype)
        hidden_grad = torch.empty_like(states)
        weight_grad = torch.zeros_like(weight)
        total = torch.zeros((), dtype=torch.float64)
        for start in range(0, tokens, CHUNK_TOKENS):
            chunk = slice(start, start + CHUNK_TOKENS)
            target = targets[chunk].unsqueeze(1)
            logits = (states[chunk] @ rows.T).float()
            normalizer = logits.logsumexp(dim=1, keepdim=True)
            total += (normalizer - logits.gather(1, target)).sum(dtype=torch.float64)
            slope = logits.sub_(normalizer).exp_()  # softmax minus one-hot
            slope.scatter_add_(1, target, torch.full_like(target, -1.0, dtype=slope.dtype))
            slope = slope.div_(tokens).to(dtype)
            hidden_grad[chunk] = slope @ rows
            weight_grad += slope.T @ states[chunk]
        ctx.save_for_backward(hidden_grad.to(hidden.dtype), weight_grad)
        return (total / tokens).float()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor | None, ...]:
        hidden_grad, weight_grad = ctx.saved_tensors
        return hidden_grad * grads[0], weight_grad * grads[0], None, None


def linear_cross_entropy(hidden: Tensor, weight: Tensor, targets: Tensor, dtype: torch.dtype) -> Tensor:
    """Mean negative log-likelihood of `targets`, nats a token, differentiable in `hidden` and `weight`.

    `hidden` float [tokens, hidden], `weight` float32 [vocab, hidden], `targets` int64 [tokens]; the products are
    made in `dtype`, the softmax in float32.
    """
    with torch.autocast("cpu", enabled=False):
        return _LinearCrossEntropy.apply(hidden, weight, targets, dtype)


@torch.no_grad()
def token_nats(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """Negative log-likelihood of each target, nats, float64 [tokens]; arguments as above, in float32."""
    parts = []
    for start in range(0, targets.shape[0], CHUNK_TOKENS):
        chunk = slice(start, start + CHUNK_TOKENS)
        logits = hidden[chunk].float() @ weight.T
        parts.append(logits.logsumexp(dim=1) - logits.gather(1, targets[chunk].unsqueeze(1)).squeeze(1))
    return torch.cat(parts).double() if parts else torch.zeros(0, dtype=torch.float64)
