"""A plain Llama: pre-norm decoder with RMSNorm, rotary positions, grouped-query attention and SwiGLU.

Touvron et al., "LLaMA: Open and Efficient Foundation Language Models" (2023).  Parameter names are those of
Hugging Face's `LlamaForCausalLM`, so that its checkpoints and ours are the same files.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from lexmill.training.params import ArchitectureParams

RMS_NORM_EPS = 1e-5
INITIALIZER_RANGE = 0.02


class Attention(nn.Module):
    """Causal self-attention with rotary positions; key/value heads may be shared by groups of query heads."""

    def __init__(self, architecture: ArchitectureParams) -> None:
        """Make the four projections, without biases."""
        super().__init__()
        hidden = architecture.hidden_size
        self.head_dim = hidden // architecture.num_attention_heads
        self.groups = architecture.num_attention_heads // architecture.num_key_value_heads
        key_value = architecture.num_key_value_heads * self.head_dim
        self.q_proj = nn.Linear(hidden, hidden, bias=False)
        self.k_proj = nn.Linear(hidden, key_value, bias=False)
        self.v_proj = nn.Linear(hidden, key_value, bias=False)
        self.o_proj = nn.Linear(hidden, hidden, bias=False)

    def forward(self, hidden: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """[batch, length, hidden] -> the same shape."""
        batch, length, _ = hidden.shape
        query, key, value = (
            projection(hidden).view(batch, length, -1, self.head_dim).transpose(1, 2)
            for projection in (self.q_proj, self.k_proj, self.v_proj)
        )
        query, key = rotate(query, cos, sin), rotate(key, cos, sin)
        if self.groups > 1:
            key = key.repeat_interleave(self.groups, dim=1)
            value = value.repeat_interleave(self.groups, dim=1)
        mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.o_proj(mixed.transpose(1, 2).reshape(batch, length, -1))


class FeedForward(nn.Module):
    """SwiGLU: down(silu(gate(x)) * up(x)).  Shazeer, "GLU Variants Improve Transformer" (2020)."""

    def __init__(self, architecture: ArchitectureParams) -> None:
        """Make the three projections, without biases."""
        super().__init__()
        hidden, inner = architecture.hidden_size, architecture.intermediate_size
        self.gate_proj = nn.Linear(hidden, inner, bias=False)
        self.up_proj = nn.Linear(hidden, inner, bias=False)
        self.down_proj = nn.Linear(inner, hidden, bias=False)

    def forward(self, hidden: Tensor) -> Tensor:
        """[batch, length, hidden] -> the same shape."""
        return self.down_proj(functional.silu(self.gate_proj(hidden)) * self.up_proj(hidden))


class Layer(nn.Module):
    """Attention, then feed-forward, each on the normalised residual stream."""

    def __init__(self, architecture: ArchitectureParams) -> None:
        """Make both halves and their norms."""
        super().__init__()
        self.input_layernorm = nn.RMSNorm(architecture.hidden_size, eps=RMS_NORM_EPS)
        self.self_attn = Attention(architecture)
        self.post_attention_layernorm = nn.RMSNorm(architecture.hidden_size, eps=RMS_NORM_EPS)
        self.mlp = FeedForward(architecture)

    def forward(self, hidden: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """[batch, length, hidden] -> the same shape."""
        hidden = hidden + self.self_attn(self.input_layernorm(hidden), cos, sin)
        return hidden + self.mlp(self.post_attention_layernorm(hidden))


class Decoder(nn.Module):
    """Embedding, layers and the last norm: ids -> hidden states."""

    def __init__(self, architecture: ArchitectureParams, vocab_size: int) -> None:
        """Make the stack; rotary tables are computed once and are not parameters."""
        super().__init__()
        self.embed_tokens = nn.Embedding(vocab_size, architecture.hidden_size)
        self.layers = nn.ModuleList(Layer(architecture) for _ in range(architecture.num_hidden_layers))
        self.norm = nn.RMSNorm(architecture.hidden_size, eps=RMS_NORM_EPS)
        cos, sin = rotary_tables(architecture)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        """Int64 [batch, length] -> float [batch, length, hidden]."""
        length = ids.shape[1]
        cos, sin = self.get_buffer("cos"), self.get_buffer("sin")
        if length > cos.shape[0]:
            raise ValueError(
                f"{length} tokens exceed max_position_embeddings {cos.shape[0]}: use shorter windows"
            )
        hidden = self.embed_tokens(ids)
        for layer in self.layers:
            hidden = layer(hidden, cos[:length], sin[:length])
        return self.norm(hidden)


class Llama(nn.Module):
    """A causal language model: next-token logits for every position."""

    def __init__(self, architecture: ArchitectureParams, vocab_size: int, seed: int = 0) -> None:
        """Draw the weights from N(0, 0.02) with `seed`; norms start at 1.  `vocab_size` counts padding rows."""
        super().__init__()
        self.architecture = architecture
        self.model = Decoder(architecture, vocab_size)
        self.lm_head = nn.Linear(architecture.hidden_size, vocab_size, bias=False)
        if architecture.tie_word_embeddings:
            self.lm_head.weight = self.model.embed_tokens.weight
        generator = torch.Generator().manual_seed(seed)
        for parameter in self.parameters():
            if parameter.ndim > 1:
                nn.init.normal_(parameter, std=INITIALIZER_RANGE, generator=generator)

    @property
    def vocab_size(self) -> int:
        """Rows of the embedding, padding included."""
        return self.model.embed_tokens.num_embeddings

    def hidden_states(self, ids: Tensor) -> Tensor:
        """Int64 [batch, length] -> [batch, length, hidden]: what the output matrix is multiplied with."""
        return self.model(ids)

    def forward(self, ids: Tensor) -> Tensor:
        """Int64 [batch, length] -> logits [batch, length, vocab_size]."""
        return self.lm_head(self.hidden_states(ids))


def rotary_tables(architecture: ArchitectureParams) -> tuple[Tensor, Tensor]:
    """Cosines and sines, float32 [max_position_embeddings, head_dim].

    Su et al., "RoFormer" (2021), in the half-split layout of the Hugging Face checkpoints.
    """
    head_dim = architecture.hidden_size // architecture.num_attention_heads
    frequencies = 1.0 / architecture.rope_theta ** (
        torch.arange(0, head_dim, 2, dtype=torch.float32) / head_dim
    )
    angles = torch.outer(torch.arange(architecture.max_position_embeddings, dtype=torch.float32), frequencies)
    angles = torch.cat((angles, angles), dim=-1)
    return angles.cos(), angles.sin()


def rotate(heads: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn each pair (i, i + head_dim/2) of [batch, heads, length, head_dim] by its position's angle."""
    first, second = heads.chunk(2, dim=-1)
    turned = torch.cat((-second, first), dim=-1)
    return (heads * cos + turned * sin).to(heads.dtype)
