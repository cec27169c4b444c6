"""The missing-category alarm: merges that the counted categories hardly have.

A merge stands in the list beside merges of about the same frequency in the training data.  Where the categories
have it far less often than its neighbours, the training data had text that is not among them, or the two samples
differ by chance: a long document of rare words is in one of them.  Such a document is as likely to be in the counted
text, where it makes pairs that are far too frequent not to have been merged.  Their number therefore says how many
rare merges chance may explain.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import poisson

from lexmill.mixture.separation import Float, Frequencies

# In the simulated mixtures that the limits were chosen on, 6 and 10 of 67 languages: no false alarm in 20; alarm in 4,
# 7 and 9 of 10 with a category of 3, 10 and 30 % withheld, in none of 10 with 1 %.  Five of 10 programming languages,
# which are much alike: 1 false alarm in 10, and hardly more alarms with one withheld (8 of 20).
RARE = 0.1  # of the median frequency of the merges around
NEIGHBOURS = 50  # on either side
CROWDED = 2.0  # times the frequency of the rarest merges
RARE_ALARM = 0.01  # share of merges
FEWEST_RARE = 5  # no alarm for so few
CHANCE = 2.0  # rare merges that a crowded pair excuses
UNEXPLAINED_ALARM = 0.35  # objective relative to the frequencies of the merges themselves


@dataclass(frozen=True)
class Fit:
    """How well the categories explain the merges that were used."""

    merges: int
    impossible: int  # merges that occur in no category
    rare: int  # merges with less than RARE of the frequency of those around, the impossible ones included
    expected_rare: float  # as many would be so by the chance of small counts
    crowded: int  # pairs that were not merged though CROWDED times as frequent as the rarest merges
    examples: tuple[bytes, ...]  # tokens of the first rare merges
    unexplained: float  # objective / summed frequency of the merges

    @property
    def sentence(self) -> str | None:
        """The alarm in plain words; None when the categories may well be all there are."""
        reasons = []
        chance = self.expected_rare + CHANCE * self.crowded
        if self.rare > max(RARE_ALARM * self.merges, FEWEST_RARE) + chance:
            share = self.rare / self.merges
            reason = (
                f"{self.rare} of {self.merges} merges ({share:.1%}) are far rarer in the categories than the merges "
                f"learned next to them"
            )
            if self.impossible:
                reason += f", {self.impossible} of them occur in no category"
            reasons.append(reason)
        if self.unexplained > UNEXPLAINED_ALARM:
            reasons.append(
                f"pairs that should have been merged earlier weigh {self.unexplained:.0%} of the merges' own frequency "
                f"under every mixture (less than {UNEXPLAINED_ALARM:.0%} is usual)"
            )
        if not reasons:
            return None
        return (
            f"Some of the training data is of a kind that is not among the categories: {'; and '.join(reasons)}. "
            "The shares are then only relative to each other."
        )


def rare_merges(frequency: Float) -> NDArray[np.bool_]:
    """Which merges, in order, have less than RARE of the median frequency of the NEIGHBOURS on either side."""
    return frequency <= RARE * _around(frequency)


def rarest_frequency(frequency: Float) -> float:
    """Typical frequency of the last merges: the median of the last NEIGHBOURS that occur; 0 when none does."""
    last = frequency[-NEIGHBOURS:]
    return float(np.median(last[last > 0])) if (last > 0).any() else 0.0


def crowded_pairs(table: Frequencies, shares: Float, last: int, rarest: float) -> int:
    """How many pairs are still unmerged before step `last` - 1 though CROWDED times as frequent as `rarest`."""
    step = last - 1
    alive = (table.begin <= step) & (step < table.end)
    frequency = np.r_[table.value * shares[table.member], 0.0]
    level = np.add.reduceat(frequency, table.start[:-1]) if len(alive) else np.zeros(0)
    return int((level[alive] >= CROWDED * max(rarest, 1e-300)).sum())


def expected_rare(counts: Float) -> float:
    """How many of the merges, in order, would be rare by chance: Poisson counts about the median of those around."""
    around = _around(counts)
    return float(poisson.cdf(np.floor(RARE * around), around).sum())


def _around(values: Float) -> Float:
    """Median of the positive values within NEIGHBOURS places of each, itself included; 0 where there is none.

    Merges that occur nowhere tell nothing about how frequent their neighbours should be.
    """
    around = [values[max(0, t - NEIGHBOURS) : t + NEIGHBOURS + 1] for t in range(len(values))]
    return np.array([np.median(near[near > 0]) if (near > 0).any() else 0.0 for near in around])
