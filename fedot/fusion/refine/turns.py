"""Rotations of aligned models that no model notices: of its streams, and of the channels of its heads."""

from collections.abc import Mapping

import torch
from torch import Tensor

from fedot.fusion.align.align import rotation_as_plan
from fedot.fusion.canonical.maps import Alignment, GroupMap, apply_maps, keep_unmatched
from fedot.models import State
from fedot.symmetry import SymmetrySpec

Turns = dict[str, Tensor]
"""By neuron group: a rotation (n, n) of a stream, or one of each head's channels (H, n, n)."""


def from_anchor(found: Mapping[int, Turns], anchor: int) -> dict[int, Turns]:
    """Turn all back by what the anchor was turned: the mean is the same model, in the anchor's basis."""
    back = {name: turn.mT for name, turn in found[anchor].items()}
    return {k: {name: back[name] @ turn for name, turn in turns.items()} for k, turns in found.items() if k != anchor}


def no_angles(spec: SymmetrySpec) -> dict[str, Tensor]:
    """Zeros for every group that can be turned: (n, n) for a stream, (H, n, n) for channels within heads.

    A stream that may only be permuted is left alone.
    """
    out, heads = {}, spec.heads()
    for name, group in spec.groups.items():
        if group.kind == "orthogonal":
            out[name] = torch.zeros(group.size, group.size, dtype=torch.float64)
        elif group.kind in ("linear", "rotary") and group.within in heads:
            out[name] = torch.zeros(spec.groups[group.within].size, group.size, group.size, dtype=torch.float64)
    return out


def turns_of(spec: SymmetrySpec, angles: Mapping[str, Tensor]) -> Turns:
    """Rotations by angles: exponentials of ``A - A'``.

    In rotary groups only the two channels of each plane turn; a stream whose mean a kept LayerNorm reads is turned
    around the ones-vector.
    """
    out = {}
    for name, angle in angles.items():
        skew = angle - angle.mT
        if spec.groups[name].kind == "rotary":
            plane = torch.arange(skew.shape[-1]) // 2
            skew = skew * (plane[:, None] == plane[None, :])
        elif spec.keeps_mean(name):
            skew = skew - skew.mean(0, keepdim=True)
            skew = skew - skew.mean(1, keepdim=True)
        out[name] = torch.linalg.matrix_exp(skew)
    return out


def turned(state: State, spec: SymmetrySpec, turns: Turns, alignment: Alignment) -> State:
    """Turn an aligned state; neurons that it has from the anchor, since nothing was matched with them, stay so."""
    maps = {name: GroupMap(_each_pair(turn), _each_pair(turn)) for name, turn in turns.items()}
    return keep_unmatched(apply_maps(state, spec, maps), state, spec, alignment.couplings)


def turned_alignment(alignment: Alignment, spec: SymmetrySpec, turns: Turns) -> Alignment:
    """Let the maps of an alignment be followed by rotations, and the plans of its streams be those of the product."""
    maps, couplings = dict(alignment.maps), dict(alignment.couplings)
    for name, turn in turns.items():
        by = turn if turn.ndim == 2 else turn[:, None]  # a head's own rotation for every head that comes to it
        before = maps.get(name)
        after = _each_pair(turn)
        maps[name] = GroupMap(after, after) if before is None else GroupMap(by @ before.write, by @ before.read)
        if spec.groups[name].kind == "orthogonal":
            couplings[name] = rotation_as_plan(maps[name].write)
    return Alignment(maps, couplings)


def _each_pair(turn: Tensor) -> Tensor:
    """As `GroupMap` wants it: rotations within heads (H, n, n) become (H, H, n, n), one for each pair of heads."""
    return turn if turn.ndim == 2 else turn[:, None].expand(-1, len(turn), -1, -1)
