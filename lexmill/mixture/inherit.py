"""Merge lists that begin with another tokenizer's: the merges up to there tell about that one's data.

Qwen's begins with 98,900 merges of cl100k_base (those without digits), Llama 3's with all 100,000; an audit from
merge 0 would measure the text that OpenAI used.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from lexmill.mixture.mergelist import MergeList, MergeListError

MIN_PREFIX = 1000  # merges; two lists of similar text agree on their first dozens
MIN_REMAINDER = 1000  # merges after the prefix; fewer are too few to audit
FEW_REMOVED = 1000  # one removed token in so many needs no rule that describes it
MAX_INSTALLED = 32
MAX_INSTALLED_BYTES = 64 << 20

_FILES = re.compile(
    r"(?:.*\.tiktoken|(?:.*[-_.])?tokenizer\.json|tokenizer\.model(?:\.\w+)*|.*\.model\.v\w+|tekken.*\.json|vocab\.bpe)"
)
_WHITE = re.compile(rb"\s+")
_DIGIT = re.compile(rb"[0-9]")

# What the removed tokens of a prefix may have in common; the first that holds names them.
_KINDS: tuple[tuple[str, Callable[[bytes], bool]], ...] = (
    ("digit", lambda token: bool(_DIGIT.search(token))),
    ("whitespace", lambda token: bool(_WHITE.fullmatch(token))),
    ("line-break", lambda token: b"\n" in token or b"\r" in token),
    ("non-ASCII", lambda token: not token.isascii()),
    ("longer than 16 bytes", lambda token: len(token) > 16),
)


@dataclass(frozen=True)
class Inherited:
    """The beginning of a merge list that is another's, in the same order."""

    name: str  # of the other tokenizer
    merges: int  # how many of our merges, from the first
    removed: int  # merges of the other that ours leaves out on the way
    removed_kind: str  # "digit", ..., "" when none was removed, "other" for a few of no one kind
    sentence: str
    start_merge: int  # where to begin an audit; 0 when nothing would be left
    whole: bool  # the beginning is all of the other list, not only its own beginning


def inherited_prefix(merges: MergeList, known: Mapping[str, MergeList]) -> Inherited | None:
    """The longest beginning of `merges` that is the beginning of a known list, less tokens of one kind or a few.

    A list that is known as a whole has nothing to skip (start_merge 0), and comes after any that has.  None when
    no beginning of MIN_PREFIX merges (or of the whole list) agrees.
    """
    found = []
    for name, other in sorted(known.items()):
        if other.byte_level == merges.byte_level and (prefix := _prefix(name, merges, other)):
            found.append(prefix)
    return min(
        found, key=lambda p: (p.start_merge == 0, -p.merges, not p.whole, p.removed, p.name), default=None
    )


def _prefix(name: str, merges: MergeList, other: MergeList) -> Inherited | None:
    ours, theirs = ([a + b for a, b in m.merges] for m in (merges, other))
    length, reached, removed, kinds = _walk(ours, theirs)
    if length < min(MIN_PREFIX, len(ours)):
        return None
    tail = theirs[reached:]
    if removed and kinds and all(kinds[0][1](token) for token in tail):
        removed, reached = removed + tail, len(theirs)
    kind = "" if not removed else kinds[0][0] if kinds else "other"
    rest = len(ours) - length
    start = length if rest >= MIN_REMAINDER else 0
    whole = reached == len(theirs)
    sentence = _sentence(name, length, len(ours), whole, len(removed), kind, start)
    return Inherited(name, length, len(removed), kind, sentence, start, whole)


_Kinds = list[tuple[str, Callable[[bytes], bool]]]


def _walk(ours: Sequence[bytes], theirs: Sequence[bytes]) -> tuple[int, int, list[bytes], _Kinds]:
    """How far `ours` is `theirs` with tokens left out: lengths of both, the tokens left out, kinds that name them.

    A token may be left out only if `ours` does not have it at all, so that another order is no removal, and if a
    kind still says exactly which tokens are left out and which are kept, or they are few.
    """
    place = {token: j for j, token in enumerate(theirs)}
    own = set(ours)
    removed: list[bytes] = []
    kinds: _Kinds = list(_KINDS)
    reached = length = 0
    for token in ours:
        at = place.get(token, -1)
        if at < reached:
            break
        gap = theirs[reached:at]
        fitting = [kind for kind in kinds if not kind[1](token) and all(map(kind[1], gap))]
        few = len(removed) + len(gap) <= length // FEW_REMOVED
        if gap and not (fitting or few):
            break
        if any(left_out in own for left_out in gap):
            break
        removed += gap
        kinds = fitting
        reached = at + 1
        length += 1
    return length, reached, removed, kinds


def _sentence(name: str, length: int, total: int, whole: bool, removed: int, kind: str, start: int) -> str:
    described = "tokens of no one kind" if kind == "other" else f"{kind} tokens"
    if kind.startswith("longer"):
        described = f"tokens {kind}"
    less = f" less {removed:,} {described}" if removed else ""
    if length == total:
        extent = "is" if whole else "is the beginning of"
        return f"the whole list of {total:,} merges {extent} {name} in identical order{less}: nothing to skip"
    extent = "" if whole else "the beginning of "
    text = f"first {length:,} learned tokens are {extent}{name} in identical order{less}"
    if start:
        return text
    return f"{text}; the {total - length:,} merges after them are too few to audit alone, so none is skipped"


def readable(files: Mapping[str, Path]) -> dict[str, MergeList]:
    """The merge lists of those files that hold one; others are left out."""
    found = {}
    for name, path in sorted(files.items()):
        try:
            found[name] = MergeList.load(path)
        except (MergeListError, OSError):
            continue
    return found


def installed_tokenizers() -> dict[str, Path]:
    """Tokenizer files of installed distributions by `distribution/path`, sorted; nothing is opened or imported.

    At most MAX_INSTALLED files of at most MAX_INSTALLED_BYTES; names only say that they may hold a merge list.
    """
    found: dict[str, Path] = {}
    for distribution in distributions():
        if not distribution.name:  # what is left of a broken installation
            continue
        for file in distribution.files or ():
            if not _FILES.fullmatch(file.name):
                continue
            path = Path(str(distribution.locate_file(file)))
            if path.is_file() and path.stat().st_size <= MAX_INSTALLED_BYTES:
                found[f"{distribution.name}/{file}"] = path
    return dict(sorted(found.items())[:MAX_INSTALLED])
