"""Our fusion by reduction: all models side by side, reduced to the size of one on texts drawn from token counts.

Averages keep what models agree on. Where clients know different things (two languages), they should rather be
kept apart inside one model: the block model does that, and most of its width turns out to be spare.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from fedot.errors import FedotError
from fedot.fusion.align import check_planes
from fedot.fusion.block import block_config, block_module, block_sum, check_blockable, equal_streams
from fedot.fusion.canonicalise import put_heads, to_float32
from fedot.fusion.config import FusionConfig
from fedot.fusion.directions import kept_directions
from fedot.fusion.distil import distance
from fedot.fusion.ensemble import gated_ensemble
from fedot.fusion.evidence import matched_groups
from fedot.fusion.labels import LabelUnion
from fedot.fusion.methods.aligned import aligned
from fedot.fusion.methods.types import Fused
from fedot.fusion.moments import Moments, MomentSums, Spread, SpreadSums
from fedot.fusion.probe import Probe, activations, readers, sensitivities
from fedot.fusion.problem import FusionProblem
from fedot.fusion.reduce import reduce_ffn, reduce_stream, refit_linear
from fedot.fusion.reduce_heads import Roots, heads_of, reduce_heads
from fedot.models import State, symmetry
from fedot.symmetry import Axis, SymmetrySpec

FEW = 4
"""Where a rough figure does, every so manieth text of the probe is taken."""
OUTPUT_RIDGE = 1.0
"""How firmly the classifier is held in its refit; chosen on validation data (docs/results.md)."""


def merged(problem: FusionProblem, config: FusionConfig) -> Fused:
    """Put the models side by side (`fedot.fusion.block`) and reduce the result (`fedot.fusion.reduce`).

    The aligned models that come with the result are those of the method ``aligned``, for diagnostics.
    `size` scales the anchor's widths; from the sum of all widths on the result is the block model itself.

    Raises
    ------
    FedotError
        If the models are post-norm, or not of one of fedot's architectures, or have rotary heads of unequal size, or
        there is nothing to probe with.
    """
    voters = [k for k, weight in enumerate(problem.weights) if weight > 0]
    configs = [problem.config_of(k) for k in voters]
    specs = [problem.specs[k] for k in voters]
    for each, spec in zip(configs, specs, strict=True):
        check_blockable(each)
        check_planes(spec, problem.specs[problem.anchor])
    probe = problem.probe_or_drawn(config.probe_texts)
    states = [
        equal_streams(problem.states[k], spec, each, probe.thinned(FEW))
        for k, spec, each in zip(voters, specs, configs, strict=True)
    ]
    weights = [problem.weights[k] for k in voters]
    confidence = {
        name: row_confidence(union, voters, problem.counts.get(name)) for name, union in problem.unions.items()
    }
    block = block_sum(states, specs, configs, weights, confidence)
    target = target_config(problem.config_of(problem.anchor), configs, config.size)
    state, reduced = reduce(block, specs, configs, target, probe)
    if "vocab" in problem.counts and "class" in problem.unions:
        state = refit_outputs(state, reduced, problem, config.probe_texts)
    basis = aligned(problem, config)
    return Fused(state, basis.aligned, basis.alignments, reduced)


def refit_outputs(state: State, config: Any, problem: FusionProblem, texts: int) -> State:
    """Fit the classifier to the parents' gated ensemble on texts drawn anew."""
    spec = symmetry(config)
    names = [name for name, axes in spec.axes.items() if len(axes) == 2 and axes[0] == Axis(("class",), "write")]
    probe = problem.probe_or_drawn(texts, seed=1)
    teacher = gated_ensemble(problem)
    targets = torch.cat([teacher(*batch) for batch in probe.batches]).double()
    for name in (name.removesuffix(".weight") for name in names):
        inputs = activations(probe.module(config, to_float32(state)), probe, [name])[name]
        state = refit_linear(state, name, inputs, targets - targets.mean(1, keepdim=True), OUTPUT_RIDGE)
    return state


def row_confidence(union: LabelUnion, models: list[int], counts: Tensor | None) -> Tensor:
    """How far each model is to be believed on each row, (K, rows): 1 for the one that knows it best.

    The square root of a count is the inverse of the standard error of what was learnt from it.
    """
    present = torch.stack([union.present(k) for k in models])
    if counts is None:
        return present
    seen = counts[models]
    most = seen.max(0).values
    return torch.where(most > 0, (seen / most.clamp(min=1e-300)).sqrt(), present)


def target_config(anchor: Any, configs: list[Any], size: float) -> Any:
    """The anchor's configuration scaled by `size`, at most as wide as all models together."""
    whole = block_config(configs)
    heads = max(1, round(size * anchor.n_head))
    if heads * anchor.d_head >= whole.n_head * whole.d_head:
        heads, d_head = whole.n_head, whole.d_head
    else:
        d_head = anchor.d_head
    return replace(
        anchor,
        d_model=min(max(1, round(size * anchor.d_model)), whole.d_model),
        n_head=heads,
        d_head=d_head,
        d_ff=min(max(1, round(size * anchor.d_ff)), whole.d_ff),
    )


def reduce(
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
            own = [norm.name for norm in spec.norms if spec.axes[f"{norm.feeds[0]}.weight"][1].groups == (name,)]
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

    Raises
    ------
    FedotError
        If there is no room for a single head.
    """
    if narrow.positions == "rotary":
        return [target.n_head]
    room = target.n_head * target.d_head
    doubled = [target.n_head << i for i in range(narrow.n_head.bit_length()) if target.n_head << i < narrow.n_head]
    found = [number for number in (*doubled, narrow.n_head) if number <= room]
    if not found:
        raise FedotError("the target has no room for a single head; raise fusion.size")
    return found


def with_heads(state: State, config: Any, number: int, rank: int, moments: Mapping[str, Moments]) -> tuple[State, Any]:
    """Give every attention of a model that many heads of that many channels."""
    spec, out = symmetry(config), dict(state)
    norm_of = {linear: norm.name for norm in spec.norms for linear in norm.feeds}
    for attention in spec.attentions:
        sides = (moments[norm_of[attention.q]], moments[norm_of[attention.k]])
        heads = heads_of(state, spec, attention)
        put_heads(
            out,
            attention,
            reduce_heads(heads, Roots.of(*sides, rotary=attention.rotary), number, rank, attention),
        )
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
