"""Reader of HTML pages: their main text, with paragraphs parted by empty lines."""

from __future__ import annotations

import re
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
_UNSUSPICIOUS_TAGS = 2000
_MIN_MAIN_SHARE = 0.1
"""Of a page's text: less is no main text, as on indexes and title pages, and then all of it is taken."""
_SKIPPED = ["pre.programlisting", "pre.screen", "pre.synopsis", "math", "svg"]
# What DocBook's stylesheets mark so within sentences is no navigation, though its class sounds like it.
_INLINE = "code.email, a.email"
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
    if text.count("<") > MAX_TAGS:
        detail = f"more than {MAX_TAGS:,} tags"
        yield Refusal("too_complex", detail, member.name, len(raw), member.language, member.domain)
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
