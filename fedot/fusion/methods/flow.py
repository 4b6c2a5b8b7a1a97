"""Layer-wise transport whose maps flow through the network: the frame of Singh & Jaggi (2020) and Imfeld et al. (2024).

Every linear map and every table is taken in the order of the forward pass. What it reads is brought to the anchor
by the map of what came before; then its own outputs are matched with the anchor's, which gives the map that goes
on. Outputs with names (classes, tokens) are not matched. A table of one row (an image's class token) is moved by a
map of its own, which does not go on: one number a neuron tells too little. Unlike an alignment, a stream has as many
maps as it has writers, and a permutation of channels does not stop at the borders of heads.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fedot.errors import FedotError
from fedot.fusion.align.align import check_planes, maps_of
from fedot.fusion.canonical.maps import Alignment, multiply
from fedot.fusion.methods.pairwise import Averaging, Channels, average_weights, signed_states, with_channels, with_signs
from fedot.fusion.problem.fused import Fused
from fedot.fusion.problem.problem import FusionProblem
from fedot.fusion.problem.text_source import TextSource
from fedot.fusion.texts.probe import activations
from fedot.models import State
from fedot.symmetry import Axis, SymmetrySpec
from fedot.transport import GROUND_COSTS, Coupling, solve

Points = Mapping[str, Tensor]


class FlowStage(Averaging, Protocol):
    """Options that both methods of this frame have."""

    @property
    def support(self) -> str:
        """What layers are compared by: ``weights`` or ``activations``."""

    @property
    def heads(self) -> Channels:
        """The channels of heads that are matched."""

    @property
    def probe_texts(self) -> int:
        """How many texts are drawn where no probe is given."""


@dataclass(frozen=True, slots=True)
class FlowOptions:
    """How the map of a layer is solved and passed on.

    Attributes
    ----------
    reg
        Entropic regularisation relative to the largest cost; 0 for exact transport.
    residual
        Map of a stream after a layer has written to it: the ``mean`` of the layer's and the one before, or the
        ``latest``.
    qk_maps
        ``separate`` maps for queries and keys of a layer, or an ``equal`` one.
    given
        The options that the stage was given.
    """

    reg: float
    residual: str
    qk_maps: str
    given: FlowStage


def flow_all(problem: FusionProblem, texts: TextSource, options: FlowOptions, *, standardise: bool) -> Fused:
    """Bring every model to the anchor, layer by layer, and average.

    Parameters
    ----------
    standardise
        Compare activations of mean 0 and variance 1, not raw ones.
    """
    problem = with_channels(problem, options.given.heads)
    states, signs = signed_states(problem, options.given.heads)
    spec = problem.specs[problem.anchor]
    points: list[Points] = [{} for _ in states]
    if options.given.support == "activations":
        points = [outputs(texts, options.given, k, state, standardise=standardise) for k, state in enumerate(states)]
    aligned, alignments = [], []
    for k, state in enumerate(problem.states):
        if k == problem.anchor:
            aligned.append(state)
            alignments.append(Alignment({}, {}))
            continue
        common = {
            name: (union.present(k) * union.present(problem.anchor)) > 0 for name, union in problem.unions.items()
        }
        check_planes(problem.specs[k], spec)
        flow = Flow(states[k], states[problem.anchor], problem.specs[k], spec, options, common)
        flow.points = (points[k], points[problem.anchor])
        brought = with_signs(flow.run(), spec, signs[problem.anchor])
        aligned.append(brought)
        alignments.append(Alignment({name: maps_of(each) for name, each in flow.plans.items()}, flow.plans))
    return average_weights(problem, options.given, tuple(aligned), tuple(alignments))


def outputs(texts: TextSource, given: FlowStage, model: int, state: State, *, standardise: bool) -> dict[str, Tensor]:
    """What every linear map puts out on the probe, before any nonlinearity, by its weight's name: (n, N)."""
    problem, probe = texts.problem, texts.probe(given.probe_texts)
    spec = problem.specs[model]
    names = [name.removesuffix(".weight") for name in linears(spec)]
    read = activations(probe.module(problem.config_of(model), state), probe, names)
    out = {}
    for name, x in read.items():
        y = x @ state[f"{name}.weight"].T
        y = y + state[f"{name}.bias"] if f"{name}.bias" in state else y
        if standardise:
            y = (y - y.mean(0)) / y.std(0, correction=0).clamp(min=1e-12)
        out[f"{name}.weight"] = y.T / len(y) ** 0.5
    return out


def linears(spec: SymmetrySpec) -> tuple[str, ...]:
    """Weights of all linear maps whose outputs have no names."""
    return tuple(
        name
        for name, axes in spec.axes.items()
        if len(axes) == 2
        and axes[1].role == "read"
        and not {spec.groups[axes[i].groups[0]].kind for i in (0, 1)} & {"labels"}
    )


@dataclass(slots=True)
class Flow:
    """One pass over a source model, in the order of its layers.

    `common` tells for each group of labels which rows both models have, (rows,); `plans` holds the latest
    coupling of every group that is not part of a head; `points` are activations of source and anchor.
    """

    source: State
    anchor: State
    source_spec: SymmetrySpec
    spec: SymmetrySpec
    options: FlowOptions
    common: Mapping[str, Tensor]
    points: tuple[Points, Points] = field(default_factory=lambda: ({}, {}))
    plans: dict[str, Coupling] = field(default_factory=dict)
    _inside: dict[str, Coupling | None] = field(default_factory=dict)
    _own: dict[str, Coupling | None] = field(default_factory=dict)

    def run(self) -> State:
        """Return the source in the anchor's neurons."""
        out = dict(self.source)
        for name, axes in self.spec.axes.items():
            if len(axes) == 2:
                out[name] = self._matrix(name, axes)
            else:
                weight = f"{name.removesuffix('.bias')}.weight"
                plan = self._own[weight] if weight in self._own else self._current(axes[0])
                out[name] = _moved(plan, axes[0], self.source[name], 0)
        for copy, original in self.spec.lasting_ties():
            out[copy] = out[original]
        for norm in self.spec.norms:
            width = self.anchor[f"{norm.name}.weight"].shape
            out[f"{norm.name}.weight"] = torch.ones(width, dtype=torch.float64)
            if norm.kept:
                out[f"{norm.name}.bias"] = self.source[f"{norm.name}.bias"][:1].expand(width).clone()
        return out

    def _matrix(self, name: str, axes: tuple[Axis, ...]) -> Tensor:
        out = out_axis(axes)
        written = axes[out]
        tensor = self._read(name)
        group, key = written.groups[0], self._key(written)
        if self.spec.groups[group].kind == "labels":
            self._own[name] = None
            return tensor
        if self.spec.is_stream(group):
            plan: Coupling | None = self._solve([name])
            assert plan is not None
            self._own[name] = plan
            if 1 in tensor.shape:  # one row
                return _moved(plan, written, tensor, out)
            before = self.plans.get(group)
            self.plans[group] = plan if before is None or self.options.residual == "latest" else _mean(before, plan)
        elif key == group and group in self.spec.heads():
            self._check_stays(written)
            self._own[name] = plan = None
        else:
            self._own[name] = plan = self._inner(name, key)
        return _moved(plan, written, tensor, out)

    def _inner(self, name: str, key: str) -> Coupling:
        """Plan of neurons inside a layer; all that write them share it, only queries and keys may differ."""
        rotary = self.spec.groups[key].kind == "rotary"
        apart = self.options.qk_maps == "separate" and self.spec.groups[key].within in self.spec.heads() and not rotary
        if not apart and key in self._inside:
            plan = self._inside[key]
        else:
            plan = self._solve([name] if apart else self._writers(key), self.spec.groups[key].size if rotary else 1)
        assert plan is not None
        self._inside[key] = plan
        if key not in {each for each, group in self.spec.groups.items() if group.within is not None}:
            self.plans[key] = plan
        return plan

    def _solve(self, names: list[str], block: int = 1) -> Coupling:
        """Match what some tensors put out, all together; neurons of a `block` go together and keep their order."""
        parts = [(self._points(name, of=0), self._points(name, of=1)) for name in names]
        x, y = (torch.cat([part[i] for part in parts], 1) for i in (0, 1))
        found = self._transport(*(each.reshape(len(each) // block, -1).numpy() for each in (x, y)))
        if block == 1:
            return found
        plan = np.kron(found.plan, np.eye(block) / block).astype(np.float64)
        return Coupling(plan, plan.sum(1), plan.sum(0), found.cost)

    def _transport(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> Coupling:
        cost = GROUND_COSTS["euclidean"](x, y)
        a, b = (np.full(len(each), 1 / len(each)) for each in (x, y))
        if self.options.reg == 0:
            return solve("exact", cost, a, b)
        largest = max(float(cost.max()), 1e-300)
        options = {"reg": self.options.reg * largest / max(float(cost.mean()), 1e-300), "max-iter": 1000}
        return solve("sinkhorn", cost / largest, a, b, options)

    def _points(self, name: str, *, of: int) -> Tensor:
        """Points of a tensor's outputs, (n, D): activations where there are some, else weights of unit norm."""
        if name in self.points[of]:
            return self.points[of][name]
        axes = self.spec.axes[name]
        out = out_axis(axes)
        tensor = self.anchor[name] if of else self._read(name)
        rows: Tensor = torch.movedim(tensor, out, 0).reshape(tensor.shape[out], -1)
        label = axes[1 - out].groups[0]
        rows = rows[:, self.common[label]] if label in self.common else rows
        points: Tensor = rows / rows.norm(dim=1, keepdim=True).clamp(min=1e-9)
        return points

    def _read(self, name: str) -> Tensor:
        """The source's tensor with its inputs brought to the anchor."""
        axes = self.spec.axes[name]
        index = 1 - out_axis(axes)
        return _moved(self._current(axes[index]), axes[index], self.source[name], index)

    def _current(self, axis: Axis) -> Coupling | None:
        group, key = axis.groups[0], self._key(axis)
        if self.spec.is_stream(group):
            return self.plans.get(group)
        return self._inside.get(key)

    def _key(self, axis: Axis) -> str:
        """Name of the group that stands for an axis: the channels of heads, else the outer one."""
        return axis.groups[-1] if axis.groups[0] in self.spec.heads() else axis.groups[0]

    def _writers(self, key: str) -> list[str]:
        return [
            name for name, axes in self.spec.axes.items() if len(axes) == 2 and self._key(axes[out_axis(axes)]) == key
        ]

    def _check_stays(self, axis: Axis) -> None:
        """Refuse neurons that are not matched where their number differs."""
        sizes = [spec.axis_size(axis) for spec in (self.source_spec, self.spec)]
        if sizes[0] != sizes[1]:
            raise FedotError(
                f"{' '.join(axis.groups)} has {sizes[0]} neurons in one model and {sizes[1]} in the other, and a flow "
                "of maps cannot match them; choose aligned or theus"
            )


def out_axis(axes: tuple[Axis, ...]) -> int:
    """Index of the axis that a matrix produces: the first of a linear map, the second of a table."""
    return 0 if axes[1].role == "read" else 1


def _moved(plan: Coupling | None, axis: Axis, tensor: Tensor, index: int) -> Tensor:
    if plan is None:
        return tensor
    matrix: Tensor = getattr(maps_of(plan), axis.role)
    return multiply(matrix, tensor, index)


def _mean(first: Coupling, second: Coupling) -> Coupling:
    plan = (first.plan + second.plan) / 2
    return Coupling(plan, plan.sum(1), plan.sum(0), (first.cost + second.cost) / 2)
