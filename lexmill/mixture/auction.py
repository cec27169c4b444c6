"""The mixture program at a fixed mixture is a matching of merges with competitors; an auction solves it.

With the shares fixed, the dual of the program chooses pairs (merge step t, competitor p), each step and each
competitor at most once, to maximise the summed violation s_p(t) - f(t).  The weight splits into what the
competitor gains and what the step costs, so a competitor's best steps are the cheapest ones of its segments:
range minima over prices.  Competitors bid for steps as in Bertsekas' auction algorithm (1988, Annals of Operations
Research 14); prices start at 0, so that steps nobody wants stay free and the result is within `increment` times
the matched steps of the optimum.  Whatever the accuracy, the matching bounds the optimum from below and the prices
from above.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from lexmill.mixture.separation import Float, Frequencies, Int32


@dataclass(frozen=True)
class Matching:
    """Merges matched with competitors: gradient @ shares bounds the optimum from below, for any shares."""

    step: Int32  # (matched,)
    pair: Int32  # (matched,)
    gradient: Float  # (categories,) summed frequencies of the competitors less those of the merges


@dataclass(frozen=True)
class Cover:
    """Slacks with which the program holds at one mixture, and what they cost: a bound of the optimum from above."""

    step_slack: Float  # (steps,)
    pair_slack: Float  # (pairs,)
    cost: float


def best_matching(
    table: Frequencies, shares: Float, first: int, last: int, increment: float
) -> tuple[Matching, Cover]:
    """Match steps first..last-1 with competitors at `shares` (categories,); smaller increments are more exact.

    `increment` is the least raise of a bid, in frequency per million.
    """
    bound = np.where(table.possible, table.own @ shares, np.inf)
    level = _levels(table.begin, table.end, table.start, table.member, table.value, shares, first, last)
    person, mate, segment, price, slack = _auction(
        table.pair, table.begin, table.end, level, bound, first, last, increment
    )
    matched = mate >= 0
    gradient = _gradient(table.start, table.member, table.value, table.own, segment[matched], mate[matched])
    pair_slack = np.zeros(table.pairs)
    pair_slack[person] = slack
    cover = Cover(price, pair_slack, float(price.sum() + slack.sum()))
    return Matching(mate[matched], person[matched], gradient), cover


@njit(cache=True)
def _levels(begin, end, start, member, value, shares, first, last):  # type: ignore[no-untyped-def]
    """Frequency under the mixture of every segment that has a step in first..last-1, float64 (segments,)."""
    level = np.zeros(len(begin))
    for s in range(len(level)):
        if begin[s] >= last or end[s] <= first:
            continue
        for entry in range(start[s], start[s + 1]):
            level[s] += shares[member[entry]] * value[entry]
    return level


@njit(cache=True)
def _gradient(start, member, value, own, segment, step):  # type: ignore[no-untyped-def]
    """Summed frequencies of the competitors less those of the merges, by category."""
    total = np.zeros(own.shape[1])
    for i in range(len(segment)):
        for entry in range(start[segment[i]], start[segment[i] + 1]):
            total[member[entry]] += value[entry]
        total -= own[step[i]]
    return total


@njit(cache=True)
def _raise(low, at, leaves, step, value):  # type: ignore[no-untyped-def]
    """Set the price of a step in the tree of minima `low` and their places `at`."""
    node = leaves + step
    low[node] = value
    node >>= 1
    while node >= 1:
        child = 2 * node
        if low[child + 1] < low[child]:
            child += 1
        if low[node] == low[child] and at[node] == at[child]:
            break
        low[node], at[node] = low[child], at[child]
        node >>= 1


@njit(cache=True)
def _least(low, at, leaves, a, b):  # type: ignore[no-untyped-def]
    """Smallest price of steps a..b-1 and its step; (inf, -1) where there is none."""
    best, where = np.inf, -1
    a += leaves
    b += leaves
    while a < b:
        if a & 1:
            if low[a] < best:
                best, where = low[a], at[a]
            a += 1
        if b & 1:
            b -= 1
            if low[b] < best:
                best, where = low[b], at[b]
        a >>= 1
        b >>= 1
    return best, where


@njit(cache=True)
def _tree(bound, first, last):  # type: ignore[no-untyped-def]
    """Tree of range minima over bound[first:last]; other steps are infinitely dear."""
    leaves = 1
    while leaves < len(bound):
        leaves *= 2
    low, at = np.full(2 * leaves, np.inf), np.zeros(2 * leaves, np.int32)
    for step in range(leaves):
        at[leaves + step] = step
    low[leaves + first : leaves + last] = bound[first:last]
    for node in range(leaves - 1, 0, -1):
        child = 2 * node
        if low[child + 1] < low[child]:
            child += 1
        low[node], at[node] = low[child], at[child]
    return low, at, leaves


@njit(cache=True)
def _auction(pair, begin, end, level, bound, first, last, increment):  # type: ignore[no-untyped-def]
    """Auction of the steps first..last-1 among the pairs that violate one.

    Returns person int32 (persons,) the pair numbers, mate int32 (persons,) the step won or -1, segment int64
    (persons,) the segment it was won with or -1, price float64 (steps,) over `bound`, slack float64 (persons,).
    """
    low, at, leaves = _tree(bound, first, last)
    live = np.empty(len(pair), np.int64)  # segments that violate some step, by pair
    person, rows = np.empty(len(pair), np.int32), np.empty(len(pair) + 1, np.int64)
    count = persons = 0
    for s in range(len(pair)):
        if level[s] <= low[1]:
            continue
        if level[s] > _least(low, at, leaves, max(begin[s], first), min(end[s], last))[0]:
            if persons == 0 or person[persons - 1] != pair[s]:
                person[persons], rows[persons] = pair[s], count
                persons += 1
            live[count] = s
            count += 1
    rows[persons] = count
    owner, mate = np.full(len(bound), -1, np.int32), np.full(persons, -1, np.int32)
    waiting = np.arange(persons)  # a ring
    head, queued = 0, persons
    while queued > 0:
        p = waiting[head]
        head = head + 1 if head + 1 < persons else 0
        queued -= 1
        best, second, step = 0.0, 0.0, -1  # staying out gains 0
        for i in range(rows[p], rows[p + 1]):
            s = live[i]
            price, where = _least(low, at, leaves, max(begin[s], first), min(end[s], last))
            if level[s] - price > best:
                second = best
                best, step = level[s] - price, where
            else:
                second = max(second, level[s] - price)
        if step < 0:
            continue
        for i in range(rows[p], rows[p + 1]):  # the second best may lie in the segment of the best
            s = live[i]
            if begin[s] <= step < end[s]:
                price = min(
                    _least(low, at, leaves, max(begin[s], first), step)[0],
                    _least(low, at, leaves, step + 1, min(end[s], last))[0],
                )
                second = max(second, level[s] - price)
        _raise(low, at, leaves, step, low[leaves + step] + (best - second) + increment)
        outbid = owner[step]
        owner[step], mate[p] = p, step
        if outbid >= 0:
            mate[outbid] = -1
            waiting[(head + queued) % persons] = outbid
            queued += 1
    segment, slack = np.full(persons, -1, np.int64), np.zeros(persons)
    for p in range(persons):
        for i in range(rows[p], rows[p + 1]):
            s = live[i]
            price = _least(low, at, leaves, max(begin[s], first), min(end[s], last))[0]
            slack[p] = max(slack[p], level[s] - price)
            if mate[p] >= 0 and begin[s] <= mate[p] < end[s]:
                segment[p] = s
    price_over = np.zeros(len(bound))
    for step in range(first, last):
        if owner[step] >= 0:
            price_over[step] = low[leaves + step] - bound[step]
    return person[:persons].copy(), mate, segment, price_over, slack
