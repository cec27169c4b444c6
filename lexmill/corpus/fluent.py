"""Fluent `.ftl` catalogs: messages and their attributes, as plain text with placeholders."""

from __future__ import annotations

from collections.abc import Iterator

from fluent.syntax import FluentParser, ast

_MAX_DEPTH = 20
"""Of braces within braces; the parser calls itself for each."""


class FluentError(ValueError):
    """A file that the parser must not see: its placeables are nested too deep."""


def parse_fluent(text: str) -> Iterator[tuple[str, str | None]]:
    """(`message` or `message.attribute`, text) in file order; the text of what cannot be parsed is None.

    Terms (`-brand`) are no messages.  Of select expressions the default variant is taken, of plural forms this is
    usually `other`; variables, references and functions stand as `{name}`.  The syntax is Fluent 1.0.  Raises
    FluentError for text that is nested too deep.
    """
    _check_depth(text)
    try:
        yield from _messages(text)
    except RecursionError:  # calls within calls have no braces
        raise FluentError("its expressions are nested too deep") from None


def _messages(text: str) -> Iterator[tuple[str, str | None]]:
    for entry in FluentParser(with_spans=False).parse(text).body:
        if isinstance(entry, ast.Junk):
            yield "", None
        elif isinstance(entry, ast.Message):
            if entry.value is not None:
                yield entry.id.name, _pattern(entry.value)
            for attribute in entry.attributes:
                yield f"{entry.id.name}.{attribute.id.name}", _pattern(attribute.value)


def _check_depth(text: str) -> None:
    depth = 0
    for line in text.split("\n"):
        if line[:1].strip() not in ("", "{", "}", "*", "["):  # a new entry; damage does not reach beyond it
            depth = 0
        for character in line:
            depth = max(depth + (character == "{") - (character == "}"), 0)
            if depth > _MAX_DEPTH:
                raise FluentError(f"braces are nested deeper than {_MAX_DEPTH}")


def _pattern(pattern: ast.Pattern) -> str:
    return "".join(
        element.value if isinstance(element, ast.TextElement) else _expression(element.expression)
        for element in pattern.elements
    )


def _expression(expression: object) -> str:
    """A placeable as text: the default variant, a literal, or the name of what stands there."""
    while isinstance(expression, ast.Placeable):
        expression = expression.expression
    if isinstance(expression, ast.SelectExpression):
        return _pattern(next(variant.value for variant in expression.variants if variant.default))
    if isinstance(expression, ast.StringLiteral):
        return str(expression.parse()["value"])
    if isinstance(expression, ast.NumberLiteral):
        return str(expression.value)
    name = expression.id.name if hasattr(expression, "id") else ""
    return f"{{-{name}}}" if isinstance(expression, ast.TermReference) else f"{{{name}}}"
