"""The shapes of a configuration's tensors, of which none is made; a process works them out once."""

from collections.abc import Mapping
from functools import lru_cache

import torch

from fedot.models.build import Config, architecture


def state_shapes(config: Config) -> dict[str, tuple[int, ...]]:
    """Tell the shape of every tensor of a configuration without allocating any.

    Parameters
    ----------
    config
        Of any architecture of fedot.

    Returns
    -------
    dict
        Shapes by the tensors' names.

    Examples
    --------
    >>> from fedot.models import model_config
    >>> config = model_config({"name": "encoder", "d_model": 32}, vocab_size=100, n_class=2)
    >>> state_shapes(config)["tok_emb.weight"]
    (100, 32)
    """
    return dict(_shapes(config))


@lru_cache(maxsize=64)
def _shapes(config: Config) -> Mapping[str, tuple[int, ...]]:
    with torch.device("meta"):
        model = architecture(config.architecture).module(config)
    return {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
