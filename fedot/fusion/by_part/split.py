"""Parts of a model that can be fused one after the other, and blocks of rows of its tables."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fedot.fusion.canonical.groups import streams_of
from fedot.symmetry import SymmetrySpec

BLOCK = 4_000_000
"""Numbers in a block of a table's rows."""


@dataclass(frozen=True, slots=True)
class Rows:
    """A block of the rows of one group of labels, as numbered in the union."""

    group: str
    start: int
    stop: int


def fused_shapes(spec: SymmetrySpec) -> dict[str, tuple[int, ...]]:
    """Shapes of the fused, canonical model, whose norms have a shift only where a LayerNorm is kept."""
    out = {name: tuple(map(spec.axis_size, axes)) for name, axes in spec.axes.items()}
    for norm in spec.norms:
        stream = spec.axis_size(spec.axes[f"{norm.feeds[0]}.weight"][1])
        out |= {f"{norm.name}.{part}": (stream,) for part in ("weight", "bias")[: 1 + norm.kept]}
    return out


def numbers_of(spec: SymmetrySpec) -> int:
    """How many numbers a model with a spec has."""
    return sum(math.prod(shape) for shape in fused_shapes(spec).values())


def parts(spec: SymmetrySpec) -> tuple[tuple[str, ...], ...]:
    """Split the tensors of a spec into sets that can be fused one after the other.

    Tensors belong together that share neurons other than those of a stream or of labels, that are tied, or that
    read one norm.
    """
    parent = {name: name for name in spec.axes}

    def root(name: str) -> str:
        while parent[name] != name:
            name = parent[name]
        return name

    links = [(copy, original) for copy, original in spec.ties]
    links += [(f"{norm.feeds[0]}.weight", f"{each}.weight") for norm in spec.norms for each in norm.feeds]
    links += [(name, f"{name.removesuffix('.bias')}.weight") for name in spec.axes if name.endswith(".bias")]
    streams = streams_of(spec)
    for name, group in spec.groups.items():
        if group.kind != "labels" and name not in streams:
            members = [each for each, _ in spec.tensors_of(name)]
            links += [(members[0], each) for each in members[1:]]
    for one, other in links:
        if one in parent and other in parent:
            parent[root(other)] = root(one)
    found: dict[str, list[str]] = {}
    for name in spec.axes:
        found.setdefault(root(name), []).append(name)
    return tuple(tuple(names) for names in found.values())


def blocks(spec: SymmetrySpec, tensors: Sequence[str], block: int = BLOCK) -> tuple[Rows | None, ...]:
    """Blocks of rows of a part that consists of tables with the same labels; (None,) for any other part."""
    part = spec.part(tensors)
    labelled = {name for name, group in part.groups.items() if group.kind == "labels"}
    others = [name for name in part.groups if name not in labelled and name not in streams_of(part)]
    if len(labelled) != 1 or others or part.sinusoidal or part.attentions:
        return (None,)
    group = labelled.pop()
    size = part.groups[group].size
    if any(axis_of(part, name, group) is None for name in part.axes):
        return (None,)
    width = sum(math.prod(map(part.axis_size, axes)) for axes in part.axes.values()) // size
    step = max(1, block // max(1, width))
    return tuple(Rows(group, start, min(start + step, size)) for start in range(0, size, step))


def axis_of(spec: SymmetrySpec, name: str, group: str) -> int | None:
    """Index of the axis of a tensor that is a group alone; None where there is none."""
    return next((i for i, axis in enumerate(spec.axes[name]) if axis.groups == (group,)), None)
