"""Lines of mdoc macros (mdoc(7)) as plain text."""

from __future__ import annotations

import re

_ARGUMENT = re.compile(r'"((?:[^"]|"")*)(?:"|$)|((?:[^\s\\]|\\.)+)', re.S)
_CLOSING = frozenset(".,:;)]?!")
_OPENING = frozenset("([")
_ENCLOSING = {
    "Op": "[]", "Dq": "“”", "Sq": "‘’", "Ql": "‘’", "Qq": '""', "Pq": "()", "Bq": "[]", "Brq": "{}", "Aq": "<>",
}  # fmt: skip
_OPEN = {"Oo": "[", "Do": "“", "So": "‘", "Qo": '"', "Po": "(", "Bo": "[", "Bro": "{", "Ao": "<"}
_CLOSE = {"Oc": "]", "Dc": "”", "Sc": "’", "Qc": '"', "Pc": ")", "Bc": "]", "Brc": "}", "Ac": ">"}
_NAMES = {
    "Ux": "UNIX", "Fx": "FreeBSD", "Nx": "NetBSD", "Ox": "OpenBSD", "Dx": "DragonFly", "At": "AT&T UNIX",
}  # fmt: skip
_PLAIN = frozenset(
    ("Ar", "Cm", "Ic", "Pa", "Em", "Sy", "Li", "Ev", "Va", "Vt", "Fa", "Dv", "Er", "Ad", "Tn", "Ms", "No", "Nm", "Sx",
     "An", "Mt", "Ft", "Fn", "In", "St", "Cd", "Fd", "Lb", "Fr", "Bf", "Ef", "%A", "%B", "%C", "%D", "%I", "%J", "%N",
     "%O", "%P", "%Q", "%R", "%T", "%U", "%V")
)  # fmt: skip
_SILENT = frozenset(
    ("Bx", "Ta", "Xo", "Xc", "Bk", "Ek", "Ns", "Pf", "Ap", "Sm", "Fo", "Fc", "Eo", "Ec", "Lk", "Xr", "Fl")
)
CALLABLE = _PLAIN | _SILENT | frozenset((*_ENCLOSING, *_OPEN, *_CLOSE, *_NAMES))
"""Macros that stand in sentences, and may be called in the line of another."""


def arguments(line: str) -> list[str]:
    """Arguments of a macro: words, or what stands in double quotes (where two are one)."""
    return [
        quoted.replace('""', '"') if match[0].startswith('"') else word
        for match in _ARGUMENT.finditer(line)
        for quoted, word in [match.groups(default="")]
    ]


def inline_text(macro: str, words: list[str], page: str) -> str:
    """Text of an inline macro with its arguments; `page` stands for a bare `.Nm`."""
    pieces: list[str] = []
    pending: list[str] = []  # closing marks of the enclosures that end with the line
    tight = False  # the next piece follows without a space
    current = macro
    queue = [macro, *words]
    for index, word in enumerate(queue):
        follows = queue[index + 1] if index + 1 < len(queue) else ""
        bare = not follows or follows in CALLABLE or follows in _CLOSING
        if index == 0 or word in CALLABLE:
            current = word
            text = ""
            if word in _ENCLOSING:
                text = _ENCLOSING[word][0]
                pending.append(_ENCLOSING[word][1])
            elif word in _OPEN or word in _CLOSE or word in _NAMES:
                text = _OPEN.get(word) or _CLOSE.get(word) or _NAMES[word]
            elif word == "Fl" and bare:
                text = "-"
            elif word == "Ar" and bare:
                text = "file ..."
            elif word == "Nm" and bare:
                text = page
            elif word == "Ta":
                text = "\t"
            elif word == "Ap":
                text, tight = "'", True
            elif word == "Bx" and bare:
                text = "BSD"
            elif word == "Ns":
                tight = True
            if text:
                _append(pieces, text, tight or word in _CLOSE)
                tight = (
                    word in _ENCLOSING
                    or word in _OPEN
                    or word == "Ap"
                    or (word == "Fl" and follows in CALLABLE)
                )
            continue
        is_mark = word in _CLOSING
        if current == "Bx" and not is_mark:
            word = f"{word}BSD" if queue[index - 1] == "Bx" else word
        if current == "Fl" and not is_mark and word != "|":
            word = f"-{word}"
        elif current == "Xr" and pieces and not is_mark and queue[index - 2] == "Xr":
            word, tight = f"({word})", True
        if is_mark and index == len(queue) - 1:
            while pending:
                _append(pieces, pending.pop(), True)
        _append(pieces, word, tight or is_mark)
        tight = word in _OPENING or (current == "Pf" and queue[index - 1] == "Pf")
    while pending:
        _append(pieces, pending.pop(), True)
    return "".join(pieces)


def _append(pieces: list[str], text: str, tight: bool) -> None:
    if pieces and not tight:
        pieces.append(" ")
    pieces.append(text)
