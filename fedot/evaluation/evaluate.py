"""Predictions of a classifier on encoded text."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from fedot.errors import FedotError
from fedot.models import Config, State, load_model
from fedot.models.batching import batch_indices, pad
from fedot.models.encoder import EncoderConfig
from fedot.tokenizer import Encoded


@torch.inference_mode()
def predict(
    config: Config, state: State, encoded: Encoded, device: str = "cpu", batch_size: int = 256
) -> NDArray[np.float64]:
    """Class probabilities (n, C) of every row of `encoded`, in its order.

    Raises
    ------
    FedotError
        If the model is no classifier.
    """
    if not isinstance(config, EncoderConfig):
        raise FedotError(f"model.name is {config.architecture}, which gives no classes; choose encoder")
    model = load_model(config, state).to(device)
    out = np.zeros((len(encoded), config.n_class))
    for rows in batch_indices(encoded.lengths, batch_size, None):
        ids = pad([encoded.ids[i] for i in rows]).to(device)
        out[rows] = torch.softmax(model(ids).double(), -1).cpu().numpy()
    return out


def mix_states(states: Sequence[State], coefficients: Sequence[float]) -> State:
    """Weighted sum of states with equal keys and shapes, for example a point on the line between two models."""
    return {
        name: sum((c * state[name] for c, state in zip(coefficients, states, strict=True)), torch.zeros(()))
        for name in states[0]
    }
