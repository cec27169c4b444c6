"""Message catalogs: PO syntax, untranslated messages, and documents that match line by line."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexmill.corpus.markup import PLACEHOLDER, markdown_text, segment_text
from lexmill.corpus.members import ReadError, corpus_members
from lexmill.corpus.params import CorpusParams
from lexmill.corpus.po import Entry, PoError, parse_po, po_charset
from lexmill.corpus.readers import read_documents
from lexmill.corpus.schema import Document, Refusal
from tests.lexmill.corpus.reading import read_bytes

PO = r"""
# header
msgid ""
msgstr "Language: de\n"

#: place
#, python-format
msgctxt "menu"
msgid "Open \"it\"\t"
"now"
msgstr "Öffne "
"es\n\303"
"\xa9 \101"

#, fuzzy
msgid "unsure"
msgstr "unsicher"

msgid "%d file"
msgid_plural "%d files"
msgstr[0] "%d Datei"
msgstr[1] "%d Dateien"
msgid "close by"
msgstr "ganz nah"

#~ msgid "old"
#~ msgstr "alt"

msgid "empty"
msgstr ""
"""


def test_po_entries() -> None:
    assert list(parse_po(PO)) == [
        Entry("menu", 'Open "it"\tnow', "Öffne es\né A"),
        Entry("", "%d file", "%d Datei"),
        Entry("", "close by", "ganz nah"),
    ]


def test_po_charset_of_the_header(tmp_path: Path) -> None:
    header = 'msgid ""\nmsgstr "X: y\\n"\n"Content-Type: text/plain; charset=ISO-8859-2\\n"\n'
    entry = '\nmsgid "A long message that is fine"\nmsgstr "D\\263u\\277sza wiadomość, która tu jest"\n'
    content = (header + entry).encode("iso-8859-2")
    assert po_charset(content) == "ISO-8859-2"
    documents, _ = read_bytes(tmp_path, "pl.po", content, language="pl")
    assert [d.text for d in documents if d.language == "pol_Latn"] == ["Dłuższa wiadomość, która tu jest"]
    assert po_charset(header.replace("ISO-8859-2", "CHARSET").encode()) is None
    assert [e.translation for e in parse_po('msgid "a"\nmsgstr "\\377x"')] == ["\udcffx"]


def test_many_lines_of_one_message_take_linear_time() -> None:
    began = time.process_time()
    assert len(next(parse_po('msgid "a"\nmsgstr ""\n' + '"x"\n' * 400_000)).translation) == 400_000
    assert time.process_time() - began < 1.5


def test_po_error_names_the_line() -> None:
    with pytest.raises(PoError, match="line 2: expected msgid"):
        list(parse_po('msgid "a"\nnonsense'))


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<b>Bold</b> &amp; more", "Bold & more"),
        ("see [the manual](https://a.b/c) now", "see the manual now"),
        ("a < b and  c > d", "a < b and c > d"),
        ("line\n one\u00a0two", "line one two"),
        ("<3 you", "<3 you"),
    ],
)
def test_segment_text(markup: str, text: str) -> None:
    assert segment_text(markup) == text


@pytest.mark.parametrize("text", ["%s", "%(name)s", "%1$d", "{name}", "{{ x }}", "%.2f"])
def test_placeholders_are_seen(text: str) -> None:
    assert PLACEHOLDER.search(f"so {text} then")
    assert not PLACEHOLDER.search("100 % sure")


@pytest.mark.parametrize(
    "piece",
    [
        "<!--",
        "<!-->",
        "x __y",
        "x **y *",
        "a `",
        "{",
        "{x",
        "%0",
        "%(a",
        "0",
        " ",
        "| ",
        "&#9",
        "`",
        "[x](",
        '[]( "',
    ],
)
@pytest.mark.parametrize("start", ["", "%", "|", "&#9", "```"])
def test_hostile_text_takes_linear_time(start: str, piece: str) -> None:
    text = start + piece * (200_000 // len(piece))
    began = time.process_time()
    PLACEHOLDER.search(text)
    segment_text(text)
    markdown_text(text + "-")
    assert time.process_time() - began < 5


@given(st.text(alphabet="*_` ab\u2003", max_size=14))
def test_emphasis_is_what_a_backtracking_expression_finds(line: str) -> None:
    line = f"x{line}x"
    assert markdown_text(line) == re.sub(r"(\*\*|__|\*|`)(?=\S)(.+?)(?<=\S)\1", r"\2", line)


def test_comments_and_huge_references() -> None:
    assert markdown_text("a<!-- <b> --> c <i>d</i> <!-- e") == "a c d <!-- e"
    assert segment_text("a<!-->x-->b" + "&#" + "9" * 5000 + ";") == "a b\ufffd"


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c"])
def test_po_lines_end_at_newlines_only(mark: str) -> None:
    text = f'msgid "a"\r\nmsgstr "b{mark}c"\r\n\r\nmsgid "d"\nmsgstr "e"\n'
    assert list(parse_po(text)) == [Entry("", "a", f"b{mark}c"), Entry("", "d", "e")]


def catalogs(folder: Path, **params: object) -> tuple[list[Document], list[Refusal], Counter]:
    corpus = CorpusParams.model_validate(
        {
            "name": "ui",
            "path": str(folder),
            "format": "json_catalog",
            "members": r"(?P<group>\w+)/(?P<language>[\w-]+)\.json",
            **params,
        }
    )
    counts: Counter[str] = Counter()
    with corpus_members(corpus, folder) as members:
        items = list(read_documents(members, corpus, counts))
    return [i for i in items if isinstance(i, Document)], [i for i in items if isinstance(i, Refusal)], counts


ENGLISH = {
    "a": "The device could not be found",
    "b": {"c": "Enter the password of the device", "d": ["Please restart the device"]},
}
GERMAN = {
    "b": {"c": "Geben Sie das Kennwort des Geräts ein", "d": ["Bitte das Gerät neu starten"]},
    "a": ENGLISH["a"],
}
FRENCH = {
    "a": "L'appareil est introuvable aujourd'hui",
    "b": {"c": "Saisissez le mot de passe de l'appareil"},
}


def write(folder: Path, group: str, **languages: dict) -> None:
    (folder / group).mkdir(parents=True)
    for language, content in languages.items():
        (folder / group / f"{language.replace('_', '-')}.json").write_text(json.dumps(content))


def test_untranslated_messages_are_left_out(tmp_path: Path) -> None:
    write(tmp_path, "lamp", en=ENGLISH, de=GERMAN)
    documents, _, counts = catalogs(tmp_path)
    assert [(d.language, d.group, d.text.count("\n")) for d in documents] == [
        ("deu_Latn", "ui:lamp", 1),
        ("eng_Latn", "ui:lamp", 2),
    ]
    assert counts == {"kept": 5, "untranslated": 1}


def test_parallel_documents_match_line_by_line(tmp_path: Path) -> None:
    write(tmp_path, "lamp", en=ENGLISH, de=GERMAN, fr=FRENCH, it={"a": "non selezionato per questa prova"})
    write(tmp_path, "radio", en=ENGLISH, de=GERMAN, fr=FRENCH)
    write(tmp_path, "only", en=ENGLISH, de=GERMAN)
    documents, _, counts = catalogs(tmp_path, parallel=["en", "de", "fr"])
    texts = {d.language: d.text for d in documents}
    assert texts == {
        "eng_Latn": ENGLISH["b"]["c"],
        "deu_Latn": GERMAN["b"]["c"],
        "fra_Latn": FRENCH["b"]["c"],
    }
    assert {d.group for d in documents} == {"ui:lamp"}  # the radio repeats the lamp, the third has no French
    assert counts["repeated"] == 3
    assert counts["not_in_all_languages"] == 2 * (2 + 2) + 6


def test_regional_variants_give_way_to_the_language(tmp_path: Path) -> None:
    write(tmp_path, "lamp", en=ENGLISH, de=GERMAN, de_AT={"a": "Das Gerät wurde leider nicht gefunden"})
    documents, refusals, _ = catalogs(tmp_path)
    assert [d.origin for d in documents if d.language == "deu_Latn"] == ["lamp/de.json"]
    assert [(r.reason, r.origin) for r in refusals] == [("regional_variant", "lamp/de-AT.json")]


def test_wrong_script_and_placeholders(tmp_path: Path) -> None:
    write(
        tmp_path,
        "lamp",
        en=ENGLISH,
        ru={"a": "The device was still not found", "b": {"c": "Введите пароль от устройства {name}"}},
    )
    documents, _, counts = catalogs(tmp_path, languages=["ru"])
    assert [d.text for d in documents] == ["Введите пароль от устройства {name}"]
    assert counts["wrong_script"] == 1
    assert catalogs(tmp_path, languages=["ru"], placeholders="drop_segment")[0] == []


def test_lone_surrogate_costs_one_message(tmp_path: Path) -> None:
    write(tmp_path, "lamp", en=ENGLISH, fr=FRENCH | {"a": "L'appareil est introuvable \ud800"})
    documents, refusals, counts = catalogs(tmp_path, languages=["fr"])
    assert ([d.text for d in documents], refusals) == ([FRENCH["b"]["c"]], [])
    assert counts["invalid_bytes"] == 1


def test_large_catalogs_are_split_alike_in_all_languages(tmp_path: Path) -> None:
    words = {f"k{i}": f"This is the sentence with number {i}" for i in range(100)}
    write(tmp_path, "big", en=words, de={k: f"Dies ist der Satz mit Nummer {k[1:]}" for k in words})
    documents, _, _ = catalogs(tmp_path, segments=10)
    by_group: dict[str | None, set[tuple[str, ...]]] = {}
    for document in documents:
        numbers = tuple(line.split()[-1] for line in document.text.split("\n"))
        by_group.setdefault(document.group, set()).add(numbers)
    assert len(by_group) == 10
    assert all(len(numbers) == 1 for numbers in by_group.values())


def test_po_catalogs_give_their_message_ids_as_source(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "de.po").write_text(
        'msgctxt "x:A00"\nmsgid "Cholera of the gut"\nmsgstr "Cholera des Darms"\n'
    )
    (tmp_path / "set" / "fr.po").write_text(
        'msgctxt "x:B10"\nmsgid "Fever of the lung"\nmsgstr "Fièvre du poumon"\n'
    )
    params = {"format": "po", "members": r"(?P<group>set)/(?P<language>..)\.po", "min_segment": 5}
    documents, _, _ = catalogs(tmp_path, **params, key_group=r":([A-Z])")
    assert [(d.language, d.group, d.text) for d in documents] == [
        ("deu_Latn", "ui:set:A", "Cholera des Darms"),
        ("eng_Latn", "ui:set:A", "Cholera of the gut"),
        ("eng_Latn", "ui:set:B", "Fever of the lung"),
        ("fra_Latn", "ui:set:B", "Fièvre du poumon"),
    ]


def test_broken_catalogs_are_errors(tmp_path: Path) -> None:
    write(tmp_path, "lamp", en=ENGLISH)
    (tmp_path / "lamp" / "de.json").write_text("{")
    with pytest.raises(ReadError, match=r"lamp/de\.json is not valid JSON"):
        catalogs(tmp_path)
    with pytest.raises(ReadError, match="the language of a catalog must be set"):
        catalogs(tmp_path, members=r"(?P<group>\w+)/en\.json")
