"""What an audit says: shares with intervals, the curve over merges, the evidence, and a plain alarm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

IMPOSSIBLE_ALARM = 0.005  # share of merges that occur in no category
UNEXPLAINED_ALARM = 0.25  # objective relative to the frequencies of the merges themselves

MIN_UNITS = 3  # a category with fewer documents or groups gets no interval

COVERS = (
    "The interval covers the sampling error of the text that was counted: whole documents (whole groups of "
    "translations) were resampled. It does not cover text of another kind than the tokenizer was trained on, nor "
    "the sampling error of the tokenizer's own training text. It is centred on the answer from merges {start} to "
    "{last}, but its width comes from replicates that look at merges {start} to {replicate_last} only. Its coverage is "
    "not calibrated: how often such an interval holds the true share is not known."
)


@dataclass(frozen=True)
class Share:
    """One category's share of the training data."""

    category: str
    bytes: float  # share of bytes, 0..1
    lower: float | None  # 90 % interval of `bytes`; equal to it without replicates, None: too few documents
    upper: float | None
    pairs: float  # share of adjacent byte pairs, the unit the program is solved in


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
    curve: tuple[CurvePoint, ...]
    evidence: tuple[Evidence, ...]
    replicates: int
    replicate_merges: int | None  # replicates use merges before this one; None without replicates
    seed: int

    @property
    def unexplained(self) -> float:
        """Objective relative to the summed frequency of the merges used."""
        return self.curve[-1].unexplained

    @property
    def without_interval(self) -> tuple[str, ...]:
        """Categories of too few independent documents for an interval."""
        return tuple(share.category for share in self.shares if share.lower is None)

    @property
    def covers(self) -> str:
        """What the intervals cover and what not, and which categories have none."""
        if self.replicate_merges is None:
            return "No replicates were made: the bounds equal the share."
        text = COVERS.format(
            start=self.start_merge, last=self.merges_used - 1, replicate_last=self.replicate_merges - 1
        )
        if self.without_interval:
            text += (
                f" No interval for {', '.join(self.without_interval)}: fewer than {MIN_UNITS} independent documents "
                "(or groups of translations) were counted."
            )
        return text

    @property
    def alarm(self) -> str | None:
        """A sentence when the categories cannot explain the merges, else None."""
        return alarm_sentence(len(self.impossible), self.merges_used - self.start_merge, self.unexplained)


def alarm_sentence(impossible: int, merges: int, unexplained: float) -> str | None:
    """Missing-category alarm: too many impossible merges, or too much left unexplained."""
    reasons = []
    if impossible > IMPOSSIBLE_ALARM * merges:
        reasons.append(f"{impossible} of {merges} merges ({impossible / merges:.1%}) occur in no category")
    if unexplained > UNEXPLAINED_ALARM:
        reasons.append(f"{unexplained:.0%} of the merges' frequency is in an order that no mixture explains")
    if not reasons:
        return None
    return (
        f"Some of the training data is of a kind that is not among the categories: {' and '.join(reasons)}. "
        "The shares are then only relative to each other."
    )


def readable(token: bytes) -> str:
    """A token as text; bytes that are not UTF-8 as \\xNN."""
    return token.decode("utf-8", errors="backslashreplace")


def top_evidence(evidence: Sequence[Evidence], category: str, direction: str, limit: int) -> list[Evidence]:
    """The strongest entries of one category and direction."""
    found = [e for e in evidence if e.category == category and e.direction == direction]
    return sorted(found, key=lambda e: (-abs(e.effect), e.step))[:limit]
