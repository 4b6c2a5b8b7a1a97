"""Which axis of which tensor belongs to which neuron group.

Pure data, after the permutation spec of Git Re-Basin (Ainsworth et al. 2023), with what transformers need on
top: factored axes (heads x channels), orthogonal and linear groups, and the role of an axis.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import Tensor

from fedot.errors import FedotError

State = dict[str, Tensor]
Kind = Literal["permutation", "orthogonal", "linear", "rotary", "positive", "labels"]
Role = Literal["write", "read"]


@dataclass(frozen=True, slots=True)
class NeuronGroup:
    """A set of `size` neurons (or directions) that any member of the group `kind` may mix.

    ``permutation``: reorder; ``orthogonal``: rotate; ``linear``: any invertible map, of which the reading side
    takes the inverse transpose; ``rotary``: the same, but only turns and scales within each pair of neighbouring
    channels; ``positive``: the same, but only positive numbers; ``labels``: never mixed, matched by name (tokens,
    positions, classes). A group `within` another has one such map for each neuron (head) of the outer group; one
    of size 1 within feed-forward neurons is their scale.
    """

    name: str
    size: int
    kind: Kind
    within: str | None = None


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of a tensor: its groups, outermost first, and whether the tensor produces or consumes them."""

    groups: tuple[str, ...]
    role: Role


@dataclass(frozen=True, slots=True)
class Norm:
    """A normalisation whose gain (and shift) can be folded into the linear maps it `feeds`.

    A LayerNorm that is `kept` stays a LayerNorm in the canonical form, with gain 1, because the class that will
    hold the model has no other: then only rotations that keep the mean of the stream are exact.
    """

    name: str
    kind: Literal["rms", "layer"]
    feeds: tuple[str, ...]
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Attention:
    """Names of the four projections of an attention; scores that are `scaled` are divided by sqrt(d_head).

    In a `rotary` one queries and keys are turned by their positions before they meet, so that key biases matter.
    """

    q: str
    k: str
    v: str
    o: str
    scaled: bool = True
    rotary: bool = False


@dataclass(frozen=True, slots=True)
class SymmetrySpec:
    """Neuron groups, the axes of every tensor, and what `canonicalise` folds.

    Attributes
    ----------
    ties
        Pairs of names (copy, original) that hold one tensor.
    scaled
        Factors that the model multiplies rows of a table with, by the table's name; canonical tables hold the product.
    sinusoidal
        Tables of positions that the model computes (`sinusoids`); only the canonical form holds them.
    whole
        For a `part`: the spec that it was taken from, which answers what concerns the whole model.

    Examples
    --------
    >>> SymmetrySpec({"d": NeuronGroup("d", 3, "linear")}, {"shift": (Axis(("d",), "write"),)}).shapes()
    {'shift': (3,)}
    """

    groups: Mapping[str, NeuronGroup]
    axes: Mapping[str, tuple[Axis, ...]]
    norms: tuple[Norm, ...] = ()
    attentions: tuple[Attention, ...] = ()
    ties: tuple[tuple[str, str], ...] = ()
    scaled: Mapping[str, float] = field(default_factory=dict)
    sinusoidal: tuple[str, ...] = ()
    whole: "SymmetrySpec | None" = field(default=None, repr=False)

    def part(self, names: Collection[str]) -> "SymmetrySpec":
        """The spec of some of the tensors: all that are folded, tied or matched together must be among them."""
        axes = {name: axes for name, axes in self.axes.items() if name in names}
        used = {group for each in axes.values() for axis in each for group in axis.groups}
        return SymmetrySpec(
            {name: group for name, group in self.groups.items() if name in used},
            axes,
            tuple(norm for norm in self.norms if f"{norm.feeds[0]}.weight" in axes),
            tuple(each for each in self.attentions if f"{each.q}.weight" in axes),
            tuple(pair for pair in self.ties if pair[0] in axes),
            {name: factor for name, factor in self.scaled.items() if name in axes},
            tuple(name for name in self.sinusoidal if name in axes),
            self.whole or self,
        )

    def is_centred(self) -> bool:
        """Whether a LayerNorm of the model removes the mean of a stream."""
        return any(norm.kind == "layer" for norm in (self.whole or self).norms)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of all tensors of a state that fits; norms that are not declared axis by axis are among them."""
        out = {
            name: tuple(map(self.axis_size, axes)) for name, axes in self.axes.items() if name not in self.sinusoidal
        }
        for norm in self.norms:
            stream = self.axis_size(self.axes[f"{norm.feeds[0]}.weight"][1])
            out |= {f"{norm.name}.{part}": (stream,) for part in ("weight", "bias")[: 1 + (norm.kind == "layer")]}
        return out

    def axis_size(self, axis: Axis) -> int:
        """Length of an axis: the product of its groups' sizes."""
        size = 1
        for name in axis.groups:
            size *= self.groups[name].size
        return size

    def heads(self) -> frozenset[str]:
        """Groups whose neurons are attention heads."""
        return frozenset(self.axes[f"{each.q}.weight"][0].groups[0] for each in self.attentions)

    def scale_of(self, group: str) -> NeuronGroup | None:
        """The group by which the neurons of `group` may be scaled one by one, if there is one."""
        if group in self.heads():
            return None
        return next((each for each in self.groups.values() if each.within == group), None)

    def lasting_ties(self) -> tuple[tuple[str, str], ...]:
        """Ties that the canonical form keeps: nothing is folded into one of the two tensors alone."""
        fed = {f"{linear}.weight" for norm in self.norms for linear in norm.feeds}
        return tuple(
            (copy, original) for copy, original in self.ties if copy not in fed and original not in self.scaled
        )

    def norms_of(self, stream: str) -> tuple[Norm, ...]:
        """Norms that read the stream."""
        return tuple(norm for norm in self.norms if self.axes[f"{norm.feeds[0]}.weight"][1].groups == (stream,))

    def keeps_mean(self, group: str) -> bool:
        """Whether a kept LayerNorm reads the stream `group`, so that maps of it must keep the ones-vector."""
        return any(norm.kept for norm in (self.whole or self).norms_of(group))

    def is_stream(self, group: str) -> bool:
        """Whether `group` is a residual stream: a table of labelled rows writes it."""
        spec = self.whole or self
        heads = {each.within for each in spec.groups.values()}
        return group not in heads and any(
            len(axes) == 2 and spec.groups[axes[0].groups[0]].kind == "labels" and axes[1] == Axis((group,), "write")
            for axes in spec.axes.values()
        )

    def tensors_of(self, group: str) -> tuple[tuple[str, int], ...]:
        """All (tensor name, axis index) at which `group` occurs."""
        return tuple(
            (name, index) for name, axes in self.axes.items() for index, axis in enumerate(axes) if group in axis.groups
        )

    def validate(self, state: Mapping[str, Tensor]) -> None:
        """Check that `state` has exactly the declared tensors, of the declared shapes, tied ones equal.

        Raises
        ------
        FedotError
            Naming the first tensor, and its axis, that is wrong.
        """
        declared = {name: axes for name, axes in self.axes.items() if name not in self.sinusoidal}
        for norm in self.norms:
            stream = self.axes[f"{norm.feeds[0]}.weight"][1:]
            declared |= {f"{norm.name}.{part}": stream for part in ("weight", "bias")[: 1 + (norm.kind == "layer")]}
        missing = sorted(set(declared) - set(state))
        extra = sorted(set(state) - set(declared))
        if missing or extra:
            what = f"lacks {missing[0]}" if missing else f"holds {extra[0]}, which the spec does not declare"
            raise FedotError(f"the state does not fit its symmetry spec: it {what}")
        for name, axes in declared.items():
            shape = tuple(state[name].shape)
            if len(shape) != len(axes):
                raise FedotError(f"tensor {name} has shape {shape}, but the spec declares {len(axes)} axes")
            for index, axis in enumerate(axes):
                if shape[index] != self.axis_size(axis):
                    raise FedotError(
                        f"tensor {name} has shape {shape}, but axis {index} ({' '.join(axis.groups)}) "
                        f"should have length {self.axis_size(axis)}"
                    )
        for copy, original in self.ties:
            if not torch.equal(state[copy], state[original]):
                raise FedotError(
                    f"tensor {copy} is tied to {original}, but the two differ; give both one value, or untie the model"
                )


@dataclass(slots=True)
class SpecBuilder:
    """Write a spec one layer at a time; `build` checks that the pieces fit.

    Attributes
    ----------
    groups, axes, norms, attentions, ties, scaled, sinusoidal
        What was declared so far, as `SymmetrySpec` holds it.

    Examples
    --------
    >>> spec = SpecBuilder()
    >>> spec.group("d", 3, "linear")
    >>> spec.linear("map", reads="d", writes="d")
    >>> spec.build().shapes()
    {'map.weight': (3, 3), 'map.bias': (3,)}
    """

    groups: dict[str, NeuronGroup] = field(default_factory=dict)
    axes: dict[str, tuple[Axis, ...]] = field(default_factory=dict)
    norms: list[Norm] = field(default_factory=list)
    attentions: list[Attention] = field(default_factory=list)
    ties: list[tuple[str, str]] = field(default_factory=list)
    scaled: dict[str, float] = field(default_factory=dict)
    sinusoidal: list[str] = field(default_factory=list)

    def group(self, name: str, size: int, kind: Kind, within: str | None = None) -> None:
        """Declare a neuron group."""
        self.groups[name] = NeuronGroup(name, size, kind, within)

    def linear(self, name: str, *, reads: str, writes: str, bias: bool = True, dual: bool = False) -> None:
        """Declare `name.weight` (out, in) and `name.bias` (out,).

        A `dual` map produces covectors (keys, which only ever meet queries in a scalar product): its output
        transforms like a reader's input, by the inverse transpose.
        """
        out = Axis(tuple(writes.split()), "read" if dual else "write")
        self.axes[f"{name}.weight"] = (out, Axis(tuple(reads.split()), "read"))
        if bias:
            self.axes[f"{name}.bias"] = (out,)

    def embedding(self, name: str, *, reads: str, writes: str, scale: float = 1.0, sinusoidal: bool = False) -> None:
        """Declare a table `name.weight` (rows, width), and what the model multiplies its rows with.

        A `sinusoidal` table is computed by the model and becomes a tensor in the canonical form only.
        """
        self.axes[f"{name}.weight"] = (Axis((reads,), "read"), Axis(tuple(writes.split()), "write"))
        if scale != 1.0:
            self.scaled[f"{name}.weight"] = scale
        if sinusoidal:
            self.sinusoidal.append(f"{name}.weight")

    def tie(self, copy: str, original: str) -> None:
        """Declare that the tensor `copy` is the tensor `original`."""
        self.ties.append((copy, original))

    def vector(self, name: str, *, writes: str) -> None:
        """Declare a tensor `name` (n,) along a group, as the gain or shift of a norm that is not folded."""
        self.axes[name] = (Axis(tuple(writes.split()), "write"),)

    def norm(self, name: str, kind: Literal["rms", "layer"], *, feeds: Sequence[str], kept: bool = False) -> None:
        """Declare a normalisation and the linear maps that read its output."""
        self.norms.append(Norm(name, kind, tuple(feeds), kept))

    def attention(self, q: str, k: str, v: str, o: str, *, scaled: bool = True) -> None:
        """Declare which four projections form an attention."""
        self.attentions.append(Attention(q, k, v, o, scaled))

    def build(self) -> SymmetrySpec:
        """Return the finished spec.

        Raises
        ------
        FedotError
            If a tensor names a group that was not declared, or tied tensors cannot be equal.
        """
        for name, axes in self.axes.items():
            for axis in axes:
                for group in axis.groups:
                    if group not in self.groups:
                        raise FedotError(f"tensor {name} names the neuron group {group}, which is not declared")
        for copy, original in self.ties:
            pair = [self.axes.get(name) for name in (copy, original)]
            if None in pair or len({tuple(axis.groups for axis in axes or ()) for axes in pair}) > 1:
                raise FedotError(f"tensor {copy} is tied to {original}, but the two do not have the same neuron groups")
        attentions = (
            replace(each, rotary=self.groups[self.axes[f"{each.q}.weight"][0].groups[1]].kind == "rotary")
            for each in self.attentions
        )
        return SymmetrySpec(
            dict(self.groups),
            dict(self.axes),
            tuple(self.norms),
            tuple(attentions),
            tuple(self.ties),
            dict(self.scaled),
            tuple(self.sinusoidal),
        )


def sinusoids(rows: int, width: int) -> Tensor:
    """Fixed positions of Vaswani et al. (2017), section 3.5, in float64: (rows, width), sines in even channels."""
    channel = torch.arange(width)
    rate = 10000.0 ** (-(channel - channel % 2).double() / width)
    angle = torch.arange(rows, dtype=torch.float64)[:, None] * rate
    return torch.where(channel % 2 == 0, angle.sin(), angle.cos())
