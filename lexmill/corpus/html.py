"""Reader of HTML pages: their main text, with paragraphs parted by empty lines."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLTree

from lexmill.corpus.encoding import document_encoding
from lexmill.corpus.languages import UnknownLanguageError, language_label
from lexmill.corpus.members import Member, readable
from lexmill.corpus.params import CorpusParams
from lexmill.corpus.plain import MAX_DOCUMENT_BYTES, decoded, extracted
from lexmill.corpus.schema import Document, Refusal

MAX_TAGS = 500_000
"""Pages with more are refused: the tree takes about 700 bytes a tag."""
MAX_MAIN_DEPTH = 1000
"""Deeper pages are taken whole: to tell the main text takes time quadratic in the depth."""
MAX_REOPENED = 500_000
"""Pages with more are refused: elements that a parser opens again in block after block, as nothing closed them."""
MAX_ATTRIBUTES = 2000
"""Of one tag; pages with more are refused, because the parser compares each with each."""
_UNSUSPICIOUS_TAGS = 2000
_MIN_MAIN_SHARE = 0.1
"""Of a page's text: less is no main text, as on indexes and title pages, and then all of it is taken."""
_SKIPPED = ["pre.programlisting", "pre.screen", "pre.synopsis", "math", "svg"]
# What DocBook's stylesheets mark so within sentences is no navigation, though its class sounds like it.
_INLINE = "code.email, a.email"
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_WHITE = r"[ \t\n\f\r]"
_ATTRIBUTE = re.compile(
    r"[ \t\n\f\r/]*+(?:=[^ \t\n\f\r/>=]*+|[^ \t\n\f\r/>=]++)"
    rf"(?:{_WHITE}*+={_WHITE}*+(?:\"[^\"]*+\"|'[^']*+'|[^ \t\n\f\r>\"'][^ \t\n\f\r>]*+)?+)?+"
)
_TAG_START = re.compile(r"<[a-z][^ \t\n\f\r/>]*+", re.I)
_FEW_ATTRIBUTES = re.compile(rf"(?:{_ATTRIBUTE.pattern}){{0,30}}+[ \t\n\f\r/]*+>")
# Elements that a parser opens again (HTML standard, "The list of active formatting elements"), and those in which an
# end tag does not reach them or is no tag.
_FORMATTING = frozenset(
    ("a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u")
)
_FORMATTING_TAG = re.compile(rf"<(?:{'|'.join(sorted(_FORMATTING))})(?![^ \t\n\f\r/>])", re.I)
_BARRIERS = frozenset(
    ("annotation-xml", "applet", "caption", "desc", "foreignobject", "frameset", "html", "iframe", "marquee", "math",
     "mi", "mn", "mo", "ms", "mtext", "noembed", "noframes", "noscript", "object", "plaintext", "script", "select",
     "style", "svg", "table", "td", "template", "textarea", "th", "title", "xmp")
)  # fmt: skip
_NO_BLOCKS = _FORMATTING.union(
    ("abbr", "br", "cite", "del", "hr", "img", "input", "ins", "kbd", "label", "mark", "q", "samp", "span", "sub",
     "sup", "var", "wbr")
)  # fmt: skip
_ADOPTED_BLOCKS = 8  # in as many the standard looks for the end of a formatting element
_ANY_TAG = re.compile(r"<(/?)([a-z][^ \t\n\f\r/>]*+)|<(?!!--[^<>]*+-->)[!?/]", re.I)
_PLAIN_REST = re.compile(
    rf"(?:(?:{_WHITE}++|(?<=[\"']))[^ \t\n\f\r\"'<>/=]++"
    rf"(?:{_WHITE}*+={_WHITE}*+(?:\"[^\"<]*+\"|'[^'<]*+'|[^ \t\n\f\r\"'<>=`]++))?+)*+{_WHITE}*+/?>"
)
_NESTING = re.compile(r"<(/?)(?!(?:p|li|dt|dd|tr|td|th|br|hr|img|meta|link|input|option|tbody)\b)[a-z]", re.I)


def read_html(member: Member, params: CorpusParams) -> Iterator[Document | Refusal]:
    """The main text of an HTML file, without navigation, in documents by `params.document`.

    The encoding is the file's own (byte-order mark or declaration) unless `encoding` is set to another than UTF-8;
    the language that of `<html lang>` where none is declared otherwise.
    """
    with readable(member) as handle:
        raw = handle.read(MAX_DOCUMENT_BYTES + 1)
    text = decoded_document(raw, member, params)
    if isinstance(text, Refusal):
        yield text
        return
    if fault := page_fault(text):
        yield Refusal(*fault, member.name, len(raw), member.language, member.domain)
        return
    plain, language = html_text(text)
    yield from extracted(plain, member.language or language, member, params)


def decoded_document(raw: bytes, member: Member, params: CorpusParams) -> str | Refusal:
    """Text of a marked-up document that may declare its encoding itself, or why there is none."""
    codec = document_encoding(raw, params)
    if codec is None:
        detail = "its control characters say that it is no text"
        return Refusal("binary", detail, member.name, len(raw), member.language, member.domain)
    return decoded(raw, params.model_copy(update={"encoding": codec}), member.name, member.language)


def html_text(page: str) -> tuple[str, str | None]:
    """(main text, language label of `<html lang>` or None) of a page.

    By resiliparse (Bevendorff et al. 2018, "Elastic ChatNoir"); blocks become lines, and headings, paragraphs and lists
    are parted by empty lines.
    """
    tree = HTMLTree.parse(page)
    for node in tree.document.query_selector_all(_INLINE) if tree.document else ():
        del node["class"]
    text = _extracted(tree, main=True) if _is_shallow(page) else ""
    if len(text) < _MIN_MAIN_SHARE * len(page):  # else it is that share of the text all the more
        whole = _extracted(tree, main=False)
        text = text if len(text) >= _MIN_MAIN_SHARE * len(whole) and text else whole
    return text, _declared_language(tree)


def page_fault(page: str) -> tuple[str, str] | None:
    """(reason, detail) of a page that must not be parsed: its tree would take too long or too much memory, or None."""
    if page.count("<") > MAX_TAGS:
        return "too_complex", f"more than {MAX_TAGS:,} tags"
    if _is_crowded(page):
        return "too_complex", f"a tag of more than {MAX_ATTRIBUTES:,} attributes"
    if _is_reopened_often(page):
        return "too_complex", f"more than {MAX_REOPENED:,} elements that nothing closed are opened again"
    return ("invalid_bytes", "it holds lone surrogates") if _SURROGATE.search(page) else None


def _is_crowded(page: str) -> bool:
    """Whether a tag may have more than `MAX_ATTRIBUTES`; a `<` in a tag or script is looked at as a tag as well."""
    seen: set[int] = set()  # ends of attributes: what follows was counted from a tag before
    reached = 0
    for tag in _TAG_START.finditer(page):
        place, found = tag.end(), 0
        if tag.start() > reached:
            seen.clear()
        if _FEW_ATTRIBUTES.match(page, place):
            continue
        while place not in seen and (attribute := _ATTRIBUTE.match(page, place)):
            seen.add(place)
            place, found = attribute.end(), found + 1
            if found > MAX_ATTRIBUTES:
                return True
        reached = max(reached, place)
    return False


def _is_reopened_often(page: str) -> bool:
    """Whether the parser might open formatting elements again more than `MAX_REOPENED` times.

    It does so after any tag that closed the block around them.  What cannot be told without parsing counts as not
    closed: a `</b>` far from its `<b>`, or after a tag that may be part of a script or of an attribute.
    """
    if len(_FORMATTING_TAG.findall(page)) * page.count("<") <= MAX_REOPENED:
        return False
    unclosed: Counter[str] = Counter()
    opened: dict[str, list[tuple[str, int]]] = {}  # since the last barrier, with the count of blocks before
    active = reopened = blocks = 0
    for tag in _ANY_TAG.finditer(page):
        name = (tag[2] or "").lower()
        rest = _PLAIN_REST.match(page, tag.end()) if name else None
        if rest is None or name in _BARRIERS:
            opened.clear()
        if name not in _FORMATTING or tag[1]:
            blocks += name not in _NO_BLOCKS
            reopened += active
            if rest and (others := opened.get(name)):
                kind, place = others.pop()
                if blocks - place <= _ADOPTED_BLOCKS:
                    active -= unclosed[kind] <= _kept(name)
                    unclosed[kind] -= 1
        else:
            kind = page[tag.start() : rest.end()] if rest else f"<{tag.start()}"
            kind = name if name == "a" else kind
            unclosed[kind] += 1
            active += unclosed[kind] <= _kept(name)
            if rest:
                opened.setdefault(name, []).append((kind, blocks))
        if reopened > MAX_REOPENED:
            return True
    return False


def _kept(name: str) -> int:
    """As many elements of one name and the same attributes are opened again."""
    return 1 if name == "a" else 3


def _extracted(tree: HTMLTree, main: bool) -> str:
    text = extract_plain_text(
        tree,
        preserve_formatting=True,
        main_content=main,
        list_bullets=False,
        alt_texts=False,
        skip_elements=_SKIPPED,
    )
    lines = (line.strip() for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _is_shallow(page: str) -> bool:
    """Whether no tag stands deeper than `MAX_MAIN_DEPTH`; tags that close by themselves are not counted."""
    if page.count("<") < _UNSUSPICIOUS_TAGS:
        return True
    depth = 0
    for tag in _NESTING.finditer(page):
        depth = max(depth - 1, 0) if tag[1] else depth + 1
        if depth > MAX_MAIN_DEPTH:
            return False
    return True


def _declared_language(tree: HTMLTree) -> str | None:
    root = tree.document.query_selector("html") if tree.document else None
    code = (root.getattr("lang") or root.getattr("xml:lang") or "") if root else ""
    try:
        return language_label(code) if code.strip() else None
    except UnknownLanguageError:
        return None
