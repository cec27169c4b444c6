"""Language identification, offline: fastText's lid.176 and the naive Bayes classifier of langid.py, within the
languages of the text's script.

Each model knows languages that the other lacks, and their errors differ: their geometric mean is better than either
(`docs/benchmarks/language-id.md`).  Both are read from the packages that publish them and run by compiled kernels.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from lexmill.corpus.identify_models import fasttext_model, naive_bayes_model
from lexmill.corpus.identify_tables import tables, the_languages
from lexmill.corpus.identify_vote import NON_LATIN_SHARE, vote
from lexmill.corpus.scripts import SCRIPTS, dominant_script, script_share
from lexmill.corpus.textbytes import text_bytes

UNKNOWN = "und_Zyyy"
_BATCH_TEXTS = 512  # windows of so many texts are in memory at a time

RELATED = (
    frozenset({"dan", "nob", "nno", "swe", "isl", "fao"}),
    frozenset({"hrv", "srp", "bos", "hbs", "slv", "mkd", "bul"}),
    frozenset({"ces", "slk", "pol", "hsb", "dsb"}),
    frozenset({"rus", "ukr", "bel", "bul", "mkd", "srp", "rue"}),
    frozenset({"ind", "msa", "jav", "sun", "min", "zsm", "ace"}),
    frozenset({"zho", "yue", "wuu", "lzh"}),
    frozenset({"spa", "por", "glg", "ast", "cat", "oci", "arg", "ina", "ita", "ido", "epo", "ile"}),
    frozenset({"deu", "gsw", "ltz", "nds", "bar", "nld", "fry", "afr", "lim", "vls"}),
    frozenset({"hin", "mar", "nep", "san", "bho", "mai", "new", "gom"}),
    frozenset({"fas", "ckb", "kur", "uig", "urd", "azb", "mzn", "pnb", "tgk", "pus"}),
    frozenset({"ara", "arz", "ary", "arq", "apc"}),
    frozenset({"tur", "aze", "uzb", "tuk", "crh"}),
    frozenset({"tat", "bak", "kaz", "kir", "chv", "mon", "tyv", "sah", "oss", "udm"}),
    frozenset({"gle", "gla", "glv", "cym", "bre"}),
    frozenset({"fin", "est", "vep", "olo"}),
    frozenset({"lav", "lit", "ltg"}),
    frozenset({"tgl", "ceb", "ilo", "war", "fil"}),
    frozenset({"bod", "dzo"}),
)
"""Languages that identification confuses on short or technical text.  A relative never contradicts a declaration."""


class Detection(NamedTuple):
    """What identification says: a label, and the mean probability of that language over the windows (0..1)."""

    language: str
    score: float


def detect_languages(texts: pa.Array | list[str]) -> tuple[list[str], np.ndarray]:
    """Labels and scores (float32) of human texts, each as `detect_language` would give it.

    Of a long text, two windows of 200 characters are read, and up to four where these two leave a doubt; the label is
    that of the highest mean probability.  Measured, a score is about the share of right answers.  Text without letters
    is `und_Zyyy` with score 0, text in a script of which no language is known `und_<Script>` with score 0.
    """
    array = texts if isinstance(texts, pa.Array) else pa.array(texts, pa.large_string())
    labels: list[str] = []
    scores = np.zeros(len(array), np.float32)
    for first in range(0, len(array), _BATCH_TEXTS):
        part = array.slice(first, _BATCH_TEXTS)
        best, some, counts = _voted(part)
        scores[first : first + len(part)] = some
        labels += [_label(*row) for row in zip(best.tolist(), counts.tolist(), strict=True)]
    return labels, scores


def detect_language(text: str) -> Detection:
    """Identify the language of one human text; many are faster together (`detect_languages`)."""
    (language,), scores = detect_languages([text])
    return Detection(language, float(scores[0]))


def contradicts(declared: str, detected: str) -> bool:
    """Whether a detected label speaks against a declared one: another language that is no relative, where the models
    know the declared one at all (a language they do not know is always taken for another)."""
    mine, other = declared[:3], detected[:3]
    if mine == other or other == UNKNOWN[:3] or mine not in known_languages():
        return False
    return not any(mine in family and other in family for family in RELATED)


@lru_cache(maxsize=1)
def known_languages() -> frozenset[str]:
    """ISO 639-3 codes that identification can answer."""
    return frozenset(label[:3] for label in the_languages())


def _voted(texts: pa.Array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Language, score and script counts by row (see `identify_vote.vote`)."""
    data, offsets = text_bytes(texts)
    rows = len(texts)
    best, scores = np.zeros(rows, np.int64), np.zeros(rows, np.float32)
    counts = np.zeros((rows, len(SCRIPTS) + 2), np.int32)
    (names, fasttext), (others, naive_bayes) = fasttext_model(), naive_bayes_model()
    sizes = (len(names), len(others))
    vote(data, offsets, tables(), fasttext, naive_bayes, sizes, best, scores, counts)
    return best, scores, counts


def _label(language: int, counts: list[int]) -> str:
    """The language as a label: with its usual script where the text uses that, else with the text's own."""
    *by_script, simplified, traditional = counts
    if language < 0:
        return f"{UNKNOWN[:3]}_{dominant_script(by_script)}"
    label = the_languages()[language]
    if label.startswith("zho") and script_share(by_script, "Hans") >= NON_LATIN_SHARE:
        return "zho_Hant" if traditional > simplified else "zho_Hans"
    if script_share(by_script, label[4:]) >= NON_LATIN_SHARE:
        return label
    return f"{label[:3]}_{dominant_script(by_script)}"
