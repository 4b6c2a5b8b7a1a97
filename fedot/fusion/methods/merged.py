"""Our fusion by reduction: all models side by side, reduced to the size of one on texts drawn from token counts.

Averages keep what models agree on. Where clients know different things (two languages), they should rather be
kept apart inside one model: the block model does that, and most of its width turns out to be spare.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from fedot.errors import FedotError
from fedot.fusion.block import block_config, block_sum, check_blockable, equal_streams
from fedot.fusion.canonicalise import put_heads, to_float32
from fedot.fusion.config import FusionConfig
from fedot.fusion.ensemble import gated_ensemble
from fedot.fusion.evidence import matched_groups
from fedot.fusion.labels import LabelUnion
from fedot.fusion.methods.aligned import aligned
from fedot.fusion.methods.types import Fused
from fedot.fusion.moments import Moments, MomentSums, Spread, SpreadSums
from fedot.fusion.probe import Probe, activations, readers, sensitivities
from fedot.fusion.problem import FusionProblem
from fedot.fusion.reduce import (
    Roots,
    heads_of,
    merge_heads,
    principal_basis,
    reduce_ffn,
    reduce_stream,
    refit_linear,
    thin_heads,
)
from fedot.models import State, symmetry
from fedot.symmetry import Axis

OUTPUT_RIDGE = 1.0
"""How firmly the classifier is held in its refit; chosen on validation data (docs/results.md)."""


def merged(problem: FusionProblem, config: FusionConfig) -> Fused:
    """Put the models side by side (`fedot.fusion.block`) and reduce the result (`fedot.fusion.reduce`).

    The aligned models that come with the result are those of the method ``aligned``, for diagnostics.
    `size` scales the anchor's widths; from the sum of all widths on the result is the block model itself.

    Raises
    ------
    FedotError
        If the models are post-norm, or not of one of fedot's architectures, or there is nothing to probe with.
    """
    voters = [k for k, weight in enumerate(problem.weights) if weight > 0]
    configs = [problem.config_of(k) for k in voters]
    for each in configs:
        check_blockable(each)
    probe = problem.probe_or_drawn(config.probe_texts)
    specs = [problem.specs[k] for k in voters]
    states = [
        equal_streams(problem.states[k], spec, each, probe)
        for k, spec, each in zip(voters, specs, configs, strict=True)
    ]
    weights = [problem.weights[k] for k in voters]
    confidence = {
        name: row_confidence(union, voters, problem.counts.get(name)) for name, union in problem.unions.items()
    }
    block = block_sum(states, specs, configs, weights, confidence)
    target = target_config(problem.config_of(problem.anchor), configs, config.size)
    state, reduced = reduce(block, configs, target, probe)
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


def reduce(block: State, configs: list[Any], target: Any, probe: Probe) -> tuple[State, Any]:
    """Reduce a block model to the widths of `target`; heads may become more and thinner at the same width."""
    whole = block_config(configs)
    spec = symmetry(whole)
    reader = {group: readers(spec, group)[0] for group in matched_groups(spec)}
    sites = [norm.name for norm in spec.norms]
    moments, spreads = measured(probe.module(whole, to_float32(block)), probe, sites, list(reader.values()))
    state, inside = block, dict(moments)
    for name, group in spec.groups.items():
        if spec.is_stream(name) and group.kind == "orthogonal":
            own = [norm.name for norm in spec.norms if spec.axes[f"{norm.feeds[0]}.weight"][1].groups == (name,)]
            basis = principal_basis([moments[site] for site in own], target.d_model)
            state = reduce_stream(state, spec, name, basis, moments)
            inside |= {site: moments[site].seen_through(basis) for site in own}
    for hidden, linear in reader.items():
        state = reduce_ffn(state, spec, hidden, spreads[linear], target.d_ff)
    narrow = replace(whole, d_model=target.d_model, d_ff=target.d_ff)
    if target.n_head * target.d_head == whole.n_head * whole.d_head:
        return state, narrow
    return _reduce_heads(state, narrow, configs, target, inside)


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


def _reduce_heads(
    state: State, config: Any, configs: list[Any], target: Any, moments: Mapping[str, Moments]
) -> tuple[State, Any]:
    """Thin all heads, or merge them into as many as the target has: whichever loses less of their circuits."""
    spec = symmetry(config)
    counts = [each.n_head for each in configs]
    rank = target.n_head * target.d_head // config.n_head
    norm_of = {linear: norm.name for norm in spec.norms for linear in norm.feeds}
    choices: list[tuple[float, State, Any]] = []
    for shape in ((config.n_head, rank), (target.n_head, target.d_head)):
        if not all(shape) or (shape[0] != config.n_head and target.n_head not in counts):
            continue
        out, error = dict(state), 0.0
        for attention in spec.attentions:
            heads = heads_of(state, spec, attention)
            roots = Roots.of(moments[norm_of[attention.q]], moments[norm_of[attention.k]])
            if shape[0] == config.n_head:
                result = thin_heads(heads, roots, rank, scaled=attention.scaled)
            else:
                base = counts.index(target.n_head)
                result = merge_heads(heads, counts, base, roots, scaled=attention.scaled)
            put_heads(out, attention, result.heads)
            error += result.error
        choices.append((error, out, replace(config, n_head=shape[0], d_head=shape[1])))
    if not choices:
        raise FedotError("the target has no room for a single head; raise fusion.size")
    _, best, shape_of = min(choices, key=lambda choice: choice[0])
    return best, shape_of
