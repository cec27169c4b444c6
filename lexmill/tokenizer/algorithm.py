"""What the registry knows about an algorithm."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any, Literal

from lexmill.tokenizer.params import TrainerSpec

Export = Literal["exact", "approximate", "none"]


@dataclass(frozen=True)
class Algorithm:
    """One way to train a tokenizer.

    `trainer`: `module:function` of `(TrainingData, spec) -> Learned`; `encoder`: name in `encoders.load.ENCODERS` of
    what encodes exactly as the method does; `export`: how `tokenizer.json` relates to it (`exact`: the same ids for
    every text; `approximate`: other ids for some words, measured; `none`: the file loads, but does not encode by the
    method); `paper`: where the method is from; `summary`: one line; `lossy`: why texts may not come back from
    decoding, where the method itself loses something ("": every text comes back).
    """

    spec: type[TrainerSpec]
    trainer: str
    encoder: str
    export: Export
    paper: str
    summary: str
    lossy: str = ""

    @property
    def name(self) -> str:
        """The value of `algorithm` in `pipelines.yaml`."""
        return str(self.spec.model_fields["algorithm"].annotation.__args__[0])  # type: ignore[union-attr]

    def train_function(self) -> Any:
        """Import the trainer, which is heavy."""
        module, _, function = self.trainer.partition(":")
        return getattr(importlib.import_module(module), function)
