from __future__ import annotations

import pytest
import torch

from lexmill.training.cross_entropy import CHUNK_TOKENS, linear_cross_entropy, token_nats


def example(tokens: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(tokens)
    hidden = torch.randn(tokens, 16, generator=generator, requires_grad=True)
    weight = torch.randn(50, 16, generator=generator, requires_grad=True)
    return hidden, weight, torch.randint(0, 50, (tokens,), generator=generator)


@pytest.mark.parametrize(
    "tokens", [1, CHUNK_TOKENS - 1, CHUNK_TOKENS, CHUNK_TOKENS + 1, 3 * CHUNK_TOKENS + 5]
)
def test_loss_and_gradients_are_those_of_plain_cross_entropy(tokens: int) -> None:
    hidden, weight, targets = example(tokens)
    loss = linear_cross_entropy(hidden, weight, targets, torch.float32)
    grads = torch.autograd.grad(3 * loss, (hidden, weight))
    plain = torch.nn.functional.cross_entropy(hidden @ weight.T, targets)
    expected = torch.autograd.grad(3 * plain, (hidden, weight))
    torch.testing.assert_close(loss, plain)
    for grad, reference in zip(grads, expected, strict=True):
        torch.testing.assert_close(grad, reference, rtol=1e-4, atol=1e-6)


def test_bfloat16_products_stay_close() -> None:
    hidden, weight, targets = example(300)
    exact = linear_cross_entropy(hidden, weight, targets, torch.float32)
    rough = linear_cross_entropy(hidden, weight, targets, torch.bfloat16)
    assert rough.item() == pytest.approx(exact.item(), rel=5e-3)


def test_token_nats_are_the_negative_log_probabilities() -> None:
    hidden, weight, targets = example(2 * CHUNK_TOKENS + 3)
    expected = -(hidden @ weight.T).log_softmax(dim=1).gather(1, targets[:, None]).squeeze(1)
    torch.testing.assert_close(token_nats(hidden, weight, targets).float(), expected, rtol=1e-4, atol=1e-5)
    assert token_nats(hidden[:0], weight, targets[:0]).shape == (0,)
