"""What a BPE tokenizer was trained on, inferred from its merge list (Hayase, Liu et al. 2024, arXiv 2407.16607)."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lexmill.mixture.infer import infer_mixture
    from lexmill.mixture.mergelist import MergeList

__all__ = ["MergeList", "infer_mixture"]

_HOMES = {"MergeList": "lexmill.mixture.mergelist", "infer_mixture": "lexmill.mixture.infer"}


def __getattr__(name: str) -> Any:
    """Import on first use: the parameters beside them must load without numba and the solver."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
