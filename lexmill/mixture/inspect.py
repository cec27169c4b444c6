"""Everything a tokenizer file says about itself, before any text is counted."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from lexmill.mixture.cutting import cutting_label
from lexmill.mixture.inherit import inherited_prefix
from lexmill.mixture.mergelist import MergeList

NAMED_MANUAL = 20


def describe(merges: MergeList, known: Mapping[str, MergeList]) -> dict[str, Any]:
    """What `lexmill mixture inspect` prints, as JSON values.

    `known` are merge lists whose order is compared, by name.  Keys: kind, unit, vocabulary, alphabet, merges,
    manual, manual_tokens (the first, with their rank), late, redundant, longest, pretokenizer, normalizer (and
    where each is from), compared (names of the known lists), inherited (None, or name, merges, removed, removed_kind,
    sentence, start_merge, whole).
    """
    inherited = inherited_prefix(merges, known)
    manual = list(zip(merges.manual_ranks, merges.manual, strict=False))[:NAMED_MANUAL]
    return {
        "kind": merges.kind,
        "unit": "bytes" if merges.byte_level else "characters",
        "vocabulary": merges.vocabulary,
        "alphabet": len(merges.alphabet),
        "merges": len(merges),
        "manual": len(merges.manual),
        "manual_tokens": [
            {"rank": rank, "token": token.decode(errors="backslashreplace")} for rank, token in manual
        ],
        "late": len(merges.late),
        "redundant": merges.redundant,
        "longest": merges.longest,
        **cutting_label(merges),
        "compared": sorted(known),
        "inherited": None if inherited is None else dataclasses.asdict(inherited),
    }
