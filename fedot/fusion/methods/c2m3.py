"""Cycle-consistent matching of many models to one universe (Crisostomi et al. 2024, C2M3)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fedot.fusion.align.assignments import Orders, alignment_of, assign, assign_heads, axis_order, channel_gains
from fedot.fusion.align.average import vanilla_fusion
from fedot.fusion.canonical.groups import matched_groups, streams_of
from fedot.fusion.canonical.maps import Alignment, apply_maps, multiply
from fedot.fusion.methods.git_rebasin import match_weights
from fedot.fusion.methods.pairwise import (
    Channels,
    between_signs,
    check_equal_shapes,
    fuse_aligned,
    signed_states,
    with_channels,
)
from fedot.fusion.problem.fused import Fused
from fedot.fusion.problem.problem import FusionProblem
from fedot.fusion.problem.stage_options import Stage
from fedot.fusion.problem.text_source import TextSource
from fedot.models import State
from fedot.symmetry import Axis, SymmetrySpec

SWEEPS, LEAST_GAIN = 200, 1e-6

Groups = tuple[str, ...]
"""Neuron groups of a whole axis, outermost first."""

Soft = dict[Groups, Tensor]
"""For each kind of axis a doubly stochastic matrix of one model, (n, n): universe by model."""

Permuted = dict[int, Groups]
"""Axes of a tensor that are permuted."""


@dataclass(frozen=True, slots=True)
class C2M3(Stage):
    """Permutations of all models to one universe, of all layers at once (Crisostomi et al. 2024).

    Parameters
    ----------
    heads
        Channels of heads are matched as they were trained (``own``), as in Git Re-Basin, or in the ``canonical`` form.
    count_rows
        Average each token's embedding row by how often each client has seen the token.
    """

    heads: Channels = "own"
    count_rows: bool = True


def c2m3(problem: FusionProblem, texts: TextSource, fused: Fused, stage: C2M3) -> Fused:
    """Match all models with each other through a universe, and average them; no data.

    The map between any two models goes through the universe, so maps around a cycle cancel. What is averaged is the
    same for every anchor; the anchor only says in whose basis the result is written. Models without a vote do not
    take part in the matching: they are matched to the mean of the others by `match_weights`. Models must have equal
    shapes, as in the paper.
    """
    del texts, fused
    check_equal_shapes(problem, "c2m3")
    problem = with_channels(problem, stage.heads)
    states, signs = signed_states(problem, stage.heads)
    spec, anchor = problem.specs[problem.anchor], problem.anchor
    orders = _orders_of_all(problem, states, spec)

    def align_one(k: int) -> Alignment:
        found = alignment_of(through_universe(orders[k], orders[anchor], spec), states[k], states[anchor], spec)
        return between_signs(found, signs[k], signs[anchor])

    return fuse_aligned(problem, stage, align_one)


def _orders_of_all(problem: FusionProblem, states: Sequence[State], spec: SymmetrySpec) -> dict[int, Orders]:
    """Orders of every model in the basis of the first that has a vote."""
    voters = problem.voters()
    found = match_to_universe([states[k] for k in voters], spec)
    # one basis of the universe is as good as another; this one is near a model from which all others come
    orders = {k: through_universe(each, found[0], spec) for k, each in zip(voters, found, strict=True)}
    others = [k for k in range(len(states)) if k not in orders]
    if others:
        home = states[voters[0]]
        moved = [apply_maps(states[k], spec, alignment_of(orders[k], states[k], home, spec).maps) for k in voters]
        mean = vanilla_fusion(moved, [problem.weights[k] for k in voters])
        orders |= {k: match_weights(states[k], mean, spec) for k in others}
    return orders


def through_universe(orders: Orders, home: Orders, spec: SymmetrySpec) -> Orders:
    """Orders that bring a model to another model: to the universe by its own, and back by those of the other."""
    out = {}
    for name, order in orders.items():
        if order.ndim == 1:
            out[name] = order[home[name].argsort()]
        else:  # channels: those of a head go with it
            back = home[spec.groups[name].within or ""].argsort()
            out[name] = order[back].gather(1, home[name][back].argsort(1))
    return out


def match_to_universe(states: Sequence[State], spec: SymmetrySpec) -> list[Orders]:
    """Maximise the sum of the scalar products of all pairs of models in the universe; one set of orders for each.

    Frank-Wolfe on doubly stochastic matrices: each step takes all groups of a model towards the permutations that fit
    the gradient best, as far as the sum grows. All matrices start as the identity. It ends when a whole sweep over
    the models has gained less than 1e-6, or after 200, and then takes the nearest permutations.

    The authors move all models at once. Two that differ by a permutation then each go to where the other was, halfway
    is the best that a line search finds, and from there they have no way to choose. Moved by turns (Lacoste-Julien et
    al. 2013) the second finds the first in its place.

    Heads are permuted as blocks with a permutation of channels inside each. The matrices of a whole axis (heads by
    channels) stay in the convex hull of these nested permutations, which `assign_heads` maximises over exactly.
    Channels of queries and keys have one matrix, those of values and outputs another, over the same heads; rotary
    channels keep their places.
    """
    own, axes = _permuted_tensors(states, spec)
    soft, placed = [_identities(spec) for _ in states], [list(tensors) for tensors in own]
    total = [torch.stack(each).sum(0) for each in zip(*placed, strict=True)]
    value = -math.inf
    for _ in range(SWEEPS):
        for k, tensors in enumerate(own):
            # with all others held, a model's partner is their sum
            partner = [whole - part for whole, part in zip(total, placed[k], strict=True)]
            soft[k] = _step(tensors, axes, partner, soft[k], spec)
            placed[k] = _in_universe(tensors, axes, soft[k])
            total = [rest + part for rest, part in zip(partner, placed[k], strict=True)]
        # the sum over pairs is half of what the square of the sum has beyond the squares
        before, value = value, (_squares(total) - sum(map(_squares, placed))) / 2
        if value - before < LEAST_GAIN:
            break
    return [_best_orders(each, spec) for each in soft]


def _permuted(spec: SymmetrySpec) -> tuple[str, ...]:
    return (*streams_of(spec), *sorted(spec.heads()), *matched_groups(spec))


def _identities(spec: SymmetrySpec) -> Soft:
    """Where the matrices start; they are of all groups that are permuted, of heads alone and with their channels."""
    heads = spec.heads()
    kinds: list[Groups] = [(name,) for name in _permuted(spec)]
    kinds += [(each.within, name) for name, each in spec.groups.items() if each.within in heads and each.within]
    return {groups: torch.eye(spec.axis_size(Axis(groups, "write")), dtype=torch.float64) for groups in kinds}


def _permuted_tensors(states: Sequence[State], spec: SymmetrySpec) -> tuple[list[list[Tensor]], list[Permuted]]:
    """All tensors of each model that have an axis to permute, and these axes; those of lasting ties once."""
    copies, heads, permuted = {copy for copy, _ in spec.lasting_ties()}, spec.heads(), set(_permuted(spec))
    tensors, axes = [], []
    for name, every in spec.axes.items():
        # what is within a feed-forward neuron is its scale, which goes with it
        found = {
            index: axis.groups if axis.groups[0] in heads else axis.groups[:1]
            for index, axis in enumerate(every)
            if axis.groups[0] in permuted
        }
        if found and name not in copies:
            each, found = _shortened([state[name] for state in states], found)
            tensors.append(each)
            axes.append(found)
    return [list(each) for each in zip(*tensors, strict=True)], axes


def _shortened(tensors: list[Tensor], axes: Permuted) -> tuple[list[Tensor], Permuted]:
    """Replace many rows that are never permuted by few with the same scalar products: tables of words are long."""
    index, groups = next(iter(axes.items()))
    rows = torch.cat([torch.movedim(each, index, -1).reshape(-1, each.shape[index]) for each in tensors], 1)
    if len(axes) > 1 or len(rows) <= rows.shape[1]:
        return tensors, axes
    few = torch.linalg.qr(rows, mode="r").R
    return list(few.chunk(len(tensors), 1)), {1: groups}


def _in_universe(tensors: Sequence[Tensor], axes: Sequence[Permuted], soft: Soft) -> list[Tensor]:
    """Multiply all permuted axes of a model's tensors by its matrices."""
    out = []
    for x, found in zip(tensors, axes, strict=True):
        for index, groups in found.items():
            x = multiply(soft[groups], x, index)
        out.append(x)
    return out


def _step(
    tensors: Sequence[Tensor], axes: Sequence[Permuted], partner: Sequence[Tensor], soft: Soft, spec: SymmetrySpec
) -> Soft:
    """Go towards the permutations that fit the gradient best, as far as the scalar product with the partner grows.

    No tensor has more than two permuted axes, so the product is a polynomial of degree two in the share of the step.
    """
    gains = {groups: torch.zeros_like(each) for groups, each in soft.items()}
    for x, found, other in zip(tensors, axes, partner, strict=True):
        for index, groups in found.items():
            part = x
            for at, each in found.items():
                part = multiply(soft[each], part, at) if at != index else part
            left, right = (torch.movedim(each, index, 0).reshape(each.shape[index], -1) for each in (other, part))
            gains[groups] += left @ right.T
    orders = _best_orders(gains, spec)
    target = {groups: _matrix_of(orders, groups, spec) for groups in soft}
    slope = sum(float((gain * (target[groups] - soft[groups])).sum()) for groups, gain in gains.items())
    here, there = (_product(_in_universe(tensors, axes, each), partner) for each in (soft, target))
    bend = there - here - slope
    if slope <= 0 and there <= here:
        return soft
    share = 1.0 if bend >= 0 else min(1.0, slope / (-2 * bend))
    return {groups: (1 - share) * each + share * target[groups] for groups, each in soft.items()}


def _best_orders(gains: Soft, spec: SymmetrySpec) -> Orders:
    """Permutations that gain most: the linear step, and at the end the nearest permutations."""
    orders: Orders = {}
    for name in _permuted(spec):
        outer = gains[name,]
        if name not in spec.heads():
            orders[name] = assign(outer)[0]
            continue
        inner = {
            groups[1]: channel_gains(each, len(outer))
            for groups, each in gains.items()
            if len(groups) == 2 and groups[0] == name
        }
        fixed = frozenset(each for each in inner if spec.groups[each].kind == "rotary")
        orders |= {each or name: order for each, order in assign_heads(inner, outer, fixed).items()}
    return orders


def _matrix_of(orders: Orders, groups: Groups, spec: SymmetrySpec) -> Tensor:
    order = axis_order(orders, Axis(groups, "write"), spec)
    assert order is not None
    return torch.eye(len(order), dtype=torch.float64)[order]


def _product(tensors: Sequence[Tensor], others: Sequence[Tensor]) -> float:
    return sum(float((x * y).sum()) for x, y in zip(tensors, others, strict=True))


def _squares(tensors: Sequence[Tensor]) -> float:
    return _product(tensors, tensors)
