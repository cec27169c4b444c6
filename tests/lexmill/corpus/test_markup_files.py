"""Readers of HTML, XML and manual pages: their text as a person would read it, and hostile files."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from lexmill.corpus import html, xml, xml_events
from lexmill.corpus.html import html_text
from lexmill.corpus.man import man_text
from lexmill.corpus.mdoc import arguments, inline_text
from lexmill.corpus.roff import plain_text, without_comment
from lexmill.corpus.schema import Document
from tests.lexmill.corpus.reading import read_bytes

PAGE = """<!DOCTYPE html><html lang="pt-BR"><head><title>No</title><style>p{}</style></head><body>
<nav class="menu"><ul><li><a href="/">Home</a></li><li><a href="/x">Other</a></li></ul></nav>
<div class="content"><h1>Os rios &amp; o mar</h1><p>O rio atravessa a cidade antiga e termina no mar, onde os barcos
esperam.</p><p>Escreva para <code class="email">rio@example.org</code> ou venha.</p>
<pre class="programlisting">x = 1</pre><script>alert(1)</script></div>
<footer class="footer">Copyright</footer></body></html>"""


def test_html_gives_the_main_text_and_its_language(tmp_path: Path) -> None:
    documents, _ = read_bytes(tmp_path, "a.html", PAGE)
    first = "O rio atravessa a cidade antiga e termina no mar, onde os barcos esperam."
    second = "Escreva para rio@example.org ou venha."
    assert documents == [
        Document(f"Os rios & o mar\n\n{first}\n\n{second}", "por_Latn", "general", None, "a.html")
    ]
    by_paragraph, _ = read_bytes(tmp_path, "a.html", PAGE, document="paragraph", language="es")
    assert [(d.origin, d.text, d.language) for d in by_paragraph] == [
        ("a.html#1", "Os rios & o mar", "spa_Latn"),
        ("a.html#2", first, "spa_Latn"),
        ("a.html#3", second, "spa_Latn"),
    ]


@pytest.mark.parametrize(
    ("declaration", "codec"),
    [
        ('<meta charset="shift_jis">', "shift_jis"),
        ('<meta http-equiv="Content-Type" content="text/html; charset=euc-jp">', "euc_jp"),
        ('<?xml version="1.0" encoding="utf-16"?>', "utf-16"),
        ("", "utf-8"),
    ],
)
def test_html_declares_its_encoding(tmp_path: Path, declaration: str, codec: str) -> None:
    page = f"{declaration}<html><body><p>東京は日本の首都である。</p></body></html>"
    assert read_bytes(tmp_path, "a.html", page.encode(codec))[0][0].text == "東京は日本の首都である。"
    assert read_bytes(tmp_path, "a.html", page.encode("cp932"), encoding="cp932")[0][0].text.startswith(
        "東京"
    )


def test_bad_html_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_bytes(tmp_path, "a.html", b"<p>caf\xe9</p>")[1][0].reason == "invalid_bytes"
    assert (
        read_bytes(tmp_path, "a.html", b"<p>caf\xe9</p>", invalid_bytes="replace")[0][0].text == "caf\ufffd"
    )
    assert read_bytes(tmp_path, "a.html", bytes(range(256)) * 99)[1][0].reason == "binary"
    assert read_bytes(tmp_path, "a.html", "<p></p>")[1][0].reason == "empty"
    monkeypatch.setattr(html, "MAX_TAGS", 1000)
    assert read_bytes(tmp_path, "a.html", "<b>" * 1001)[1][0].reason == "too_complex"


def test_deep_html_takes_linear_time() -> None:
    began = time.process_time()
    assert html_text("<div>" * 100_000 + "deep")[0] == "deep"
    assert html_text(("<p>x<li>y<td>z" * 20_000) + "end")[0].endswith("end")
    assert time.process_time() - began < 10


FORMATS = "".join(f"<b id={i}>" for i in range(900))


@pytest.mark.parametrize(
    "page",
    [
        f"<p>{FORMATS}{'<p>x' * 900}",
        f"<p>{FORMATS}<!--{'</b>' * 900}-->{'<p>x' * 900}",
        f"<p>{FORMATS}<table><td>{'</b>' * 900}</table>{'<p>x' * 900}",
        f"<p>{FORMATS}<p title='{'></b' * 900}>'>{'<p>x' * 900}",
        f"{'<div>' * 900}{FORMATS.replace('>', ' c=<>')}{'</div>x' * 900}",
        f"<p {' '.join(f'a{i}' for i in range(3000))}>x",
        f"<script>'<b a='</script><p {' '.join(f'a{i}' for i in range(3000))}>x",
    ],
)
def test_pages_whose_trees_grow_without_bounds_are_refused(tmp_path: Path, page: str) -> None:
    documents, (refusal,) = read_bytes(tmp_path, "a.html", page)
    assert (documents, refusal.reason) == ([], "too_complex")


@pytest.mark.parametrize(
    "page",
    [
        "<p><b id=1>x</b> <font color='red'>y<a href=z>z</a></font><a name=a><i>" * 3000,
        FORMATS.replace(">", ">x</b><p>"),
        f"<p>x<img src='data:image/png;base64,{'A/b+' * 50_000}'>",
    ],
)
def test_ordinary_pages_are_not_too_complex(page: str) -> None:
    assert html.page_fault(page) is None


@pytest.mark.parametrize("declared", ["idna", "raw_unicode_escape", "hex", "undefined"])
def test_pages_cannot_declare_codecs_of_no_text(tmp_path: Path, declared: str) -> None:
    page = rf"<meta charset={declared}><p>déjà \ud800</p>"
    assert read_bytes(tmp_path, "a.html", page)[0][0].text == r"déjà \ud800"
    assert html.page_fault("<p>\ud800")[0] == "invalid_bytes"


DOCBOOK = """<?xml version="1.0"?>
<!DOCTYPE book PUBLIC "-//OASIS//DTD DocBook XML V4.5//EN" "http://www.oasis-open.org/docbookx.dtd" [
<!ENTITY product "Fluss &#169;"> <!ENTITY chapter SYSTEM "file:///etc/passwd"> <!ENTITY % x SYSTEM "x.mod"> %x; ]>
<book xml:lang="de"><bookinfo><title>Titel</title><author>Wer</author></bookinfo>
<chapter><para>Das <emphasis>ist</emphasis>
 &product;&nbsp;7 &amp; &chapter;&unknown;mehr.<indexterm><primary>no</primary></indexterm></para>
<itemizedlist><listitem><para>eins</para></listitem><listitem>zwei</listitem></itemizedlist>
<programlisting>no</programlisting><para>Strg mit <keycombo><keycap>Alt</keycap><keycap>F4</keycap></keycombo></para>
<row><entry>a</entry><entry><para>b</para></entry></row></chapter></book>"""


def test_xml_paragraphs(tmp_path: Path) -> None:
    documents, _ = read_bytes(tmp_path, "a.xml", DOCBOOK)
    lines = ["Titel", "Das ist Fluss ©\xa07 & mehr.", "eins", "zwei", "Strg mit Alt+F4", "a b"]
    assert documents == [Document("\n\n".join(lines), "deu_Latn", "general", None, "a.xml")]
    assert [d.text for d in read_bytes(tmp_path, "a.xml", DOCBOOK, document="paragraph")[0]] == lines


def test_xml_elements_of_unknown_names(tmp_path: Path) -> None:
    text = "<r><i>one</i><i>two</i><x>three <b>bold</b> <c><d>word</d></c></x><y><b>Bold</b> first</y></r>"
    documents, _ = read_bytes(tmp_path, "a.xml", text)
    assert documents[0].text.split("\n\n") == ["one", "two", "three bold word", "Bold first"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "shift_jis"])
def test_xml_encodings(tmp_path: Path, encoding: str) -> None:
    name = "shift_jis" if encoding == "shift_jis" else "utf-8"
    content = f'<?xml version="1.0" encoding="{name}"?><a>東京</a>'.encode(encoding)
    assert read_bytes(tmp_path, "a.xml", content)[0][0].text == "東京"


LAUGHS = "".join(f'<!ENTITY l{i + 1} "{f"&l{i};" * 10}">' for i in range(9))


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (f'<!DOCTYPE a [<!ENTITY l0 "lol">{LAUGHS}]><a>&l9;</a>', "declares entity 'l1'"),
        (f'<!DOCTYPE a [<!ENTITY l "{"x" * 5000}">]><a>{"&l;" * 5000}</a>', "declares entity 'l'"),
        ('<!DOCTYPE a [<!ENTITY l "&#38;m;"><!ENTITY m "x">]><a>&l;</a>', "declares entity 'l'"),
        ("<a>" * 300, "nested deeper than 250"),
        (f'<a b="{"x" * 5_000_000}"/>', "a tag or comment of more than"),
        (f"<a><!--{'x' * 5_000_000}--></a>", "a tag or comment of more than"),
        ("<a>open", "not well-formed"),
        (b"<a>caf\xe9</a>", "not valid utf-8"),
        ("", "not well-formed"),
    ],
)
def test_hostile_xml_is_refused(tmp_path: Path, content: str | bytes, detail: str) -> None:
    began = time.process_time()
    documents, (refusal,) = read_bytes(tmp_path, "a.xml", content)
    assert (documents, refusal.reason) == ([], "bad_xml")
    assert detail in refusal.detail
    assert time.process_time() - began < 5


def test_xml_that_expands_beyond_a_document_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xml, "MAX_DOCUMENT_BYTES", 10_000)
    content = f'<!DOCTYPE a [<!ENTITY a "{"b" * 200}">]><a>{"&a;" * 60}</a>'
    documents, (refusal,) = read_bytes(tmp_path, "a.xml", content)
    assert (documents, refusal.reason) == ([], "too_large")


def test_many_references_to_a_short_entity_stay_bounded() -> None:
    assert xml_events.MAX_ENTITY_CHARACTERS * xml_events.MAX_TOKEN_BYTES < 2**30


MAN = r""".\" comment
'\" t
.TH LS 1 "no"
.de XX
no
..
.ds Na Fluss
.SH "NAME"
ls \- list \fBfiles\fP \(co \[u00E9]\['e] \*(Na \*[Na]\" no
.if t no
.if n yes
.ie t \{\
no
.\}
.el also
.SH
DESCRIPTION
First line
of a \f(CWparagraph\fR\c
, glued.
.PP
.BR ls (1),
.I "two words"
.TP
.BI \-a " FILE"
Do not ignore.
.IP \(bu 2
Point.
.IP tag
Item.
.TS
no
.TE
.EX
no
.EE
.nf
kept  line
  as is
.fi
See
.UR https://example.org
the site
.UE .
.UR https://bare.example
.UE
Ends with a \
continued line.
.so man1/other.1
"""


def test_man_page() -> None:
    assert man_text(MAN).split("\n\n") == [
        "NAME",
        "ls - list files © éé Fluss Fluss yes also",
        "DESCRIPTION",
        "First line of a paragraph, glued.",
        "ls(1), two words",
        "-a FILE\nDo not ignore.",
        "Point.",
        "tag\nItem.",
        "kept  line\nas is\nSee the site. https://bare.example Ends with a continued line.",
    ]


def test_lines_of_languages_without_spaces_are_joined_without_one() -> None:
    assert man_text("これは\n文です。 GNU\n版。\n\n한국어\n문장") == "これは文です。 GNU 版。\n\n한국어 문장"


MDOC = r""".Dd May 1, 2024
.Dt LS 1
.Os
.Sh NAME
.Nm ls
.Nd list files
.Sh SYNOPSIS
.Nm
.Op Fl a Ar dir
.Sh DESCRIPTION
Use
.Nm ,
or
.Xr dir 1 .
.Bl -tag -width indent
.It Fl a Ar file
All of
.Dq them .
.It Pa /etc
A place.
.El
.Bd -literal
no
.Ed
.Pp
Last.
"""


def test_mdoc_page() -> None:
    assert man_text(MDOC).split("\n\n") == [
        "NAME",
        "ls — list files",
        "SYNOPSIS",
        "ls [-a dir]",
        "DESCRIPTION",
        "Use ls, or dir(1).",
        "-a file\nAll of “them”.",
        "/etc\nA place.",
        "Last.",
    ]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("Fl a Ns Ar x", "-ax"),
        ("Op Fl Ar port", "[-port]"),
        ("Oo Ar user @ Oc Ns Ar host", "[user @]host"),
        ("Bx 4.2 .", "4.2BSD."),
        ("Pf ( Ar x )", "(x)"),
        ("Pq Xr a 1 , Xr b 2 .", "(a(1), b(2))."),
        ('Em "two words" ,', "two words,"),
        ("Ar", "file ..."),
        ("Nm", "prog"),
    ],
)
def test_mdoc_lines(line: str, text: str) -> None:
    macro, *words = arguments(line)
    assert inline_text(macro, words, "prog") == text


@pytest.mark.parametrize(
    ("roff", "text"),
    [
        (r"a\-b \fIx\fR \s-1SMALL\s0 \s+(10y", "a-b x SMALL y"),
        (r"\(lqquoted\(rq \(aq \[char228] \[u0041_0301] \N'233' \C'bu'", "“quoted” ' ä Á é •"),
        (r"\h'2n'a\v'-1'b\w'xx'c\k(xxd\n[reg]\n(ab\n+xe\$1", "abcde"),
        (r"\&.x \e \\ \~ \0 a\/b\,c\%d\:e", r".x \ \     abcde"),
        (r"\o'ab' \z_a \m[red]x\m[]", "ab _a x"),
        ("\\", ""),
        (r"\*(undefined \[none] \u00e9", "defined  00e9"),
    ],
)
def test_roff_escapes(roff: str, text: str) -> None:
    assert plain_text(roff, {}) == text


def test_roff_comments_and_strings_of_strings() -> None:
    assert without_comment(r'a \\" b \" c') == r'a \\" b '
    assert man_text(".ds a x\\*a\n.ds b \\*a\\*a\\(co\n.ds c " + "\\*b" * 99 + "\n\\*a \\*b\\*c") == "x xx©"


@pytest.mark.parametrize(
    "piece",
    [
        "\\",
        "\\f[",
        "\\*[",
        ".if n \\{",
        '.B "',
        "\\o'",
        "'",
        ".de x\n",
        ".ie n x\n",
        "\\[",
        ".It ",
        '.BR "',
        "a\\\n",
        ".TP\n",
    ],
)
def test_hostile_manual_pages_take_linear_time(piece: str) -> None:
    began = time.process_time()
    man_text(piece * (300_000 // len(piece)))
    man_text(f".B {piece * (300_000 // len(piece))}")
    assert time.process_time() - began < 8


def test_long_paragraphs_of_manual_pages_take_linear_time() -> None:
    began = time.process_time()
    assert len(man_text("a\n" * 400_000)) == 799_999
    assert man_text(".nf\n" + "a\n.UR b\n.UE\n" * 20_000).count("b") == 20_000
    assert time.process_time() - began < 4


def test_manual_pages_by_declared_or_detected_encoding(tmp_path: Path) -> None:
    page = ".SH NOM\nfête \\- où est-ce que les élèves étaient allés à la fête près d'ici\n"
    for encoding in ("cp1252", "detect"):
        documents, _ = read_bytes(
            tmp_path, "a.1", page.encode("cp1252"), encoding=encoding, format="man", language="fr"
        )
        assert documents[0].text.startswith("NOM\n\nfête - où")
    assert read_bytes(tmp_path, "a.1", ".so man1/b.1\n", format="man")[1][0].reason == "empty"
