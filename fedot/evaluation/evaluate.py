"""Predictions of a classifier on encoded text."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fedot.errors import FedotError
from fedot.models import Config, State, load_model
from fedot.models.batching import batch_indices, pad
from fedot.models.encoder import EncoderConfig
from fedot.models.pretrained.pretrained_config import PretrainedConfig
from fedot.tokenizer import Encoded


@torch.inference_mode()
def predict(
    config: Config, state: Mapping[str, Tensor], encoded: Encoded, device: str = "cpu", batch_size: int = 256
) -> NDArray[np.float64]:
    """Class probabilities (n, C) of every row of `encoded`, in its order.

    Parameters
    ----------
    config, state
        An encoder.
    encoded
        Token ids of n texts, as `fedot.tokenizer.encode` gives them.
    device
        A name that torch knows.
    batch_size
        Texts that are run at a time, at most; the figures do not depend on it but for rounding.

    Returns
    -------
    ndarray of float64
        (n, C), rows summing to 1.

    Raises
    ------
    FedotError
        If the model is no classifier.

    Examples
    --------
    >>> from fedot.models import build_model, state_of
    >>> config = EncoderConfig(vocab_size=5, d_model=8, n_head=2, n_layer=1, d_ff=8, max_length=6, n_class=2)
    >>> found = predict(config, state_of(build_model(config, seed=0)), Encoded([[2, 3], [4]], truncated=0))
    >>> found.shape, np.allclose(found.sum(1), 1)
    ((2, 2), True)
    """
    if not isinstance(config, EncoderConfig | PretrainedConfig):
        raise FedotError(f"model.name is {config.architecture}, which gives no classes; choose encoder")
    model = load_model(config, state).to(device)
    out = np.zeros((len(encoded), config.n_class))
    for rows in batch_indices(encoded.lengths, batch_size, None):
        ids = pad([encoded.ids[i] for i in rows]).to(device)
        out[rows] = torch.softmax(model(ids).double(), -1).cpu().numpy()
    return out


def mix_states(states: Sequence[State], coefficients: Sequence[float]) -> State:
    """Weighted sum of states with equal keys and shapes, for example a point on the line between two models.

    Parameters
    ----------
    states
        K of them.
    coefficients
        One for each state, (K,); they need not sum to 1.

    Returns
    -------
    State
        Tensors of the same names and shapes.

    Examples
    --------
    >>> mix_states([{"w": torch.tensor([0.0, 2.0])}, {"w": torch.tensor([4.0, 2.0])}], [0.75, 0.25])
    {'w': tensor([1., 2.])}
    """
    return {
        name: sum((c * state[name] for c, state in zip(coefficients, states, strict=True)), torch.zeros(()))
        for name in states[0]
    }
