"""The registry of algorithms, and the type of one entry of `tokenizers` in `pipelines.yaml`."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Union

from pydantic import Discriminator, Tag, TypeAdapter

from lexmill.tokenizer.algorithm import Algorithm
from lexmill.tokenizer.params import TrainerSpec
from lexmill.tokenizer.specs import (
    bpe,
    domain,
    library,
    parity,
    refined,
    script,
    superwords,
    vocabulary,
)

ALGORITHMS: dict[str, Algorithm] = {
    algorithm.name: algorithm
    for algorithm in (
        *bpe.ALGORITHMS,
        *refined.ALGORITHMS,
        *vocabulary.ALGORITHMS,
        *superwords.ALGORITHMS,
        *domain.ALGORITHMS,
        *library.ALGORITHMS,
        *parity.ALGORITHMS,
        *script.ALGORITHMS,
    )
}  # fmt: skip
DEFAULT = "bpe"


def algorithm_of(spec: TrainerSpec) -> Algorithm:
    """The registry's entry of a spec."""
    return ALGORITHMS[spec.algorithm_name]


def unknown_algorithm(name: str) -> str:
    """What to tell a user who named an algorithm that is not there."""
    close = difflib.get_close_matches(name, ALGORITHMS, n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}?" if close else f"expected one of: {', '.join(ALGORITHMS)}"
    return f"there is no algorithm {name!r}; {hint}"


def _algorithm_named(value: Any) -> str:
    """The tag of a spec or of the mapping it is made from; `bpe` where none is given."""
    found = value.get("algorithm", DEFAULT) if isinstance(value, Mapping) else getattr(value, "algorithm", "")
    return found if isinstance(found, str) else ""


if TYPE_CHECKING:
    AnySpec = TrainerSpec
else:
    AnySpec = Annotated[
        Union[tuple(Annotated[a.spec, Tag(f"[{name}]")] for name, a in ALGORITHMS.items())],  # noqa: UP007
        Discriminator(
            lambda value: f"[{_algorithm_named(value)}]",
            custom_error_type="unknown_algorithm",
            custom_error_message=f"there is no such algorithm; expected one of: {', '.join(ALGORITHMS)}",
        ),
    ]

_ADAPTER: TypeAdapter[TrainerSpec] = TypeAdapter(AnySpec)


def parse_spec(value: Mapping[str, Any]) -> TrainerSpec:
    """The checked spec of a mapping; `algorithm` defaults to bpe.  Raises pydantic.ValidationError."""
    return _ADAPTER.validate_python(dict(value))
