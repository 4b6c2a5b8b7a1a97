"""Rotation matching within heads (Zhang, Zheng, Chen & Li 2025, algorithm 1)."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fedot.fusion.align.align import channel_map, plane_map
from fedot.fusion.align.assignments import alignment_of, assign, products
from fedot.fusion.canonical.canonicalise import get_heads
from fedot.fusion.canonical.groups import matched_groups
from fedot.fusion.canonical.maps import Alignment, GroupMap
from fedot.fusion.methods.pairwise import Channels, check_equal_shapes, fuse_aligned, with_channels
from fedot.fusion.problem.fused import Fused
from fedot.fusion.problem.problem import FusionProblem
from fedot.fusion.problem.stage_options import Stage
from fedot.fusion.problem.text_source import TextSource
from fedot.models import State
from fedot.symmetry import Attention, SymmetrySpec


@dataclass(frozen=True, slots=True)
class Zhang(Stage):
    """Rotation matching within heads (Zhang, Zheng, Chen & Li 2025).

    Parameters
    ----------
    heads
        Channels of heads are turned as they were trained (``own``), as published, or in the ``canonical`` form.
    count_rows
        Average each token's embedding row by how often each client has seen the token.
    """

    heads: Channels = "own"
    count_rows: bool = True


def zhang(problem: FusionProblem, texts: TextSource, fused: Fused, stage: Zhang) -> Fused:
    """Turn and rescale the channels of every head, and permute feed-forward neurons; no data.

    Head h goes with head h, and the stream stays as it is, for the paper's models share a pretraining. Queries and
    keys (values and outputs) of a head turn by one rotation, Kabsch's closed form with query biases as a further
    column; then one factor scales the first and divides the second, a root of a quartic. Feed-forward neurons
    are assigned by ingoing and outgoing weights and bias (equation 7). Models must have equal shapes.
    """
    del texts, fused
    check_equal_shapes(problem, "zhang")
    problem = with_channels(problem, stage.heads)
    spec, anchor = problem.specs[problem.anchor], problem.states[problem.anchor]
    return fuse_aligned(problem, stage, lambda k: match_rotations(problem.states[k], anchor, spec))


def match_rotations(source: State, anchor: State, spec: SymmetrySpec) -> Alignment:
    """Align two canonical states of one shape."""
    orders = {}
    for name in matched_groups(spec):
        gains = [gain for _, gain in products(source, anchor, spec, {}, name)]
        orders[name], _ = assign(torch.stack(gains).sum(0))
    found = alignment_of(orders, source, anchor, spec)
    turned = dict(found.maps)
    for attention in spec.attentions:
        turned |= _turn_heads(source, anchor, spec, attention)
    return Alignment(turned, found.couplings)


def _turn_heads(source: State, anchor: State, spec: SymmetrySpec, attention: Attention) -> dict[str, GroupMap]:
    heads, qk = spec.axes[f"{attention.q}.weight"][0].groups
    vo = spec.axes[f"{attention.v}.weight"][0].groups[1]
    x, y = (get_heads(state, spec, attention) for state in (source, anchor))
    same = torch.eye(spec.groups[heads].size, dtype=torch.bool)
    score = plane_map(x.q, x.k, y.q, y.k) if attention.rotary else channel_map(x.q, x.k, y.q, y.k, same, scores=False)
    output = channel_map(x.v, x.o, y.v, y.o, same, scores=False)
    return {qk: _rescaled(score, x.q, x.k, y.q, y.k), vo: _rescaled(output, x.v, x.o, y.v, y.o)}


def _rescaled(turn: GroupMap, writes: Tensor, reads: Tensor, to_writes: Tensor, to_reads: Tensor) -> GroupMap:
    """Scale the producing factor (H, d, width) of every head by the best number, the reading one by its inverse."""
    own = torch.arange(len(writes))
    rotation = turn.write[own, own]
    first, second = rotation @ writes, rotation @ reads
    terms = (first.square(), first * to_writes, second.square(), second * to_reads)
    sums = torch.stack([term.sum((1, 2)) for term in terms], 1).tolist()
    factor = torch.tensor([best_scale(*row) for row in sums], dtype=torch.float64)[:, None, None, None]
    return GroupMap(turn.write * factor, turn.read / factor)


def best_scale(a: float, b: float, c: float, d: float) -> float:
    """Positive ``s`` with the least ``s**2 a - 2 s b + c / s**2 - 2 d / s``; 1 where a factor is zero.

    Two factors of squared norms `a` and `c`, whose scalar products with their targets are `b` and `d`, then lie
    nearest to these.
    """
    if not a > 0 < c:
        return 1.0
    roots = np.roots([a, -b, 0.0, d, -c])
    found = [float(root.real) for root in roots if root.real > 0 and abs(root.imag) < 1e-9 * abs(root)]
    return min(found, key=lambda s: s * s * a - 2 * s * b + c / (s * s) - 2 * d / s, default=1.0)
