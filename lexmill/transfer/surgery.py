"""Model surgery: give a model the vocabulary that a transfer plan describes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import torch
from scipy import sparse
from torch import Tensor

from lexmill.training.llama import Llama
from lexmill.transfer.plan import SCHEMA

EMBEDDING = "model.embed_tokens.weight"
HEAD = "lm_head.weight"
WEIGHT_TOLERANCE = 1e-4  # float32 weights of a few hundred rows


class PlanError(ValueError):
    """The plan does not fit the model, or is not a plan."""


def apply_plan(model: Llama, plan: pa.Table, source_tokens: int) -> Llama:
    """A new model with the plan's rows; everything but the embedding matrices is the same, bit for bit.

    `source_tokens` is the size of the source vocabulary without the model's padding rows: `fallback` and `pad`
    rows become the mean of those.  Input and output matrix are changed alike; when tied they stay one tensor.
    Copied rows are exact; composed ones are summed in float64.  Raises PlanError.
    """
    check_plan(plan, source_tokens)
    if source_tokens > model.vocab_size:
        raise PlanError(
            f"the plan speaks of {source_tokens} source tokens, the model has {model.vocab_size} rows"
        )
    result = Llama(model.architecture, plan.num_rows)
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    state[EMBEDDING] = new_rows(state[EMBEDDING], plan, source_tokens)
    tied = model.architecture.tie_word_embeddings
    state[HEAD] = state[EMBEDDING] if tied else new_rows(state[HEAD], plan, source_tokens)
    result.load_state_dict(state)
    return result


def new_rows(matrix: Tensor, plan: pa.Table, source_tokens: int) -> Tensor:
    """Float32 [source rows, hidden] -> [plan rows, hidden]."""
    old = matrix.numpy()[:source_tokens]
    ids, weights, counts = _flat(plan)
    indptr = np.concatenate(([0], np.cumsum(counts)))
    mixing = sparse.csr_matrix(
        (weights.astype(np.float64), ids, indptr), shape=(plan.num_rows, source_tokens)
    )
    totals = np.asarray(mixing.sum(axis=1))
    exact = old.astype(np.float64)
    rows = mixing @ exact / np.where(counts > 0, totals.ravel(), 1.0)[:, None]
    rows[counts == 0] = exact.mean(axis=0)
    return torch.from_numpy(rows.astype(np.float32))


def check_plan(plan: pa.Table, source_tokens: int) -> None:
    """Raise PlanError unless ids are 0..n-1 in order, sources exist, and weights are finite and sum to 1."""
    if plan.schema.names != SCHEMA.names:
        raise PlanError(
            f"a plan has the columns {', '.join(SCHEMA.names)}, not {', '.join(plan.schema.names)}"
        )
    if plan.num_rows == 0 or plan["token_id"].to_pylist() != list(range(plan.num_rows)):
        raise PlanError("token_id must be 0, 1, 2, ... without gaps")
    ids, weights, counts = _flat(plan)
    if not np.array_equal(counts, pc.list_value_length(plan["weights"]).to_numpy()):
        raise PlanError("source_ids and weights must have the same length in every row")
    if len(ids) and not (ids.min() >= 0 and ids.max() < source_tokens):
        raise PlanError(f"source_ids must be 0..{source_tokens - 1}")
    if not np.isfinite(weights).all():
        raise PlanError("weights must be finite")
    owners = np.repeat(np.arange(plan.num_rows), counts)
    totals = np.bincount(owners, weights=weights, minlength=plan.num_rows)
    wrong = np.flatnonzero((counts > 0) & (np.abs(totals - 1) > WEIGHT_TOLERANCE))
    if len(wrong):
        raise PlanError(f"the weights of token {wrong[0]} sum to {totals[wrong[0]]:.6g}, not to 1")


def _flat(plan: pa.Table) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(source ids int32, weights float32, number of sources of each row int64)."""
    ids = pc.list_flatten(plan["source_ids"]).to_numpy()
    weights = pc.list_flatten(plan["weights"]).to_numpy()
    return ids, weights, pc.list_value_length(plan["source_ids"]).to_numpy().astype(np.int64)
