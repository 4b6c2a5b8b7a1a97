"""The same function in weights that train well: a reduced model made to look like a freshly drawn one.

A reduction leaves the residual stream in whatever directions were kept, some of which carry far more than others, and
at the size of the block model that it comes from. The function does not depend on either, since a stream that only
norms read may be turned and scaled. Training does: Adam moves every coordinate by about the same step, whatever its
size (Kingma & Ba 2015, section 2.1), so large and unequal coordinates learn slowly. A random rotation makes them alike,
as they are when a model is drawn.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from fedot.fusion.canonical.groups import labelled_tables, streams_of
from fedot.fusion.canonical.maps import GroupMap, apply_maps
from fedot.fusion.problem.fused import Fused
from fedot.fusion.problem.problem import FusionProblem
from fedot.fusion.problem.stage_options import Stage
from fedot.fusion.problem.text_source import TextSource
from fedot.models import State, symmetry
from fedot.symmetry import SymmetrySpec


@dataclass(frozen=True, slots=True)
class Rescale(Stage):
    """Turn and scale the streams of a reduced model, so that it looks like a freshly drawn one."""


def rescale_streams(problem: FusionProblem, texts: TextSource, fused: Fused, stage: Rescale) -> Fused:
    """Give the streams of a reduced model the sizes that the models with a vote have."""
    del texts, stage
    config: Any = fused.config
    voters = problem.voters()
    sizes = stream_sizes((problem.states[k] for k in voters), [problem.specs[k] for k in voters])
    return replace(fused, state=trainable(fused.state, symmetry(config), sizes))


def trainable(state: State, spec: SymmetrySpec, sizes: Mapping[str, float]) -> State:
    """Turn every residual stream at random, and give its tables the sizes of `sizes`; logits stay as they are.

    Streams that a norm with a mean of its own reads, or that can only be permuted, are left alone.

    Parameters
    ----------
    state
        A canonical model in float64.
    sizes
        Root mean square of each stream's tables, as from `stream_sizes`.
    """
    generator = torch.Generator().manual_seed(0)
    own = stream_sizes([state], [spec])
    maps = {}
    for name in streams_of(spec):
        if spec.groups[name].kind != "orthogonal" or spec.keeps_mean(name):
            continue
        width = spec.groups[name].size
        turn = torch.linalg.qr(torch.randn(width, width, generator=generator, dtype=torch.float64)).Q
        factor = sizes[name] / own[name] if own[name] > 0 and sizes[name] > 0 else 1.0
        maps[name] = GroupMap(write=turn * factor, read=turn)
    return apply_maps(state, spec, maps)


def stream_sizes(states: Iterable[State], specs: Sequence[SymmetrySpec]) -> dict[str, float]:
    """Root mean square of the tables that write each residual stream, the mean over models."""
    names = streams_of(specs[0])
    each = [[_size(state, spec, name) for name in names] for state, spec in zip(states, specs, strict=True)]
    return {name: sum(sizes) / len(each) for name, sizes in zip(names, zip(*each, strict=True), strict=True)}


def _size(state: State, spec: SymmetrySpec, stream: str) -> float:
    tables = [state[name] for name, rows in labelled_tables(spec, stream) if spec.axes[name][1 - rows].role == "write"]
    squares = torch.cat([table.square().flatten() for table in tables] or [torch.zeros(1, dtype=torch.float64)])
    return float(squares.mean().sqrt())
