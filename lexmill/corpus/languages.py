"""Language labels: `iso639-3_Script` (`deu_Latn`) for human languages, a lower-case name for programming languages."""

from __future__ import annotations

import difflib
import re
from functools import lru_cache

import langcodes
from langcodes.tag_parser import LanguageTagError

DETECT = "detect"  # the value of `language` that asks for identification

# File suffix -> programming language, for source-code corpora.
CODE_SUFFIXES = {
    **{".c": "c", ".h": "c", ".cc": "cpp", ".cpp": "cpp", ".hpp": "cpp", ".cs": "csharp", ".css": "css"},
    **{".ex": "elixir", ".go": "go", ".hs": "haskell", ".html": "html", ".java": "java", ".jl": "julia"},
    **{".js": "javascript", ".kt": "kotlin", ".lua": "lua", ".ml": "ocaml", ".php": "php", ".pl": "perl"},
    **{".py": "python", ".pyi": "python", ".pyx": "cython", ".r": "r", ".rb": "ruby", ".rs": "rust"},
    **{
        ".scala": "scala",
        ".sh": "shell",
        ".sql": "sql",
        ".swift": "swift",
        ".tex": "latex",
        ".ts": "typescript",
    },
}
PROGRAMMING_LANGUAGES = frozenset(CODE_SUFFIXES.values())

# Codes in everyday use that are not BCP 47, or whose BCP 47 reading is broader than what is meant.
_ALIASES = {
    "jp": "ja",
    "kr": "ko",
    "cn": "zh-Hans",
    "tw": "zh-Hant",
    "no": "nb",
    "nor": "nb",
    "ua": "uk",
    "gr": "el",
}
_SCRIPT_WORDS = {"latin": "Latn", "latn": "Latn", "cyrillic": "Cyrl", "cyrl": "Cyrl", "arabic": "Arab"}
_COMMON = (
    "ar be bg bn ca cs cy da de el en eo es et eu fa fi fr ga gl gu he hi hr hu hy id is it ja ka kk km kn ko ky lt "
    "lv mk ml mn mr ms my nb ne nl nn pa pl pt ro ru si sk sl sq sr sv sw ta te tg th tl tr tt uk ur uz vi zh"
)
# English names, only to suggest a code to those who write a name.
_NAMES = {
    **{"arabic": "ar", "bulgarian": "bg", "bengali": "bn", "catalan": "ca", "chinese": "zh", "czech": "cs"},
    **{"danish": "da", "dutch": "nl", "english": "en", "finnish": "fi", "french": "fr", "german": "de"},
    **{"greek": "el", "hebrew": "he", "hindi": "hi", "hungarian": "hu", "indonesian": "id", "italian": "it"},
    **{
        "japanese": "ja",
        "korean": "ko",
        "norwegian": "nb",
        "persian": "fa",
        "polish": "pl",
        "portuguese": "pt",
    },
    **{"romanian": "ro", "russian": "ru", "spanish": "es", "swedish": "sv", "tamil": "ta", "thai": "th"},
    **{"turkish": "tr", "ukrainian": "uk", "urdu": "ur", "vietnamese": "vi"},
}


class UnknownLanguageError(ValueError):
    """A language code that is neither BCP 47, ISO 639 with a script, nor a known programming language."""


@lru_cache(maxsize=4096)
def language_label(code: str) -> str:
    """`iso639-3_Script` of a human language, or the lower-case name of a programming language.

    Takes BCP 47 (`pt-BR`, `zh-Hant`), POSIX locales (`sr@latin`, `es_419`), ISO 639-1/-2/-3 and labels themselves.
    The script is the likely one (CLDR likely subtags) when the code names none; regions are dropped.
    Raises UnknownLanguageError with the nearest labels.
    """
    text = code.strip()
    if text.lower() in PROGRAMMING_LANGUAGES:
        return text.lower()
    base, *rest = re.split(r"[_@.-]", text)
    base = _ALIASES.get(base.lower(), base)
    script = next((_SCRIPT_WORDS.get(p.lower(), p.title()) for p in rest if _is_script(p)), "")
    region = next((p.upper() for p in rest if re.fullmatch(r"[A-Za-z]{2}|[0-9]{3}", p)), "")
    tag = "-".join(part for part in (base, "" if "-" in base else script or region) if part)
    try:
        language = langcodes.Language.get(tag)
    except LanguageTagError as error:
        raise _unknown(code) from error
    likely = language.maximize()
    if (
        not language.is_valid()
        or not likely.script
        or re.fullmatch(r"q[a-t][a-z]|mul|und|zxx|mis", base.lower())
    ):
        raise _unknown(code)
    return f"{language.to_alpha3()}_{likely.script}"


def is_code(label: str) -> bool:
    """Whether a label names a programming language."""
    return label in PROGRAMMING_LANGUAGES


def script_of(label: str) -> str:
    """The ISO 15924 script of a label (`Latn`), or "" for a programming language."""
    return label.partition("_")[2]


def _is_script(part: str) -> bool:
    return part.lower() in _SCRIPT_WORDS or re.fullmatch(r"[A-Za-z]{4}", part) is not None


@lru_cache(maxsize=1)
def _common_labels() -> dict[str, str]:
    """Short code, three-letter code, English name and label of common languages -> label."""
    labels = {code: language_label(code) for code in _COMMON.split()}
    names = {name: labels[code] for name, code in _NAMES.items()}
    return labels | names | {text: label for label in labels.values() for text in (label[:3], label)}


def _unknown(code: str) -> UnknownLanguageError:
    known = _common_labels() | {name: name for name in PROGRAMMING_LANGUAGES}
    found = difflib.get_close_matches(code.lower().replace("-", "_"), known, n=3, cutoff=0.4)
    nearest = ", ".join(dict.fromkeys(known[name] for name in found))
    hint = f"; nearest: {nearest}" if nearest else ""
    return UnknownLanguageError(
        f"unknown language {code!r}: write an ISO 639 or BCP 47 code such as deu_Latn, pt-BR or zh-Hans{hint}"
    )
