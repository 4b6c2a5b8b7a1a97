"""Orthogonal weight matching (Theus et al. 2025, arXiv 2506.22712): one rotation of the stream, heads, neurons."""

from dataclasses import dataclass

import torch
from torch import Tensor

from fedot.fusion.align.align import align_inside, align_streams, check_planes
from fedot.fusion.align.align_options import Align
from fedot.fusion.align.streams import labelled_covariance
from fedot.fusion.canonical.groups import streams_of
from fedot.fusion.canonical.maps import Alignment, axis_map, multiply
from fedot.fusion.methods.pairwise import fuse_aligned
from fedot.fusion.problem.fused import Fused
from fedot.fusion.problem.problem import FusionProblem
from fedot.fusion.problem.stage_options import Stage
from fedot.fusion.problem.text_source import TextSource
from fedot.models import State
from fedot.symmetry import SymmetrySpec

SWEEPS = 5
INSIDE = Align(support="weights", ground_cost="squared-euclidean", solver="exact", mass="uniform")


@dataclass(frozen=True, slots=True)
class Theus(Stage):
    """Orthogonal weight matching (Theus et al. 2025).

    Parameters
    ----------
    count_rows
        Average each token's embedding row by how often each client has seen the token.
    """

    count_rows: bool = True


def theus(problem: FusionProblem, texts: TextSource, fused: Fused, stage: Theus) -> Fused:
    """Descend by turns over stream, heads and feed-forward neurons, five sweeps; weights alone, no counts.

    The stream's map is the orthogonal Procrustes solution over all weights that touch it, each entry counting
    alike. Heads are matched by the distance of their score and output circuits; channels of matched heads are then
    turned, the orthogonal ones among the invertible maps that keep a circuit. Feed-forward neurons are matched by
    all their weights. Before the first sweep nothing is matched yet, so the stream starts from the tables, whose
    rows have names. A stream that may only be permuted is. Unequal widths give rectangular maps.
    """
    del texts, fused
    spec, anchor = problem.specs[problem.anchor], problem.states[problem.anchor]

    def align_one(k: int) -> Alignment:
        common = {name: union.present(k) * union.present(problem.anchor) for name, union in problem.unions.items()}
        return match_orthogonally(problem.states[k], anchor, problem.specs[k], spec, common)

    return fuse_aligned(problem, stage, align_one)


def match_orthogonally(
    source: State, anchor: State, source_spec: SymmetrySpec, anchor_spec: SymmetrySpec, common: dict[str, Tensor]
) -> Alignment:
    """Align two canonical states; `common` tells for each group of labels which rows both models have, (rows,)."""
    check_planes(source_spec, anchor_spec)
    streams = streams_of(anchor_spec)
    crosses = {name: labelled_covariance(source, anchor, source_spec, anchor_spec, name, common) for name in streams}
    turned = align_streams(crosses, source_spec, anchor_spec)
    found = align_inside(source, anchor, source_spec, anchor_spec, turned, INSIDE)
    for _ in range(SWEEPS):
        crosses = {name: weight_covariance(source, anchor, source_spec, anchor_spec, name, found) for name in streams}
        turned = align_streams(crosses, source_spec, anchor_spec)
        found = align_inside(source, anchor, source_spec, anchor_spec, turned, INSIDE)
    return found


def weight_covariance(
    source: State,
    anchor: State,
    source_spec: SymmetrySpec,
    anchor_spec: SymmetrySpec,
    group: str,
    found: Alignment,
) -> Tensor:
    """Cross-covariance of a stream over all weights that touch it, all other axes aligned: (anchor, source).

    Rows that only one model has are zero in the other.
    """
    total = torch.zeros(anchor_spec.groups[group].size, source_spec.groups[group].size, dtype=torch.float64)
    copies = {copy for copy, _ in anchor_spec.lasting_ties()}
    for name, index in anchor_spec.tensors_of(group):
        if name in copies:
            continue
        x = source[name]
        for other, axis in enumerate(source_spec.axes[name]):
            matrix = axis_map(found.maps, axis, source_spec) if other != index else None
            x = x if matrix is None else multiply(matrix, x, other)
        x, y = (torch.movedim(tensor, index, 0).reshape(tensor.shape[index], -1) for tensor in (x, anchor[name]))
        total += y @ x.T
    return total
