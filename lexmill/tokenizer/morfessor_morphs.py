"""Morphs without a file: Morfessor Baseline (Creutz & Lagus 2007; Virpioja et al. 2013, the library `morfessor`)."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from itertools import accumulate

_LONGEST = 64  # characters; longer ones are no words
_SEED = 0


def morfessor_morphs(
    types: Mapping[str, Mapping[str, int]], most: int, progress: Callable[[float, str], None]
) -> dict[str, tuple[int, ...]]:
    """Where the morphs of words end, in characters from the start, without the end of the word.

    types: {language: {word in lower case: count}}.  Each language has a model of its own, of its `most` most frequent
    words (of equals the first in code point order), every one counted once; it cuts all words of the language.  A word
    of several languages is cut by the one that has it most often (of equals the first by name).  Takes about a second
    for a thousand words of a model.
    """
    home: dict[str, tuple[int, str]] = {}
    for language in sorted(types):
        for word, count in types[language].items():
            if 1 < len(word) <= _LONGEST and count > home.get(word, (0, ""))[0]:
                home[word] = (count, language)
    result: dict[str, tuple[int, ...]] = {}
    for number, language in enumerate(sorted(types)):
        progress(0.7 * number / len(types), f"learning the morphs of {language}")
        words = [word for word, (_, owner) in home.items() if owner == language]
        result |= _cut(types[language], words, most)
    return result


def _cut(counts: Mapping[str, int], words: list[str], most: int) -> dict[str, tuple[int, ...]]:
    """Train on the most frequent words of a language, and cut `words`."""
    import morfessor  # type: ignore[import-untyped]
    from morfessor import utils  # type: ignore[import-untyped]

    usable = [word for word in counts if 1 < len(word) <= _LONGEST]
    chosen = sorted(usable, key=lambda word: (-counts[word], word))[:most]
    if not chosen:
        return {}
    model = morfessor.BaselineModel()
    model.load_data([(1, word) for word in chosen])
    shown, state = utils.show_progress_bar, random.getstate()
    utils.show_progress_bar = False
    random.seed(_SEED)  # the library draws the order of the words from the common generator
    try:
        model.train_batch()
    finally:
        random.setstate(state)
        utils.show_progress_bar = shown
    return {word: tuple(accumulate(map(len, model.viterbi_segment(word)[0][:-1]))) for word in words}
