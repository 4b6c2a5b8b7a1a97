"""What a configuration from outside may say, checked before any module is built of it.

A module costs time for every layer and memory for every number, even in outline. So each setting is held against its
type and a bound, and then, where the tensors are known, against these: every size must be that of one of their axes,
and there cannot be more layers or more numbers than they have room for. What no tensor shows, the length of computed
positions, has a bound of its own.
"""

import math
from collections.abc import Mapping
from functools import lru_cache
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import torch

from fedot.errors import FedotError
from fedot.models.build import Config, architecture
from fedot.models.pretrained.pretrained_config import PretrainedConfig, check_pretrained
from fedot.models.shape import MOST, MOST_COMPUTED, Shape
from fedot.text.outside import printable

TENSORS_PER_LAYER = 12
"""At least: weight and bias of four projections and two feed-forward maps."""


def check_settings(config: Shape | PretrainedConfig) -> None:
    """Refuse a configuration of which some setting has the wrong type, is unknown, or no sensible size.

    Parameters
    ----------
    config
        Of any architecture.

    Raises
    ------
    FedotError
        Saying which one; the text begins with "its configuration".

    Examples
    --------
    >>> from fedot.models import EncoderConfig
    >>> check_settings(EncoderConfig(vocab_size=100, n_class=2, n_layer=-1))
    Traceback (most recent call last):
    fedot.errors.FedotError: its configuration says n_layer -1, but a whole number of at least 1 is needed
    """
    if isinstance(config, PretrainedConfig):
        check_pretrained(config)
        return
    for key, kind in _types(type(config)).items():
        _check_value(key, getattr(config, key), kind)
    if config.positions != "learned":
        most = MOST_COMPUTED // (config.d_model if config.positions == "sinusoidal" else 1)
        _check_most("max_length", config.max_length, most)
    if config.positions == "rotary" and config.d_head % 2:
        raise FedotError(f"its configuration says d_head {config.d_head}, but rotary positions need an even number")


def check_config(config: Shape, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Refuse a configuration that cannot be that of tensors of these shapes, at no cost but that of looking.

    What passes can be built in outline (`fedot.models.state_shapes`), which then tells name by name whether the
    tensors are the model's.

    Parameters
    ----------
    shapes
        Shape of every tensor that came with it, by name.

    Raises
    ------
    FedotError
        Saying what does not fit; the text begins with "its configuration".

    Examples
    --------
    >>> from fedot.models import model_config
    >>> config = model_config({"name": "encoder", "n_layer": 1000}, vocab_size=30, n_class=2)
    >>> check_config(config, {"tok_emb.weight": (30, 64)})
    Traceback (most recent call last):
    fedot.errors.FedotError: its configuration says n_layer 1000, but its 1 tensors have room for at most 0
    """
    check_settings(config)
    room = len(shapes) // TENSORS_PER_LAYER
    if config.n_layer > room:
        raise FedotError(
            f"its configuration says n_layer {config.n_layer}, "
            f"but its {len(shapes)} tensors have room for at most {room}"
        )
    axes = {size for shape in shapes.values() for size in shape}
    for what, size in _seen(config).items():
        if size not in axes:
            raise FedotError(f"its configuration says {what} {size}, but no axis of its tensors has that size")
    inner, numbers = config.n_head * config.d_head, sum(math.prod(shape) for shape in shapes.values())
    layer = config.d_model * (4 * inner + 2 * config.d_ff)
    least = config.vocab_size * config.d_model + config.n_layer * layer
    if least > numbers:
        raise FedotError(f"its configuration needs at least {least} numbers, but its tensors hold {numbers}")


def _seen(config: Shape) -> dict[str, int]:
    """Sizes that an axis of some tensor has, by what they are."""
    values: dict[str, Any] = {key: getattr(config, key, None) for key in ("vocab_size", "d_model", "d_ff", "n_class")}
    values["n_head x d_head"] = config.n_head * config.d_head
    if not getattr(config, "shared", True):
        values["target_vocab_size"] = getattr(config, "target_vocab_size", None)
    if config.positions == "learned":
        values["max_length"] = config.max_length
    return {what: size for what, size in values.items() if size is not None}


def _types(kind: type[Shape]) -> dict[str, Any]:
    """Type of every setting of an architecture."""
    hints = get_type_hints(kind)
    return {key: hints[key] for key in kind.__dataclass_fields__}


def _check_value(key: str, value: object, kind: Any) -> None:
    """Refuse what is not of a setting's type: a bounded whole number, a share, yes or no, or one of some words."""
    kinds = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    if value is None and NoneType in kinds:
        return
    if get_origin(kind) is Literal:
        if type(value) is not str or value not in get_args(kind):
            raise _wrong(key, value, f"it can only be {' or '.join(get_args(kind))}")
    elif bool in kinds:
        if type(value) is not bool:
            raise _wrong(key, value, "it can only be true or false")
    elif int in kinds:
        if type(value) is not int or value < 1:
            raise _wrong(key, value, "a whole number of at least 1 is needed")
        _check_most(key, value, MOST[key])
    elif type(value) not in (int, float) or not 0 <= value < 1:  # type: ignore[operator]
        raise _wrong(key, value, "a number from 0 up to 1 is needed")


def _check_most(key: str, value: int, most: int) -> None:
    if value > most:
        raise _wrong(key, value, f"at most {most} can be")


def _wrong(key: str, value: object, wanted: str) -> FedotError:
    # a whole number of thousands of digits cannot be written at all
    shown = "a huge number" if isinstance(value, int) and abs(value) >= 2**99 else printable(repr(value), 60)
    return FedotError(f"its configuration says {key} {shown}, but {wanted}")


def state_shapes(config: Config) -> dict[str, tuple[int, ...]]:
    """Tell the shape of every tensor of a configuration without allocating any.

    Parameters
    ----------
    config
        Of any architecture of fedot.

    Returns
    -------
    dict
        Shapes by the tensors' names.

    Examples
    --------
    >>> from fedot.models import model_config
    >>> config = model_config({"name": "encoder", "d_model": 32}, vocab_size=100, n_class=2)
    >>> state_shapes(config)["tok_emb.weight"]
    (100, 32)
    """
    return dict(_shapes(config))


@lru_cache(maxsize=64)
def _shapes(config: Config) -> Mapping[str, tuple[int, ...]]:
    with torch.device("meta"):
        model = architecture(config.architecture).module(config)
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
