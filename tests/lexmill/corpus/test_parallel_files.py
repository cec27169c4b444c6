"""TMX, TSV and binary, Fluent and Java catalogs: parallel text by unit, row and key."""

from __future__ import annotations

import contextlib
import json
import struct
import time
from collections import Counter
from pathlib import Path

import pytest

from lexmill.corpus.fluent import FluentError, parse_fluent
from lexmill.corpus.members import ReadError, corpus_members
from lexmill.corpus.mo import MoError, parse_mo
from lexmill.corpus.params import CorpusParams
from lexmill.corpus.po import Entry
from lexmill.corpus.properties import parse_properties
from lexmill.corpus.readers import read_documents
from lexmill.corpus.schema import Document, Refusal
from tests.lexmill.corpus.reading import read_bytes

TMX = """<?xml version="1.0"?><!DOCTYPE tmx SYSTEM "tmx14.dtd"><tmx version="1.4"><header srclang="en"/><body>
<tu tuid="u7"><prop type="x">no</prop><tuv xml:lang="en-US"><seg>Open <bpt i="1">&lt;b&gt;</bpt>the
file<ept i="1">&lt;/b&gt;</ept></seg></tuv><tuv xml:lang="de"><note>no</note><seg>Datei <hi>öffnen</hi></seg></tuv></tu>
<tu><tuv lang="en"><seg>Yes</seg></tuv><tuv lang="en"><seg>Yep</seg></tuv><tuv lang="zz"><seg>?</seg></tuv></tu>
</body></tmx>"""


def test_tmx(tmp_path: Path) -> None:
    documents, refusals = read_bytes(tmp_path, "a.tmx", TMX, domain="ui")
    assert documents == [
        Document("Open the\nfile", "eng_Latn", "ui", "demo:a.tmx#u7", "a.tmx#1:en-US"),
        Document("Datei öffnen", "deu_Latn", "ui", "demo:a.tmx#u7", "a.tmx#1:de"),
        Document("Yes", "eng_Latn", "ui", "demo:a.tmx:2", "a.tmx#2:en"),
        Document("Yep", "eng_Latn", "ui", "demo:a.tmx:2", "a.tmx#2:en:2"),
    ]
    assert [(r.reason, r.origin) for r in refusals] == [("unknown_language", "a.tmx#2:zz")]
    assert read_bytes(tmp_path, "b.tmx", TMX.encode("utf-16"))[0][0].text == "Open the\nfile"


def test_damaged_tmx_names_the_place(tmp_path: Path) -> None:
    with pytest.raises(
        ReadError, match=r"a\.tmx cannot be read after unit 1: it is not well-formed: .*line 4"
    ):
        read_bytes(tmp_path, "a.tmx", TMX.replace("Yep</seg>", "Yep</sig>"))


def test_tsv_with_a_column_a_language(tmp_path: Path) -> None:
    content = 'id\ten\tde\tnote\n1\t"Yes"\tJa\tx\n2\tNo\t\t\n3\tshort\n\n4\tMaybe\tVielleicht\t\n'
    documents, refusals = read_bytes(tmp_path, "a.tsv", content, group_field="id")
    assert documents == [
        Document('"Yes"', "eng_Latn", "general", "demo:1", "a.tsv:2#en"),
        Document("Ja", "deu_Latn", "general", "demo:1", "a.tsv:2#de"),
        Document("No", "eng_Latn", "general", "demo:2", "a.tsv:3#en"),
        Document("Maybe", "eng_Latn", "general", "demo:4", "a.tsv:6#en"),
        Document("Vielleicht", "deu_Latn", "general", "demo:4", "a.tsv:6#de"),
    ]
    assert [(r.reason, r.origin, r.detail) for r in refusals] == [
        ("bad_tsv", "a.tsv:4", "2 cells where the header has 4")
    ]
    only, none = read_bytes(tmp_path, "a.tsv", content.replace("3\tshort\n", ""), languages=["de"])
    assert [(d.text, d.group) for d in only] == [("Ja", "demo:a.tsv:2"), ("Vielleicht", "demo:a.tsv:5")]
    assert none == []


def test_tsv_columns_that_may_be_no_languages(tmp_path: Path) -> None:
    def languages(header: str, **params: object) -> list[str | None]:
        return [d.language for d in read_bytes(tmp_path, "a.tsv", f"{header}\na\tb\tc\n", **params)[0]]

    assert languages("id\ten\tde") == languages("url\ten\tde") == ["eng_Latn", "deu_Latn"]
    assert languages("en\tit\tnote") == ["eng_Latn", "ita_Latn"]
    assert languages("id\ten\tde", languages=["id", "en"]) == ["ind_Latn", "eng_Latn"]
    assert languages("en\tit\tnote", languages=["it", "en"]) == ["eng_Latn", "ita_Latn"]
    assert languages("id\ten\tnote") == ["eng_Latn"]
    with pytest.raises(ReadError, match="set `languages` to say whether no is a language"):
        languages("no\ten\tde")


def test_tsv_with_fields(tmp_path: Path) -> None:
    content = b"lang\ttext\tpair\nfr\tun\tp\nde\t\xff\tp\nde\t\tq\n"
    documents, refusals = read_bytes(tmp_path, "a.tsv", content, language_field="lang", group_field="pair")
    assert documents == [Document("un", "fra_Latn", "general", "demo:p", "a.tsv:2")]
    assert [(r.reason, r.origin) for r in refusals] == [
        ("invalid_bytes", "a.tsv:3"),
        ("missing_field", "a.tsv:4"),
    ]
    with pytest.raises(ReadError, match="neither body nor language codes"):
        read_bytes(tmp_path, "b.tsv", "text\tother\n", fields=["body"])


def mo_bytes(pairs: list[tuple[bytes, bytes]], order: str = "<") -> bytes:
    """An MO file of the pairs, in the given byte order."""
    count = len(pairs)
    place = 28 + 16 * count
    tables, content = [b"", b""], b""
    for column in (0, 1):
        for pair in pairs:
            tables[column] += struct.pack(f"{order}2I", len(pair[column]), place + len(content))
            content += pair[column] + b"\0"
    head = struct.pack(f"{order}7I", 0x950412DE, 0, count, 28, 28 + 8 * count, 0, 0)
    return head + tables[0] + tables[1] + content


MO = [
    (b"", b"Content-Type: text/plain; charset=UTF-8\n"),
    (b"menu\x04Open", "Öffnen".encode()),
    (b"%d file\0%d files", b"%d Datei\0%d Dateien"),
    (b"untranslated", b""),
]


@pytest.mark.parametrize("order", ["<", ">"])
def test_mo_entries(order: str) -> None:
    assert list(parse_mo(mo_bytes(MO, order))) == [
        Entry("menu", "Open", "Öffnen"),
        Entry("", "%d file", "%d Datei"),
    ]


def test_mo_charset() -> None:
    pairs = [(b"", b"Content-Type: text/plain; charset=KOI8-R\n"), (b"Yes", "Да".encode("koi8-r"))]
    assert list(parse_mo(mo_bytes(pairs))) == [Entry("", "Yes", "Да")]
    assert list(parse_mo(mo_bytes(pairs[1:]), "koi8-r")) == [Entry("", "Yes", "Да")]


WHOLE = mo_bytes(MO)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "does not begin like"),
        (b"PK\3\4" * 20, "does not begin like"),
        (WHOLE[:28], "tables are cut short"),
        (WHOLE[:-30], "lies outside of the file"),
        (WHOLE[:8] + struct.pack("<I", 2**31) + WHOLE[12:], "tables are cut short"),
        (WHOLE[:28] + struct.pack("<2I", 2**32 - 1, 5) + WHOLE[36:], "lies outside of the file"),
        (WHOLE[:6] + b"\x02\0" + WHOLE[8:], "revision 2"),
        (mo_bytes([(b"", b"charset=nonsense\n"), (b"a", b"b")]), "not in nonsense"),
        (mo_bytes([(b"a", b"\xff")]), "not in utf-8"),
    ],
)
def test_damaged_mo(content: bytes, message: str) -> None:
    with pytest.raises(MoError, match=message):
        list(parse_mo(content))


def test_mo_entries_that_share_one_string() -> None:
    count, text = 1000, b"a" * 1000
    head = struct.pack("<7I", 0x950412DE, 0, count, 28, 28, 0, 0)
    with pytest.raises(MoError, match="more than 2 times its size"):
        list(parse_mo(head + struct.pack("<2I", len(text), 28 + 8 * count) * count + text))


FTL = """# comment
-brand = Fluss
welcome = Welcome, { $user }, to { -brand }
    .title = A tip { "{" } { 7 }
photos = { $n ->
    [one] One photo
   *[other] { $n } photos
 } added
this is junk
date = On { DATETIME($d, month: "long") } { other.attr }
"""


def test_fluent_messages() -> None:
    assert list(parse_fluent(FTL)) == [
        ("welcome", "Welcome, {user}, to {-brand}"),
        ("welcome.title", "A tip { 7"),
        ("photos", "{n} photos added"),
        ("", None),
        ("date", "On {DATETIME} {other}"),
    ]
    with pytest.raises(FluentError, match="deeper than 20"):
        list(parse_fluent("a = " + "{ " * 5000))
    with pytest.raises(FluentError, match="deeper than 20"):
        list(parse_fluent("a = " + "{\n" * 3000))
    with pytest.raises(FluentError, match="nested too deep"):
        list(parse_fluent("a = { " + "F(" * 3000))


@pytest.mark.parametrize("piece", ["a = { $n ->\n", "[[[", "a =\n .b =\n", "*[", '{ "', "a = x\n\n"])
def test_hostile_fluent_takes_bounded_time(piece: str) -> None:
    began = time.process_time()
    with contextlib.suppress(FluentError):
        list(parse_fluent(piece * (30_000 // len(piece))))
    assert time.process_time() - began < 5


def test_properties() -> None:
    text = "# no\r\na = b\\\r\n   c\n! no\nk\\=1:v\\u00e9\\ud83d\\ude00 \\n\\q\n\nempty=\n"
    text += "none\nx y z\nback=a\\\\\nlast=\\"
    assert list(parse_properties(text)) == [
        ("a", "bc"),
        ("k=1", "vé😀 \nq"),
        ("empty", ""),
        ("none", ""),
        ("x", "y z"),
        ("back", "a\\"),
        ("last", ""),
    ]
    assert list(parse_properties("\\" * 100_001 + "\n" * 1000)) == [("\\" * 50_000, "")]


def catalogs(folder: Path, **params: object) -> tuple[list, Counter]:
    corpus = CorpusParams.model_validate({"name": "ui", "path": str(folder), **params})
    counts: Counter[str] = Counter()
    with corpus_members(corpus, folder) as members:
        return list(read_documents(members, corpus, counts)), counts


SENTENCES = {
    "en": {"a": "The device could not be found", "b": "Enter the password of the device"},
    "de": {"a": "Das Gerät wurde leider nicht gefunden", "b": "Geben Sie das Kennwort des Geräts ein"},
    "fr": {"b": "Saisissez le mot de passe de l'appareil"},
}
EXPECTED = {
    "eng_Latn": SENTENCES["en"]["b"],
    "deu_Latn": SENTENCES["de"]["b"],
    "fra_Latn": SENTENCES["fr"]["b"],
}


@pytest.mark.parametrize("suffix", ["ftl", "properties", "mo", "po", "json"])
def test_catalogs_of_every_format_give_the_same_parallel_text(tmp_path: Path, suffix: str) -> None:
    for language, messages in SENTENCES.items():
        ids = [(SENTENCES["en"][key], text) for key, text in messages.items()]
        content = {
            "ftl": "".join(f"{key} = {text}\n" for key, text in messages.items()) + "junk line\n",
            "properties": "".join(f"{key}={text}\n" for key, text in messages.items()),
            "po": "".join(f'msgid "{source}"\nmsgstr "{text}"\n\n' for source, text in ids),
            "json": json.dumps(messages),
        }
        raw = (
            mo_bytes([(s.encode(), t.encode()) for s, t in ids])
            if suffix == "mo"
            else content[suffix].encode()
        )
        if language != "en" or suffix not in ("mo", "po"):
            (tmp_path / f"{language}.{suffix}").write_bytes(raw)
    params = {"format": {"ftl": "fluent", "json": "json_catalog"}.get(suffix, suffix)}
    members = rf"(?P<language>..)\.(?P<group>{suffix})"
    items, counts = catalogs(tmp_path, members=members, parallel=["en", "de", "fr"], **params)
    assert {item.language: item.text for item in items} == EXPECTED
    assert {item.group for item in items} == {f"ui:{suffix}"}
    assert counts["kept"] == 3
    assert counts["unparsed"] == (3 if suffix == "ftl" else 0)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("de.mo", b"no", r"de\.mo is not a readable MO catalog: it does not begin"),
        ("de.po", b"nonsense", r"de\.po is not a readable PO catalog: line 1"),
        ("de.ftl", b"a = " + b"{ " * 50, r"de\.ftl is not a readable Fluent catalog: braces"),
        ("de.properties", b"a=caf\xe9", r"de\.properties is not a readable catalog: .*0xe9"),
    ],
)
def test_broken_catalogs_are_errors_that_name_them(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    with pytest.raises(ReadError, match=message):
        read_bytes(tmp_path, name, content, language="de")


def test_regional_variant_gives_way_in_every_format(tmp_path: Path) -> None:
    (tmp_path / "de.ftl").write_text("a = Das Gerät wurde leider nicht gefunden\n")
    (tmp_path / "de-AT.ftl").write_text("a = Das Gerät wurde heute nicht gefunden\n")
    items, _ = catalogs(tmp_path, members=r"(?P<language>[^.]+)\.(?P<group>ftl)")
    assert [type(item) for item in items] == [Refusal, Document]
