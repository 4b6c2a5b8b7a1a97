"""Maps of neuron groups, and how they act on tensors."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from fedot.models import State
from fedot.symmetry import Axis, SymmetrySpec
from fedot.transport import Coupling


@dataclass(frozen=True, slots=True)
class GroupMap:
    """How one group of a source model becomes the anchor's: a map for producers and one for consumers.

    Both are (m, n), anchor by source. For a group within another they are (M, N, m, n): one map for each pair of
    an anchor's and a source's outer neuron (head).
    """

    write: Tensor
    read: Tensor


@dataclass(frozen=True, slots=True)
class Alignment:
    """What brings a source model into the anchor's neurons.

    Attributes
    ----------
    maps
        By neuron group, maps that act on canonical states.
    couplings
        By neuron group, the transport plan of what was matched. For a residual stream, which is rotated, not matched,
        the squared entries of the rotation as a plan.

    Examples
    --------
    >>> Alignment({}, {}).couplings  # of the anchor, which stays as it is
    {}
    """

    maps: Mapping[str, GroupMap]
    couplings: Mapping[str, Coupling]


def axis_map(maps: Mapping[str, GroupMap], axis: Axis, spec: SymmetrySpec) -> Tensor | None:
    """The (m, n) map of a whole axis, or None where all of its groups are untouched."""
    if not any(name in maps for name in axis.groups):
        return None
    chosen = [
        getattr(maps[name], axis.role) if name in maps else torch.eye(spec.groups[name].size, dtype=torch.float64)
        for name in axis.groups
    ]
    if len(chosen) == 1:
        whole: Tensor = chosen[0]
        return whole
    outer, inner = chosen
    full = outer[:, :, None, None] * inner  # (M, N, m, n)
    return full.permute(0, 2, 1, 3).reshape(full.shape[0] * full.shape[2], -1)


def apply_maps(state: State, spec: SymmetrySpec, maps: Mapping[str, GroupMap]) -> State:
    """Bring a canonical state into the anchor's neurons: every axis is multiplied by its groups' map."""
    out = dict(state)
    for name, axes in spec.axes.items():
        tensor = state[name]
        for index, axis in enumerate(axes):
            matrix = axis_map(maps, axis, spec)
            if matrix is not None:
                tensor = multiply(matrix, tensor, index)
        out[name] = tensor
    for copy, original in spec.lasting_ties():
        out[copy] = out[original]
    for norm in spec.norms:
        residual = _stream_of(spec, norm.feeds[0])
        if residual in maps:
            out[f"{norm.name}.weight"] = tensor_ones(len(maps[residual].write))
            if norm.kept:  # the same constant everywhere
                out[f"{norm.name}.bias"] = state[f"{norm.name}.bias"][:1].expand(len(maps[residual].write)).clone()
    return out


def multiply(matrix: Tensor, tensor: Tensor, index: int) -> Tensor:
    """Multiply an axis of a tensor by a matrix (m, n); neurons that are only reordered and scaled are picked.

    A matrix that is being learned is not picked from, since its zeros need gradients too.
    """
    if not matrix.requires_grad and int(matrix[:1].count_nonzero()) <= 1 and bool((matrix.count_nonzero(1) <= 1).all()):
        at, column = matrix.nonzero(as_tuple=True)
        picked = column.new_zeros(len(matrix)).index_copy(0, at, column)
        scale = matrix.gather(1, picked[:, None])
        return tensor.index_select(index, picked) * scale.reshape([-1] + [1] * (tensor.ndim - 1 - index))
    return torch.movedim(torch.tensordot(matrix, tensor, dims=([1], [index])), 0, index)


def keep_unmatched(state: State, anchor: State, spec: SymmetrySpec, couplings: Mapping[str, Coupling]) -> State:
    """Let an aligned state have the anchor's own weights at every anchor neuron that nothing was matched with."""
    out = dict(state)
    for group, coupling in couplings.items():
        alone = torch.from_numpy(coupling.anchor_mass <= 0)
        if spec.groups[group].kind == "permutation" and bool(alone.any()):
            for name, index in spec.tensors_of(group):
                mask = alone.reshape([-1 if axis == index else 1 for axis in range(out[name].ndim)])
                out[name] = torch.where(mask, anchor[name], out[name])
    return out


def tensor_ones(size: int) -> Tensor:
    """Gains of a canonical norm."""
    return torch.ones(size, dtype=torch.float64)


def _stream_of(spec: SymmetrySpec, linear: str) -> str:
    return spec.axes[f"{linear}.weight"][1].groups[0]
