"""Where downloads lie that outlive runs and warehouses."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """`LEXMILL_CACHE`, else `lexmill` in the user's cache folder; made when it is missing."""
    base = os.environ.get("LEXMILL_CACHE")
    folder = (
        Path(base) if base else Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "lexmill"
    )
    folder.mkdir(parents=True, exist_ok=True)
    return folder
