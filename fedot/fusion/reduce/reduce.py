"""Reduce a block model to the size of one model, part after part, on a probe (`fedot.fusion.reduce.wide_model`).

Streams, neurons and heads are reduced by what is measured of the block model in one pass; of several ways to share the
channels of its heads the one is taken whose outputs are nearest to its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from fedot.fusion.canonical.canonicalise import get_heads, put_heads, to_float32
from fedot.fusion.canonical.groups import matched_groups
from fedot.fusion.reduce.directions import kept_directions
from fedot.fusion.reduce.heads import Roots, reduce_heads
from fedot.fusion.reduce.layers import reduce_ffn, reduce_stream
from fedot.fusion.reduce.moments import Moments, MomentSums, Spread, SpreadSums
from fedot.fusion.reduce.wide_model import block_config, block_module
from fedot.fusion.texts.probe import Probe, distance, readers, sensitivities
from fedot.models import State, symmetry
from fedot.symmetry import SymmetrySpec

FEW = 4
"""Where a rough figure does, every fourth text is taken."""


def reduce_block(
    block: State, specs: Sequence[SymmetrySpec], configs: list[Any], target: Any, probe: Probe
) -> tuple[State, Any]:
    """Reduce a block model to the widths of `target`; heads may become more and thinner at the same width."""
    whole = block_config(configs)
    spec = symmetry(whole)
    module = block_module(probe.module(whole, to_float32(block)), specs, whole)
    reader = {group: readers(spec, group)[0] for group in matched_groups(spec)}
    moments, spreads = measured(module, probe, [norm.name for norm in spec.norms], list(reader.values()))
    state, inside = block, dict(moments)
    for name, group in spec.groups.items():
        if spec.is_stream(name) and group.kind == "orthogonal":
            own = [norm.name for norm in spec.norms_of(name)]
            basis = kept_directions([moments[site] for site in own], target.d_model)
            state = reduce_stream(state, spec, name, basis, moments)
            inside |= {site: moments[site].seen_through(basis) for site in own}
    for hidden, linear in reader.items():
        state = reduce_ffn(state, spec, hidden, spreads[linear], target.d_ff)
    narrow = replace(whole, d_model=target.d_model, d_ff=target.d_ff)
    if target.n_head * target.d_head == whole.n_head * whole.d_head:
        return state, narrow
    choices = [
        with_heads(state, narrow, number, target.n_head * target.d_head // number, inside)
        for number in head_numbers(narrow, target)
    ]
    return closest(choices, module, probe.thinned(FEW))


def head_numbers(narrow: Any, target: Any) -> list[int]:
    """How many heads may share the target's channels: its own number, doublings, and all that there are.

    Rotary heads keep the number of channels that their planes have.
    """
    if narrow.positions == "rotary":
        return [target.n_head]
    doubled = (min(target.n_head << i, narrow.n_head) for i in range(narrow.n_head.bit_length()))
    return sorted({number for number in doubled if number <= target.n_head * target.d_head})


def with_heads(state: State, config: Any, number: int, rank: int, moments: Mapping[str, Moments]) -> tuple[State, Any]:
    """Give every attention of a model that many heads of that many channels."""
    spec, out = symmetry(config), dict(state)
    norm_of = {linear: norm.name for norm in spec.norms for linear in norm.feeds}
    for attention in spec.attentions:
        sides = (moments[norm_of[attention.q]], moments[norm_of[attention.k]])
        heads = get_heads(state, spec, attention)
        found = reduce_heads(heads, Roots.of(*sides, rotary=attention.rotary), number, rank, attention)
        put_heads(out, attention, found)
    return out, replace(config, n_head=number, d_head=rank)


@torch.no_grad()
def closest(choices: Sequence[tuple[State, Any]], wanted: nn.Module, probe: Probe) -> tuple[State, Any]:
    """Choose the model whose outputs on a probe are at the least `distance` from those of the one that is wanted."""
    if len(choices) == 1:
        return choices[0]
    targets = [wanted(*batch) for batch in probe.batches]
    found = []
    for state, config in choices:
        module = probe.module(config, to_float32(state))
        pairs = zip(probe.batches, targets, strict=True)
        found.append(sum(float(distance(module(*batch), target, batch)) for batch, target in pairs))
    return choices[found.index(min(found))]


def measured(
    module: nn.Module, probe: Probe, sites: list[str], linears: list[str]
) -> tuple[dict[str, Moments], dict[str, Spread]]:
    """Run a model on a probe: moments of the stream at the norms, spread of the neurons that the linear maps read."""
    streams: dict[str, MomentSums] = {}
    neurons: dict[str, SpreadSums] = {}
    for seen, slopes in sensitivities(module, probe, sites, linears):
        for name in sites:
            streams.setdefault(name, MomentSums(seen[name].shape[1])).add(seen[name], slopes[name])
        for name in linears:
            neurons.setdefault(name, SpreadSums(seen[name].shape[1])).add(seen[name])
    return (
        {name: sums.moments() for name, sums in streams.items()},
        {name: sums.spread() for name, sums in neurons.items()},
    )
