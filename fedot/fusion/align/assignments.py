"""Orders of neurons: permutations as index vectors, and the assignments that choose them.

For each anchor neuron an order names the source neuron that takes its place, (n,); that of the channels of heads
does so for each anchor head, (H, d_head). No permutation becomes a matrix before the work is done.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

from fedot.fusion.canonical.maps import Alignment, GroupMap, apply_maps
from fedot.models import State
from fedot.symmetry import Axis, SymmetrySpec
from fedot.transport import Coupling

Orders = dict[str, Tensor]


def assign(gain: Tensor) -> tuple[Tensor, float]:
    """Best order for gains of (anchor, source) pairs, (n, n), and what it gains."""
    from scipy.optimize import linear_sum_assignment  # half a second, which most processes never need

    centred = gain - gain.mean(0)  # the same problem, but shorter work for the solver
    centred = centred - centred.mean(1, keepdim=True)
    rows, columns = linear_sum_assignment(centred.numpy(), maximize=True)
    order = torch.from_numpy(columns)
    return order, float(gain[torch.from_numpy(rows), order].sum())


def assign_heads(inner: Mapping[str, Tensor], outer: Tensor, fixed: frozenset[str] = frozenset()) -> Orders:
    """Match channels within every pair of heads, then heads with heads.

    Parameters
    ----------
    inner
        Gains of all pairs of channels by the name of their group, (H, H, d, d): anchor head, source head, anchor
        channel, source channel.
    outer
        What matching two heads gains beyond their channels, (H, H).
    fixed
        Groups whose channels must keep their places.

    Returns
    -------
    Orders
        Those of `inner`, and that of the heads under the empty name.
    """
    total, inside = outer.clone(), {}
    for name, gains in inner.items():
        n_head, _, size, _ = gains.shape
        best = torch.arange(size).expand(n_head, n_head, size).clone()
        for j, i in np.ndindex(n_head, n_head):
            if name in fixed:
                total[j, i] += gains[j, i].trace()
            else:
                best[j, i], gained = assign(gains[j, i])
                total[j, i] += gained
        inside[name] = best
    heads, _ = assign(total)
    return {name: best[torch.arange(len(heads)), heads] for name, best in inside.items()} | {"": heads}


def channel_gains(gain: Tensor, n_head: int) -> Tensor:
    """Split gains of whole axes (H d, H d) into those of pairs of heads, (H, H, d, d)."""
    return gain.reshape(n_head, len(gain) // n_head, n_head, -1).transpose(1, 2)


def axis_order(orders: Mapping[str, Tensor], axis: Axis, spec: SymmetrySpec) -> Tensor | None:
    """Order of a whole axis; None where it stays as it is."""
    if not any(name in orders for name in axis.groups):
        return None
    sizes = [spec.groups[name].size for name in axis.groups]
    outer = orders.get(axis.groups[0], torch.arange(sizes[0]))
    if len(sizes) == 1:
        return outer
    inner = orders.get(axis.groups[1], torch.arange(sizes[1]).expand(sizes))
    return (outer[:, None] * sizes[1] + inner).flatten()


def products(
    source: State, anchor: State, spec: SymmetrySpec, orders: Mapping[str, Tensor], group: str
) -> Iterator[tuple[Axis, Tensor]]:
    """For every axis of a group its scalar products of anchor with source slices, all other axes in order."""
    copies = {copy for copy, _ in spec.lasting_ties()}
    for name, index in spec.tensors_of(group):
        if name not in copies:
            x = source[name]
            for other, axis in enumerate(spec.axes[name]):
                order = axis_order(orders, axis, spec) if other != index else None
                x = x if order is None else x.index_select(other, order)
            x, y = (torch.movedim(tensor, index, 0).reshape(tensor.shape[index], -1) for tensor in (x, anchor[name]))
            yield spec.axes[name][index], y @ x.T


def alignment_of(orders: Mapping[str, Tensor], source: State, anchor: State, spec: SymmetrySpec) -> Alignment:
    """Maps and plans of orders; the cost of a plan is the mean squared distance of matched neurons' weights."""
    maps = {}
    for name, order in orders.items():
        matrix = torch.eye(order.shape[-1], dtype=torch.float64)[order]
        if order.ndim == 2:  # channels: zeros for heads that are not matched
            outer = spec.groups[name].within or ""
            heads = orders.get(outer, torch.arange(len(order)))
            full = matrix.new_zeros(len(order), len(order), *matrix.shape[1:])
            full[torch.arange(len(order)), heads] = matrix
            matrix = full
        maps[name] = GroupMap(matrix, matrix)
    aligned = apply_maps(source, spec, maps)
    couplings = {}
    for name, order in orders.items():
        if order.ndim == 1:
            cost = sum(float((aligned[each] - anchor[each]).square().sum()) for each, _ in spec.tensors_of(name))
            couplings[name] = plan_of(order, cost / len(order))
    return Alignment(maps, couplings)


def plan_of(order: Tensor, cost: float) -> Coupling:
    """Transport plan of an order."""
    n = len(order)
    plan = np.zeros((n, n))
    plan[order.numpy(), np.arange(n)] = 1 / n
    mass = np.full(n, 1 / n)
    return Coupling(plan, mass, mass, cost)
