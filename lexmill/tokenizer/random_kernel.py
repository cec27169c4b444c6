"""Random numbers that depend on nothing but a key: splitmix64 (Steele et al. 2014), read by counter.

The i-th number of the stream k is `mixed(k + i)`: no state, so work may be done in any order or number of threads.
"""

from __future__ import annotations

import numpy as np
from numba import njit

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


@njit(cache=True, nogil=True)
def mixed(counter):  # type: ignore[no-untyped-def]
    """64 random bits of a uint64 counter."""
    z = (counter + np.uint64(1)) * _STEP
    z = (z ^ (z >> np.uint64(30))) * _FIRST
    z = (z ^ (z >> np.uint64(27))) * _SECOND
    return z ^ (z >> np.uint64(31))


@njit(cache=True, nogil=True)
def unit(bits):  # type: ignore[no-untyped-def]
    """A float64 in [0, 1) from 64 random bits."""
    return np.float64(bits >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@njit(cache=True, nogil=True)
def below(bits, bound):  # type: ignore[no-untyped-def]
    """An integer in [0, bound) from 64 random bits, bound < 2^31: the bias is below 2^-32."""
    return np.int64(((bits >> np.uint64(32)) * np.uint64(bound)) >> np.uint64(32))
