"""Rebuild an ordered merge list from a vocabulary in creation order (ranks)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Pair = tuple[bytes, bytes]


def encode_below(token: bytes, rank: int, ranks: Mapping[bytes, int]) -> list[bytes]:
    """BPE-encode `token` using only tokens of a rank below `rank`; parts in order.

    A single byte is always a part, whether ranked or not.
    """
    parts = [token[i : i + 1] for i in range(len(token))]
    while len(parts) > 1:
        best, best_rank = -1, rank
        for i in range(len(parts) - 1):
            found = ranks.get(parts[i] + parts[i + 1], rank)
            if found < best_rank:
                best, best_rank = i, found
        if best < 0:
            break
        parts[best : best + 2] = [parts[best] + parts[best + 1]]
    return parts


def merges_from_ranks(tokens: Sequence[bytes]) -> tuple[list[Pair], list[bytes]]:
    """Ordered merges of `tokens`, given in creation order, and the tokens that no single merge makes.

    Each token is encoded with the tokens before it only; where two parts remain they are its merge, which is
    exact for a list that byte-level BPE training made (Hayase et al. 2024, arXiv 2407.16607, appendix C.3).
    Tokens with more parts were added by hand or come from another list.  A repeated token counts once, at its
    first place; empty tokens are ignored.
    """
    ranks: dict[bytes, int] = {}
    for rank, token in enumerate(tokens):
        if token:
            ranks.setdefault(token, rank)
    merges: list[Pair] = []
    manual: list[bytes] = []
    for token, rank in ranks.items():
        if len(token) == 1:
            continue
        parts = encode_below(token, rank, ranks)
        if len(parts) == 2:
            merges.append((parts[0], parts[1]))
        else:
            manual.append(token)
    return merges, manual
