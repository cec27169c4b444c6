"""What a BPE tokenizer was trained on, inferred from its merge list (Hayase, Liu et al. 2024, arXiv 2407.16607)."""

from lexmill.mixture.infer import infer_mixture
from lexmill.mixture.mergelist import MergeList

__all__ = ["MergeList", "infer_mixture"]
