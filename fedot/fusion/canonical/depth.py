"""Models of unequal depth: the shallower ones get layers that do nothing, so that all are equally deep."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from fedot.errors import FedotError
from fedot.models import MODELS, State, build_model, state_of

LAYER = re.compile(r"(?P<stack>(?:\w+_)?layers)\.(?P<number>\d+)\.(?P<rest>.+)")


def equally_deep(states: Sequence[State], configs: Sequence[Any]) -> tuple[tuple[State, ...], tuple[Any, ...]]:
    """Bring models to the depth of the deepest; those of other architectures than fedot's stay as they are."""
    depths = [getattr(config, "n_layer", None) for config in configs]
    if len(set(depths)) < 2 or any(getattr(config, "architecture", None) not in MODELS for config in configs):
        return tuple(states), tuple(configs)
    deepest = max(config.n_layer for config in configs)
    pairs = [deepen(state, config, deepest) for state, config in zip(states, configs, strict=True)]
    return tuple(state for state, _ in pairs), tuple(config for _, config in pairs)


def deepen(state: State, config: Any, n_layer: int) -> tuple[State, Any]:
    """Put layers that add nothing to the stream between a pre-norm model's own, its logits unchanged.

    The first layer stays the first, and the last one the last; the others are spread evenly (`places`).

    Raises
    ------
    FedotError
        If the model is post-norm, where a norm follows on a layer that adds nothing too.
    """
    if config.n_layer == n_layer:
        return state, config
    if getattr(config, "norm_position", "post") != "pre":
        raise FedotError(
            f"a post-norm model of {config.n_layer} layers cannot be made as deep as {n_layer} without changing it; "
            "fuse models of one depth, or pre-norm ones"
        )
    deeper = replace(config, n_layer=n_layer)
    to = places(config.n_layer, n_layer)
    dtype = next(iter(state.values())).dtype
    out = {name: tensor.to(dtype) for name, tensor in state_of(build_model(deeper, 0)).items()}
    for name in out:
        if LAYER.fullmatch(name) and "norm" not in name:
            out[name] = torch.zeros_like(out[name])
    for name, tensor in state.items():
        found = LAYER.fullmatch(name)
        out[f"{found['stack']}.{to[int(found['number'])]}.{found['rest']}" if found else name] = tensor
    return out, deeper


def places(few: int, many: int) -> list[int]:
    """Where `few` layers go among `many`: in order, evenly spread, the last one last."""
    if few == 1:
        return [many - 1]
    return [round(i * (many - 1) / (few - 1)) for i in range(few)]
