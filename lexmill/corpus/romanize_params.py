"""Parameters of the romanised view of documents."""

from __future__ import annotations

from lexmill.corpus.fields import Params
from lexmill.corpus.params import Language


class RomanizationParams(Params):
    """A derived view of the documents in Latin letters; the documents stay as they are."""

    languages: tuple[Language, ...] | None = None
    """Only documents of these; all human languages not written in Latin letters when absent."""
