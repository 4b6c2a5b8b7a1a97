"""Orthogonal weight matching (Theus et al. 2025, arXiv 2506.22712): one rotation of the stream, heads, neurons."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from fedot.fusion.align.align import OUTPUTS, SCORES, align_inside, align_streams, check_planes, squared_distance
from fedot.fusion.align.align_options import Align
from fedot.fusion.canonical.canonicalise import Heads, get_heads
from fedot.fusion.canonical.groups import streams_of
from fedot.fusion.canonical.maps import Alignment, GroupMap, apply_maps, axis_map, multiply
from fedot.fusion.methods.pairwise import fuse_aligned
from fedot.fusion.problem.fused import Fused
from fedot.fusion.problem.problem import FusionProblem
from fedot.fusion.problem.stage_options import Stage, whole
from fedot.fusion.problem.text_source import TextSource
from fedot.models import State
from fedot.symmetry import Attention, SymmetrySpec

INSIDE = Align(support="unit-weights", ground_cost="manhattan", solver="exact", mass="uniform")


@dataclass(frozen=True, slots=True)
class Theus(Stage):
    """Orthogonal weight matching (Theus et al. 2025).

    Parameters
    ----------
    sweeps
        Descents over stream, heads and neurons; the authors' code has 15.
    circuits
        Average the score and output circuits of matched heads, as the authors do, and refactor them; else their
        factors.
    count_rows
        Average each token's embedding row by how often each client has seen the token.
    """

    sweeps: int = whole(15, least=1)
    circuits: bool = True
    count_rows: bool = True


def theus(problem: FusionProblem, texts: TextSource, fused: Fused, stage: Theus) -> Fused:
    """Descend by turns over stream, heads and feed-forward neurons; weights alone.

    The stream's map is the orthogonal Procrustes solution over all that touches it (section 3.3 of the paper), first
    over the tables alone. Where clients have counted tokens, rows of tokens that one of them has never seen are left
    out, as in the authors' code. Heads are matched by the Frobenius distances of their score and output circuits,
    feed-forward neurons by the sum of absolute differences of all their weights at unit norm. A stream that may only
    be permuted is. Unequal widths give rectangular maps, where the authors pad the smaller model.

    The authors' models have heads as wide as the stream, which hold the mean of two circuits of d_head channels
    exactly. Here the mean is refactored at d_head channels, so that the result has the size of one model.
    """
    del texts, fused
    spec, anchor = problem.specs[problem.anchor], problem.states[problem.anchor]

    def align_one(k: int) -> Alignment:
        return match_orthogonally(
            problem.states[k], anchor, problem.specs[k], spec, shared_rows(problem, k), sweeps=stage.sweeps
        )

    return fuse_aligned(problem, stage, align_one, circuits=stage.circuits)


def shared_rows(problem: FusionProblem, source: int) -> dict[str, Tensor]:
    """By group of labels 1 for rows that a model and the anchor both have, and have seen where they counted, else 0."""
    out = {}
    for name, union in problem.unions.items():
        both = union.present(source) * union.present(problem.anchor)
        if name in problem.counts:
            seen = (problem.counts[name][source] > 0) & (problem.counts[name][problem.anchor] > 0)
            both = both * seen if bool(seen.any()) else both
        out[name] = both
    return out


def match_orthogonally(
    source: State,
    anchor: State,
    source_spec: SymmetrySpec,
    anchor_spec: SymmetrySpec,
    common: Mapping[str, Tensor],
    *,
    sweeps: int,
) -> Alignment:
    """Align two canonical states; `common` tells for each group of labels which rows count, (rows,)."""
    check_planes(source_spec, anchor_spec)
    streams = streams_of(anchor_spec)
    found = Alignment({}, {})
    for sweep in range(sweeps):
        crosses = {
            name: covariance_of_tables(source, anchor, source_spec, anchor_spec, name, common)
            + (weight_covariance(source, anchor, source_spec, anchor_spec, name, found) if sweep else 0.0)
            for name in streams
        }
        turned = align_streams(crosses, source_spec, anchor_spec)
        found = align_inside(source, anchor, source_spec, anchor_spec, turned, INSIDE, head_cost=head_distance)
    return found


def head_distance(source: Heads, anchor: Heads, *, rotary: bool = False) -> Tensor:
    """Frobenius distances of every anchor head's circuits to every source head's, added up: (H_source, H_anchor).

    A head of the authors' has as many channels as its circuit has columns, and its scores make up for that by a
    factor; so scores count by the root of columns over channels.
    """
    scores, outputs = (
        squared_distance(source, anchor, sides, rotary=rotary)[0].clamp(min=0.0).sqrt() for sides in (SCORES, OUTPUTS)
    )
    total: Tensor = scores * (anchor.q.shape[2] / anchor.d_head) ** 0.5 + outputs
    return total


def covariance_of_tables(
    source: State,
    anchor: State,
    source_spec: SymmetrySpec,
    anchor_spec: SymmetrySpec,
    group: str,
    common: Mapping[str, Tensor],
) -> Tensor:
    """Cross-covariance of a stream over its tables, each one's divided by the number of its rows: (anchor, source)."""
    total = torch.zeros(anchor_spec.groups[group].size, source_spec.groups[group].size, dtype=torch.float64)
    for name, index in _matrices(anchor_spec, group):
        rows = anchor_spec.axes[name][1 - index].groups[0]
        if rows not in common:
            continue
        x, y = (torch.movedim(state[name], 1 - index, 0) for state in (source, anchor))
        total += y.T @ (x * common[rows][:, None]) / common[rows].sum().clamp(min=1.0)
    return total


def weight_covariance(
    source: State, anchor: State, source_spec: SymmetrySpec, anchor_spec: SymmetrySpec, group: str, found: Alignment
) -> Tensor:
    """Cross-covariance of a stream over the layers, all other axes aligned: (anchor, source).

    Every matrix is divided by the root of its columns, so that products are divided by their number. Attentions count
    as in the authors' parametrisation: queries hold the score circuit and keys the identity, outputs hold the output
    circuit and values the identity. Identities say nothing but that the stream's map should stay what it is.
    """
    total = torch.zeros(anchor_spec.groups[group].size, source_spec.groups[group].size, dtype=torch.float64)
    inside = {
        f"{name}.weight"
        for each in anchor_spec.attentions
        for name in ((each.v, each.o) if each.rotary else (each.q, each.k, each.v, each.o))
    }
    for name, index in _matrices(anchor_spec, group):
        other = anchor_spec.axes[name][1 - index]
        if name in inside or anchor_spec.groups[other.groups[0]].kind == "labels":
            continue
        matrix, x = axis_map(found.maps, other, source_spec), source[name]
        x = x if matrix is None else multiply(matrix, x, 1 - index)
        x, y = (torch.movedim(tensor, index, 0) for tensor in (x, anchor[name]))
        total += y @ x.T / y.shape[1]
    seen = apply_maps(source, source_spec, {name: found.maps[name] for name in streams_of(anchor_spec)})
    for attention in anchor_spec.attentions:
        total += _circuit_covariance(
            (get_heads(source, source_spec, attention), get_heads(seen, source_spec, attention)),
            get_heads(anchor, anchor_spec, attention),
            found.maps,
            anchor_spec,
            attention,
            group,
        )
    return total


def _circuit_covariance(
    source: tuple[Heads, Heads],
    anchor: Heads,
    maps: Mapping[str, GroupMap],
    spec: SymmetrySpec,
    attention: Attention,
    group: str,
) -> Tensor | float:
    """What one attention adds to the covariance of a stream; `source` has its heads as they are, and as now seen."""
    own, seen = source
    heads = spec.axes[f"{attention.q}.weight"][0].groups[0]
    matched, n_head = maps[heads].write, len(anchor.q)  # (anchor heads, source heads)
    columns = n_head * anchor.q.shape[2]

    def stream(name: str, axis: int) -> bool:
        return spec.axes[f"{name}.weight"][axis].groups == (group,)

    total: Tensor | float = 0.0
    pull = maps[group].write / maps[group].write.norm(dim=1).mean().clamp(min=1e-300)
    if stream(attention.q, 1) and not attention.rotary:
        scale = anchor.q.shape[2] / anchor.d_head / (3 * columns)
        total = total + scale * _product(anchor.q[..., :-1], anchor.k, own.q[..., :-1], seen.k, matched)
    if stream(attention.o, 0):
        total = total + _product(anchor.o, anchor.v, own.o, seen.v, matched) / columns
    if stream(attention.k, 1) and not attention.rotary:
        total = total + pull * n_head / (3 * columns)
    if stream(attention.v, 1):
        total = total + pull * n_head / (3 * columns)
    return total


def _product(left: Tensor, right: Tensor, to_left: Tensor, to_right: Tensor, matched: Tensor) -> Tensor:
    """Sum of ``(left[m].T right[m]) (to_left[n].T to_right[n]).T`` over matched heads: (width, source width)."""
    inner = torch.einsum("mrx,nsx->mnrs", right, to_right) * matched[:, :, None, None]
    return torch.einsum("mrx,mnrs,nsy->xy", left, inner, to_left)


def _matrices(spec: SymmetrySpec, group: str) -> list[tuple[str, int]]:
    """Matrices that touch a stream, and at which axis; copies of tied ones left out."""
    copies = {copy for copy, _ in spec.lasting_ties()}
    return [(name, index) for name, index in spec.tensors_of(group) if name not in copies and len(spec.axes[name]) == 2]
