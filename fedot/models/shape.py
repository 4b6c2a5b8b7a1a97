"""Settings that all architectures share, and their checks."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

from fedot.errors import FedotError

CHOICES: dict[str, tuple[str, ...]] = {
    "norm": ("rms", "layer"),
    "norm_position": ("pre", "post"),
    "positions": ("learned", "sinusoidal", "rotary"),
    "activation": ("gelu", "relu", "swiglu"),
}
SIZES = ("d_model", "n_layer", "n_head", "d_head", "d_ff", "max_length")
MOST: dict[str, int] = {
    "vocab_size": 2**24,
    "target_vocab_size": 2**24,
    "n_class": 2**16,
    "d_model": 2**16,
    "n_layer": 2**10,
    "n_head": 2**12,
    "d_head": 2**16,
    "d_ff": 2**18,
    "max_length": 2**24,
}
"""The largest sizes that a model may have; they are far above what is trained, and far below what hangs a machine."""

MOST_COMPUTED = 2**26
"""Numbers in a table of sinusoids, (max_length, d_model); rotary positions have no table, but a length of no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Sizes and kinds of a transformer's layers.

    Sinusoidal positions go with embeddings that are multiplied by ``sqrt(d_model)`` (Vaswani et al. 2017,
    section 3.4); rotary ones (Su et al. 2021) act in self-attention; ``swiglu`` is by Shazeer (2020).

    Parameters
    ----------
    vocab_size
        Number of tokens.
    d_model
        Width of the residual stream.
    n_layer
        Number of layers.
    n_head
        Attention heads of a layer.
    d_head
        Channels of a head; in a scenario ``d_model / n_head`` where it is not given.
    d_ff
        Feed-forward neurons of a layer.
    max_length
        Tokens of the longest text; what is longer is cut.
    norm
        RMSNorm or LayerNorm.
    norm_position
        Whether norms stand before each block, or after it.
    positions
        How a token's place is told: a learned table, a table of sinusoids, or a turn of queries and keys.
    activation
        Of the feed-forward neurons.
    dropout
        Share of numbers that are dropped in training.
    """

    vocab_size: int
    d_model: int = 64
    n_layer: int = 2
    n_head: int = 4
    d_head: int = 16
    d_ff: int = 256
    max_length: int = 128
    norm: Literal["rms", "layer"] = "rms"
    norm_position: Literal["pre", "post"] = "pre"
    positions: Literal["learned", "sinusoidal", "rotary"] = "learned"
    activation: Literal["gelu", "relu", "swiglu"] = "gelu"
    dropout: float = 0.1

    @property
    def embedding_scale(self) -> float:
        """What embedding rows are multiplied with."""
        return math.sqrt(self.d_model) if self.positions == "sinusoidal" else 1.0


AnyShape = TypeVar("AnyShape", bound=Shape)


def complete(settings: Mapping[str, object], flags: tuple[str, ...] = ()) -> dict[str, Any]:
    """Check a scenario's `model` settings and complete them; `d_head` is ``d_model / n_head`` unless it is given.

    Parameters
    ----------
    flags
        Settings of the architecture that are true or false.

    Raises
    ------
    FedotError
        Naming the setting that is wrong.
    """
    values: dict[str, Any] = dict(settings)
    for key in SIZES:
        value = values.get(key, 1)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise FedotError(f"model.{key} is {value!r}, but a whole number of at least 1 is needed")
        if value > MOST[key]:
            raise FedotError(f"model.{key} is {value}, but at most {MOST[key]} can be")
    for key, choices in CHOICES.items():
        if values.get(key, choices[0]) not in choices:
            raise FedotError(f"model.{key} is {values[key]!r}, but it can only be {_or(choices)}")
    for key in flags:
        if not isinstance(values.get(key, True), bool):
            raise FedotError(f"model.{key} is {values[key]!r}, but it can only be true or false")
    dropout = values.get("dropout", 0.1)
    if not isinstance(dropout, int | float) or not 0 <= dropout < 1:
        raise FedotError(f"model.dropout is {dropout!r}, but a number from 0 up to 1 is needed")
    d_model, n_head = (values.get(key, Shape.__dataclass_fields__[key].default) for key in ("d_model", "n_head"))
    if "d_head" not in values:
        if d_model % n_head:
            raise FedotError(
                f"model.d_model is {d_model}, which {n_head} heads do not divide; "
                f"choose a multiple of {n_head}, or set model.d_head"
            )
        values["d_head"] = d_model // n_head
    if values.get("positions") == "rotary" and values["d_head"] % 2:
        raise FedotError(
            f"heads have {values['d_head']} channels, but rotary positions turn pairs of them; make model.d_head even"
        )
    return values


def no_classes(name: str, n_class: int) -> None:
    """Refuse to classify with a model that predicts tokens; its number of classes is 0.

    Raises
    ------
    FedotError
        If there are classes.
    """
    if n_class:
        raise FedotError(
            f"model.name is {name}, which predicts tokens, but the task has {n_class} classes; use encoder"
        )


def folded(shape: AnyShape) -> AnyShape:
    """Return the shape of a model in canonical form: pre-norms become RMSNorm, sinusoids a table."""
    return replace(
        shape,
        norm="rms" if shape.norm_position == "pre" else shape.norm,
        positions="learned" if shape.positions == "sinusoidal" else shape.positions,
    )


def keeps_tie(shape: Shape) -> bool:
    """Whether an output layer that is the embedding table stays so: no gain and no factor goes into one of them."""
    return shape.norm_position == "post" and shape.positions != "sinusoidal"


def _or(choices: tuple[str, ...]) -> str:
    return " or ".join((", ".join(choices[:-1]), choices[-1]))
