"""What an audit says: shares with intervals, the curve over merges, the evidence, and a plain alarm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lexmill.mixture.alarm import Fit

MIN_UNITS = 3  # a category with fewer documents or groups gets no interval

COVERS = (
    "The interval covers the sampling error of the counted text and of the tokenizer's own training text, taken to be "
    "a sample like it: whole documents (groups of translations) were resampled, with the variance of both. "
)
SEVERAL_SOURCES = (
    "For {names} it also covers another mix of the counted sources, by weighting them at random. "
)
# 20 replicates, at most 3000 merges (docs/benchmarks/mixture.md): languages with another mix of sources, n=5 56/60,
# n=10 92/100, with the same mix 100/100 and 198/200; programming languages, mostly of one source, n=5 43/50
MEASURED = (
    "In simulations of mixtures of 5 and 10 languages 148 of 160 such intervals held the true share where the "
    "tokenizer's text had another mix of the sources; where it had the same mix 298 of 300 did, so they are too wide "
    "there; of 5 programming languages 43 of 50 did."
)
MISSING = "The alarm says that something is missing among the categories: no interval covers that."


@dataclass(frozen=True)
class Share:
    """One category's share of the training data."""

    category: str
    bytes: float  # share of bytes, 0..1
    lower: float | None  # 90 % interval of `bytes`; None without replicates or with too few documents
    upper: float | None
    pairs: (
        float  # share of the adjacent pairs of symbols left at start_merge, the unit the program is solved in
    )
    visible: bool = True  # some merge comes mainly from it
    sources: int = 0  # with at least MIN_UNITS units each; 0 without replicates


@dataclass(frozen=True)
class CurvePoint:
    """The answer from the merges before `merges` only."""

    merges: int
    shares: tuple[float, ...]  # of bytes, in the order of the categories
    objective: float  # frequency, summed over merges
    objective_per_merge: float
    unexplained: float  # objective / summed frequency of the merges
    gap: float


@dataclass(frozen=True)
class Evidence:
    """A merge that was learned although, for the category's sake, a competitor should or should not have come first."""

    category: str
    direction: str  # "raises" or "lowers" the category's share
    step: int
    merge: bytes
    competitor: bytes
    weight: float  # multiplier of the constraint, 0..1
    effect: float  # change of the objective, in frequency, for one unit of share


@dataclass(frozen=True)
class Mixture:
    """The inferred training mixture of a tokenizer."""

    shares: tuple[Share, ...]
    objective: float
    gap: float
    merges_used: int  # constraints come from merges start_merge .. merges_used - 1
    start_merge: int
    signal_merges: (
        int | None
    )  # merges whose typical count in the sample is high enough; None when not looked for
    median_count: float  # typical count of the last merges used, in the whole sample
    impossible: tuple[tuple[int, bytes], ...]  # (step, token) of merges that occur in no category
    fit: Fit
    curve: tuple[CurvePoint, ...]
    evidence: tuple[Evidence, ...]
    alike: tuple[
        tuple[str, str], ...
    ]  # categories whose merges are equally frequent: their split is arbitrary
    replicates: int
    replicate_merges: int | None  # replicates use merges before this one; None without replicates
    seed: int

    @property
    def unexplained(self) -> float:
        """Objective relative to the summed frequency of the merges used."""
        return self.fit.unexplained

    @property
    def without_interval(self) -> tuple[str, ...]:
        """Categories of too few independent documents for an interval; none when no intervals were asked for."""
        if self.replicate_merges is None:
            return ()
        return tuple(share.category for share in self.shares if share.lower is None)

    @property
    def invisible(self) -> tuple[str, ...]:
        """Categories that no merge comes mainly from: their interval begins at 0."""
        return tuple(share.category for share in self.shares if not share.visible)

    @property
    def several_sources(self) -> tuple[str, ...]:
        """Categories whose interval has a between-source part: two or more sources of enough documents."""
        return tuple(s.category for s in self.shares if s.sources > 1 and s.lower is not None)

    @property
    def covers(self) -> str:
        """What the intervals cover and what not, which categories have none, and the coverage that was measured."""
        if self.replicate_merges is None:
            return "No replicates were made: there are no intervals."
        return covers_sentence(self)

    @property
    def alarm(self) -> str | None:
        """A sentence when the categories cannot explain the merges, else None."""
        return self.fit.sentence


def readable(token: bytes) -> str:
    """A token as text; bytes that are not UTF-8 as \\xNN."""
    return token.decode("utf-8", errors="backslashreplace")


def top_evidence(evidence: Sequence[Evidence], category: str, direction: str, limit: int) -> list[Evidence]:
    """The strongest entries of one category and direction."""
    found = [e for e in evidence if e.category == category and e.direction == direction]
    return sorted(found, key=lambda e: (-abs(e.effect), e.step))[:limit]


def covers_sentence(mixture: Mixture) -> str:
    """What the intervals of `mixture`, made from replicates, cover."""
    text = COVERS
    if mixture.several_sources:
        text += SEVERAL_SOURCES.format(names=", ".join(mixture.several_sources))
    single = [s.category for s in mixture.shares if s.lower is not None and s.sources < 2]
    text += "It does not cover text of a kind that was not counted"
    text += f", nor other sources than the one of {', '.join(single)}. " if single else ". "
    if mixture.invisible:
        text += (
            f"No merge comes mainly from {', '.join(mixture.invisible)}: the interval begins at 0 and reaches at least "
            "the share from which merges would have shown. "
        )
    if mixture.replicate_merges is not None and mixture.replicate_merges < mixture.merges_used:
        text += (
            f"Its width comes from merges {mixture.start_merge} to {mixture.replicate_merges - 1}, its centre from "
            f"merges {mixture.start_merge} to {mixture.merges_used - 1}. "
        )
    if mixture.without_interval:
        text += (
            f"No interval for {', '.join(mixture.without_interval)}: fewer than {MIN_UNITS} independent documents "
            "(or groups of translations) were counted. "
        )
    return text + (MISSING if mixture.alarm else MEASURED)
