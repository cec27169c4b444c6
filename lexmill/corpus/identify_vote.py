"""From both models' scores to one language a document: scripts, the mean of the models, the vote over windows."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from lexmill.corpus.identify_models import FastText, NaiveBayes
from lexmill.corpus.identify_scores import fasttext_scores, naive_bayes_scores
from lexmill.corpus.identify_windows import (
    MAX_WINDOWS,
    WINDOW_BYTES,
    count_scripts,
    place_windows,
    read_window,
)

FLOOR = 0.01  # probability that a model leaves for a language it gives nothing
CERTAIN = 0.95  # fastText alone decides a window from here
AGREED = 0.8  # two windows for the same language, each this sure, decide a document
NON_LATIN_SHARE = 0.25  # interface text in other scripts is full of product names in Latin letters
_ORDER = np.array(
    [[0, 0, 0, 0], [0, 1, 0, 0], [0, 2, 1, 0], [1, 2, 0, 3]]
)  # windows in order of reading, by their number


class Tables(NamedTuple):
    """What identification knows of characters and of languages (`languages` in all, `scripts` of `scripts.SCRIPTS`)."""

    scripts: np.ndarray
    """uint8: script by code point"""
    lower: np.ndarray
    """int32: lower case by code point"""
    flags: np.ndarray
    """uint8: bits of `identify_windows` by code point"""
    noise: np.ndarray
    """bool (128,): ASCII characters that mark code, numbers and addresses"""
    written: np.ndarray
    """bool (scripts, languages): which languages are written in a script"""
    sole: np.ndarray
    """int64 (scripts,): the only language of a script, -1 where there are none or several"""
    by_fasttext: np.ndarray
    """int64 (labels,): language of each label of fastText"""
    by_naive_bayes: np.ndarray
    """int64 (labels,): language of each label of naive Bayes, -1 where it is left out"""
    known: np.ndarray
    """uint8 (languages,): bit 1: fastText knows it, bit 2: naive Bayes"""
    latin: int
    """The Latin script"""
    han: int
    """Han; hiragana, katakana and Hangul follow it."""


@njit(cache=True, nogil=True)
def vote(
    data: np.ndarray,
    offsets: np.ndarray,
    tables: Tables,
    fasttext: FastText,
    naive_bayes: NaiveBayes,
    labels: tuple[int, int],
    best: np.ndarray,
    scores: np.ndarray,
    counts: np.ndarray,
) -> None:
    """Language (int64, -1 for none) and score (float32) of each text data[offsets[r]:offsets[r + 1]] (UTF-8), and its
    characters by script in the windows that were read (int32 (rows, scripts + 2)).

    Two windows are read of every document (one of a short one), the rest where these two disagree or are unsure.
    `labels` is how many each model has.
    """
    rows = offsets.size - 1
    votes = np.zeros((rows, tables.known.size), np.float32)
    seen = np.zeros(rows, np.int64)
    open_rows = np.arange(rows)
    for part in range(0, MAX_WINDOWS, 2):
        texts = np.empty((2 * open_rows.size, WINDOW_BYTES), np.uint8)
        sizes = np.zeros(2 * open_rows.size, np.int64)
        owners = np.zeros(2 * open_rows.size, np.int64)
        windows = 0
        for row in open_rows:
            number, starts = place_windows(data, offsets[row], offsets[row + 1])
            for which in _ORDER[number - 1, part : min(part + 2, number)]:
                end = offsets[row + 1]
                sizes[windows] = read_window(
                    data, starts[which], end, tables.lower, tables.flags, tables.noise, texts[windows]
                )
                owners[windows] = row
                windows += 1
        found = _score_windows(
            texts[:windows], sizes[:windows], owners, tables, fasttext, naive_bayes, labels, counts
        )
        for window in range(windows):
            seen[owners[window]] += 1
            for place in range(votes.shape[1]):
                votes[owners[window], place] += found[window, place]
        open_rows = open_rows[_undecided(open_rows, owners[:windows], found, part, offsets, data)]
    for text in range(rows):
        leader = votes[text].argmax()
        best[text] = leader if votes[text, leader] > 0 else -1
        scores[text] = min(votes[text, leader] / max(seen[text], 1), np.float32(1.0))


@njit(cache=True, nogil=True)
def _undecided(
    open_rows: np.ndarray,
    owners: np.ndarray,
    found: np.ndarray,
    part: int,
    offsets: np.ndarray,
    data: np.ndarray,
) -> np.ndarray:
    """bool by open row: whether it has further windows, and the two just read leave a doubt."""
    again = np.zeros(open_rows.size, np.bool_)
    window = 0
    for place in range(open_rows.size):
        row = open_rows[place]
        first = window
        while window < owners.size and owners[window] == row:
            window += 1
        if window - first == 2 and part == 0:
            number, _ = place_windows(data, offsets[row], offsets[row + 1])
            one, two = found[first].argmax(), found[first + 1].argmax()
            sure = one == two and min(found[first, one], found[first + 1, two]) >= AGREED
            again[place] = number > 2 and not sure
    return again


@njit(cache=True, nogil=True)
def _score_windows(
    texts: np.ndarray,
    sizes: np.ndarray,
    owners: np.ndarray,
    tables: Tables,
    fasttext: FastText,
    naive_bayes: NaiveBayes,
    labels: tuple[int, int],
    counts: np.ndarray,
) -> np.ndarray:
    """Probability of each language by window, float32; nothing but zeros in a window without letters."""
    windows = sizes.size
    found = np.zeros((windows, tables.known.size), np.float32)
    one = np.zeros((windows, labels[0]), np.float32)
    two = np.zeros((windows, labels[1]), np.float32)
    scripts = np.zeros(windows, np.int64)
    doubtful = np.zeros(windows, np.int64)
    doubts = 0
    here = np.zeros(counts.shape[1], np.int32)
    for window in range(windows):
        here.fill(0)
        count_scripts(texts[window], sizes[window], tables.scripts, tables.flags, here)
        for kind in range(here.size):
            counts[owners[window], kind] += here[kind]
        scripts[window] = window_script(here, tables.latin, tables.han)
        if scripts[window] == 0:
            continue
        sole = tables.sole[scripts[window]]
        if sole >= 0:
            found[window, sole] = 1.0
            continue
        fasttext_scores(texts[window], sizes[window], fasttext, one[window])
        first = one[window].argmax()
        language = tables.by_fasttext[first]
        if one[window, first] >= CERTAIN and tables.written[scripts[window], language]:
            found[window, language] = one[window, first]
        else:
            doubtful[doubts] = window
            doubts += 1
    naive_bayes_scores(texts, sizes, doubtful[:doubts], naive_bayes, two)
    for window in doubtful[:doubts]:
        _mean(one[window], two[window], tables, tables.written[scripts[window]], found[window])
    return found


@njit(cache=True, nogil=True)
def window_script(counts: np.ndarray, latin: int, han: int) -> int:
    """The script that decides which languages are possible, 0 without letters: the commonest script but Latin when it
    has a quarter of the letters, else Latin.  Han with a tenth of kana is Japanese, and stands as hiragana."""
    letters = other = np.int64(0)
    best = 0
    for script in range(1, counts.size - 2):
        letters += counts[script]
        if script != latin:
            other += counts[script]
            if best == 0 or counts[script] > counts[best]:
                best = script
    if letters == 0:
        return 0
    if other < NON_LATIN_SHARE * letters:
        return latin
    kana = counts[han + 1] + counts[han + 2]
    if best in (han + 1, han + 2) or (best == han and 10 * kana > counts[han]):
        return han + 1
    return best


@njit(cache=True, nogil=True)
def _mean(one: np.ndarray, two: np.ndarray, tables: Tables, written: np.ndarray, out: np.ndarray) -> None:
    """Geometric mean of the two models, naive Bayes counted twice, where both know a language, else the one that does;
    only languages of the script.  `FLOOR` is added before and taken away after, so that neither model can rule a
    language out."""
    languages = out.size
    first, second = np.zeros(languages, np.float32), np.zeros(languages, np.float32)
    for label in range(one.size):
        first[tables.by_fasttext[label]] += one[label]
    for label in range(two.size):
        if tables.by_naive_bayes[label] >= 0:
            second[tables.by_naive_bayes[label]] += two[label]
    mass = np.float32(0.0)
    for language in range(languages):
        if written[language]:
            known = tables.known[language]
            p = first[language] if known == 1 else second[language]
            if known == 3:
                p = np.cbrt((first[language] + FLOOR) * (second[language] + FLOOR) ** 2) - FLOOR
            out[language] = max(p, np.float32(0.0))
            mass += out[language]
    if mass > 0:
        for language in range(languages):
            out[language] /= mass
