"""Options of a stage of a fusion: the fields of its dataclass, checked by their types."""

import math
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from types import UnionType
from typing import Any, Literal, get_args, get_origin

from fedot.errors import FedotError
from fedot.text.outside import printable

Option = str | float | int | bool | None


def named(default: str, names: Iterable[str]) -> Any:
    """A field whose value is one of `names`, for example of the functions in a dictionary that may be added to."""
    return field(default=default, metadata={"names": tuple(names)})


def number(default: float, *, most: float = math.inf) -> Any:
    """A field above 0, at most `most`."""
    return field(default=default, metadata={"most": most})


def whole(default: int, *, least: int) -> Any:
    """A field with a whole number of at least `least`."""
    return field(default=default, metadata={"least": least})


@dataclass(frozen=True, slots=True)
class Stage:
    """What a stage of a fusion may be told; one function runs it (`fedot.fusion.plan.stages`).

    Raises
    ------
    FedotError
        Naming the option whose value is not possible.
    """

    def __post_init__(self) -> None:
        for each in fields(self):
            _check(each.name, getattr(self, each.name), each.type, each.metadata)


def _check(name: str, value: object, kind: Any, about: Any) -> None:
    known = about.get("names") or (get_args(kind) if get_origin(kind) is Literal else ())
    if known:
        if not isinstance(value, str) or value not in known:
            raise FedotError(f"fusion.{name} is {printable(repr(value), 80)}; choose from {', '.join(known)}")
        return
    for fits, wanted in _rules(kind, about):
        if not fits(value):
            raise FedotError(f"fusion.{name} is {printable(repr(value), 80)}, but it must be {wanted}")


def _rules(kind: Any, about: Any) -> list[tuple[Callable[[Any], bool], str]]:
    """What a value of a type must fulfil, in the order in which it is looked at, and how to say so."""
    if kind is bool:
        return [(lambda value: isinstance(value, bool), "true or false")]
    if kind is int:
        least = about["least"]
        return [
            (lambda value: type(value) is int and value >= least, f"a whole number of at least {least}"),
        ]
    most, optional = about.get("most", math.inf), isinstance(kind, UnionType)

    def is_number(value: Any) -> bool:
        if value is None:
            return optional
        return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= sys.float_info.max

    within = f"{'a share: ' * (most == 1)}above 0, at most {most:g}"
    return [(is_number, "a number above 0"), (lambda value: value is None or value <= most, within)]
