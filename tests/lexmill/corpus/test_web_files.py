"""WARC, WET and MediaWiki dumps: what is read, what is refused, and damaged files."""

from __future__ import annotations

import bz2
import gzip
import time
from pathlib import Path

import pytest

from lexmill.corpus import html, mediawiki, warc
from lexmill.corpus.members import ReadError
from lexmill.corpus.schema import Document
from lexmill.corpus.wikitext import MAX_DEPTH, Namespaces, WikitextError, wiki_text
from tests.lexmill.corpus.reading import read_bytes

TEXT = "Grüße aus München, wo die Isar durch die alte Stadt fließt und viele Menschen an ihr sitzen."
PAGE = f"<html lang='en'><body><p>{TEXT}</p></body></html>".encode()


def record(
    body: bytes, kind: str = "response", content: str = "text/html; charset=utf-8", status: str = "200 OK",
    warc_headers: str = "", http_headers: str = "", missing: int = 0,
) -> bytes:  # fmt: skip
    """One WARC record; `missing` bytes of it are announced and not there."""
    if kind == "response":
        body = f"HTTP/1.1 {status}\r\nContent-Type: {content}\r\n{http_headers}\r\n".encode() + body
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: http://a.b/c\r\nWARC-Date: 2024-01-01T00:00:00Z\r\n"
        f"WARC-Record-ID: <urn:uuid:1>\r\nContent-Type: application/http; msgtype=response\r\n{warc_headers}"
        f"Content-Length: {len(body) + missing}\r\n\r\n"
    )
    return head.encode() + body + b"\r\n\r\n"


def test_warc_records(tmp_path: Path) -> None:
    records = [
        record(b"software: x", kind="warcinfo"),
        record(PAGE),
        record(PAGE, status="404 Not Found"),
        record("Grüße, unverpackt".encode("latin-1"), content="text/plain; charset=iso-8859-1"),
        record(PAGE, warc_headers="WARC-Truncated: length\r\n"),
        record(gzip.compress(PAGE), http_headers="Content-Encoding: gzip\r\n"),
        record(b"\x89PNG", content="image/png"),
        record(PAGE.replace(b"<body>", b"<meta charset=utf-8><body>"), content="text/html"),
    ]
    starts = [sum(map(len, records[:i])) for i in range(len(records))]
    for name, content in (
        ("a.warc", b"".join(records)),
        ("a.warc.gz", b"".join(map(gzip.compress, records))),
    ):
        documents, refusals = read_bytes(tmp_path, name, content, domain="web")
        origins = [f"{name}:{start} http://a.b/c" for start in starts]
        assert documents == [
            Document(text, None, "web", None, origins[i])
            for i, text in ((1, TEXT), (3, "Grüße, unverpackt"), (5, TEXT), (7, TEXT))
        ]
        assert [(r.reason, r.detail, r.origin) for r in refusals] == [
            ("http_status", "404", origins[2]),
            ("truncated", "the crawler stopped: length", origins[4]),
        ]


def test_records_that_are_cut_or_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = record(PAGE)
    for cut in (10, 100, len(whole) - 250):
        documents, (refusal,) = read_bytes(tmp_path, "a.warc", whole + whole[:-cut])
        assert [d.text for d in documents] == [TEXT]
        assert (refusal.reason, refusal.origin) == ("truncated", f"a.warc:{len(whole)} http://a.b/c")
    monkeypatch.setattr(warc, "MAX_RECORD_BYTES", 10_000)
    bomb = record(gzip.compress(b"a" * 2_000_000), http_headers="Content-Encoding: gzip\r\n")
    documents, refusals = read_bytes(tmp_path, "a.warc", record(b"x" * 20_000) + bomb + whole)
    assert [d.text for d in documents] == [TEXT]
    assert [(r.reason, r.detail) for r in refusals] == [
        ("too_large", "more than 10,000 bytes"),
        ("too_large", "it unpacks to more than 10,000 bytes"),
    ]
    monkeypatch.setattr(html, "MAX_TAGS", 3)
    assert read_bytes(tmp_path, "a.warc", whole)[1][0].reason == "too_complex"


@pytest.mark.parametrize(
    "charset",
    [
        *(
            b"foo",
            b"none",
            b"utf8mb4",
            b"UTF-8,gbk",
            b"%charset%",
            b"en_US.UTF-8",
            b"hex",
            b"\xff",
            b"undefined",
        ),
        *(b"a\0b", b"raw_unicode_escape", b"unicode_escape", b"idna", b"punycode"),
    ],
)
def test_unknown_charsets_of_servers_are_detected(tmp_path: Path, charset: bytes) -> None:
    raw = record(PAGE.replace(b"</p>", rb" \ud800</p>"), content="text/html; charset=" + "?" * len(charset))
    documents, _ = read_bytes(tmp_path, "a.warc", raw.replace(b"?" * len(charset), charset))
    assert [d.text for d in documents] == [rf"{TEXT} \ud800"]


def test_damaged_warc_files(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"a\.warc holds no WARC record at offset 0"):
        read_bytes(tmp_path, "a.warc", b"this is no archive\n" * 50)
    with pytest.raises(ReadError, match=r"a\.warc holds no WARC record at offset"):
        read_bytes(
            tmp_path, "a.warc", record(PAGE) + record(PAGE).replace(b"Content-Length: ", b"Content-Length: -")
        )
    packed = gzip.compress(record(PAGE)) * 2
    with pytest.raises(ReadError, match=r"a\.warc\.gz cannot be read"):
        read_bytes(tmp_path, "a.warc.gz", packed[:-30])


def test_wet_records(tmp_path: Path) -> None:
    records = [
        record("Öl und Wasser".encode(), kind="conversion"),
        record(b"\xff", kind="conversion"),
        record(b"short", kind="conversion", missing=50),
    ]
    documents, refusals = read_bytes(tmp_path, "a.wet", b"".join(records), language="de")
    assert documents == [Document("Öl und Wasser", "deu_Latn", "general", None, "a.wet:0 http://a.b/c")]
    assert [(r.reason, r.language) for r in refusals] == [
        ("invalid_bytes", "deu_Latn"),
        ("truncated", "deu_Latn"),
    ]


ARTICLE = """{{Infobox|a={{b}}}}
'''Alan''' ([[:en:x|born]] {{date}}) war [[Mathematik|Mathematiker]]s aus [[London]].<ref name="a">
{{cite}} <b>x</b></ref><ref name=b />
Er [http://x.y schrieb] [http://z.w] &amp; mehr.<!-- no --> ({{lang|x}})
[[Datei:a.jpg|mini|Ein [[Fluss]] dort]] [[Kategorie:X]][[de:Alan]][[File:b.png]]

== Leben ==
* eins
#: zwei
{| class="x"
|-
| Zelle {{t}}
{| innen
|}
|}
nach <nowiki>roh</nowiki> __NOTOC__ <br/>Zeile<math>a<b</math> H<sub>2</sub>O
"""


def test_wikitext() -> None:
    names = Namespaces(frozenset(("datei", "file")), frozenset(("kategorie",)))
    assert wiki_text(ARTICLE, names).split("\n") == [
        "Alan (born ) war Mathematikers aus London.",
        "Er schrieb  & mehr.",
        "",
        "Leben",
        "",
        "eins",
        "zwei",
        "",
        "nach roh",
        "Zeile H2O",
    ]


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("{{open [[link", "{{open [[link"),
        ("a ]] b }} c |}", "a ]] b }} c |}"),
        ("<ref>never closed", "never closed"),
        ("{{a|{{b}} c", "{{a| c"),
        ("[[a|b|c]] [[Paris (Texas)|]] [[:Category:Y]]", "c Paris Category:Y"),
        ("== x", "== x"),
        ("a < b and c > d, 1 <3", "a < b and c > d, 1 <3"),
        ("<!-- open", "<!-- open"),
        ("a<!-- b -->c<!-- d", "ac<!-- d"),
        ("&#" + "1" * 5000 + ";", "\ufffd"),
        ("=== a = b ==  ", "a = b"),
        ("= a" + "=" * 3000 + "x", "= a" + "=" * 3000 + "x"),
    ],
)
def test_damaged_wikitext_stays_text(markup: str, text: str) -> None:
    assert wiki_text(markup) == text


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "{{a|",
            "'''a''",
            "<ref>",
            "{|\n|-\n",
            "{{{",
            "[http://a ",
            "{{a}}",
            "== a ",
            "=",
            "<b><i>",
            "&a",
            "''",
        ),
        *(
            "<!--",
            '<ref a="',
            "{{\n{|\n",
            " ",
            "( ",
            "(,",
            ": ",
            "<a ",
            "[//a b",
            "}}",
            "|}\n",
            "&#9",
            "= a" + "=" * 1990 + "x\n",
            "{|\n",
        ),
    ],
)
def test_hostile_wikitext_takes_linear_time(piece: str) -> None:
    began = time.process_time()
    wiki_text(piece * (400_000 // len(piece)))
    wiki_text(f"[//a-->{piece * (400_000 // len(piece))}")
    wiki_text(f"{piece * (200_000 // len(piece))}}}}}{'}}' * 50_000}")
    assert time.process_time() - began < 5


def test_wikitext_has_a_depth() -> None:
    with pytest.raises(WikitextError, match="nested deeper"):
        wiki_text("[[a|" * (MAX_DEPTH + 1))


def dump(*pages: str) -> str:
    """A dump of the pages."""
    return f"""<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.10/" version="0.10" xml:lang="de">
<siteinfo><namespaces><namespace key="0" /><namespace key="6">Datei</namespace>
<namespace key="14">Kategorie</namespace></namespaces></siteinfo>{"".join(pages)}</mediawiki>"""


def page(number: int, text: str, namespace: int = 0, extra: str = "", model: str = "wikitext") -> str:
    """One page with a revision whose id is another."""
    return f"""<page><title>T{number}</title><ns>{namespace}</ns><id>{number}</id>{extra}<revision><id>99</id>
<contributor><username>U</username><id>98</id></contributor><model>{model}</model><text bytes="3">{text}</text>
</revision></page>"""


DUMP = dump(
    page(1, "'''Eins''' ist [[Kategorie:Z]]eine Zahl &amp;amp; &lt;b>mehr&lt;/b>."),
    page(2, "#REDIRECT [[T1]]", extra='<redirect title="T1" />'),
    page(3, "{{Vorlage}}", namespace=10),
    page(4, "[[" * 200),
    page(5, "return {}", model="Scribunto"),
    page(6, "Sechs ist mehr."),
)


@pytest.mark.parametrize("suffix", ["", ".bz2"])
def test_mediawiki_dump(tmp_path: Path, suffix: str) -> None:
    content = (
        bz2.compress(DUMP.encode()[:900]) + bz2.compress(DUMP.encode()[900:]) if suffix else DUMP.encode()
    )
    name = f"dewiki.xml{suffix}"
    documents, refusals = read_bytes(tmp_path, name, content, format="mediawiki")
    assert documents == [
        Document("Eins ist eine Zahl & mehr.", "deu_Latn", "general", None, f"{name}#1"),
        Document("Sechs ist mehr.", "deu_Latn", "general", None, f"{name}#6"),
    ]
    assert [(r.reason, r.detail, r.origin) for r in refusals] == [
        ("redirect", "T1", f"{name}#2"),
        ("namespace", "10", f"{name}#3"),
        ("too_complex", f"links are nested deeper than {MAX_DEPTH}", f"{name}#4"),
        ("not_wikitext", "Scribunto", f"{name}#5"),
    ]


def test_mediawiki_limits_and_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ReadError, match=r"a\.xml cannot be read after page 5: it is not well-formed"):
        read_bytes(tmp_path, "a.xml", DUMP[:-60], format="mediawiki")
    monkeypatch.setattr(mediawiki, "MAX_PAGE_CHARACTERS", 1000)
    long = dump(page(1, "x" * 5000), page(2, "kurz"))
    documents, (refusal,) = read_bytes(tmp_path, "a.xml", long, format="mediawiki")
    assert [d.text for d in documents] == ["kurz"]
    assert (refusal.reason, refusal.bytes) == ("too_large", 5000)
