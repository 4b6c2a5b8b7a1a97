"""The block model: all models side by side in one wide model, which computes their mean.

Streams, heads and feed-forward neurons of the models lie side by side and do not touch; only the norms, which
see the whole stream, and the outputs, which are averaged, join them. Nothing is lost, so everything that a fused
model of smaller size should keep can be read off it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from fedot.errors import FedotError
from fedot.fusion.canonical.canonicalise import to_float32
from fedot.fusion.texts.probe import Probe, activations
from fedot.models import MODELS, State, state_shapes, symmetry
from fedot.symmetry import Axis, SymmetrySpec


def check_blockable(config: Any) -> None:
    """Refuse a canonical configuration whose models cannot be put side by side and reduced.

    Raises
    ------
    FedotError
        If it is not of an architecture in `MODELS`, or its stream cannot be rotated.
    """
    if getattr(config, "architecture", None) not in MODELS:
        raise FedotError("only models of fedot's own architectures can be put side by side; use the method aligned")
    spec = symmetry(config)
    for group in spec.groups.values():
        if spec.is_stream(group.name) and group.kind != "orthogonal":
            raise FedotError(f"the stream {group.name} of a post-norm model cannot be rotated; use the method aligned")


def block_config(configs: Sequence[Any]) -> Any:
    """Configuration of the block model: widths, heads and feed-forward neurons add up."""
    first = configs[0]
    return replace(
        first,
        d_model=sum(config.d_model for config in configs),
        n_head=sum(config.n_head for config in configs),
        d_head=max(config.d_head for config in configs),
        d_ff=sum(config.d_ff for config in configs),
    )


def block_sum(
    states: Sequence[State],
    specs: Sequence[SymmetrySpec],
    configs: Sequence[Any],
    weights: Sequence[float],
    confidence: Mapping[str, Tensor],
) -> State:
    """Put canonical models side by side.

    Parameters
    ----------
    weights
        Share of each model in the outputs, summing to 1.
    confidence
        For each group of labels that is read (tokens, positions) how far each model is to be believed on each
        row, (K, rows), from 0 to 1.
    """
    config = block_config(configs)
    block = symmetry(config)
    out = {name: torch.zeros(shape, dtype=torch.float64) for name, shape in state_shapes(config).items()}
    for norm in block.norms:
        out[f"{norm.name}.weight"] += 1.0
    begin = dict.fromkeys(block.groups, 0)
    for k, (state, spec) in enumerate(zip(states, specs, strict=True)):
        for name, axes in spec.axes.items():
            tensor = state[name] * _share(axes, spec, weights[k], confidence, k)
            tensor = tensor * _score_scale(name, spec, block)
            places = [place for axis in axes for place in _places(axis, spec, begin)]
            groups = [group for axis in axes for group in axis.groups]
            whole = out[name].view([block.groups[group].size for group in groups])
            whole[tuple(places)] += tensor.reshape([spec.groups[group].size for group in groups])
        for name, group in spec.groups.items():
            begin[name] += group.size
    return out


class BlockLinear(nn.Module):
    """A linear map whose matrix is block-diagonal: each block reads its own part of the input."""

    def __init__(self, blocks: Sequence[Tensor], bias: Tensor | None) -> None:
        super().__init__()
        self.blocks, self.bias = nn.ParameterList(nn.Parameter(block, requires_grad=False) for block in blocks), bias
        self.reads = [block.shape[1] for block in blocks]

    def forward(self, x: Tensor) -> Tensor:
        """Map `x` (..., in) to (..., out)."""
        parts = zip(torch.split(x, self.reads, -1), self.blocks, strict=True)
        out = torch.cat([part @ block.T for part, block in parts], -1)
        return out if self.bias is None else out + self.bias


def block_module(module: nn.Module, specs: Sequence[SymmetrySpec], config: Any) -> nn.Module:
    """Let a module that holds the block model of models with these specs skip the zeros beside the blocks.

    That takes a K-th of the time in the linear maps of K models. The module itself is changed and returned.
    """
    block = symmetry(config)
    for name, axes in block.axes.items():
        linear = name.removesuffix(".weight")
        if len(axes) != 2 or any(block.groups[axis.groups[0]].kind == "labels" for axis in axes):
            continue
        whole = module.get_submodule(linear)
        if not isinstance(whole, nn.Linear):
            continue
        extents = [[_extent(axis, spec, block) for spec in specs] for axis in axes]
        rows = torch.split(whole.weight.detach(), extents[0])
        begins = [sum(extents[1][:k]) for k in range(len(specs))]
        parts = [row[:, at : at + size] for row, at, size in zip(rows, begins, extents[1], strict=True)]
        owner, _, child = linear.rpartition(".")
        setattr(module.get_submodule(owner), child, BlockLinear([part.contiguous() for part in parts], whole.bias))
    return module


def _extent(axis: Axis, spec: SymmetrySpec, block: SymmetrySpec) -> int:
    """How many entries of the block model's axis are one model's; its heads may have fewer channels than they take."""
    inner = [block.groups[name].size for name in axis.groups[1:]]
    return spec.groups[axis.groups[0]].size * math.prod(inner)


def equal_streams(state: State, spec: SymmetrySpec, config: Any, probe: Probe) -> State:
    """Scale a canonical model's streams to a mean square of 1 at its norms, which changes no logit.

    In the block model a norm sees all streams at once; none is to drown another.
    """
    names = [norm.name for norm in spec.norms]
    seen = activations(probe.module(config, to_float32(state)), probe, names)
    out = dict(state)
    for group in spec.groups.values():
        if not spec.is_stream(group.name):
            continue
        read = [norm.name for norm in spec.norms_of(group.name)]
        scale = torch.stack([seen[name].square().mean().clamp(min=1e-12).log() for name in read]).mean().mul(-0.5).exp()
        for name, axes in spec.axes.items():
            if any(axis.groups == (group.name,) and axis.role == "write" for axis in axes):
                out[name] = out[name] * scale
    return out


def _share(
    axes: tuple[Axis, ...], spec: SymmetrySpec, weight: float, confidence: Mapping[str, Tensor], k: int
) -> Tensor | float:
    """What a model's part of a tensor is multiplied with: its weight in outputs, its confidence in rows."""
    first = axes[0].groups[0]
    if spec.groups[first].kind != "labels":
        return 1.0
    if axes[0].role == "write" or len(axes) == 1:
        return weight
    return confidence[first][k].reshape([-1] + [1] * (len(axes) - 1))


def _score_scale(name: str, spec: SymmetrySpec, block: SymmetrySpec) -> float:
    """Make up for the square root that scores are divided by, where the block's heads have more channels."""
    for attention in spec.attentions:
        if attention.scaled and name.rsplit(".", 1)[0] in (attention.q, attention.k):
            inner = spec.axes[f"{attention.q}.weight"][0].groups[1]
            return float((block.groups[inner].size / spec.groups[inner].size) ** 0.25)
    return 1.0


def _places(axis: Axis, spec: SymmetrySpec, begin: Mapping[str, int]) -> list[slice]:
    """Where the entries of a model's axis lie in the block model's, for each of the axis' groups."""
    outer, *inner = (spec.groups[name] for name in axis.groups)
    at = 0 if outer.kind == "labels" else begin[outer.name]
    return [slice(at, at + outer.size), *(slice(each.size) for each in inner)]
