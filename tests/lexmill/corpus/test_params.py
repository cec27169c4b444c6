"""Validation of corpora and cleaning, and language labels."""

from __future__ import annotations

import pytest

from lexmill.corpus.languages import UnknownLanguageError, language_label
from lexmill.corpus.params import CleaningParams, CorpusParams, format_of

PACKAGE = {"name": "demo", "version": "1", "sha256": "0" * 64}


@pytest.mark.parametrize(
    ("code", "label"),
    [
        *(("en", "eng_Latn"), ("pt-BR", "por_Latn"), ("es_419", "spa_Latn"), ("de_DE.UTF-8", "deu_Latn")),
        *(("zh", "zho_Hans"), ("zh_TW", "zho_Hant"), ("zh-Hant-HK", "zho_Hant"), ("zho_Hans", "zho_Hans")),
        *(("sr", "srp_Cyrl"), ("sr@latin", "srp_Latn"), ("sr-Latn", "srp_Latn"), ("sr_Latn", "srp_Latn")),
        *(
            ("no", "nob_Latn"),
            ("nn", "nno_Latn"),
            ("iw", "heb_Hebr"),
            ("jp", "jpn_Jpan"),
            ("ckb", "ckb_Arab"),
        ),
        *(
            ("ca@valencia", "cat_Latn"),
            ("uz@cyrillic", "uzb_Cyrl"),
            ("eng_Latn", "eng_Latn"),
            ("Python", "python"),
        ),
    ],
)
def test_language_labels(code: str, label: str) -> None:
    assert language_label(code) == label
    assert language_label(label) == label


@pytest.mark.parametrize("code", ["", "xx", "english?", "qqq", "../x", "und", "klingonian"])
def test_unknown_languages_are_refused(code: str) -> None:
    with pytest.raises(UnknownLanguageError, match="unknown language"):
        language_label(code)


def test_unknown_language_suggests_the_nearest() -> None:
    with pytest.raises(UnknownLanguageError, match="nearest: deu_Latn"):
        language_label("german")
    with pytest.raises(UnknownLanguageError, match="jpn_Jpan"):
        language_label("japanese")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({}, "exactly one of `package` and `path`"),
        ({"path": "a", "package": PACKAGE, "members": "x"}, "exactly one"),
        ({"package": PACKAGE}, "`members` must say"),
        ({"path": "a", "members": "("}, "not a regular expression"),
        ({"path": "a", "parallel": ["en"]}, "needs a catalog `format`"),
        ({"path": "a", "language": "xx"}, "unknown language 'xx'"),
        ({"path": "a", "encoding": "cp037"}, "convert the files"),
        ({"path": "a", "encoding": "utf-88"}, "unknown encoding"),
        ({"path": "a", "fields": []}, "at least one field"),
        ({"path": "a", "lisense": "MIT"}, "lisense"),
        ({"path": "a", "name": "../x"}, "pattern"),
    ],
)
def test_wrong_corpora_are_refused(wrong: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CorpusParams.model_validate({"name": "demo", **wrong})


def test_codes_become_labels() -> None:
    corpus = CorpusParams(name="demo", path="a", language="de", languages=["fr", "zh-Hant"])
    assert corpus.language == "deu_Latn"
    assert corpus.languages == ("fra_Latn", "zho_Hant")


def test_splits_must_leave_something_to_train_on() -> None:
    with pytest.raises(ValueError, match="nothing to train on"):
        CleaningParams.model_validate({"splits": {"valid": 0.5, "test": 0.5}})


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.txt", "text"),
        ("A.MD", "markdown"),
        ("a.jsonl.zst", "jsonl"),
        ("b.py", "code"),
        ("b.bin", None),
        ("b", None),
    ],
)
def test_format_by_suffix(name: str, kind: str | None) -> None:
    assert format_of(name) == kind
