"""Permutations that correlate activations (Verma & Elbayad 2024)."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from fedot.fusion.align.assignments import Orders, alignment_of, assign, assign_heads, channel_gains
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
from fedot.fusion.problem.stage_options import Stage, whole
from fedot.fusion.problem.text_source import TextSource
from fedot.fusion.texts.probe import activations, readers
from fedot.models import State
from fedot.symmetry import SymmetrySpec

Features = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Verma(Stage):
    """Permutations that correlate activations (Verma & Elbayad 2024).

    Parameters
    ----------
    residual
        Whether the stream has one ``permutation``, as in the paper's experiments with classifiers (``default``), or
        stays as it is (``identity``), its best choice for pretrained models without a task.
    heads
        Channels of heads are matched as they were trained (``own``), as published, or in the ``canonical`` form.
    count_rows
        Average each token's embedding row by how often each client has seen the token.
    probe_texts
        How many texts are drawn from token counts where no probe is given.
    """

    residual: Literal["default", "permutation", "identity"] = "default"
    heads: Channels = "own"
    count_rows: bool = True
    probe_texts: int = whole(256, least=1)


def verma(problem: FusionProblem, texts: TextSource, fused: Fused, stage: Verma) -> Fused:
    """Permute heads, channels and feed-forward neurons so that activations on the probe correlate most.

    Feed-forward neurons are assigned by the correlation of what they put out; channels of values within every
    pair of heads by that of the heads' outputs, heads by the sum over their channels. Channels of queries and keys
    of matched heads share one order, from the activations of both; rotary ones keep their places. One order of each
    stream is found from the inputs of all its readers; with `residual: identity` it stays as it is. Models must have
    equal shapes.
    """
    del fused
    check_equal_shapes(problem, "verma")
    problem = with_channels(problem, stage.heads)
    states, signs = signed_states(problem, stage.heads)
    spec = problem.specs[problem.anchor]
    streams = () if stage.residual == "identity" else streams_of(spec)
    features = [_features(texts, stage, k, state, streams) for k, state in enumerate(states)]

    def align_one(k: int) -> Alignment:
        orders = match_activations(features[k], features[problem.anchor], spec)
        found = alignment_of(orders, states[k], states[problem.anchor], spec)
        return between_signs(found, signs[k], signs[problem.anchor])

    return fuse_aligned(problem, stage, align_one)


def match_activations(source: Features, anchor: Features, spec: SymmetrySpec) -> Orders:
    """Orders of all groups whose activations are given by the group's name, (N, n); channels of heads flat."""
    gains = {name: correlation(source[name], anchor[name]) for name in anchor}
    orders: Orders = {}
    for heads in sorted(spec.heads()):
        size = spec.groups[heads].size
        inner = {name: channel_gains(gains[name], size) for name in gains if spec.groups[name].within == heads}
        scores = {name for name in inner if name in {_score_channels(spec, i) for i in range(len(spec.attentions))}}
        outer = torch.zeros(size, size, dtype=torch.float64)
        found = assign_heads({name: inner[name] for name in inner if name not in scores}, outer)
        orders |= {name or heads: order for name, order in found.items()}
        own = torch.arange(size)
        for name in scores:
            pairs = inner[name][own, orders[heads]]
            rotary = spec.groups[name].kind == "rotary"
            kept = torch.arange(spec.groups[name].size)
            orders[name] = torch.stack([kept if rotary else assign(pair)[0] for pair in pairs])
    for name in gains:
        if spec.groups[name].within is None:
            orders[name], _ = assign(gains[name])
    return orders


def correlation(source: Tensor, anchor: Tensor) -> Tensor:
    """Pearson's correlation of all pairs of columns, (anchor, source); 0 for a column that never changes."""
    x, y = (table - table.mean(0) for table in (source, anchor))
    x, y = (table / table.norm(dim=0).clamp(min=1e-12) for table in (x, y))
    result: Tensor = y.T @ x
    return result


def _score_channels(spec: SymmetrySpec, attention: int) -> str:
    return spec.axes[f"{spec.attentions[attention].q}.weight"][0].groups[1]


def _features(texts: TextSource, stage: Verma, model: int, state: State, streams: tuple[str, ...]) -> Features:
    """Activations of every group that is matched, by its name: (N, n)."""
    problem, probe = texts.problem, texts.probe(stage.probe_texts)
    spec = problem.specs[model]
    single = {name: readers(spec, name)[0] for name in matched_groups(spec)}
    many = {name: _stream_readers(spec, name) for name in streams}
    sides = [name for each in spec.attentions for name in (each.q, each.k, each.o)]
    names = dict.fromkeys([*single.values(), *sides, *(name for each in many.values() for name in each)])
    seen = activations(probe.module(problem.config_of(model), state), probe, tuple(names))
    out = {group: seen[name] for group, name in single.items()}
    out |= {group: torch.cat([seen[name] for name in each]) for group, each in many.items()}
    for index, attention in enumerate(spec.attentions):
        scores = [seen[name] @ state[f"{name}.weight"].T for name in (attention.q, attention.k)]
        for i, name in enumerate((attention.q, attention.k)):
            scores[i] = scores[i] + state.get(f"{name}.bias", torch.zeros(()))
        out[_score_channels(spec, index)] = torch.cat(scores)
        out[spec.axes[f"{attention.v}.weight"][0].groups[1]] = seen[attention.o]
    return out


def _stream_readers(spec: SymmetrySpec, stream: str) -> tuple[str, ...]:
    """Maps that read a stream at its real positions; what reads a pooled one is left out."""
    inside = {name for name, group in spec.groups.items() if group.kind != "labels"}
    return tuple(name for name in readers(spec, stream) if spec.axes[f"{name}.weight"][0].groups[0] in inside)
