"""Read YAML and remember where every key stands, so that an error can name the line."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tasks.step import InputError

KeyPath = tuple[str | int, ...]
_TAGS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class ConfigError(InputError):
    """pipelines.yaml (or an override of it) is wrong."""


@dataclass
class Source:
    """Plain data and the 1-based line of every key and list item in it."""

    path: str
    data: Any
    lines: dict[KeyPath, int] = field(default_factory=dict)
    flattened: set[int] = field(default_factory=set)  # ids of mappings whose merge keys are resolved

    def line(self, path: KeyPath) -> int | None:
        """Line of the nearest enclosing key that stands in the file."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.lines:
                return self.lines[path[:end]]
        return None


def read_yaml(path: Path) -> Source:
    """Parse one YAML file with the safe loader.

    `${NAME}` in a string is replaced by the environment variable; nothing else is expanded.
    Raises ConfigError for a missing file, a syntax error, a duplicate key or an unset variable.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); name the file with --config") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text (byte {error.start})") from None
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        source = Source(path=str(path), data=None)
        if node is not None:
            source.data = _build(loader, node, (), source)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise ConfigError(f"{where}: not valid YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not valid YAML: {error}") from None
    finally:
        loader.dispose()
    return source


def _build(loader: yaml.SafeLoader, node: yaml.Node, path: KeyPath, source: Source) -> Any:
    source.lines.setdefault(path, node.start_mark.line + 1)
    if node.tag not in _TAGS and not isinstance(node, yaml.ScalarNode):
        raise ConfigError(f"{source.path}:{node.start_mark.line + 1}: not valid YAML: unknown tag {node.tag}")
    if isinstance(node, yaml.MappingNode):
        if id(node) not in source.flattened:  # an alias shows the same node again
            _check_and_flatten(loader, node, source)
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = loader.construct_object(key_node)
            if not isinstance(key, str):
                line = key_node.start_mark.line + 1
                raise ConfigError(f"{source.path}:{line}: the key {key!r} must be text; put it in quotes")
            source.lines[(*path, key)] = key_node.start_mark.line + 1
            mapping[key] = _build(loader, value_node, (*path, key), source)
        return mapping
    if isinstance(node, yaml.SequenceNode):
        return [_build(loader, item, (*path, i), source) for i, item in enumerate(node.value)]
    value = loader.construct_object(node)
    return _expand(value, f"{source.path}:{node.start_mark.line + 1}") if isinstance(value, str) else value


def _check_and_flatten(loader: yaml.SafeLoader, node: yaml.MappingNode, source: Source) -> None:
    own = {key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)}
    if len(own) != len(node.value):
        raise ConfigError(f"{source.path}:{_repeated_line(node)}: the same key stands twice in one mapping")
    loader.flatten_mapping(node)
    source.flattened.add(id(node))


def _repeated_line(node: yaml.MappingNode) -> int:
    seen: set[str] = set()
    for key, _ in node.value:
        if key.value in seen:
            return int(key.start_mark.line) + 1
        seen.add(key.value)
    return int(node.start_mark.line) + 1


def _expand(text: str, where: str) -> str:
    def value(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            raise ConfigError(f"{where}: the environment variable {match[1]} is not set")
        return os.environ[match[1]]

    return _VARIABLE.sub(value, text)


def apply_override(data: Any, assignment: str) -> None:
    """Apply one `key.path=value` to plain data in place; list items are numbered or named by their `name`.

    The value is read as YAML (`vocab_size=4096`, `languages=[eng_Latn]`).
    """
    key, separator, text = assignment.partition("=")
    if not separator or not key:
        raise ConfigError(f"--set {assignment}: write it as key.path=value")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise ConfigError(f"--set {assignment}: the value is not valid YAML") from None
    *parents, last = key.split(".")
    target = data
    for position, part in enumerate(parents):
        target = _descend(target, part, assignment, ".".join(parents[: position + 1]), create=True)
    if isinstance(target, list):
        target[_item_index(target, last, assignment)] = value
    elif isinstance(target, dict):
        target[last] = value
    else:
        raise ConfigError(f"--set {assignment}: {'.'.join(parents)} is a plain value, it has no key {last}")


def _descend(target: Any, part: str, assignment: str, path: str, create: bool) -> Any:
    if isinstance(target, list):
        return target[_item_index(target, part, assignment)]
    if isinstance(target, dict):
        if create and target.get(part) is None:
            target[part] = {}
        return target[part]
    raise ConfigError(f"--set {assignment}: {path} is a plain value, it has no keys")


def _item_index(items: list[Any], part: str, assignment: str) -> int:
    named = [i for i, item in enumerate(items) if isinstance(item, dict) and item.get("name") == part]
    if named:
        return named[0]
    if part.isdigit() and int(part) < len(items):
        return int(part)
    names = [str(item.get("name", i)) if isinstance(item, dict) else str(i) for i, item in enumerate(items)]
    raise ConfigError(f"--set {assignment}: no item {part}; there are {', '.join(names) or 'none'}")
