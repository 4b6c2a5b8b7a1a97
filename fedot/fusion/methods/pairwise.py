"""What the published methods have in common: every model is brought to the anchor, then weights are averaged.

Methods that match channel with channel take a head's channels as they were trained, as their authors do, or on request
those of the canonical form. There they are the singular directions of its circuits, whose signs are free;
`steady_signs` fixes them in a way that no permutation changes.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Literal, Protocol

import torch
from torch import Tensor

from fedot.errors import FedotError
from fedot.fusion.align.average import average_aligned
from fedot.fusion.canonical.canonicalise import get_heads
from fedot.fusion.canonical.maps import Alignment, GroupMap, apply_maps
from fedot.fusion.problem.fused import Fused
from fedot.fusion.problem.prepare import with_own_heads
from fedot.fusion.problem.problem import FusionProblem
from fedot.models import State
from fedot.symmetry import SymmetrySpec

Channels = Literal["own", "canonical"]
"""The channels of heads that a method matches: as they were trained, or singular directions of the circuits."""


class Averaging(Protocol):
    """A stage that says how labelled rows are averaged."""

    @property
    def count_rows(self) -> bool:
        """Whether each token's embedding row goes by how often each client has seen the token."""


def fuse_aligned(
    problem: FusionProblem, stage: Averaging, align_one: Callable[[int], Alignment], *, circuits: bool = False
) -> Fused:
    """Bring every model to the anchor by the maps that `align_one` solves for it, and average (`average_weights`)."""
    alignments = tuple(Alignment({}, {}) if k == problem.anchor else align_one(k) for k in range(len(problem.states)))
    states = tuple(
        apply_maps(state, spec, alignment.maps)
        for state, spec, alignment in zip(problem.states, problem.specs, alignments, strict=True)
    )
    return average_weights(problem, stage, states, alignments, circuits=circuits)


def average_weights(
    problem: FusionProblem,
    stage: Averaging,
    states: tuple[State, ...],
    alignments: tuple[Alignment, ...],
    *,
    circuits: bool = False,
) -> Fused:
    """Average aligned states weight by weight, or the heads by their circuits; labelled rows as for every method."""
    rows = problem.row_shares(by_count=stage.count_rows)
    fused = average_aligned(states, problem.weights, problem.specs[problem.anchor], rows, circuits=circuits)
    return Fused(fused, states, alignments)


def check_equal_shapes(problem: FusionProblem, method: str) -> None:
    """Refuse models of unequal widths.

    Raises
    ------
    FedotError
        Naming the first neuron group whose sizes differ.
    """
    anchor = problem.specs[problem.anchor]
    for number, spec in enumerate(problem.specs):
        for name, group in anchor.groups.items():
            if spec.groups[name].size != group.size:
                raise FedotError(
                    f"fusion.method {method} needs models of equal shapes, but {name} has size "
                    f"{spec.groups[name].size} in model {number} and {group.size} in the anchor; "
                    "choose aligned, theus, singh-jaggi or imfeld"
                )


def with_channels(problem: FusionProblem, heads: Channels) -> FusionProblem:
    """Let models have the channels of heads that are asked for."""
    return with_own_heads(problem) if heads == "own" else problem


def signed_states(problem: FusionProblem, heads: Channels) -> tuple[list[State], list[dict[str, Tensor]]]:
    """States whose channels can be compared, and the signs by which those of each were multiplied.

    Signs of trained channels mean something, and are left as they are.
    """
    pairs = list(zip(problem.states, problem.specs, strict=True))
    signs = [{} if heads == "own" else steady_signs(state, spec) for state, spec in pairs]
    return [with_signs(state, spec, sign) for (state, spec), sign in zip(pairs, signs, strict=True)], signs


def steady_signs(state: State, spec: SymmetrySpec) -> dict[str, Tensor]:
    """Sign of every channel of every head, (H, d_head), by the group's name: that of a factor's third moment.

    A permutation of the stream or of heads does not change it; rotary channels have no free sign.
    """
    out = {}
    for attention in spec.attentions:
        _, channels = spec.axes[f"{attention.q}.weight"][0].groups
        factors = get_heads(state, spec, attention)
        sides = {} if attention.rotary else {channels: factors.q}
        sides[spec.axes[f"{attention.v}.weight"][0].groups[1]] = factors.o
        for name, factor in sides.items():
            out[name] = torch.where(factor.pow(3).sum(2) < 0, -1.0, 1.0).double()
    return out


def with_signs(state: State, spec: SymmetrySpec, signs: Mapping[str, Tensor]) -> State:
    """Multiply the channels of heads by signs; doing it twice undoes it."""
    maps = {}
    for name, sign in signs.items():
        matrix = torch.diag_embed(sign)[None].expand(len(sign), -1, -1, -1)
        maps[name] = GroupMap(matrix, matrix)
    return apply_maps(state, spec, maps)


def between_signs(alignment: Alignment, source: Mapping[str, Tensor], anchor: Mapping[str, Tensor]) -> Alignment:
    """Turn maps between two states with steady signs into maps between the states as they were."""
    maps = dict(alignment.maps)
    for name in set(source) & set(maps):
        flip = anchor[name][:, None, :, None] * source[name][None, :, None, :]
        maps[name] = GroupMap(maps[name].write * flip, maps[name].read * flip)
    return replace(alignment, maps=maps)
