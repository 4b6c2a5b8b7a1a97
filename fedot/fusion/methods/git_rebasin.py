"""Permutation weight matching by coordinate descent (Ainsworth, Hayase & Srinivasa 2023, algorithm 1)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from fedot.fusion.align.assignments import Orders, alignment_of, assign, assign_heads, channel_gains, products
from fedot.fusion.canonical.groups import matched_groups, streams_of
from fedot.fusion.canonical.maps import Alignment
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
from fedot.symmetry import SymmetrySpec

SWEEPS = 100


@dataclass(frozen=True, slots=True)
class GitRebasin(Stage):
    """Permutation weight matching (Ainsworth, Hayase & Srinivasa 2023).

    Parameters
    ----------
    heads
        Channels of heads are matched as they were trained (``own``), as published, or in the ``canonical`` form.
    count_rows
        Average each token's embedding row by how often each client has seen the token.
    """

    heads: Channels = "own"
    count_rows: bool = True


def git_rebasin(problem: FusionProblem, texts: TextSource, fused: Fused, stage: GitRebasin) -> Fused:
    """Permute streams, heads, their channels and feed-forward neurons so that all weights fit best; no data.

    All groups start in their own order and are improved one at a time, in random order, until a whole sweep
    changes nothing, at most 100 times. Heads are the paper's permutations nested: channels within every pair of
    heads, then heads; channels of queries and keys share one order, those of values and outputs another. Rotary
    channels keep their places. Models must have equal shapes, as in the paper.
    """
    del texts, fused
    check_equal_shapes(problem, "git-rebasin")
    problem = with_channels(problem, stage.heads)
    states, signs = signed_states(problem, stage.heads)
    anchor, spec = problem.anchor, problem.specs[problem.anchor]

    def align_one(k: int) -> Alignment:
        orders = match_weights(states[k], states[anchor], spec)
        found = alignment_of(orders, states[k], states[anchor], spec)
        return between_signs(found, signs[k], signs[anchor])

    return fuse_aligned(problem, stage, align_one)


def match_weights(source: State, anchor: State, spec: SymmetrySpec) -> Orders:
    """Descend to orders that no change of a single group improves."""
    groups = [*streams_of(spec), *sorted(spec.heads()), *matched_groups(spec)]
    orders: Orders = {}
    for name in groups:
        orders |= _identity(spec, name)
    generator = torch.Generator().manual_seed(0)
    for _ in range(SWEEPS):
        changed = False
        for index in torch.randperm(len(groups), generator=generator).tolist():
            found = _best(source, anchor, spec, orders, groups[index])
            changed |= any(not torch.equal(order, orders[name]) for name, order in found.items())
            orders |= found
        if not changed:
            break
    return orders


def _identity(spec: SymmetrySpec, group: str) -> Orders:
    size = spec.groups[group].size
    out = {group: torch.arange(size)}
    if group in spec.heads():
        for name, inner in spec.groups.items():
            if inner.within == group:
                out[name] = torch.arange(inner.size).repeat(size, 1)
    return out


def _best(source: State, anchor: State, spec: SymmetrySpec, orders: Orders, group: str) -> Orders:
    """Best order of one group, and of what is within it, all others held."""
    size = spec.groups[group].size
    total = torch.zeros(size, size, dtype=torch.float64)
    if group not in spec.heads():
        for _, gain in products(source, anchor, spec, orders, group):
            total += gain
        return {group: assign(total)[0]}
    inner: dict[str, Tensor] = {}
    for axis, gain in products(source, anchor, spec, orders, group):
        if len(axis.groups) == 1:
            total += gain
        else:
            name, split = axis.groups[1], channel_gains(gain, size)
            inner[name] = inner[name] + split if name in inner else split
    fixed = frozenset(name for name in inner if spec.groups[name].kind == "rotary")
    found = assign_heads(inner, total, fixed)
    return {name or group: order for name, order in found.items()}
