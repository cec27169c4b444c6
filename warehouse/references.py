"""What a person types for an artifact: `kind/name`, `name`, `…@latest`, `…@<fingerprint prefix>`, a bare prefix."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import NamedTuple

_PREFIX = re.compile(r"[0-9a-f]{4,64}")


class Version(NamedTuple):
    """One published version of a named artifact."""

    kind: str
    name: str
    fingerprint: str

    def __str__(self) -> str:
        """`kind/name@fingerprint`, which `matching` reads back."""
        return f"{self.kind}/{self.name}@{self.fingerprint}"


def matching(reference: str, versions: Sequence[Version]) -> tuple[list[Version], bool]:
    """The versions that a reference may mean, and whether the latest of them is meant.

    Raises LookupError, with near matches, when there is none, or when several are possible.
    """
    name, _, version = reference.strip().partition("@")
    named = [v for v in versions if name in (f"{v.kind}/{v.name}", v.name)]
    if len({v[:2] for v in named}) > 1:
        kinds = ", ".join(sorted({f"{v.kind}/{v.name}" for v in named}))
        raise LookupError(f"{reference!r} is a name in several kinds: say which of {kinds}")
    if named and version in ("", "latest"):
        return named, True
    if named:
        return _only([v for v in named if v.fingerprint.startswith(version)], reference, named), False
    if not version and _PREFIX.fullmatch(name):
        return _only([v for v in versions if v.fingerprint.startswith(name)], reference, versions), False
    raise LookupError(_nothing(reference, versions))


def _only(found: Sequence[Version], reference: str, all_versions: Sequence[Version]) -> list[Version]:
    if len(found) > 1:
        raise LookupError(f"{reference!r} fits several artifacts: {', '.join(map(str, found[:5]))}")
    if not found:
        raise LookupError(_nothing(reference, all_versions))
    return list(found)


def _nothing(reference: str, versions: Sequence[Version]) -> str:
    if not versions:
        return f"no artifact {reference!r}: the warehouse holds none yet"
    names = {f"{v.kind}/{v.name}" for v in versions}
    spellings = (
        names | {v.name for v in versions} | {str(v) for v in versions} | {v.fingerprint for v in versions}
    )
    near = difflib.get_close_matches(reference, sorted(spellings), n=5, cutoff=0.5)
    if near:
        return f"no artifact {reference!r}: did you mean {' or '.join(near)}?"
    return f"no artifact {reference!r}: there are {', '.join(sorted(names)[:10])}"
