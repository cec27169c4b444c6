"""Open the exact encoder of a stored tokenizer."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lexmill.tokenizer.encoders.encoder import Encoder

# name -> `module:function` of (folder of the tokenizer's files, its lexmill.json) -> Encoder
ENCODERS: dict[str, str] = {
    "merges": "lexmill.tokenizer.encoders.merges:load",
    "dropout": "lexmill.tokenizer.encoders.merges:load_dropout",
    "longest_prefix": "lexmill.tokenizer.encoders.vocabulary:load",
    "longest_suffix": "lexmill.tokenizer.encoders.vocabulary:load",
    "longest_token": "lexmill.tokenizer.encoders.vocabulary:load",
    "fewest_tokens": "lexmill.tokenizer.encoders.vocabulary:load",
    "likelihood": "lexmill.tokenizer.encoders.vocabulary:load",
    "boundless": "lexmill.tokenizer.encoders.boundless:load",
    "patches": "lexmill.tokenizer.encoders.patches:load",
    "events": "lexmill.tokenizer.encoders.events:load",
    "wordpiece": "lexmill.tokenizer.encoders.wordpiece:load",
    "added_tokens": "lexmill.tokenizer.encoders.added_tokens:load",
    "script": "lexmill.tokenizer.encoders.script:load",
    "splinter": "lexmill.tokenizer.encoders.splinter:load",
}


def load_encoder(folder: Path) -> Encoder:
    """The encoder that `lexmill.json` in `folder` names.

    Raises ValueError when the file is missing or names an encoder that is not there.
    """
    path = folder / "lexmill.json"
    if not path.is_file():
        raise ValueError(f"{path} does not exist: give the folder of a tokenizer that Lexmill trained")
    identity: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    name = identity.get("encoder", {}).get("name") if isinstance(identity.get("encoder"), dict) else None
    if name not in ENCODERS:
        raise ValueError(f"{path} names the encoder {name!r}; known are: {', '.join(ENCODERS)}")
    module, _, function = ENCODERS[name].partition(":")
    load: Callable[[Path, Mapping[str, Any]], Encoder] = getattr(importlib.import_module(module), function)
    return load(folder, identity)


def cutting(identity: Mapping[str, Any]) -> tuple[str, str]:
    """(pre-tokenizer: name or pattern, normaliser) of a tokenizer's lexmill.json."""
    label = str(identity["pretokenizer"]["name"])
    pattern = str(identity["pretokenizer"]["pattern"])
    return (pattern if label.startswith("regex") else label), str(identity["normalizer"])
