"""A model in a few words."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor


def in_short(config: Any, state: Mapping[str, Tensor]) -> str:
    """Say what a model is.

    Examples
    --------
    >>> from fedot.models import build_model, model_config, state_of
    >>> config = model_config({"name": "encoder", "d_model": 16}, vocab_size=50, n_class=2)
    >>> in_short(config, state_of(build_model(config, seed=0)))
    'encoder, 2 layers of width 16, 50 tokens, 2 classes, 22,066 weights'
    """
    parts = []
    if hasattr(config, "architecture"):
        layers = f"{config.n_layer} layer{'s' * (config.n_layer != 1)}"
        parts = [config.architecture, f"{layers} of width {config.d_model}", f"{config.vocab_size:,} tokens"]
        parts += [f"{config.n_class} classes"] if getattr(config, "n_class", 0) else []
    return ", ".join([*parts, f"{sum(tensor.numel() for tensor in state.values()):,} weights"])
