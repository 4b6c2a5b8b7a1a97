"""Align one canonical model to another: residual stream, then heads, within heads, then feed-forward neurons.

The residual map is solved first, from rows that both models label alike (tokens, positions, classes), since
every other group is seen through it. All of it needs weights only.
"""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from fedot.errors import FedotError
from fedot.fusion.align.activations import Evidence
from fedot.fusion.align.align_options import Align
from fedot.fusion.align.masses import MASSES
from fedot.fusion.align.streams import labelled_covariance, residual_map, residual_matching
from fedot.fusion.align.supports import SUPPORTS
from fedot.fusion.canonical.canonicalise import Heads, channels, get_heads, planes
from fedot.fusion.canonical.groups import matched_groups, streams_of
from fedot.fusion.canonical.maps import Alignment, GroupMap, apply_maps
from fedot.models import State
from fedot.symmetry import SymmetrySpec
from fedot.transport import GROUND_COSTS, Coupling, solve

NOTHING = Evidence()
SCORES, OUTPUTS = ("q", "k"), ("o", "v")
"""The two factors of a head's circuits, as `Heads` names them."""
FLIP = GroupMap(-torch.ones(1, 1, dtype=torch.float64), -torch.ones(1, 1, dtype=torch.float64))


def align(
    source: State,
    anchor: State,
    source_spec: SymmetrySpec,
    anchor_spec: SymmetrySpec,
    row_weights: Mapping[str, Tensor],
    options: Align,
    source_evidence: Evidence = NOTHING,
    anchor_evidence: Evidence = NOTHING,
) -> Alignment:
    """Solve all maps that bring `source` to `anchor`, both canonical and with equal labels.

    Parameters
    ----------
    row_weights
        For each group of labels, how far each label is to be trusted as common ground, (rows,).
    source_evidence, anchor_evidence
        What masses and supports other than those of the weights need.

    Raises
    ------
    FedotError
        If heads of unequal size have rotary positions.
    """
    check_planes(source_spec, anchor_spec)
    crosses = {
        name: labelled_covariance(source, anchor, source_spec, anchor_spec, name, row_weights)
        for name in streams_of(anchor_spec)
    }
    streams = align_streams(crosses, source_spec, anchor_spec)
    return align_inside(source, anchor, source_spec, anchor_spec, streams, options, source_evidence, anchor_evidence)


def align_streams(crosses: Mapping[str, Tensor], source_spec: SymmetrySpec, anchor_spec: SymmetrySpec) -> Alignment:
    """Solve the map of every residual stream from its `labelled_covariance`."""
    maps: dict[str, GroupMap] = {}
    couplings: dict[str, Coupling] = {}
    for name, cross in crosses.items():
        if anchor_spec.groups[name].kind == "orthogonal":
            keeps_mean = source_spec.keeps_mean(name) or anchor_spec.keeps_mean(name)
            maps[name] = residual_map(cross, keeps_mean=keeps_mean)
            couplings[name] = rotation_as_plan(maps[name].write)
        else:
            couplings[name] = residual_matching(cross)
            maps[name] = maps_of(couplings[name])
    return Alignment(maps, couplings)


def align_inside(
    source: State,
    anchor: State,
    source_spec: SymmetrySpec,
    anchor_spec: SymmetrySpec,
    streams: Alignment,
    options: Align,
    source_evidence: Evidence = NOTHING,
    anchor_evidence: Evidence = NOTHING,
    head_cost: Callable[..., Tensor] | None = None,
) -> Alignment:
    """Solve the maps of all groups inside the layers, seen through the `streams`' maps, which are among the result.

    Heads are matched by `head_cost`, which is `circuit_distance` where none is given.
    """
    maps, couplings = dict(streams.maps), dict(streams.couplings)
    seen = apply_maps(source, source_spec, maps)
    for outer in dict.fromkeys(anchor_spec.axes[f"{each.q}.weight"][0].groups[0] for each in anchor_spec.attentions):
        _align_heads(seen, anchor, source_spec, anchor_spec, outer, maps, couplings, head_cost or circuit_distance)
    support, mass = SUPPORTS[options.support], MASSES[options.mass]
    for name in matched_groups(anchor_spec):
        ground, scale = GROUND_COSTS[options.ground_cost], anchor_spec.scale_of(name)
        target = support(anchor, anchor_spec, name, anchor_evidence)
        cost = ground(support(seen, source_spec, name, source_evidence), target)
        if scale is not None and scale.kind == "linear":  # balanced neurons are alike up to a sign
            flipped = apply_maps(seen, source_spec, {scale.name: FLIP})
            other = ground(support(flipped, source_spec, name, source_evidence.negated()), target)
            signs = torch.from_numpy(np.where(other < cost, -1.0, 1.0)).T[:, :, None, None]
            maps[scale.name] = GroupMap(signs, signs)
            cost = np.minimum(cost, other)
        couplings[name] = solve(
            options.solver,
            cost,
            mass(seen, source_spec, name, source_evidence),
            mass(anchor, anchor_spec, name, anchor_evidence),
            {"reg": options.reg, "mass-penalty": options.mass_penalty, "mass-share": options.mass_share},
        )
        maps[name] = maps_of(couplings[name])
    return Alignment(maps, couplings)


def circuit_distance(source: Heads, anchor: Heads, *, rotary: bool = False) -> Tensor:
    """Squared Frobenius distance of every anchor head's circuits to every source head's, (H_source, H_anchor).

    The score and the output circuit each count relative to their mean size.
    """
    total = torch.zeros(len(source.q), len(anchor.q), dtype=torch.float64)
    for sides in (SCORES, OUTPUTS):
        distance, size = squared_distance(source, anchor, sides, rotary=rotary)
        total += distance / size.clamp(min=1e-300)
    return total.clamp(min=0.0)


def squared_distance(
    source: Heads, anchor: Heads, sides: tuple[str, str], *, rotary: bool = False
) -> tuple[Tensor, Tensor]:
    """Squared Frobenius distance of one kind of circuits, (H_source, H_anchor), and the sum of both mean squares.

    Products of small Gram matrices stand in for the (d, d) circuits, since ``tr((A'B)'(C'D)) = tr((C A')' (D B'))``.
    The score circuit of a `rotary` head is one for each difference of positions; their mean squared distance is that
    of the planes' complex circuits.
    """
    a, b, c, d = (getattr(heads, side) for heads in (source, anchor) for side in sides)
    products = plane_products if rotary and sides == SCORES else circuit_products
    cross = products(a, b, c, d)
    own_source, own_anchor = (
        torch.cat([products(*(f[i : i + 1] for f in (x, y, x, y)))[0] for i in range(len(x))])
        for x, y in ((a, b), (c, d))
    )
    return own_source[:, None] + own_anchor[None, :] - 2 * cross, own_source.mean() + own_anchor.mean()


def circuit_products(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    """Frobenius products of ``a[i].T b[i]`` with ``c[j].T d[j]`` for all pairs: (I, J)."""
    left = torch.einsum("irx,jsx->ijrs", a, c)
    right = torch.einsum("irx,jsx->ijrs", b, d)
    return (left * right).sum((2, 3))


def plane_products(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    """Frobenius products of rotary score circuits, plane by plane, for all pairs: (I, J)."""
    a, b, c, d = (planes(factor) for factor in (a, b, c, d))
    left = torch.einsum("ipx,jpx->ijp", a, c.conj())
    right = torch.einsum("ipx,jpx->ijp", b.conj(), d)
    return (left * right).real.sum(2)


def _align_heads(
    seen: State,
    anchor: State,
    source_spec: SymmetrySpec,
    anchor_spec: SymmetrySpec,
    outer: str,
    maps: dict[str, GroupMap],
    couplings: dict[str, Coupling],
    distance: Callable[..., Tensor],
) -> None:
    """Match heads with heads by their circuits, then rotate the channels of every matched pair.

    Attentions that share a group of heads (one table of relative positions serves them all) are matched as one.
    """
    n, m = source_spec.groups[outer].size, anchor_spec.groups[outer].size
    cost = _table_distance(seen, anchor, anchor_spec, outer, n, m)
    served = [each for each in anchor_spec.attentions if anchor_spec.axes[f"{each.q}.weight"][0].groups[0] == outer]
    sides = ((seen, source_spec), (anchor, anchor_spec))
    pairs = [tuple(get_heads(state, spec, each) for state, spec in sides) for each in served]
    for attention, (x, y) in zip(served, pairs, strict=True):
        cost = cost + distance(x, y, rotary=attention.rotary)
    coupling = solve("exact", cost.numpy(), np.full(n, 1 / n), np.full(m, 1 / m))
    couplings[outer] = coupling
    maps[outer] = maps_of(coupling)
    matched = torch.from_numpy(coupling.plan.T > 0)
    for attention, (x, y) in zip(served, pairs, strict=True):
        qk, vo = (anchor_spec.axes[f"{side}.weight"][0].groups[1] for side in (attention.q, attention.v))
        maps[qk] = (
            plane_map(x.q, x.k, y.q, y.k)
            if attention.rotary
            else channel_map(x.q, x.k, y.q, y.k, matched, scores=attention.scaled)
        )
        maps[vo] = channel_map(x.o, x.v, y.o, y.v, matched, scores=False)


def _table_distance(seen: State, anchor: State, spec: SymmetrySpec, outer: str, n: int, m: int) -> Tensor:
    """Squared distances of what tables hold for each head, relative to their mean size, (n, m)."""
    total = torch.zeros(n, m, dtype=torch.float64)
    for name, index in spec.tensors_of(outer):
        if spec.axes[name][index].groups == (outer,):
            x, y = (torch.movedim(state[name], index, 0).flatten(1) for state in (seen, anchor))
            size = (x.square().sum(1).mean() + y.square().sum(1).mean()).clamp(min=1e-300)
            total += torch.cdist(x, y).square() / size
    return total


def channel_map(
    left: Tensor, right: Tensor, to_left: Tensor, to_right: Tensor, matched: Tensor, *, scores: bool
) -> GroupMap:
    """Best rotation of the channels of every matched pair of heads, (M, N, m, n), and zeros for other pairs.

    Both factors of a balanced circuit turn together. Where the number of channels differs, scores are divided
    by another square root, which the map makes up for.
    """
    j, i = matched.nonzero(as_tuple=True)
    u, _, vh = torch.linalg.svd(to_left[j] @ left[i].mT + to_right[j] @ right[i].mT, full_matrices=False)
    scale = (to_left.shape[1] / left.shape[1]) ** 0.25 if scores else 1.0
    rotation = left.new_zeros(*matched.shape, to_left.shape[1], left.shape[1])
    rotation[j, i] = u @ vh * scale
    return GroupMap(write=rotation, read=rotation)


def plane_map(left: Tensor, right: Tensor, to_left: Tensor, to_right: Tensor) -> GroupMap:
    """Best turn of every plane of rotary channels for every pair of heads, (M, N, n, n)."""
    x, y = ((planes(q), planes(k)) for q, k in ((left, right), (to_left, to_right)))
    cross = sum(torch.einsum("jpx,ipx->jip", b, a.conj()) for a, b in zip(x, y, strict=True))
    assert isinstance(cross, Tensor)
    turn = torch.where(cross.abs() > 0, cross / cross.abs().clamp(min=1e-300), 1.0)  # (M, N, n / 2)
    eye = planes(torch.eye(left.shape[1], dtype=torch.float64)[None])[0]  # the planes of every unit vector
    matrix = channels((turn[..., None] * eye).flatten(0, 1)).reshape(*turn.shape[:2], left.shape[1], -1)
    return GroupMap(matrix, matrix)


def check_planes(source: SymmetrySpec, anchor: SymmetrySpec) -> None:
    """Refuse rotary heads of unequal size."""
    for name, group in anchor.groups.items():
        if group.kind == "rotary" and source.groups[name].size != group.size:
            raise FedotError(
                f"the rotary heads of {name} have {source.groups[name].size} channels in one model and {group.size} "
                "in the other, so their planes turn at other rates; give both models one d_head"
            )


def maps_of(coupling: Coupling) -> GroupMap:
    """Maps of producers and consumers that a plan gives."""
    return GroupMap(torch.from_numpy(coupling.write_map()), torch.from_numpy(coupling.read_map()))


def rotation_as_plan(rotation: Tensor) -> Coupling:
    """Squared entries of a rotation: how much of each source direction goes into each anchor direction."""
    plan = rotation.T.square().numpy()
    plan = plan / plan.sum()
    return Coupling(plan, plan.sum(1), plan.sum(0), 0.0)
