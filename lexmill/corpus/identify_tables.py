"""What identification knows of languages and characters, from the labels of both models and from Unicode."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from lexmill.corpus.identify_models import fasttext_model, naive_bayes_model
from lexmill.corpus.identify_vote import Tables
from lexmill.corpus.identify_windows import SIMPLIFIED, SPACE, TRADITIONAL
from lexmill.corpus.languages import UnknownLanguageError, language_label
from lexmill.corpus.scripts import _SIMPLIFIED, _TRADITIONAL, SCRIPTS, script_indices

# Labels of the models that do not mean what BCP 47 says, that langcodes folds into another language, or that name a
# variety by a code of its own.
_MODEL_CODES = {
    **{"als": "gsw_Latn", "sh": "hbs_Latn", "eml": "egl_Latn", "bh": "bho_Deva", "bih": "bho_Deva"},
    **{"no": "nob_Latn", "hbo": "heb_Hebr", "sdh": "ckb_Arab", "uzs": "uzb_Latn", "gug": "grn_Latn"},
}
# Extremaduran takes Asturian and Spanish; the class of text without language takes technical text.
_LEFT_OUT = frozenset({"ext", "zxx"})
# Scripts beside the likely one of CLDR.
_OTHER_SCRIPTS = {
    **{
        "srp": "Latn",
        "hbs": "Cyrl",
        "bos": "Cyrl",
        "uzb": "Cyrl Arab",
        "aze": "Cyrl Arab",
        "kaz": "Latn Arab",
    },
    **{
        "kir": "Latn Arab",
        "tat": "Latn",
        "tuk": "Cyrl",
        "uig": "Cyrl Latn",
        "kur": "Cyrl Arab",
        "pan": "Arab",
    },
    **{
        "snd": "Deva",
        "mon": "Mong",
        "msa": "Arab",
        "tgk": "Latn Arab",
        "crh": "Cyrl",
        "jav": "Java",
        "hau": "Arab",
    },
    **{
        "bel": "Latn",
        "ron": "Cyrl",
        "vie": "Hani",
        "kab": "Tfng",
        "lad": "Hebr",
        "kas": "Deva",
        "kom": "Latn",
    },
}
_NOISE = "0123456789/\\@_=<>{}|$%#&"


@lru_cache(maxsize=1)
def the_languages() -> tuple[str, ...]:
    """Labels of all languages of both models, sorted."""
    codes = {*fasttext_model()[0], *naive_bayes_model()[0]} - _LEFT_OUT
    return tuple(sorted({_base_label(code) for code in codes}))


@lru_cache(maxsize=1)
def tables() -> Tables:
    """All of it as arrays."""
    labels = the_languages()
    place = {label: index for index, label in enumerate(labels)}
    one, two = (
        np.array([-1 if code in _LEFT_OUT else place[_base_label(code)] for code in codes], np.int64)
        for codes in (fasttext_model()[0], naive_bayes_model()[0])
    )
    known = np.zeros(len(labels), np.uint8)
    known[one] |= 1
    known[two[two >= 0]] |= 2
    written = _written(labels)
    sole = np.where(written.sum(axis=1) == 1, written.argmax(axis=1), -1)
    lower, flags = _characters()
    noise = np.isin(np.arange(128), [ord(c) for c in _NOISE])
    latin, han = SCRIPTS.index("Latn"), SCRIPTS.index("Hani")
    return Tables(script_indices(), lower, flags, noise, written, sole, one, two, known, latin, han)


def _written(labels: tuple[str, ...]) -> np.ndarray:
    """bool (scripts, languages)."""
    written = np.zeros((len(SCRIPTS), len(labels)), np.bool_)
    composed = {"Jpan": "Hira", "Kore": "Hang", "Hans": "Hani", "Hant": "Hani"}
    for index, label in enumerate(labels):
        others = _OTHER_SCRIPTS.get(label[:3], "").split()
        for script in {composed.get(name, name) for name in (label[4:], *others)}:
            if script in SCRIPTS:
                written[SCRIPTS.index(script), index] = True
    return written


def _characters() -> tuple[np.ndarray, np.ndarray]:
    """(int32 lower case where it is one character, uint8 flags) by code point."""
    size = script_indices().size
    lower, flags = np.arange(size, dtype=np.int32), np.zeros(size, np.uint8)
    for point in range(size):
        character = chr(point)
        if len(small := character.lower()) == 1:
            lower[point] = ord(small)
        if character.isspace() or point < 32:
            flags[point] = SPACE
    flags[[ord(c) for c in _SIMPLIFIED]] = SIMPLIFIED
    flags[[ord(c) for c in _TRADITIONAL]] = TRADITIONAL
    return lower, flags


@lru_cache(maxsize=512)
def _base_label(code: str) -> str:
    try:
        return _MODEL_CODES.get(code) or language_label(code)
    except UnknownLanguageError:
        return f"{code}_Zyyy"
